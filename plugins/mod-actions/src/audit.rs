//! What an entry of Discord's audit log says that was done to a member.

use crate::kind::{AUTOMOD_TIMEOUT, Kind, MEMBER_BAN_ADD, MEMBER_BAN_REMOVE, MEMBER_KICK, MEMBER_UPDATE};
use crate::moment;
use guildhall_sdk::{AuditLogEntry, Id, Timestamp, snowflake_unix_ms};
use serde_json::Value;

/// An action as the audit log tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deed {
    pub(crate) kind: Kind,
    pub(crate) user: Id,
    /// The end of a timeout, where the entry says it.
    pub(crate) until: Option<Timestamp>,
    /// None for Discord's automod.
    pub(crate) executor: Option<Id>,
    pub(crate) reason: Option<String>,
    /// The entry.
    pub(crate) entry: Id,
    pub(crate) at: Timestamp,
}

/// None for entries of other things, and for updates of a member that leave timeouts alone.
pub(crate) fn deed_of(entry: &AuditLogEntry) -> Option<Deed> {
    let (kind, until) = match entry.action {
        MEMBER_KICK => (Kind::Kick, None),
        MEMBER_BAN_ADD => (Kind::Ban, None),
        MEMBER_BAN_REMOVE => (Kind::Unban, None),
        MEMBER_UPDATE => timeout_of(&entry.changes)?,
        AUTOMOD_TIMEOUT => (Kind::Timeout, None),
        _ => return None,
    };
    // Discord names the author of the message as executor of what its automod does.
    let (executor, reason) = if entry.action == AUTOMOD_TIMEOUT {
        (None, Some(automod_reason(&entry.options)))
    } else {
        (
            entry.executor,
            entry.reason.clone().filter(|reason| !reason.trim().is_empty()),
        )
    };
    Some(Deed {
        kind,
        user: entry.target?,
        until,
        executor,
        reason,
        entry: entry.id,
        at: snowflake_unix_ms(entry.id),
    })
}

fn timeout_of(changes: &str) -> Option<(Kind, Option<Timestamp>)> {
    let changes: Vec<Value> = serde_json::from_str(changes).ok()?;
    let change = changes
        .iter()
        .find(|change| change["key"] == "communication_disabled_until")?;
    Some(match change["new_value"].as_str() {
        Some(until) => (Kind::Timeout, moment::unix_milliseconds(until)),
        None => (Kind::TimeoutLifted, None),
    })
}

fn automod_reason(options: &str) -> String {
    let options: Value = serde_json::from_str(options).unwrap_or_default();
    match options["auto_moderation_rule_name"].as_str() {
        Some(rule) => format!("Discord's automod, rule {rule}"),
        None => "Discord's automod".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(action: u16, changes: &str, options: &str) -> AuditLogEntry {
        AuditLogEntry {
            id: 1 << 22,
            action,
            executor: Some(2),
            target: Some(3),
            reason: Some("spam".into()),
            changes: changes.into(),
            options: options.into(),
        }
    }

    #[test]
    fn bans_and_kicks_carry_executor_and_reason() {
        let deed = deed_of(&entry(22, "[]", "{}")).expect("a ban");
        assert_eq!((deed.kind, deed.user, deed.executor), (Kind::Ban, 3, Some(2)));
        assert_eq!((deed.reason.as_deref(), deed.at), (Some("spam"), 1_420_070_400_001));
        assert_eq!(deed_of(&entry(20, "[]", "{}")).expect("a kick").kind, Kind::Kick);
        assert_eq!(deed_of(&entry(25, "[]", "{}")), None, "roles are another matter");
    }

    #[test]
    fn of_member_updates_only_timeouts_count() {
        let set = r#"[{"key":"nick","new_value":"a"},
            {"key":"communication_disabled_until","new_value":"1970-01-01T00:00:10+00:00"}]"#;
        let deed = deed_of(&entry(24, set, "{}")).expect("a timeout");
        assert_eq!((deed.kind, deed.until), (Kind::Timeout, Some(10_000)));
        let lifted = r#"[{"key":"communication_disabled_until","old_value":"1970-01-01T00:00:10+00:00"}]"#;
        assert_eq!(
            deed_of(&entry(24, lifted, "{}")).expect("lifted").kind,
            Kind::TimeoutLifted
        );
        assert_eq!(deed_of(&entry(24, r#"[{"key":"nick"}]"#, "{}")), None);
        assert_eq!(deed_of(&entry(24, "no JSON", "{}")), None);
    }

    #[test]
    fn automod_is_no_moderator() {
        let deed = deed_of(&entry(145, "[]", r#"{"auto_moderation_rule_name":"No links"}"#)).expect("a timeout");
        assert_eq!(deed.executor, None);
        assert_eq!(deed.reason.as_deref(), Some("Discord's automod, rule No links"));
        let nobody = AuditLogEntry {
            target: None,
            ..entry(22, "[]", "{}")
        };
        assert_eq!(deed_of(&nobody), None);
    }
}
