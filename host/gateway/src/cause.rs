//! Names actions by what they follow from. An event that is applied once more, to a file that was restored, asks for the
//! same actions under the same names, and Discord knows the messages that it has already.

use crate::queued::{QueuedEvent, Takes};
use guildhall_model::{GuildId, InteractionId, SessionPosition, UnixMilliseconds};
use guildhall_store::StoredTimer;
use sha2::{Digest, Sha256};

/// Digits of a nonce; Discord takes no more than 25 characters (Create Message).
const DIGITS: usize = 25;

/// What the running event's actions follow from. Hashed only where there is an action.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    guild: GuildId,
    source: Source,
    /// Actions that followed so far.
    actions: u32,
}

#[derive(Clone, Debug)]
enum Source {
    Event(SessionPosition),
    Interaction(InteractionId),
    Timer(Box<StoredTimer>),
    Action(i64),
    Missed(u64),
    Flag(i64),
    Host(UnixMilliseconds),
}

impl Cause {
    /// The cause that this event is in its guild.
    pub(crate) fn of(guild: GuildId, event: &QueuedEvent) -> Self {
        let source = match (&event.position, &event.takes) {
            (Some(position), _) => Source::Event(position.clone()),
            (None, Some(Takes::Interaction(id))) => Source::Interaction(*id),
            (None, Some(Takes::Timer(timer))) => Source::Timer(Box::new(timer.clone())),
            (None, Some(Takes::Action(entry))) => Source::Action(*entry),
            (None, Some(Takes::Missed(missed))) => Source::Missed(missed.id),
            (None, Some(Takes::Flag(revision))) => Source::Flag(*revision),
            (None, Some(Takes::Gap(_)) | None) => Source::Host(event.received_at),
        };
        Self {
            guild,
            source,
            actions: 0,
        }
    }

    /// The name of this plugin's next action: 25 characters.
    pub(crate) fn next_nonce(&mut self, plugin: &str) -> String {
        let source = match &self.source {
            Source::Event(position) => format!("event {} {}", position.session, position.sequence),
            Source::Interaction(id) => format!("interaction {id}"),
            Source::Timer(timer) => format!("timer {} {} {}", timer.plugin, timer.name, timer.due_at),
            Source::Action(entry) => format!("action {entry}"),
            Source::Missed(id) => format!("missed {id}"),
            Source::Flag(revision) => format!("flag {revision}"),
            Source::Host(received_at) => format!("host {received_at}"),
        };
        let digest = Sha256::digest(format!("{} {source} {} {plugin}", self.guild, self.actions));
        self.actions += 1;
        base36(
            digest
                .iter()
                .take(16)
                .fold(0, |number, byte| number << 8 | u128::from(*byte)),
        )
    }
}

fn base36(mut number: u128) -> String {
    let mut reversed = Vec::with_capacity(DIGITS);
    for _ in 0..DIGITS {
        reversed.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    reversed.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_trace::Trace;

    fn event(sequence: u64, received_at: u64) -> QueuedEvent {
        QueuedEvent {
            position: Some(SessionPosition {
                session: "s".into(),
                sequence,
            }),
            received_at,
            event: None,
            update: None,
            only: None,
            command: None,
            takes: None,
            told: None,
            acknowledge: None,
            trace: Trace::default(),
        }
    }

    #[test]
    fn the_same_event_names_its_actions_alike_whenever_it_is_applied() {
        let names = |sequence, received_at| {
            let mut cause = Cause::of(GuildId(7), &event(sequence, received_at));
            [
                cause.next_nonce("one"),
                cause.next_nonce("one"),
                cause.next_nonce("two"),
            ]
        };
        assert_eq!(names(1, 10), names(1, 20));
        let mut all: Vec<_> = [names(1, 10), names(2, 10)].concat();
        assert!(all.iter().all(|nonce| nonce.len() == DIGITS));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6, "no two actions share one");
    }
}
