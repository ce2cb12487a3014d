//! Users whom guilds flag for each other: where flags go, and how guilds learn whom enough others have flagged. In a fleet
//! the config service keeps them, in a single pod a file beside the guilds'.

use crate::fleet_commands::{Access, client, print, table};
use anyhow::{Context, Result};
use clap::Subcommand;
use guildhall_discord::FlagExchange;
use guildhall_fleet::{ConfigClient, Flag};
use guildhall_gateway::Workers;
use guildhall_model::{FlaggedEverywhere, GuildId, UserId};
use rusqlite::{Connection, OptionalExtension};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks at who was flagged.
const LOOK: Duration = Duration::from_secs(5);

/// Where flags are kept.
pub(crate) enum Flags {
    /// By the config service.
    Fleet(ConfigClient),
    /// In a file.
    Local(LocalFlags),
}

impl FlagExchange for Flags {
    fn flag<'flag>(
        &'flag self,
        guild: GuildId,
        user: UserId,
        reason: &'flag str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'flag>> {
        Box::pin(async move {
            let taken = match self {
                Self::Fleet(client) => {
                    let reason = reason.to_owned();
                    let flag = client.flag(guild, &Flag { user, reason }).await;
                    flag.map_err(|error| format!("the config service did not take a flag: {error}"))?
                }
                Self::Local(flags) => flags
                    .flag(guild, user, reason)
                    .map_err(|error| format!("a flag cannot be kept: {error}"))?,
            };
            let result = if taken { "taken" } else { "too-many" };
            metrics::counter!("guildhall_flags_total", "result" => result).increment(1);
            if !taken {
                tracing::warn!(%guild, %user, "a flag was not taken: the guild has flagged too many users today");
            }
            Ok(())
        })
    }
}

impl Flags {
    async fn flagged(&self) -> Result<Vec<FlaggedEverywhere>> {
        match self {
            Self::Fleet(client) => Ok(client.flagged().await?.users),
            Self::Local(flags) => Ok(flags.flagged()?),
        }
    }
}

