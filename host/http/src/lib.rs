//! The HTTP role: interactions, the guilds' API and the portal, for everybody outside of the cluster. It keeps nothing:
//! who somebody is stands in their cookie, what a guild is at its owner, and who owns it in the view. It never decides
//! who owns what, and never serves anything internal.

mod api;
mod discord;
mod form;
mod interactions;
mod login;
mod owners;
mod plot;
mod portal;
mod request;
mod session;
mod signature;

pub use discord::DiscordUsers;
pub use interactions::Interactions;
pub use login::{Login, LoginError};
pub use owners::Owners;
pub use session::SessionKeys;
pub use signature::{PublicKey, SignatureError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// Bytes of a form or an interaction.
const BODY: usize = 256 << 10;

/// What the handlers reach.
#[derive(Clone)]
pub struct Http {
    /// The guilds' owners.
    pub owners: Owners,
    /// Interactions; none where the application's public key is not known.
    pub interactions: Option<Arc<Interactions>>,
    /// The login by Discord.
    pub login: Arc<Login>,
    /// Whose guilds somebody may see.
    pub users: Arc<DiscordUsers>,
    /// What cookies are sealed with.
    pub keys: SessionKeys,
}

/// The public routes.
pub fn router(http: Http) -> Router {
    let small = Router::new()
        .route("/interactions", post(interactions::handle))
        .route("/", get(portal::home))
        .route("/login", get(login::begin))
        .route("/login/callback", get(login::finish))
        .route("/logout", post(login::end))
        .route("/guilds", get(portal::guilds))
        .route("/guilds/{guild}", get(portal::overview))
        .route(
            "/guilds/{guild}/plugins/{plugin}",
            get(portal::settings).post(portal::save_settings),
        )
        .route("/assets/portal.css", get(portal::style))
        .route("/assets/icon.svg", get(portal::icon))
        .route("/api/session", get(api::session))
        .fallback(portal::not_found)
        .layer(DefaultBodyLimit::max(BODY));
    // Bodies pass through, whatever their size: the owner bounds them.
    let forwarded = Router::new()
        .route("/api/guilds/{guild}", axum::routing::any(api::guild))
        .route("/api/guilds/{guild}/{*rest}", axum::routing::any(api::below_guild));
    small
        .merge(forwarded)
        .layer(axum::middleware::from_fn(request::observe))
        .with_state(http)
}
