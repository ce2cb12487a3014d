//! What Discord tells in somebody's name: who they are, and in which guilds they may do what.

use crate::session::Session;
use guildhall_discord::{HttpClient, Permissions};
use guildhall_model::GuildId;
use http::{Request, StatusCode, header};
use lru::LruCache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a list of guilds is believed: who loses the permission loses the portal after that.
const BELIEVED: Duration = Duration::from_secs(60);
/// People whose lists are kept.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// Why Discord told nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscordError {
    /// The login is over at Discord.
    #[error("Discord does not accept the login any more; sign in again")]
    Ended,
    /// It failed, or cannot be reached.
    #[error("Discord does not tell your guilds now: {0}; try again in a moment")]
    Away(String),
}

/// A guild of somebody.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UserGuild {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    owner: bool,
    /// A number as text.
    #[serde(default)]
    permissions: String,
}

impl UserGuild {
    /// The permission that the portal asks for: Manage Server, which owners and administrators have too.
    pub(crate) fn may_manage(&self) -> bool {
        let permissions = Permissions::from_bits_truncate(self.permissions.parse().unwrap_or(0));
        self.owner || permissions.intersects(Permissions::ADMINISTRATOR | Permissions::MANAGE_GUILD)
    }

    pub(crate) fn guild(&self) -> Option<GuildId> {
        self.id.parse().ok().map(GuildId)
    }
}

/// Somebody.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    username: String,
    global_name: Option<String>,
}

impl User {
    pub(crate) fn name(self) -> String {
        self.global_name.unwrap_or(self.username)
    }
}

/// Somebody's guilds, and when Discord told them.
type Told = (Arc<[UserGuild]>, Instant);

/// Asks Discord, and remembers for a moment.
#[derive(Debug)]
pub struct DiscordUsers {
    http: HttpClient,
    /// `https://discord.com`, or a simulation.
    base: String,
    guilds: Mutex<LruCache<String, Told>>,
}

impl DiscordUsers {
    /// Asks at this address: `https://discord.com`, or a simulation's.
    pub fn new(http: HttpClient, base: &str) -> Self {
        Self {
            http,
            base: base.to_owned(),
            guilds: Mutex::new(LruCache::new(KEPT)),
        }
    }

    /// Who this token speaks for.
    pub(crate) async fn user(&self, token: &str) -> Result<User, DiscordError> {
        self.get("users/@me", token).await
    }

    /// The guilds that they are in.
    pub(crate) async fn guilds(&self, session: &Session) -> Result<Arc<[UserGuild]>, DiscordError> {
        if let Some((guilds, told_at)) = self.lock().get(&session.user)
            && told_at.elapsed() < BELIEVED
        {
            return Ok(guilds.clone());
        }
        let guilds: Vec<UserGuild> = self.get("users/@me/guilds", &session.token).await?;
        let guilds: Arc<[UserGuild]> = guilds.into();
        self.lock().put(session.user.clone(), (guilds.clone(), Instant::now()));
        Ok(guilds)
    }

    /// Whether they may manage this guild.
    pub(crate) async fn may_manage(&self, session: &Session, guild: GuildId) -> Result<bool, DiscordError> {
        let guilds = self.guilds(session).await?;
        Ok(guilds
            .iter()
            .any(|known| known.guild() == Some(guild) && known.may_manage()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<String, Told>> {
        self.guilds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, DiscordError> {
        let request = Request::get(format!("{}/api/v10/{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Vec::new())
            .map_err(|error| DiscordError::Away(error.to_string()))?;
        let answer = self.http.send(request).await.map_err(DiscordError::Away)?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body())
                .map_err(|error| DiscordError::Away(format!("its answer cannot be read: {error}"))),
            StatusCode::UNAUTHORIZED => Err(DiscordError::Ended),
            status => Err(DiscordError::Away(format!("it answered {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_administrators_and_owners_may_manage() {
        let guild = |owner, permissions: u64| UserGuild {
            id: "1".into(),
            name: String::new(),
            owner,
            permissions: permissions.to_string(),
        };
        assert!(guild(true, 0).may_manage());
        assert!(guild(false, 1 << 5).may_manage(), "Manage Server");
        assert!(guild(false, 1 << 3).may_manage(), "Administrator");
        assert!(!guild(false, !(1 << 5 | 1 << 3)).may_manage());
    }
}
