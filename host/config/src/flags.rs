//! Users whom guilds flag for each other. Whom enough guilds have flagged is told to all that take part, for a day.

use crate::Service;
use crate::database::Transact;
use crate::error::ConfigError;
use guildhall_fleet::FlaggedUsers;
use guildhall_model::{FlaggedEverywhere, GuildId, UserId};

/// Guilds that must have flagged a user, within [`COUNTED`].
const GUILDS: i64 = 3;
/// How long a flag counts.
const COUNTED: &str = "30 days";
/// Flags that a guild may set in a day: one whose moderation runs wild moves no other.
const PER_DAY: i64 = 100;
/// How long guilds are told of a flagged user.
const TOLD: &str = "1 day";
/// Users that are told at most.
const LIST: i64 = 1000;

impl Service {
    /// A guild flags a user; the same flag again is one. Answers whether it was taken: a guild's flags of a day are bounded.
    pub async fn flag(&self, guild: GuildId, user: UserId, reason: &str) -> Result<bool, ConfigError> {
        let (guild, user_id) = (guild.0.cast_signed(), user.0.cast_signed());
        let mut connection = self.database.connection().await?;
        let change = Transact::begin(&mut connection).await?;
        let today: i64 = change
            .transaction
            .query_one(
                "SELECT count(*) FROM flags WHERE guild = $1 AND user_id <> $2 AND at > now() - interval '1 day'",
                &[&guild, &user_id],
            )
            .await?
            .get(0);
        if today >= PER_DAY {
            let detail = format!("guild {guild} has flagged {today} users today; this one is not counted: {reason}");
            change.audit("flag-refused", &user.to_string(), &detail).await?;
            change.commit().await?;
            return Ok(false);
        }
        change
            .transaction
            .execute(
                "INSERT INTO flags (guild, user_id, reason) VALUES ($1, $2, $3)
                 ON CONFLICT (guild, user_id) DO UPDATE SET reason = $3, at = now()",
                &[&guild, &user_id, &reason],
            )
            .await?;
        change
            .audit("flag", &user.to_string(), &format!("guild {guild}: {reason}"))
            .await?;
        let guilds: i64 = change
            .transaction
            .query_one(
                &format!("SELECT count(*) FROM flags WHERE user_id = $1 AND at > now() - interval '{COUNTED}'"),
                &[&user_id],
            )
            .await?
            .get(0);
        if guilds >= GUILDS {
            // Told again only when the last telling has run out.
            let told = change
                .transaction
                .execute(
                    &format!(
                        "INSERT INTO flagged (user_id, guilds, revision) VALUES ($1, $2, nextval('flagged_revision'))
                         ON CONFLICT (user_id) DO UPDATE
                         SET guilds = $2, revision = nextval('flagged_revision'), at = now()
                         WHERE flagged.at < now() - interval '{TOLD}'"
                    ),
                    &[&user_id, &i32::try_from(guilds).unwrap_or(i32::MAX)],
                )
                .await?;
            if told > 0 {
                change
                    .audit(
                        "flagged",
                        &user.to_string(),
                        &format!("by {guilds} guilds: all that take part are told"),
                    )
                    .await?;
            }
        }
        change.commit().await?;
        Ok(true)
    }

    /// Users whom enough guilds have flagged lately, in the order of their revisions.
    pub async fn flagged(&self) -> Result<FlaggedUsers, ConfigError> {
        let connection = self.database.connection().await?;
        let rows = connection
            .query(
                &format!(
                    "SELECT revision, user_id, guilds FROM (
                         SELECT * FROM flagged WHERE at > now() - interval '{TOLD}' ORDER BY revision DESC LIMIT $1
                     ) AS newest ORDER BY revision"
                ),
                &[&LIST],
            )
            .await?;
        let users = rows.iter().map(|row| FlaggedEverywhere {
            revision: row.get(0),
            user: UserId(row.get::<_, i64>(1).cast_unsigned()),
            guilds: u32::try_from(row.get::<_, i32>(2)).unwrap_or(0),
        });
        Ok(FlaggedUsers { users: users.collect() })
    }

    /// Forgets every flag of a user: it was a mistake. What guilds have done stays done.
    pub async fn forgive(&self, user: UserId) -> Result<(), ConfigError> {
        let user_id = user.0.cast_signed();
        let mut connection = self.database.connection().await?;
        let change = Transact::begin(&mut connection).await?;
        for table in ["flags", "flagged"] {
            change
                .transaction
                .execute(&format!("DELETE FROM {table} WHERE user_id = $1"), &[&user_id])
                .await?;
        }
        change
            .audit("forgive", &user.to_string(), "every flag is forgotten")
            .await?;
        change.commit().await
    }
}
