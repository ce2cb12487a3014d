//! What Discord would answer an action, as far as a story needs it.

use crate::dispatch::iso8601;
use crate::stage::Stage;
use anyhow::Result;
use guildhall_discord::read;
use guildhall_model::{Action, MessageBody, OutboxEntry, Outcome, Refusal};
use serde_json::{Value, json};

type Events = Vec<(&'static str, Value)>;

impl Stage {
    /// What comes of the action, and what else it brings about.
    pub(crate) fn answer(&mut self, entry: &OutboxEntry) -> Result<(Outcome, Events)> {
        let action = &entry.submitted.action;
        if let Some(refusal) = self.refusal(&crate::telling::kind(action)) {
            return Ok((Outcome::Refused(refusal), Vec::new()));
        }
        let mut events = Vec::new();
        let outcome = match action {
            Action::SendMessage { channel, body } => {
                if !self.channels.contains_key(&channel.0) {
                    return Ok((refused(404, 10_003, "Unknown Channel"), events));
                }
                self.sent(channel.0, body)?
            }
            Action::SendDirectMessage { user, body } => self.sent(user.0, body)?,
            Action::EditMessage { message, body, .. } => match self.messages.get_mut(&message.0) {
                Some(known) => {
                    known["content"] = body.content.clone().unwrap_or_default().into();
                    Outcome::Message(Box::new(read::message(known)?))
                }
                None => refused(404, 10_008, "Unknown Message"),
            },
            Action::DeleteMessages { messages, .. } => {
                let ids: Vec<_> = messages.iter().map(|message| message.0).collect();
                events.extend(self.take_away(&ids));
                Outcome::Done
            }
            Action::CreateThread {
                channel, name, private, ..
            } => {
                if !self.channels.contains_key(&channel.0) {
                    return Ok((refused(404, 10_003, "Unknown Channel"), events));
                }
                let kind = if *private { 12 } else { 11 };
                let thread = self.make_channel("thread", name, kind, Some(channel.0));
                events.push(("THREAD_CREATE", thread.clone()));
                Outcome::Channel(read::channel(&thread)?)
            }
            Action::CreateChannel { name, parent, .. } => {
                let channel = self.make_channel("channel", name, 0, parent.map(|parent| parent.0));
                events.push(("CHANNEL_CREATE", channel.clone()));
                Outcome::Channel(read::channel(&channel)?)
            }
            Action::FetchMessage { message, .. } => match self.messages.get(&message.0) {
                Some(known) => Outcome::Message(Box::new(read::message(known)?)),
                None => refused(404, 10_008, "Unknown Message"),
            },
            Action::FetchMessages { channel, before, limit } => {
                let here = channel.to_string();
                let before = before.map_or(u64::MAX, |message| message.0);
                let older = self.messages.range(..before).rev().map(|(_, message)| message);
                let found = older
                    .filter(|message| message["channel_id"] == *here)
                    .take(usize::from(*limit));
                Outcome::Messages(found.map(read::message).collect::<Result<_, _>>()?)
            }
            Action::FetchMember { user } | Action::Timeout { user, .. } | Action::Kick { user }
                if !self.people.get(&user.0).is_some_and(|person| person.here) =>
            {
                refused(404, 10_007, "Unknown Member")
            }
            Action::FetchMember { user } => Outcome::Member(read::member(&self.member(user.0))?),
            Action::FetchAuditLog {
                action,
                executor,
                limit,
            } => {
                let wanted = self.audit.iter().rev().filter(|entry| {
                    action.is_none_or(|action| entry["action_type"] == action)
                        && executor.is_none_or(|executor| entry["user_id"] == executor.to_string())
                });
                let entries: Vec<_> = wanted.take(usize::from(*limit)).cloned().collect();
                Outcome::AuditLog(read::audit_log(&json!({ "audit_log_entries": entries, "users": [] }))?)
            }
            Action::HttpRequest { .. } => Outcome::Failed("nobody answers in this story".into()),
            _ => Outcome::Done,
        };
        Ok((outcome, events))
    }

    fn refusal(&mut self, kind: &str) -> Option<Refusal> {
        let found = self.refusals.iter().position(|(refuse, _)| refuse.action == kind)?;
        let (refuse, times) = &mut self.refusals[found];
        let refusal = Refusal {
            status: refuse.status,
            code: refuse.code,
            message: refuse.message.clone(),
        };
        *times -= 1;
        if *times == 0 {
            self.refusals.remove(found);
        }
        Some(refusal)
    }

    fn sent(&mut self, channel: u64, body: &MessageBody) -> Result<Outcome> {
        let id = self.names.snowflake(self.now);
        self.names.add_numbered("sent", id);
        let message = json!({
            "id": id.to_string(), "channel_id": channel.to_string(), "author": self.user(self.own_user),
            "content": body.content.as_deref().unwrap_or_default(), "timestamp": iso8601(self.now), "edited_timestamp": null, "type": 0,
        });
        let outcome = read::message(&message)?;
        self.messages.insert(id, message);
        Ok(Outcome::Message(Box::new(outcome)))
    }

    fn make_channel(&mut self, sort: &'static str, name: &str, kind: u8, parent: Option<u64>) -> Value {
        let id = self.names.snowflake(self.now);
        self.names.add_numbered(sort, id);
        let channel = json!({
            "id": id.to_string(), "name": name, "type": kind, "parent_id": parent.map(|parent| parent.to_string()),
        });
        self.channels.insert(id, channel.clone());
        channel
    }
}

fn refused(status: u16, code: u32, message: &str) -> Outcome {
    Outcome::Refused(Refusal {
        status,
        code,
        message: message.into(),
    })
}
