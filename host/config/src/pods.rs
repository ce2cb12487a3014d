//! Pods: they register, renew their leases, drain, and leave or are given up.

use crate::Service;
use crate::database::Transact;
use crate::error::ConfigError;
use crate::placement::Candidates;
use crate::rows::{one_pod, state_name, state_of};
use guildhall_fleet::{AssignmentState, Grant, GuildAssignment, Heartbeat, Overview, Pod, PodState, Registration};

impl Service {
    /// Takes a pod up, or takes it up again. Guilds without an owner find one if it has room.
    pub async fn register(&self, registration: &Registration) -> Result<Grant, ConfigError> {
        check(registration)?;
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let Registration {
            name,
            identity,
            url,
            capacity,
            build,
        } = registration;
        let known = change
            .transaction
            .query_opt("SELECT identity, state FROM pods WHERE name = $1", &[name])
            .await?;
        if let Some(known) = &known {
            let (other, state): (&str, &str) = (known.get(0), known.get(1));
            if other != identity && state != "offline" {
                return Err(ConfigError::NameTaken(name.clone()));
            }
        }
        let capacity = i32::try_from(*capacity).unwrap_or(i32::MAX);
        change
            .transaction
            .execute(
                "INSERT INTO pods (name, identity, url, build, capacity, state, incarnation, revision)
                 VALUES ($1, $2, $3, $4, $5, 'active', 1, 0)
                 ON CONFLICT (name) DO UPDATE SET identity = $2, url = $3, build = $4, capacity = $5, state = 'active',
                     incarnation = pods.incarnation + 1, beat = pods.beat + 1",
                &[name, identity, url, build, &capacity],
            )
            .await?;
        let pod = change.pod(name).await?;
        let pod = change.put_pod(pod);
        // The process before this one may live on somewhere: its epochs end.
        for guild in change.guilds_where("pod = $1", &[name]).await? {
            change.put_guild(GuildAssignment {
                epoch: guild.epoch + 1,
                ..guild
            });
        }
        for mut shard in change.shards().await? {
            if shard.pod.as_ref() == Some(name) {
                shard.epoch += 1;
                change.put_shard(shard);
            }
        }
        change
            .audit("register", name, &format!("{url}, build {build}, room for {capacity}"))
            .await?;
        change.commit().await?;
        drop(connection);
        self.place_unowned().await?;
        self.grant(pod.incarnation, pod.state).await
    }

    /// Renews a lease, and takes up what the pod and its guilds cost.
    pub async fn heartbeat(&self, name: &str, heartbeat: &Heartbeat) -> Result<Grant, ConfigError> {
        let load = &heartbeat.load;
        let connection = self.database.connection().await?;
        let renewed = connection
            .query_opt(
                "UPDATE pods SET beat = beat + 1, events_per_second = $3, bytes = $4, outbox = $5, p99_ms = $6,
                     lag = $7
                 WHERE name = $1 AND incarnation = $2 AND state <> 'offline' RETURNING state",
                &[
                    &name,
                    &heartbeat.incarnation,
                    &load.events_per_second,
                    &load.bytes,
                    &load.outbox,
                    &load.p99_ms,
                    &load.lag,
                ],
            )
            .await?;
        let Some(renewed) = renewed else {
            return Err(ConfigError::LeaseEnded {
                pod: name.into(),
                incarnation: heartbeat.incarnation,
            });
        };
        if !heartbeat.guilds.is_empty() {
            let ids: Vec<i64> = heartbeat
                .guilds
                .iter()
                .map(|guild| guild.guild.0.cast_signed())
                .collect();
            let events: Vec<f64> = heartbeat.guilds.iter().map(|guild| guild.events_per_second).collect();
            let bytes: Vec<i64> = heartbeat.guilds.iter().map(|guild| guild.bytes).collect();
            connection
                .execute(
                    "UPDATE guilds SET events_per_second = n.events, bytes = n.bytes
                     FROM unnest($1::bigint[], $2::float8[], $3::bigint[]) AS n (guild, events, bytes)
                     WHERE guilds.guild = n.guild AND guilds.pod = $4",
                    &[&ids, &events, &bytes, &name],
                )
                .await?;
        }
        drop(connection);
        self.grant(heartbeat.incarnation, state_of(renewed.get(0))).await
    }

