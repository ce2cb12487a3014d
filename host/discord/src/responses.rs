//! First answers to interactions: those that came over HTTP go back the way that the interaction came, as long as
//! somebody waits there. After that, and for interactions of the gateway, they leave by REST; and where the host has
//! deferred an interaction, they are no first answers any more.

use guildhall_model::{GuildId, InteractionId};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long an answer is kept for whoever asks again: the connection on which it was given may have broken.
const KEPT: Duration = Duration::from_secs(15);
/// Receiving and Responding to Interactions.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// What waits for answers, answers that were just given, and what the host has deferred.
#[derive(Debug, Default)]
pub struct Responses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<InteractionId, Vec<oneshot::Sender<Value>>>,
    given: HashMap<InteractionId, (Value, Instant)>,
    /// Interactions that no plugin has answered, and those that the host has deferred.
    open: HashMap<InteractionId, Open>,
}

#[derive(Debug)]
struct Open {
    guild: GuildId,
    /// Whether a deferral of it is an update of a component's message.
    as_update: bool,
    deferral: Deferral,
    /// Whether a plugin has said something since it was deferred.
    answered: bool,
    since: Instant,
}

/// How far the host's own deferral is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deferral {
    None,
    UnderWay,
    Done,
}

impl Open {
    fn new(guild: GuildId, as_update: bool, deferral: Deferral) -> Self {
        Self {
            guild,
            as_update,
            deferral,
            answered: false,
            since: Instant::now(),
        }
    }
}

