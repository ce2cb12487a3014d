//! Guilds: assigned when they are new, moved, pinned, handed over, spread evenly.

use crate::Service;
use crate::database::Transact;
use crate::error::ConfigError;
use crate::placement::{Candidates, Placed, rebalance};
use crate::rows::{guild_page, one_guild, state_name};
use guildhall_fleet::{
    AssignmentPage, AssignmentState, AuditEntry, GuildAssignment, HandedOver, PlannedMove, PodState,
};
use guildhall_model::GuildId;
use std::collections::HashMap;

/// Rows of one page at most.
const PAGE: i64 = 10_000;

impl Service {
    /// Who owns the guild.
    pub async fn guild(&self, guild: GuildId) -> Result<GuildAssignment, ConfigError> {
        let connection = self.database.connection().await?;
        one_guild(&connection, guild)
            .await?
            .ok_or(ConfigError::UnknownGuild(guild))
    }

    /// Who owns the guild; one that is new, or has no owner, gets the pod with the least load that has room.
    pub async fn assign(&self, guild: GuildId) -> Result<GuildAssignment, ConfigError> {
        match self.guild(guild).await {
            Ok(known) if known.pod.is_some() => return Ok(known),
            Ok(_) | Err(ConfigError::UnknownGuild(_)) => {}
            Err(error) => return Err(error),
        }
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let known = match change.guild(guild).await {
            Ok(known) if known.pod.is_some() => return Ok(known),
            Ok(known) => Some(known),
            Err(ConfigError::UnknownGuild(_)) => None,
            Err(error) => return Err(error),
        };
        let pod = Candidates::of(&change.pods().await?).place();
        if let (Some(known), None) = (&known, &pod) {
            return Ok(known.clone());
        }
        let assignment = GuildAssignment {
            guild,
            epoch: known.as_ref().map_or(1, |known| known.epoch + 1),
            state: AssignmentState::Active,
            target: None,
            pinned: false,
            events_per_hour: known.as_ref().map_or(0, |known| known.events_per_hour),
            previous: known.and_then(|known| known.previous),
            pod,
            revision: 0,
        };
        let assignment = change.put_guild(assignment);
        change.commit().await?;
        Ok(assignment)
    }

    /// A page of assignments in the order of ids.
    pub async fn assignments(&self, after: GuildId, limit: u32) -> Result<AssignmentPage, ConfigError> {
        let limit = i64::from(limit).clamp(1, PAGE);
        let connection = self.database.connection().await?;
        let revision = connection.query_one("SELECT value FROM revision", &[]).await?.get(0);
        let guilds = guild_page(&connection, after.0.cast_signed(), limit).await?;
        let full = i64::try_from(guilds.len()).is_ok_and(|count| count == limit);
        let next = guilds.last().filter(|_| full).map(|last| last.guild.to_string());
        Ok(AssignmentPage { revision, guilds, next })
    }

    /// Starts a move: the owner hands the guild over to this pod.
    pub async fn move_guild(&self, guild: GuildId, to: &str) -> Result<GuildAssignment, ConfigError> {
        self.start_move(guild, to, false).await
    }

    /// Moves the guild where it is not there yet, and keeps it there when others are rebalanced.
    pub async fn pin(&self, guild: GuildId, to: &str) -> Result<GuildAssignment, ConfigError> {
        self.start_move(guild, to, true).await
    }