    async fn grant(&self, incarnation: i64, state: PodState) -> Result<Grant, ConfigError> {
        let connection = self.database.connection().await?;
        let row = connection
            .query_one(
                "SELECT (SELECT count(*) FROM pods WHERE state <> 'offline'), (SELECT value FROM revision)",
                &[],
            )
            .await?;
        let pods: i64 = row.get(0);
        let share = i64::from(self.config.requests_per_second) / pods.max(1);
        Ok(Grant {
            incarnation,
            lease_ms: u64::try_from(self.config.lease.as_millis()).unwrap_or(u64::MAX),
            state,
            requests_per_second: u32::try_from(share.max(1)).unwrap_or(1),
            revision: row.get(1),
        })
    }

    /// All pods and shards.
    pub async fn overview(&self) -> Result<Overview, ConfigError> {
        let connection = self.database.connection().await?;
        // The revision is read first: rows are at least so new.
        let revision = connection.query_one("SELECT value FROM revision", &[]).await?.get(0);
        Ok(Overview {
            revision,
            pods: crate::rows::all_pods(&connection).await?,
            shards: crate::rows::all_shards(&connection).await?,
        })
    }

    /// One pod.
    pub async fn pod(&self, name: &str) -> Result<Pod, ConfigError> {
        let connection = self.database.connection().await?;
        one_pod(&connection, name).await
    }

    /// Asks a pod to hand over everything. It stays until it has.
    pub async fn drain(&self, name: &str) -> Result<Pod, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let pod = change.pod(name).await?;
        if pod.state != PodState::Active {
            return match pod.state {
                PodState::Draining => Ok(pod),
                state => Err(ConfigError::PodUnavailable {
                    pod: name.into(),
                    state: state_name(state),
                }),
            };
        }
        abort_moves_to(&mut change, name).await?;
        let pod = change.put_pod(Pod {
            state: PodState::Draining,
            ..pod
        });
        change.audit("drain", name, &format!("{} guilds", pod.guilds)).await?;
        change.commit().await?;
        Ok(pod)
    }

    /// The pod has stopped acting: what it still owns goes to others.
    pub async fn leave(&self, name: &str, incarnation: i64) -> Result<Pod, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let pod = change.pod(name).await?;
        if pod.incarnation != incarnation {
            return Err(ConfigError::LeaseEnded {
                pod: name.into(),
                incarnation,
            });
        }
        change.audit("leave", name, &format!("{} guilds", pod.guilds)).await?;
        let pod = give_up(&mut change, pod).await?;
        change.commit().await?;
        Ok(pod)
    }

    /// Ends the lease of a pod that was seen at this heartbeat for as long as leases last. False when it has beaten
    /// since.
    pub async fn expire(&self, name: &str, seen_beat: i64) -> Result<bool, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let silent = change
            .transaction
            .query_opt(
                "SELECT 1 FROM pods WHERE name = $1 AND beat = $2 AND state <> 'offline' FOR UPDATE",
                &[&name, &seen_beat],
            )
            .await?;
        if silent.is_none() {
            return Ok(false);
        }
        let pod = change.pod(name).await?;
        tracing::warn!(
            pod = name,
            guilds = pod.guilds,
            "a pod's lease has ended: its guilds go to others"
        );
        change.audit("expire", name, &format!("{} guilds", pod.guilds)).await?;
        give_up(&mut change, pod).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Gives guilds and shards without an owner to pods that have room; answers how many found one.
    pub async fn place_unowned(&self) -> Result<usize, ConfigError> {
        let mut connection = self.database.connection().await?;
        let mut change = Transact::begin(&mut connection).await?;
        let placed = place_unowned(&mut change).await?;
        change.commit().await?;
        Ok(placed)
    }
}

