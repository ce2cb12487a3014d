//! First answers to interactions that came over HTTP: they go back the way that the interaction came, as long as somebody
//! waits there. After that, and for interactions of the gateway, they leave by REST.

use guildhall_model::InteractionId;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long an answer is kept for whoever asks again: the connection on which it was given may have broken.
const KEPT: Duration = Duration::from_secs(15);
/// Receiving and Responding to Interactions.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// What waits for answers, and answers that were just given.
#[derive(Debug, Default)]
pub struct Responses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<InteractionId, Vec<oneshot::Sender<Value>>>,
    given: HashMap<InteractionId, (Value, Instant)>,
    /// Interactions that were deferred, and whether as an update of a component's message: nobody waits for them.
    deferred: HashMap<InteractionId, (bool, Instant)>,
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
        } else if !state.deferred.contains_key(&id) {
            state.waiting.entry(id).or_default().push(answer);
        }
        answered
    }

    /// The interaction is deferred: its answer leaves by REST. One that was given just before is answered here: whoever
    /// defers knows whether it has arrived.
    pub fn defer(&self, id: InteractionId, as_update: bool) -> Option<Value> {
        let mut state = self.lock();
        state.deferred.retain(|_, (_, since)| since.elapsed() < TOKEN_LIFE);
        state.deferred.insert(id, (as_update, Instant::now()));
        state.waiting.remove(&id);
        state.given.get(&id).map(|(answer, _)| answer.clone())
    }

    /// An answer that was given and had not arrived has left by REST.
    pub(crate) fn sent_late(&self, id: InteractionId) {
        self.lock().given.remove(&id);
    }

    /// Whether the interaction was deferred as an update of its component's message.
    pub(crate) fn is_update_deferred(&self, id: InteractionId) -> bool {
        self.lock().deferred.get(&id).is_some_and(|(as_update, _)| *as_update)
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
        assert_eq!(responses.defer(id, false), None);
        assert!(!responses.give(id, &answer), "it leaves by REST");
        assert!(waiting.await.is_err());
        assert!(responses.wait_for(id).await.is_err(), "also for one that comes late");

        let other = InteractionId(2);
        let _waiting = responses.wait_for(other);
        assert!(responses.give(other, &answer));
        assert_eq!(responses.defer(other, false), Some(answer), "it may not have arrived");
        responses.sent_late(other);
        assert_eq!(responses.defer(other, false), None);
    }
}
