//! What the host itself says to interactions that no plugin has answered in time: first that the answer follows, so that
//! Discord keeps the interaction open; in the end that none came.
//!
//! The time runs from when the interaction was received, whatever it waits in then. Nothing of this is kept: after a
//! crash the three seconds in which Discord wants to hear something are over anyway.

use crate::frame::Frame;
use crate::request::{Outgoing, after_first_answer};
use crate::rest::{ALREADY_ACKNOWLEDGED, Rest, RestError};
use guildhall_model::{GuildId, InteractionId, Permission};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use twilight_http::routing::Route;

/// Discord, Interaction Types.
const COMMAND: u8 = 2;
const COMPONENT: u8 = 3;
const MODAL: u8 = 5;
/// Discord waits for 3 seconds: after these there is no point in another try.
const HOPELESS: Duration = Duration::from_millis(2900);
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// What a resumed session brings again was answered or missed long ago.
const TOO_OLD: Duration = Duration::from_secs(10);
/// Tokens live for 15 minutes (Receiving and Responding to Interactions).
const GIVE_UP: Duration = Duration::from_secs(14 * 60);
const NO_ANSWER: &str = "This is taking too long; please try again.";
/// Discord, Message Flags: only the person who used it sees the answer.
const EPHEMERAL: u32 = 64;

/// When the host speaks for itself.
#[derive(Clone, Debug)]
pub struct DeferralConfig {
    /// How long an interaction waits for a plugin; none for as long as Discord does.
    pub after: Option<Duration>,
    /// When a deferred one is told that nothing came.
    pub give_up: Duration,
    /// Asked before anything is said.
    pub permission: Permission,
}

impl DeferralConfig {
    /// Defers after this time.
    pub fn new(after: Option<Duration>, permission: Permission) -> Self {
        Self {
            after,
            give_up: GIVE_UP,
            permission,
        }
    }
}

/// Watches interactions. Cheap to clone.
#[derive(Clone)]
pub struct Deferrals(Arc<Watch>);

impl fmt::Debug for Deferrals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Deferrals({:?})", self.0.config)
    }
}

struct Watch {
    rest: Arc<Rest>,
    config: DeferralConfig,
}

/// An interaction, as far as this needs it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its guild.
    pub guild: GuildId,
    /// Its id.
    pub id: InteractionId,
    /// Its token.
    pub token: String,
    /// Whether it is a component's: then its deferral is an update of the component's message.
    pub component: bool,
}

impl Deferrals {
    /// Watches nothing yet.
    pub fn new(rest: Arc<Rest>, config: DeferralConfig) -> Self {
        Self(Arc::new(Watch { rest, config }))
    }

    /// A frame was received so long ago. If it is an interaction that may be deferred, its time runs.
    pub fn received(&self, frame: &Frame, waited: Duration) {
        let Some(after) = self.0.config.after.filter(|_| frame.name == "INTERACTION_CREATE") else {
            return;
        };
        let Some(waiting) = waiting(frame).filter(|waiting| age(waiting.id) < TOO_OLD) else {
            return;
        };
        if self
            .0
            .rest
            .responses()
            .receive(waiting.guild, waiting.id, waiting.component)
        {
            let (watch, received) = (self.0.clone(), Instant::now() - waited.min(after));
            tokio::spawn(async move { watch.run(waiting, received, after).await });
        }
    }

    /// Whoever received the interaction has deferred it: if nothing answers it, that is said in the end. Answers what was
    /// given just before, which may not have arrived.
    pub fn deferred(&self, waiting: Waiting) -> Option<Value> {
        let given = self
            .0
            .rest
            .responses()
            .defer(waiting.guild, waiting.id, waiting.component);
        if given.is_none() && self.0.rest.responses().is_unanswered(waiting.id) {
            let watch = self.0.clone();
            tokio::spawn(async move { watch.give_up(&waiting, Instant::now()).await });
        }
        given
    }
}

/// How long ago Discord made it, by this machine's clock.
fn age(id: InteractionId) -> Duration {
    const DISCORD_EPOCH: u64 = 1_420_070_400_000;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis((id.0 >> 22) + DISCORD_EPOCH))
}

