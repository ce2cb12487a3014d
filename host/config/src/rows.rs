//! Between rows and wire types. Many rows are written by one statement: a dead pod's thousand guilds are one round trip.

use crate::database::Transact;
use crate::error::ConfigError;
use deadpool_postgres::GenericClient;
use guildhall_fleet::{AssignmentState, Change, Changed, GuildAssignment, Load, Pod, PodState, ShardAssignment};
use guildhall_model::GuildId;
use tokio_postgres::Row;

const POD: &str =
    "SELECT p.name, p.url, p.build, p.capacity, p.state, p.incarnation, p.events_per_second, p.bytes, p.outbox, p.p99_ms, p.lag,
        p.revision,
        (SELECT count(*) FROM guilds WHERE pod = p.name)
            + (SELECT count(*) FROM guilds WHERE target = p.name) AS guilds
    FROM pods p";
const GUILD: &str = "SELECT guild, pod, epoch, target, pinned, previous, events_per_second, revision FROM guilds";
const SHARD: &str = "SELECT shard, shard_count, pod, epoch, target, position, revision FROM shards";

pub(crate) fn state_name(state: PodState) -> &'static str {
    match state {
        PodState::Active => "active",
        PodState::Draining => "draining",
        PodState::Offline => "offline",
    }
}

pub(crate) fn state_of(name: &str) -> PodState {
    match name {
        "active" => PodState::Active,
        "draining" => PodState::Draining,
        _ => PodState::Offline,
    }
}

fn pod(row: &Row) -> Pod {
    let state: &str = row.get("state");
    let guilds: i64 = row.get("guilds");
    let capacity: i32 = row.get("capacity");
    Pod {
        name: row.get("name"),
        url: row.get("url"),
        build: row.get("build"),
        capacity: capacity.unsigned_abs(),
        state: state_of(state),
        incarnation: row.get("incarnation"),
        guilds: u32::try_from(guilds).unwrap_or(u32::MAX),
        load: Load {
            events_per_second: row.get("events_per_second"),
            bytes: row.get("bytes"),
            outbox: row.get("outbox"),
            p99_ms: row.get("p99_ms"),
            lag: row.get("lag"),
        },
        revision: row.get("revision"),
    }
}

fn moving(target: Option<&String>) -> AssignmentState {
    if target.is_some() {
        AssignmentState::Moving
    } else {
        AssignmentState::Active
    }
}

pub(crate) fn guild(row: &Row) -> GuildAssignment {
    let id: i64 = row.get("guild");
    let target: Option<String> = row.get("target");
    GuildAssignment {
        guild: GuildId(id.cast_unsigned()),
        pod: row.get("pod"),
        epoch: row.get("epoch"),
        state: moving(target.as_ref()),
        target,
        pinned: row.get("pinned"),
        previous: row.get("previous"),
        // Saturates, as `as` does for floats.
        events_per_hour: (row.get::<_, f64>("events_per_second") * 3600.0) as u32,
        revision: row.get("revision"),
    }
}

fn shard(row: &Row) -> ShardAssignment {
    let (shard, shard_count): (i32, i32) = (row.get("shard"), row.get("shard_count"));
    let target: Option<String> = row.get("target");
    ShardAssignment {
        shard: shard.unsigned_abs(),
        shard_count: shard_count.unsigned_abs(),
        pod: row.get("pod"),
        epoch: row.get("epoch"),
        state: moving(target.as_ref()),
        target,
        position: row.get("position"),
        revision: row.get("revision"),
    }
}

pub(crate) fn unassigned_shard(shard: u32, shard_count: u32) -> ShardAssignment {
    ShardAssignment {
        shard,
        shard_count,
        pod: None,
        epoch: 0,
        state: AssignmentState::Active,
        target: None,
        position: None,
        revision: 0,
    }
}

pub(crate) async fn all_pods(client: &impl GenericClient) -> Result<Vec<Pod>, ConfigError> {
    let rows = client.query(&format!("{POD} ORDER BY p.name"), &[]).await?;
    Ok(rows.iter().map(pod).collect())
}

pub(crate) async fn all_shards(client: &impl GenericClient) -> Result<Vec<ShardAssignment>, ConfigError> {
    let rows = client.query(&format!("{SHARD} ORDER BY shard"), &[]).await?;
    Ok(rows.iter().map(shard).collect())
}

pub(crate) async fn guild_page(
    client: &impl GenericClient,
    after: i64,
    limit: i64,
) -> Result<Vec<GuildAssignment>, ConfigError> {
    let sql = format!("{GUILD} WHERE guild > $1 ORDER BY guild LIMIT $2");
    let rows = client.query(&sql, &[&after, &limit]).await?;
    Ok(rows.iter().map(guild).collect())
}

