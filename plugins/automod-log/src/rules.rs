//! Names of automod's rules. Executions tell only the id of a rule; the audit log tells names, where the bot may read it.

use crate::execution;
use guildhall_sdk::{AuditLogEntry, Context, Database, Error, Id, Timestamp, cut, params};
use serde_json::Value;

/// `told` holds what the audit log has just said, until the execution that it belongs to is filed: either comes first.
pub(crate) const MIGRATION: &str = "CREATE TABLE automod_log_rules (
    rule INTEGER PRIMARY KEY, name TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE automod_log_told (
    user INTEGER NOT NULL, rule_trigger INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (user, rule_trigger)
) WITHOUT ROWID";

/// Discord, Audit Log Events: a rule is made, changed, deleted; a rule has blocked, flagged, timed out, quarantined.
const RULE_CREATE: u16 = 140;
const RULE_UPDATE: u16 = 141;
const RULE_DELETE: u16 = 142;
const ACTED: [u16; 4] = [143, 144, 145, 146];
/// Bytes of a name; Discord allows 100 characters.
const NAME: usize = 400;
/// An execution and the audit log's entry for it come within this time of each other.
const TOGETHER: u64 = 10_000;

/// Takes over what an entry of the audit log says of a rule's name.
pub(crate) fn learn(context: &Context, entry: &AuditLogEntry) -> Result<(), Error> {
    let Some(target) = entry.target else {
        return Ok(());
    };
    match entry.action {
        RULE_CREATE | RULE_UPDATE => match name_in_changes(&entry.changes) {
            Some(name) => set_name(&Database::open()?, target, &name),
            None => Ok(()),
        },
        RULE_DELETE => {
            Database::open()?.execute("DELETE FROM automod_log_rules WHERE rule = ?1", params![target])?;
            Ok(())
        }
        action if ACTED.contains(&action) => match rule_in_options(&entry.options) {
            Some((name, trigger)) => {
                Database::open()?.execute(
                    "INSERT OR REPLACE INTO automod_log_told (user, rule_trigger, name, at) VALUES (?1, ?2, ?3, ?4)",
                    params![target, u32::from(trigger), cut(&name, NAME), context.now()],
                )?;
                Ok(())
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The rule's name, as far as it is known when something that it did to this user is filed.
pub(crate) fn name_of(
    database: &Database,
    rule: Id,
    user: Id,
    trigger: u8,
    acted_at: Timestamp,
) -> Result<Option<String>, Error> {
    let since = acted_at.saturating_sub(TOGETHER);
    let told: Option<(String,)> = database.query_first(
        "SELECT name FROM automod_log_told WHERE user = ?1 AND rule_trigger = ?2 AND at >= ?3",
        params![user, u32::from(trigger), since],
    )?;
    // With two rules of a kind it could be the other one's name.
    if let Some((name,)) = told
        && execution::is_only_rule(database, user, rule, trigger, since)?
    {
        set_name(database, rule, &name)?;
        return Ok(Some(name));
    }
    let row: Option<(String,)> =
        database.query_first("SELECT name FROM automod_log_rules WHERE rule = ?1", params![rule])?;
    Ok(row.map(|(name,)| name))
}

pub(crate) fn prune(database: &Database, now: Timestamp) -> Result<(), Error> {
    let before = now.saturating_sub(TOGETHER);
    database.execute("DELETE FROM automod_log_told WHERE at < ?1", params![before])?;
    Ok(())
}

fn set_name(database: &Database, rule: Id, name: &str) -> Result<(), Error> {
    database.execute(
        "INSERT INTO automod_log_rules (rule, name) VALUES (?1, ?2)
         ON CONFLICT (rule) DO UPDATE SET name = ?2 WHERE name <> ?2",
        params![rule, cut(name, NAME)],
    )?;
    Ok(())
}

fn name_in_changes(changes: &str) -> Option<String> {
    let changes: Vec<Value> = serde_json::from_str(changes).ok()?;
    let change = changes.iter().find(|change| change["key"] == "name")?;
    change["new_value"].as_str().map(str::to_owned)
}

/// The rule's name, and its trigger: Discord writes it as a text.
fn rule_in_options(options: &str) -> Option<(String, u8)> {
    let options: Value = serde_json::from_str(options).ok()?;
    let name = options["auto_moderation_rule_name"].as_str()?.to_owned();
    let trigger = &options["auto_moderation_rule_trigger_type"];
    let trigger = trigger
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| trigger.as_u64().and_then(|number| u8::try_from(number).ok()))?;
    Some((name, trigger))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_changes_and_options() {
        let changes = r#"[{"key":"enabled","new_value":true},{"key":"name","new_value":"No links"}]"#;
        assert_eq!(name_in_changes(changes).as_deref(), Some("No links"));
        assert_eq!(name_in_changes("[]"), None);
        let options =
            r#"{"auto_moderation_rule_name":"No links","auto_moderation_rule_trigger_type":"1","channel_id":"5"}"#;
        assert_eq!(rule_in_options(options), Some(("No links".into(), 1)));
        assert_eq!(rule_in_options(r#"{"auto_moderation_rule_name":"No links"}"#), None);
        assert_eq!(rule_in_options("{}"), None);
    }
}
