//! Which intents a session asks for: no more than the loaded plugins' events need (Discord, Gateway, Intents).

use guildhall_model::EventKind;
use std::collections::BTreeSet;
use twilight_model::gateway::Intents;

/// The intents for events of these kinds. Guilds always: the snapshot lives on them.
pub fn intents_for(kinds: &BTreeSet<EventKind>) -> Intents {
    kinds.iter().fold(Intents::GUILDS, |intents, kind| {
        intents
            | match kind {
                EventKind::MessageCreate
                | EventKind::MessageUpdate
                | EventKind::MessageDelete
                | EventKind::MessageDeleteBulk => Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT,
                EventKind::MemberAdd | EventKind::MemberRemove | EventKind::MemberUpdate => Intents::GUILD_MEMBERS,
                EventKind::BanAdd | EventKind::BanRemove | EventKind::AuditLogEntry => Intents::GUILD_MODERATION,
                EventKind::ReactionAdd | EventKind::ReactionRemove => Intents::GUILD_MESSAGE_REACTIONS,
                EventKind::AutomodExecution => Intents::AUTO_MODERATION_EXECUTION | Intents::MESSAGE_CONTENT,
                EventKind::InteractionCreate
                | EventKind::ThreadCreate
                | EventKind::GuildCreate
                | EventKind::GuildUpdate
                | EventKind::Timer
                | EventKind::Signal
                | EventKind::ActionResult
                | EventKind::UserFlagged => Intents::empty(),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_is_asked_for() {
        assert_eq!(intents_for(&BTreeSet::new()), Intents::GUILDS);
        let messages = intents_for(&BTreeSet::from([EventKind::MessageDelete, EventKind::Timer]));
        assert_eq!(
            messages,
            Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT
        );
    }
}
