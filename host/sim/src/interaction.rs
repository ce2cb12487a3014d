//! Interactions, as Discord sends them: as a dispatch, or as a signed webhook that wants an answer within three seconds.

use crate::object;
use crate::rest;
use crate::snowflake::now_ms;
use crate::state::{Shared, State};
use crate::world::Interaction;
use ed25519_dalek::Signer;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(3);

/// What a webhook answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InteractionOutcome {
    /// HTTP status; none when there was no answer in time.
    pub status: Option<u16>,
    /// The answer's body.
    pub body: Value,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A new interaction of a member, known to REST from now on.
pub(crate) fn create(state: &mut State, guild: u64, channel: u64, user: u64, kind: u8, data: &Value) -> Value {
    let id = state.world.snowflakes.next();
    let token = format!("interaction-token-{id}");
    let interaction = Interaction {
        token: token.clone(),
        sent_at: Instant::now(),
        answered: false,
        guild,
        channel,
        user,
        message: None,
        updates: false,
        shown: Value::Null,
        modal: Value::Null,
    };
    state.world.interactions.insert(id, interaction);
    let world = &state.world;
    let known = world.guilds.get(&guild);
    let mut member = known
        .and_then(|guild| guild.members.get(&user))
        .map_or(Value::Null, |member| object::member(world, user, member));
    let permissions = known.map_or(0, |guild| guild.permissions(user));
    member["permissions"] = json!(permissions.to_string());
    json!({
        "id": id.to_string(), "application_id": world.bot.to_string(), "type": kind, "data": data,
        "guild_id": guild.to_string(), "channel_id": channel.to_string(), "member": member, "token": token, "version": 1,
        "locale": "en-US", "guild_locale": "en-US", "entitlements": [], "app_permissions": u64::MAX.to_string(),
        "authorizing_integration_owners": {}, "context": 0,
        "channel": { "id": channel.to_string(), "type": 0 },
    })
}

/// A click on a button of a message.
pub(crate) fn click(
    state: &mut State,
    guild: u64,
    channel: u64,
    user: u64,
    message: u64,
    custom_id: &str,
) -> Option<Value> {
    let data = json!({ "component_type": 2, "custom_id": custom_id });
    let mut interaction = create(state, guild, channel, user, 3, &data);
    let known = state.world.guilds.get(&guild)?.messages.get(&message)?;
    interaction["message"] = object::message(&state.world, guild, known);
    let id = interaction["id"].as_str()?.parse::<u64>().ok()?;
    state.world.interactions.get_mut(&id)?.message = Some(message);
    Some(interaction)
}

/// An interaction as Discord would post it, for whoever posts it themselves.
#[derive(Clone, Debug)]
pub struct SignedInteraction {
    /// The body, byte for byte.
    pub body: String,
    /// The headers by their names.
    pub headers: [(&'static str, String); 2],
}

/// Signs a body as Discord does, or wrongly.
pub(crate) fn sign(shared: &Shared, body: &Value, rightly: bool) -> SignedInteraction {
    let timestamp = (now_ms() / 1000).to_string();
    let body = body.to_string();
    let between = if rightly { "" } else { " " };
    let signature = shared
        .signing_key
        .sign(format!("{timestamp}{between}{body}").as_bytes());
    SignedInteraction {
        body,
        headers: [
            ("x-signature-ed25519", hex::encode(signature.to_bytes())),
            ("x-signature-timestamp", timestamp),
        ],
    }
}

/// Posts a body with Discord's signature, or with a wrong one, as Discord does now and then to see it refused.
pub(crate) async fn post(shared: &Shared, url: &str, posted: &Value, good_signature: bool) -> InteractionOutcome {
    let SignedInteraction { body, headers } = sign(shared, posted, good_signature);
    let started = Instant::now();
    let exchange = async {
        let request = headers
            .into_iter()
            .fold(reqwest::Client::new().post(url), |request, (name, value)| {
                request.header(name, value)
            });
        let answer = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.unwrap_or_default()))
    };
    let answer = tokio::time::timeout(DEADLINE, exchange).await.ok().flatten();
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, body) = answer.map_or((None, Value::Null), |(status, body)| (Some(status), body));
    // A right answer in time is the first one: a callback comes too late after it.
    if status == Some(200) && body["type"].as_u64().is_some_and(|kind| kind > 1) {
        let id = posted["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
        rest::take_first_answer(&mut shared.lock(), id, &body);
    }
    InteractionOutcome { status, body, took_ms }
}
