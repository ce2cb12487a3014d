//! A guild's way to another living pod: its mailbox is finished, its file is sent, and the config service makes the
//! target the owner. Until that moment the guild can come back; after it, this pod forwards what arrives late.

use crate::ownership::Ownership;
use guildhall_fleet::{AssignmentState, Changed, GuildAssignment, HandedOver};
use std::time::{Duration, Instant};

/// Between two attempts while the target or the config service does not answer.
const PAUSE: Duration = Duration::from_millis(100);

impl Ownership {
    /// Hands the guild over, or gives up when the config service takes the move back.
    pub(crate) async fn hand_over(&self, moving: &GuildAssignment) {
        let guild = moving.guild;
        let started = Instant::now();
        self.let_go(guild).await;
        while self.still(moving) {
            match self.deliver(moving).await {
                Ok(now) => {
                    self.view.learn(Changed::Guild(now.clone()));
                    if now.pod.as_ref() != Some(&self.pod) {
                        let paused = started.elapsed();
                        metrics::histogram!("guildhall_handoff_seconds").record(paused);
                        tracing::info!(%guild, to = now.pod, epoch = now.epoch, ?paused, "a guild was handed over");
                    }
                    return;
                }
                Err(error) => {
                    tracing::warn!(%guild, to = moving.target, error = format!("{error:#}"), "a guild is not handed over yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tracing::info!(%guild, "the move was taken back");
    }

    fn still(&self, moving: &GuildAssignment) -> bool {
        self.lease.is_valid()
            && self.view.guild(moving.guild).is_some_and(|now| {
                now.epoch == moving.epoch && now.state == AssignmentState::Moving && now.target == moving.target
            })
    }

    async fn deliver(&self, moving: &GuildAssignment) -> anyhow::Result<GuildAssignment> {
        let guild = moving.guild;
        let target = moving.target.as_deref().unwrap_or_default();
        let url = self
            .view
            .url(target)
            .ok_or_else(|| anyhow::anyhow!("the address of pod {target:?} is not known"))?;
        let (files, path) = (self.files.clone(), self.files.path(guild));
        if path.exists() {
            let digest = tokio::task::spawn_blocking(move || files.digest(guild)).await??;
            self.peers.file(&url, guild, moving.epoch + 1, &path, &digest).await?;
        }
        let by = HandedOver {
            pod: self.pod.clone(),
            incarnation: self.lease.incarnation(),
            epoch: moving.epoch,
            position: None,
        };
        Ok(self.client.guild_handed_over(guild, &by).await?)
    }
}
