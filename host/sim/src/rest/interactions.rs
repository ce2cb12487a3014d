//! Answers to interactions: within three seconds, and once. What they show is kept, so that people can use it.

use super::{Answer, Request, Subject};
use crate::state::State;
use crate::world::Interaction;
use serde_json::{Value, json};
use std::time::Duration;

/// Interactions, Receiving and Responding.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// Interactions, Interaction Callback Type.
const MESSAGE: u64 = 4;
const LATER_UPDATE: u64 = 6;
const UPDATE: u64 = 7;
const MODAL: u64 = 9;

/// The interaction that a request answers.
pub(super) fn of<'state>(state: &'state State, request: &Request<'_>) -> Option<&'state Interaction> {
    id_of(state, request).and_then(|id| state.world.interactions.get(&id))
}

fn id_of(state: &State, request: &Request<'_>) -> Option<u64> {
    match request.segments.as_slice() {
        ["interactions", id, ..] => id.parse().ok(),
        // Tokens are made of their interaction's id.
        ["webhooks", _, token, ..] => {
            let id = token.rsplit('-').next()?.parse().ok()?;
            let is_its_token = |interaction: &Interaction| interaction.token == **token;
            state
                .world
                .interactions
                .get(&id)
                .is_some_and(is_its_token)
                .then_some(id)
        }
        _ => None,
    }
}

pub(super) fn route(state: &mut State, request: &Request<'_>, subject: &Subject) -> Answer {
    if subject.route == "interaction-callback" {
        return first_answer(state, request);
    }
    let known = id_of(state, request).and_then(|id| Some((id, state.world.interactions.get(&id)?)));
    let Some((id, interaction)) = known else {
        return Answer::error(404, 10_015, "Unknown Webhook");
    };
    if interaction.sent_at.elapsed() > TOKEN_LIFE || !interaction.answered {
        return Answer::error(404, 10_015, "Unknown Webhook");
    }
    let channel = interaction.channel;
    if subject.route == "webhook-edit" {
        show(state, id, &request.body);
    }
    let message = state.world.snowflakes.next();
    Answer::ok(
        json!({ "id": message.to_string(), "channel_id": channel.to_string(), "content": request.body["content"] }),
    )
}

fn first_answer(state: &mut State, request: &Request<'_>) -> Answer {
    let id = request
        .segments
        .get(1)
        .and_then(|id| id.parse::<u64>().ok())
        .unwrap_or(0);
    let token = request.segments.get(2).copied().unwrap_or_default();
    let Some(interaction) = state
        .world
        .interactions
        .get(&id)
        .filter(|interaction| interaction.token == token)
    else {
        return Answer::error(404, 10_062, "Unknown interaction");
    };
    if interaction.answered {
        return Answer::error(400, 40_060, "Interaction has already been acknowledged.");
    }
    if interaction.sent_at.elapsed() > FIRST_ANSWER {
        return Answer::error(404, 10_062, "Unknown interaction");
    }
    take_first_answer(state, id, &request.body);
    Answer::empty()
}

/// The first answer has come, as a callback or as the answer of a webhook.
pub(crate) fn take_first_answer(state: &mut State, id: u64, answer: &Value) {
    let Some(interaction) = state.world.interactions.get_mut(&id) else {
        return;
    };
    let (kind, data) = (answer["type"].as_u64().unwrap_or(0), &answer["data"]);
    interaction.answered = true;
    interaction.updates = matches!(kind, LATER_UPDATE | UPDATE);
    match kind {
        MESSAGE | UPDATE => show(state, id, data),
        MODAL => interaction.modal = data.clone(),
        _ => {}
    }
}

/// The answer is there: as a message of its own that its user sees, or as a change of the message that was clicked.
fn show(state: &mut State, id: u64, data: &Value) {
    let Some(interaction) = state.world.interactions.get_mut(&id) else {
        return;
    };
    let (guild, channel) = (interaction.guild, interaction.channel);
    let Some(message) = interaction.message.filter(|_| interaction.updates) else {
        interaction.shown = data.clone();
        return;
    };
    match state.world.interactions.get_mut(&message) {
        Some(answered) => answered.shown = data.clone(),
        None => super::messages::change(state, guild, channel, message, data),
    }
}
