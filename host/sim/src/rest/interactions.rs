//! Answers to interactions: within three seconds, and once.

use super::{Answer, Request, Subject};
use crate::state::State;
use serde_json::json;
use std::time::Duration;

/// Interactions, Receiving and Responding.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

pub(super) fn route(state: &mut State, request: &Request<'_>, subject: &Subject) -> Answer {
    if subject.route == "interaction-callback" {
        return first_answer(state, request);
    }
    let token = request.segments.get(2).copied().unwrap_or_default();
    let Some(interaction) = state
        .world
        .interactions
        .values()
        .find(|interaction| interaction.token == token)
    else {
        return Answer::error(404, 10_015, "Unknown Webhook");
    };
    if interaction.sent_at.elapsed() > TOKEN_LIFE || !interaction.answered {
        return Answer::error(404, 10_015, "Unknown Webhook");
    }
    let channel = interaction.channel;
    let id = state.world.snowflakes.next();
    Answer::ok(json!({ "id": id.to_string(), "channel_id": channel.to_string(), "content": request.body["content"] }))
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
        .get_mut(&id)
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
    interaction.answered = true;
    Answer::empty()
}