    async fn start_move(&self, guild: GuildId, to: &str, pin: bool) -> Result<GuildAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let target = change.pod(to).await?;
        let known = change.guild(guild).await?;
        if known.state == AssignmentState::Moving {
            return Err(ConfigError::AlreadyMoving(Box::new(known)));
        }
        if known.pod.is_none() {
            return Err(ConfigError::Unowned(guild));
        }
        if known.pod.as_deref() == Some(to) {
            if known.pinned == pin {
                return Ok(known);
            }
            let known = change.put_guild(GuildAssignment { pinned: pin, ..known });
            change.audit("pin", &guild.to_string(), to).await?;
            change.commit().await?;
            return Ok(known);
        }
        if target.state != PodState::Active {
            return Err(ConfigError::PodUnavailable {
                pod: to.into(),
                state: state_name(target.state),
            });
        }
        if target.guilds >= target.capacity {
            return Err(ConfigError::PodFull {
                pod: to.into(),
                guilds: target.guilds,
                capacity: target.capacity,
            });
        }
        let moving = change.put_guild(GuildAssignment {
            state: AssignmentState::Moving,
            target: Some(to.into()),
            pinned: pin,
            ..known
        });
        change
            .audit(if pin { "pin" } else { "move" }, &guild.to_string(), to)
            .await?;
        change.commit().await?;
        Ok(moving)
    }

    /// Lets the guild go where it is best again.
    pub async fn unpin(&self, guild: GuildId) -> Result<GuildAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let known = change.guild(guild).await?;
        let known = change.put_guild(GuildAssignment { pinned: false, ..known });
        change.audit("unpin", &guild.to_string(), "").await?;
        change.commit().await?;
        Ok(known)
    }

    /// Begins the next epoch, one above `above`, at the same pod: it lets go of the guild and takes it up again, with the
    /// file that was delivered for that epoch. Asked again it is refused: another file may have come meanwhile.
    pub async fn renew(&self, guild: GuildId, epoch: i64, above: i64) -> Result<GuildAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let known = change.guild(guild).await?;
        if known.state == AssignmentState::Moving {
            return Err(ConfigError::AlreadyMoving(Box::new(known)));
        }
        if known.epoch != epoch {
            return Err(ConfigError::StaleEpoch {
                epoch,
                current: Box::new(known),
            });
        }
        let Some(pod) = known.pod.clone() else {
            return Err(ConfigError::Unowned(guild));
        };
        let renewed = change.put_guild(GuildAssignment {
            epoch: epoch.max(above) + 1,
            ..known
        });
        let detail = format!("{pod}, epoch {}", renewed.epoch);
        change.audit("renew", &guild.to_string(), &detail).await?;
        change.commit().await?;
        Ok(renewed)
    }

    /// The target has the file: it is the owner from now on. Asked again, it answers the same.
    pub async fn guild_handed_over(&self, guild: GuildId, by: &HandedOver) -> Result<GuildAssignment, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        check_lease(&change, &by.pod, by.incarnation).await?;
        let known = change.guild(guild).await?;
        let done_before = known.epoch == by.epoch + 1 && known.previous.as_ref() == Some(&by.pod);
        if done_before && known.pod.as_ref() != Some(&by.pod) {
            return Ok(known);
        }
        if known.pod.as_ref() != Some(&by.pod) || known.epoch != by.epoch || known.target.is_none() {
            return Err(ConfigError::StaleEpoch {
                epoch: by.epoch,
                current: Box::new(known),
            });
        }
        let moved = change.put_guild(GuildAssignment {
            pod: known.target.clone(),
            epoch: known.epoch + 1,
            state: AssignmentState::Active,
            target: None,
            previous: Some(by.pod.clone()),
            ..known
        });
        change.commit().await?;
        Ok(moved)
    }

    /// Plans moves that spread load evenly; unless it is a dry run, they begin as moves under way allow.
    pub async fn rebalance(&self, dry_run: bool) -> Result<Vec<PlannedMove>, ConfigError> {
        let mut connection = self.database.connection().await?;
        let change = Transact::begin(&mut connection).await?;
        let pods = change.pods().await?;
        let rows = change
            .transaction
            .query(
                "SELECT guild, coalesce(target, pod), events_per_second, bytes, pinned OR target IS NOT NULL
                 FROM guilds WHERE pod IS NOT NULL ORDER BY guild",
                &[],
            )
            .await?;
        let guilds: Vec<_> = rows
            .iter()
            .map(|row| Placed {
                guild: GuildId(row.get::<_, i64>(0).cast_unsigned()),
                pod: row.get(1),
                events_per_second: row.get(2),
                bytes: row.get::<_, i64>(3) as f64,
                stays: row.get(4),
            })
            .collect();
        let moves = rebalance(&pods, &guilds, self.config.hysteresis);
        if !dry_run && !moves.is_empty() {
            let ids: Vec<i64> = moves.iter().map(|planned| planned.guild.0.cast_signed()).collect();
            let to: Vec<&str> = moves.iter().map(|planned| planned.to.as_str()).collect();
            change
                .transaction
                .execute(
                    "UPDATE guilds SET wanted = n.pod FROM unnest($1::bigint[], $2::text[]) AS n (guild, pod)
                     WHERE guilds.guild = n.guild",
                    &[&ids, &to],
                )
                .await?;
            change
                .audit("rebalance", "fleet", &format!("{} moves", moves.len()))
                .await?;
            change.commit().await?;
        }
        Ok(moves)
    }

    /// Starts moves that a rebalance wants and that draining pods need, at most so many under way at once; answers how
    /// many it started.
    pub async fn start_wanted_moves(&self, at_once: usize) -> Result<usize, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let moving = change.guilds_where("target IS NOT NULL", &[]).await?.len();
        let room = i64::try_from(at_once.saturating_sub(moving)).unwrap_or(0);
        let rows = change
            .transaction
            .query(
                "SELECT guild, CASE WHEN p.state = 'draining' THEN NULL ELSE wanted END
                 FROM guilds JOIN pods p ON p.name = guilds.pod
                 WHERE target IS NULL AND (p.state = 'draining' OR wanted IS NOT NULL)
                 ORDER BY guild LIMIT $1",
                &[&room],
            )
            .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let wanted: HashMap<i64, Option<String>> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let ids: Vec<i64> = wanted.keys().copied().collect();
        let pods = change.pods().await?;
        let mut candidates = Candidates::of(&pods);
        let mut started = 0;
        for known in change.guilds_where("guild = ANY($1)", &[&ids]).await? {
            let id = known.guild.0.cast_signed();
            let is_active = |name: &String| {
                pods.iter()
                    .any(|pod| pod.name == *name && pod.state == PodState::Active && pod.guilds < pod.capacity)
            };
            let target = match &wanted[&id] {
                Some(wanted) => Some(wanted.clone()).filter(is_active),
                None => candidates.place(),
            };
            let Some(target) = target.filter(|target| known.pod.as_ref() != Some(target)) else {
                tracing::info!(guild = %known.guild, wanted = ?wanted[&id], "a planned move is given up: its target takes no guilds now");
                change
                    .transaction
                    .execute("UPDATE guilds SET wanted = NULL WHERE guild = $1", &[&id])
                    .await?;
                continue;
            };
            started += 1;
            change.put_guild(GuildAssignment {
                state: AssignmentState::Moving,
                target: Some(target),
                ..known
            });
        }
        change.commit().await?;
        Ok(started)
    }

    /// The newest entries of the audit trail.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, ConfigError> {
        let connection = self.database.connection().await?;
        let rows = connection
            .query(
                "SELECT id, (extract(epoch FROM at) * 1000)::bigint, what, subject, detail
                 FROM audit ORDER BY id DESC LIMIT $1",
                &[&i64::from(limit)],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| AuditEntry {
                id: row.get(0),
                at: row.get(1),
                what: row.get(2),
                subject: row.get(3),
                detail: row.get(4),
            })
            .collect())
    }
}

/// Only the living registration of a pod may give anything away.
pub(crate) async fn check_lease(change: &Transact<'_>, pod: &str, incarnation: i64) -> Result<(), ConfigError> {
    let known = change.pod(pod).await?;
    if known.incarnation == incarnation && known.state != PodState::Offline {
        return Ok(());
    }
    Err(ConfigError::LeaseEnded {
        pod: pod.into(),
        incarnation,
    })
}
