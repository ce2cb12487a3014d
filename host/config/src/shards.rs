//! Shards: which pod holds each session, and how far it is committed.

use crate::Service;
use crate::database::Transact;
use crate::error::ConfigError;
use crate::guilds::check_lease;
use guildhall_fleet::{AssignmentState, HandedOver, Pod, PodState, PositionReport, ShardAssignment};

/// The active pod with the fewest shards.
pub(crate) fn least_shards(pods: &[Pod], shards: &[ShardAssignment]) -> Option<String> {
    let held = |pod: &Pod| {
        let mine = shards
            .iter()
            .filter(|shard| shard.target.as_ref().or(shard.pod.as_ref()) == Some(&pod.name));
        mine.count()
    };
    pods.iter()
        .filter(|pod| pod.state == PodState::Active)
        .min_by_key(|pod| (held(pod), pod.name.clone()))
        .map(|pod| pod.name.clone())
}

async fn shard(change: &Transact<'_>, number: u32) -> Result<ShardAssignment, ConfigError> {
    let shards = change.shards().await?;
    shards
        .into_iter()
        .find(|shard| shard.shard == number)
        .ok_or(ConfigError::UnknownShard(number))
}

impl Service {
    /// Keeps how far the session is committed. Not a change that watches are told: it comes several times a second.
    pub async fn report_position(&self, number: u32, report: &PositionReport) -> Result<(), ConfigError> {
        let connection = self.database.connection().await?;
        let kept = connection
            .execute(
                "UPDATE shards SET position = $1 FROM pods
                 WHERE shard = $2 AND pod = $3 AND epoch = $4 AND pods.name = pod AND pods.incarnation = $5
                     AND pods.state <> 'offline'",
                &[
                    &report.position,
                    &number.cast_signed(),
                    &report.pod,
                    &report.epoch,
                    &report.incarnation,
                ],
            )
            .await?;
        if kept == 0 {
            return Err(ConfigError::StaleShard {
                shard: number,
                epoch: report.epoch,
            });
        }
        Ok(())
    }

    /// The holder has closed the session: the target resumes it.
    pub async fn shard_handed_over(&self, number: u32, by: &HandedOver) -> Result<ShardAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let known = shard(&change, number).await?;
        if known.pod.as_ref() != Some(&by.pod) || known.epoch != by.epoch || known.target.is_none() {
            return Err(ConfigError::StaleShard {
                shard: number,
                epoch: by.epoch,
            });
        }
        check_lease(&change, &by.pod, by.incarnation).await?;
        let moved = change.put_shard(ShardAssignment {
            pod: known.target.clone(),
            target: None,
            state: AssignmentState::Active,
            epoch: known.epoch + 1,
            position: by.position.clone().or_else(|| known.position.clone()),
            ..known
        });
        change.commit().await?;
        Ok(moved)
    }

    /// Moves a shard's session to this pod.
    pub async fn move_shard(&self, number: u32, to: &str) -> Result<ShardAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let target = change.pod(to).await?;
        let known = shard(&change, number).await?;
        if target.state != PodState::Active {
            return Err(ConfigError::PodUnavailable {
                pod: to.into(),
                state: crate::rows::state_name(target.state),
            });
        }
        if known.pod.as_deref() == Some(to) || known.target.is_some() {
            return Ok(known);
        }
        let moving = change.put_shard(ShardAssignment {
            target: Some(to.into()),
            state: AssignmentState::Moving,
            ..known
        });
        change.audit("move shard", &number.to_string(), to).await?;
        change.commit().await?;
        Ok(moving)
    }

    /// Starts moving the shards of draining pods; answers how many.
    pub async fn drain_shards(&self) -> Result<usize, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let pods = change.pods().await?;
        let mut shards = change.shards().await?;
        let mut started = 0;
        for index in 0..shards.len() {
            let is_drained = pods
                .iter()
                .any(|pod| pod.state == PodState::Draining && shards[index].pod.as_ref() == Some(&pod.name));
            if !is_drained || shards[index].target.is_some() {
                continue;
            }
            let Some(target) = least_shards(&pods, &shards) else {
                break;
            };
            started += 1;
            let shard = &mut shards[index];
            shard.target = Some(target);
            shard.state = AssignmentState::Moving;
            *shard = change.put_shard(shard.clone());
        }
        change.commit().await?;
        Ok(started)
    }
}