/// Tells the guilds of these workers whom enough others have flagged, until it is told to stop.
pub(crate) async fn follow(flags: Arc<Flags>, workers: Arc<Workers>, stop: CancellationToken) {
    let mut told = Vec::new();
    while !stop.is_cancelled() {
        match flags.flagged().await {
            Ok(flagged) => {
                if flagged != told {
                    workers.flagged(flagged.clone().into()).await;
                    metrics::gauge!("guildhall_flagged_users").set(flagged.len() as f64);
                    told = flagged;
                }
            }
            Err(error) => tracing::debug!(%error, "who was flagged cannot be asked for"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Flags of a single pod's guilds, by the same rules as the config service's.
pub(crate) struct LocalFlags(Mutex<Connection>);

/// Guilds that must have flagged a user within [`COUNTED`].
const GUILDS: u32 = 3;
/// Milliseconds for which a flag counts.
const COUNTED: u64 = 30 * DAY;
/// Flags that a guild may set in a day.
const PER_DAY: u32 = 100;
const DAY: u64 = 86_400_000;

impl LocalFlags {
    /// Opens the file, or makes it.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let file = data.join("flags.db");
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&file)?;
            connection.execute_batch(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE IF NOT EXISTS flags (
                     guild INTEGER NOT NULL, user INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
                     PRIMARY KEY (guild, user)
                 ) WITHOUT ROWID;
                 CREATE TABLE IF NOT EXISTS flagged (
                     revision INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL UNIQUE, guilds INTEGER NOT NULL,
                     at INTEGER NOT NULL
                 );",
            )?;
            Ok(connection)
        };
        let connection = open().with_context(|| format!("{} cannot be opened", file.display()))?;
        Ok(Self(Mutex::new(connection)))
    }

    fn flag(&self, guild: GuildId, user: UserId, reason: &str) -> rusqlite::Result<bool> {
        let (now, guild, user_id) = (now(), guild.0.cast_signed(), user.0.cast_signed());
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = connection.transaction()?;
        let today: u32 = change.query_row(
            "SELECT count(*) FROM flags WHERE guild = ?1 AND user <> ?2 AND at > ?3",
            (guild, user_id, now.saturating_sub(DAY)),
            |row| row.get(0),
        )?;
        if today >= PER_DAY {
            return Ok(false);
        }
        change.execute(
            "INSERT INTO flags (guild, user, reason, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (guild, user) DO UPDATE SET reason = ?3, at = ?4",
            (guild, user_id, reason, now),
        )?;
        let guilds: u32 = change.query_row(
            "SELECT count(*) FROM flags WHERE user = ?1 AND at > ?2",
            (user_id, now.saturating_sub(COUNTED)),
            |row| row.get(0),
        )?;
        let told: Option<u64> = change
            .query_row("SELECT at FROM flagged WHERE user = ?1", [user_id], |row| row.get(0))
            .optional()?;
        if guilds >= GUILDS && told.is_none_or(|told| told + DAY < now) {
            change.execute("DELETE FROM flagged WHERE user = ?1", [user_id])?;
            change.execute(
                "INSERT INTO flagged (user, guilds, at) VALUES (?1, ?2, ?3)",
                (user_id, guilds, now),
            )?;
            tracing::info!(%user, guilds, "a user was flagged by several guilds: all that take part are told");
        }
        change.commit()?;
        Ok(true)
    }

    fn flagged(&self) -> rusqlite::Result<Vec<FlaggedEverywhere>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement =
            connection.prepare_cached("SELECT revision, user, guilds FROM flagged WHERE at > ?1 ORDER BY revision")?;
        let users = statement.query_map([now().saturating_sub(DAY)], |row| {
            Ok(FlaggedEverywhere {
                revision: row.get(0)?,
                user: UserId(row.get::<_, i64>(1)?.cast_unsigned()),
                guilds: row.get(2)?,
            })
        })?;
        users.collect()
    }
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `guildhall flags …`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Users whom at least three guilds have flagged lately.
    List {
        #[command(flatten)]
        access: Access,
    },
    /// Forget every flag of a user. What guilds have done stays done.
    Clear {
        /// The user's id.
        user: UserId,
        #[command(flatten)]
        access: Access,
    },
}

/// `guildhall flags`.
pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::List { access } => {
            let flagged = client(&access)?.flagged().await?.users;
            print(&access, flagged.as_slice(), |flagged| {
                let row = |user: &FlaggedEverywhere| vec![user.user.to_string(), user.guilds.to_string()];
                table(&["USER", "GUILDS"], &flagged.iter().map(row).collect::<Vec<_>>())
            })
        }
        Command::Clear { user, access } => {
            client(&access)?.forgive(user).await?;
            print(&access, &user.to_string(), |user| {
                format!("every flag of user {user} is forgotten\n")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_guild_makes_it_known_and_a_wild_one_is_bounded() {
        let directory = tempfile::tempdir().expect("a directory");
        let flags = LocalFlags::open(directory.path()).expect("a file");
        let user = UserId(7);
        for guild in 1..=2 {
            assert!(flags.flag(GuildId(guild), user, "spam").expect("kept"));
            assert!(flags.flag(GuildId(guild), user, "once more").expect("kept"));
        }
        assert_eq!(flags.flagged().expect("kept"), []);
        assert!(flags.flag(GuildId(3), user, "spam").expect("kept"));
        let flagged = flags.flagged().expect("kept");
        assert_eq!((flagged.len(), flagged[0].user, flagged[0].guilds), (1, user, 3));
        assert!(flags.flag(GuildId(4), user, "spam").expect("kept"));
        assert_eq!(flags.flagged().expect("kept"), flagged, "it is told once a day");
        let taken = (100..300).filter(|user| flags.flag(GuildId(9), UserId(*user), "wild").expect("kept"));
        assert_eq!(taken.count(), 100);
    }
}