/// What the frame says of its interaction; none where it wants suggestions, which cannot be deferred.
fn waiting(frame: &Frame) -> Option<Waiting> {
    #[derive(Deserialize)]
    struct Dispatch {
        d: Head,
    }
    #[derive(Deserialize)]
    struct Head {
        id: String,
        r#type: u8,
        token: String,
    }
    // One that cannot be read is told by whoever applies it.
    let Dispatch { d } = serde_json::from_str(&frame.text).ok()?;
    matches!(d.r#type, COMMAND | COMPONENT | MODAL).then_some(())?;
    Some(Waiting {
        guild: frame.guild?,
        id: InteractionId(d.id.parse().ok()?),
        token: d.token,
        component: d.r#type == COMPONENT,
    })
}

impl Watch {
    async fn run(&self, waiting: Waiting, received: Instant, after: Duration) {
        tokio::time::sleep_until((received + after).into()).await;
        let responses = self.rest.responses();
        if !self.config.permission.holds() {
            return responses.forget(waiting.id);
        }
        if !responses.begin_deferral(waiting.id) {
            return;
        }
        let result = self.defer(&waiting, received).await;
        let told = match &result {
            Ok(()) => "deferred",
            // A plugin was quicker after all.
            Err(RestError::Refused(refusal)) if refusal.code == ALREADY_ACKNOWLEDGED => "answered",
            Err(_) => "failed",
        };
        metrics::counter!("guildhall_deferrals_total", "result" => told).increment(1);
        match result {
            Ok(()) => {
                responses.deferral_done(waiting.id);
                self.give_up(&waiting, received).await;
            }
            Err(error) => {
                responses.forget(waiting.id);
                if told == "failed" {
                    tracing::warn!(guild = %waiting.guild, %error, "an interaction was not deferred in time; its user was told that it failed");
                }
            }
        }
    }

    async fn defer(&self, waiting: &Waiting, received: Instant) -> Result<(), RestError> {
        let route = Route::InteractionCallback {
            interaction_id: waiting.id.0,
            interaction_token: &waiting.token,
            with_response: false,
        };
        // Interaction Callback Types: 5 a message follows, 6 an update of the component's message follows.
        let body = if waiting.component {
            json!({ "type": 6 })
        } else {
            json!({ "type": 5, "data": { "flags": EPHEMERAL } })
        };
        let request = Outgoing::to_route(&route).with_body(body);
        let mut tried = false;
        loop {
            match self.rest.send(&request).await.result {
                Err(RestError::Transient(_) | RestError::RateLimited { .. })
                    if received.elapsed() + BETWEEN_TRIES < HOPELESS =>
                {
                    tried = true;
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                // The try before has arrived after all.
                Err(RestError::Refused(refusal)) if tried && refusal.code == ALREADY_ACKNOWLEDGED => return Ok(()),
                result => return result.map(drop),
            }
        }
    }

    async fn give_up(&self, waiting: &Waiting, received: Instant) {
        tokio::time::sleep_until((received + self.config.give_up).into()).await;
        let responses = self.rest.responses();
        if responses.is_unanswered(waiting.id) && self.config.permission.holds() {
            tracing::warn!(guild = %waiting.guild, "no plugin answered an interaction; its user is told so");
            if let Err(error) = self.rest.say_unanswered(&waiting.token, waiting.component).await {
                tracing::warn!(guild = %waiting.guild, %error, "the user of an interaction that no plugin answered was not told");
            }
        }
        responses.forget(waiting.id);
    }
}

impl Rest {
    /// Tells the user of a deferred interaction that no answer comes: in the place of the deferral, or beside the message
    /// whose component was used.
    pub(crate) async fn say_unanswered(&self, token: &str, component: bool) -> Result<(), RestError> {
        let mut message = json!({ "content": NO_ANSWER });
        if component {
            message["flags"] = EPHEMERAL.into();
        }
        let application = self.application().await?;
        match after_first_answer(application, token, 4, &message.to_string(), component) {
            Some(request) => self.send(&request).await.result.map(drop),
            None => Ok(()),
        }
    }
}