pub(crate) async fn one_guild(
    client: &impl GenericClient,
    id: GuildId,
) -> Result<Option<GuildAssignment>, ConfigError> {
    let row = client
        .query_opt(&format!("{GUILD} WHERE guild = $1"), &[&id.0.cast_signed()])
        .await?;
    Ok(row.as_ref().map(guild))
}

pub(crate) async fn one_pod(client: &impl GenericClient, name: &str) -> Result<Pod, ConfigError> {
    let row = client.query_opt(&format!("{POD} WHERE p.name = $1"), &[&name]).await?;
    row.as_ref()
        .map(pod)
        .ok_or_else(|| ConfigError::UnknownPod(name.into()))
}

impl Transact<'_> {
    pub(crate) async fn pods(&self) -> Result<Vec<Pod>, ConfigError> {
        all_pods(&self.transaction).await
    }

    pub(crate) async fn pod(&self, name: &str) -> Result<Pod, ConfigError> {
        one_pod(&self.transaction, name).await
    }

    pub(crate) async fn shards(&self) -> Result<Vec<ShardAssignment>, ConfigError> {
        all_shards(&self.transaction).await
    }

    pub(crate) async fn guild(&self, id: GuildId) -> Result<GuildAssignment, ConfigError> {
        one_guild(&self.transaction, id)
            .await?
            .ok_or(ConfigError::UnknownGuild(id))
    }

    /// Guilds that this condition on columns of `guilds` selects, in order.
    pub(crate) async fn guilds_where(
        &self,
        condition: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<GuildAssignment>, ConfigError> {
        let sql = format!("{GUILD} WHERE {condition} ORDER BY guild");
        let rows = self.transaction.query(&sql, parameters).await?;
        Ok(rows.iter().map(guild).collect())
    }
}

pub(crate) async fn write(client: &impl GenericClient, changes: &[Change]) -> Result<(), ConfigError> {
    let mut guilds = Vec::new();
    for change in changes {
        match &change.now {
            Changed::Pod(pod) => {
                client
                    .execute(
                        "UPDATE pods SET state = $2, revision = $3 WHERE name = $1",
                        &[&pod.name, &state_name(pod.state), &pod.revision],
                    )
                    .await?;
            }
            Changed::Guild(guild) => guilds.push(guild),
            Changed::Shard(shard) => write_shard(client, shard).await?,
        }
    }
    write_guilds(client, &guilds).await?;
    let revisions: Vec<i64> = changes.iter().map(|change| change.revision).collect();
    let bodies = changes
        .iter()
        .map(|change| serde_json::to_value(&change.now))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ConfigError::Invalid(error.to_string()))?;
    client
        .execute(
            "INSERT INTO changes (revision, now) SELECT * FROM unnest($1::bigint[], $2::jsonb[])",
            &[&revisions, &bodies],
        )
        .await?;
    Ok(())
}

async fn write_guilds(client: &impl GenericClient, guilds: &[&GuildAssignment]) -> Result<(), ConfigError> {
    if guilds.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = guilds.iter().map(|guild| guild.guild.0.cast_signed()).collect();
    let pods: Vec<_> = guilds.iter().map(|guild| guild.pod.as_deref()).collect();
    let epochs: Vec<_> = guilds.iter().map(|guild| guild.epoch).collect();
    let targets: Vec<_> = guilds.iter().map(|guild| guild.target.as_deref()).collect();
    let pinned: Vec<_> = guilds.iter().map(|guild| guild.pinned).collect();
    let previous: Vec<_> = guilds.iter().map(|guild| guild.previous.as_deref()).collect();
    let revisions: Vec<_> = guilds.iter().map(|guild| guild.revision).collect();
    // The last row of a guild counts: one transaction may change it more than once.
    client
        .execute(
            "INSERT INTO guilds (guild, pod, epoch, target, pinned, previous, revision)
             SELECT DISTINCT ON (guild) *
             FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::text[], $7::bigint[])
                 AS n (guild, pod, epoch, target, pinned, previous, revision)
             ORDER BY guild, revision DESC
             ON CONFLICT (guild) DO UPDATE SET pod = excluded.pod, epoch = excluded.epoch, target = excluded.target,
                 wanted = NULL, pinned = excluded.pinned, previous = excluded.previous, revision = excluded.revision",
            &[&ids, &pods, &epochs, &targets, &pinned, &previous, &revisions],
        )
        .await?;
    Ok(())
}

async fn write_shard(client: &impl GenericClient, shard: &ShardAssignment) -> Result<(), ConfigError> {
    client
        .execute(
            "INSERT INTO shards (shard, shard_count, pod, epoch, target, position, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (shard) DO UPDATE SET shard_count = $2, pod = $3, epoch = $4, target = $5, position = $6, revision = $7",
            &[
                &shard.shard.cast_signed(),
                &shard.shard_count.cast_signed(),
                &shard.pod,
                &shard.epoch,
                &shard.target,
                &shard.position,
                &shard.revision,
            ],
        )
        .await?;
    Ok(())
}