impl Responses {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the interaction's answer: drop the receiver to leave it to REST.
    pub fn wait_for(&self, id: InteractionId) -> oneshot::Receiver<Value> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.lock();
        state.given.retain(|_, (_, given_at)| given_at.elapsed() < KEPT);
        state.waiting.retain(|_, waiting| {
            waiting.retain(|waiting| !waiting.is_closed());
            !waiting.is_empty()
        });
        if let Some((known, _)) = state.given.get(&id) {
            // The receiver is in the caller's hands.
            let _ = answer.send(known.clone());
        } else if !state.open.contains_key(&id) {
            state.waiting.entry(id).or_default().push(answer);
        }
        answered
    }

    /// An interaction came by the gateway; false when it is known.
    pub(crate) fn receive(&self, guild: GuildId, id: InteractionId, as_update: bool) -> bool {
        let mut state = self.lock();
        let new = !state.open.contains_key(&id);
        if new {
            state.open.insert(id, Open::new(guild, as_update, Deferral::None));
        }
        new
    }

    /// The host defers it now, unless it was answered.
    pub(crate) fn begin_deferral(&self, id: InteractionId) -> bool {
        match self.lock().open.get_mut(&id) {
            Some(open) if open.deferral == Deferral::None => {
                open.deferral = Deferral::UnderWay;
                true
            }
            _ => false,
        }
    }

    /// Discord has taken the host's deferral.
    pub(crate) fn deferral_done(&self, id: InteractionId) {
        if let Some(open) = self.lock().open.get_mut(&id) {
            open.deferral = Deferral::Done;
        }
    }

    /// Over HTTP the interaction is deferred: its answer leaves by REST. One that was given just before is answered here:
    /// whoever defers knows whether it has arrived.
    pub(crate) fn defer(&self, guild: GuildId, id: InteractionId, as_update: bool) -> Option<Value> {
        let mut state = self.lock();
        state.open.retain(|_, open| open.since.elapsed() < TOKEN_LIFE);
        // It may be told again that it was deferred.
        let open = state
            .open
            .entry(id)
            .or_insert_with(|| Open::new(guild, as_update, Deferral::Done));
        open.deferral = Deferral::Done;
        state.waiting.remove(&id);
        state.given.get(&id).map(|(answer, _)| answer.clone())
    }

    /// An answer that was given and had not arrived has left by REST.
    pub(crate) fn sent_late(&self, id: InteractionId) {
        self.lock().given.remove(&id);
    }

    /// Whether Discord has the host's deferral.
    pub(crate) fn is_deferred(&self, id: InteractionId) -> bool {
        self.lock()
            .open
            .get(&id)
            .is_some_and(|open| open.deferral == Deferral::Done)
    }

    /// Whether the host has deferred the interaction as an update of its component's message, or does so right now.
    pub(crate) fn is_update_deferred(&self, id: InteractionId) -> bool {
        let state = self.lock();
        let open = state.open.get(&id);
        open.is_some_and(|open| open.as_update && open.deferral != Deferral::None)
    }

    /// A plugin has said something, or will: what it deferred itself is its own to answer.
    pub(crate) fn answered(&self, id: InteractionId) {
        let mut state = self.lock();
        match state.open.get_mut(&id) {
            Some(open) if open.deferral == Deferral::None => drop(state.open.remove(&id)),
            Some(open) => open.answered = true,
            None => {}
        }
    }

    /// Whether the host has deferred it and nothing was said since.
    pub(crate) fn is_unanswered(&self, id: InteractionId) -> bool {
        self.lock().open.get(&id).is_some_and(|open| !open.answered)
    }

    /// Nothing more is said to it by the host.
    pub(crate) fn forget(&self, id: InteractionId) {
        self.lock().open.remove(&id);
    }

    /// The guild goes elsewhere, and its interactions with it.
    pub(crate) fn forget_guild(&self, guild: GuildId) {
        self.lock().open.retain(|_, open| open.guild != guild);
    }

    /// Gives the answer to whoever waits; false when nobody does.
    pub(crate) fn give(&self, id: InteractionId, answer: &Value) -> bool {
        let mut state = self.lock();
        let waiting = state.waiting.remove(&id).unwrap_or_default();
        let sent = waiting
            .into_iter()
            .filter_map(|waiting| waiting.send(answer.clone()).ok());
        let taken = sent.count() > 0;
        if taken {
            state.given.insert(id, (answer.clone(), Instant::now()));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GUILD: GuildId = GuildId(9);

    #[tokio::test]
    async fn an_answer_goes_to_whoever_waits_and_to_whoever_asks_again() {
        let responses = Responses::default();
        let (id, answer) = (InteractionId(1), json!({ "type": 4 }));
        assert!(!responses.give(id, &answer), "nobody waits yet");
        drop(responses.wait_for(id));
        assert!(!responses.give(id, &answer), "who waited has gone");
        let waiting = responses.wait_for(id);
        assert!(responses.give(id, &answer));
        assert_eq!(waiting.await.as_ref(), Ok(&answer));
        assert_eq!(responses.wait_for(id).await, Ok(answer));
    }

    #[tokio::test]
    async fn what_is_deferred_is_waited_for_no_more() {
        let responses = Responses::default();
        let (id, answer) = (InteractionId(1), json!({ "type": 4 }));
        let waiting = responses.wait_for(id);
        assert_eq!(responses.defer(GUILD, id, false), None);
        assert!(!responses.give(id, &answer), "it leaves by REST");
        assert!(waiting.await.is_err());
        assert!(responses.wait_for(id).await.is_err(), "also for one that comes late");

        let other = InteractionId(2);
        let _waiting = responses.wait_for(other);
        assert!(responses.give(other, &answer));
        assert_eq!(
            responses.defer(GUILD, other, false),
            Some(answer),
            "it may not have arrived"
        );
        responses.sent_late(other);
        assert_eq!(responses.defer(GUILD, other, false), None);
    }

    #[test]
    fn an_interaction_is_deferred_once_and_not_when_it_was_answered() {
        let responses = Responses::default();
        let (first, second) = (InteractionId(1), InteractionId(2));
        assert!(responses.receive(GUILD, first, true));
        assert!(!responses.receive(GUILD, first, true), "it is known");
        responses.answered(first);
        assert!(!responses.begin_deferral(first), "a plugin was quicker");

        assert!(responses.receive(GUILD, second, true));
        assert!(responses.begin_deferral(second));
        assert!(!responses.begin_deferral(second));
        assert!(!responses.is_deferred(second), "Discord has not said so yet");
        assert!(
            responses.is_update_deferred(second),
            "whoever is told that it has an answer edits the right one"
        );
        responses.deferral_done(second);
        assert!(responses.is_deferred(second) && responses.is_unanswered(second));
        responses.answered(second);
        assert!(responses.is_deferred(second) && !responses.is_unanswered(second));
        responses.forget_guild(GUILD);
        assert!(!responses.is_deferred(second));
    }
}