fn check(registration: &Registration) -> Result<(), ConfigError> {
    let name = &registration.name;
    let plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    if name.is_empty() || name.len() > 63 || !name.chars().all(plain) {
        return Err(ConfigError::Invalid(format!(
            "a pod's name has 1 to 63 letters, digits, '-', '.' or '_', and {name:?} does not"
        )));
    }
    if !registration.url.starts_with("http://") && !registration.url.starts_with("https://") {
        let url = &registration.url;
        return Err(ConfigError::Invalid(format!(
            "a pod's url is http://host:port, and {url:?} is not"
        )));
    }
    if registration.capacity == 0 {
        return Err(ConfigError::Invalid("a pod with room for 0 guilds is of no use".into()));
    }
    Ok(())
}

/// Moves to this pod end: the owners go on in a new epoch, so that a file delivered for the old one is never used.
async fn abort_moves_to(change: &mut Transact<'_>, name: &str) -> Result<(), ConfigError> {
    for guild in change.guilds_where("target = $1", &[&name]).await? {
        change.put_guild(GuildAssignment {
            epoch: guild.epoch + 1,
            state: AssignmentState::Active,
            target: None,
            ..guild
        });
    }
    for mut shard in change.shards().await? {
        if shard.target.as_deref() == Some(name) {
            shard.epoch += 1;
            shard.state = AssignmentState::Active;
            shard.target = None;
            change.put_shard(shard);
        }
    }
    Ok(())
}

/// The pod is gone. Its guilds get other owners at once, those on the move the one that they were moving to.
async fn give_up(change: &mut Transact<'_>, pod: Pod) -> Result<Pod, ConfigError> {
    let name = pod.name.clone();
    abort_moves_to(change, &name).await?;
    let gone = change.put_pod(Pod {
        state: PodState::Offline,
        ..pod
    });
    // What is written below is not yet in the tables.
    let mut pods = change.pods().await?;
    pods.retain(|pod| pod.name != name);
    let mut candidates = Candidates::of(&pods);
    for guild in change.guilds_where("pod = $1", &[&name]).await? {
        let owner = guild.target.clone().or_else(|| candidates.place());
        change.put_guild(GuildAssignment {
            pod: owner,
            epoch: guild.epoch + 1,
            state: AssignmentState::Active,
            target: None,
            pinned: false,
            previous: Some(name.clone()),
            ..guild
        });
    }
    let mut shards = change.shards().await?;
    for index in 0..shards.len() {
        if shards[index].pod.as_ref() != Some(&name) {
            continue;
        }
        let holder = shards[index]
            .target
            .take()
            .or_else(|| crate::shards::least_shards(&pods, &shards));
        let shard = &mut shards[index];
        shard.pod = holder;
        shard.epoch += 1;
        shard.state = AssignmentState::Active;
        *shard = change.put_shard(shard.clone());
    }
    Ok(gone)
}

async fn place_unowned(change: &mut Transact<'_>) -> Result<usize, ConfigError> {
    let pods = change.pods().await?;
    let mut placed = 0;
    let mut candidates = Candidates::of(&pods);
    for guild in change.guilds_where("pod IS NULL", &[]).await? {
        let Some(pod) = candidates.place() else { break };
        placed += 1;
        change.put_guild(GuildAssignment {
            pod: Some(pod),
            epoch: guild.epoch + 1,
            ..guild
        });
    }
    let mut shards = change.shards().await?;
    for index in 0..shards.len() {
        if shards[index].pod.is_some() {
            continue;
        }
        let Some(pod) = crate::shards::least_shards(&pods, &shards) else {
            break;
        };
        placed += 1;
        let shard = &mut shards[index];
        shard.pod = Some(pod);
        shard.epoch += 1;
        *shard = change.put_shard(shard.clone());
    }
    Ok(placed)
}
