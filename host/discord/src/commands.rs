//! The bot's global commands: what Discord has is compared with what is wanted, and only what differs is changed. A
//! registration that is not needed would make every client load the command anew, and counts against the day's.

use crate::request::Outgoing;
use crate::rest::{Rest, RestError};
use guildhall_model::Refusal;
use serde_json::{Map, Value};
use twilight_http::routing::Route;

/// Discord, Application Command Types: what has no type is a slash command; an activity's entry point is not ours.
const SLASH: u64 = 1;
const ENTRY_POINT: u64 = 4;
/// What Discord calls a command that is gone.
const UNKNOWN_COMMAND: u32 = 10_063;

/// What a command is known by: its type and name.
pub type CommandKey = (u64, String);

/// What was changed, and what Discord refused for good.
#[derive(Debug, Default)]
pub struct CommandChanges {
    /// Commands that are new.
    pub created: usize,
    /// Commands that differed.
    pub edited: usize,
    /// Commands that nobody wants any more.
    pub deleted: usize,
    /// Commands that Discord does not take as they are, and why.
    pub refused: Vec<(CommandKey, Refusal)>,
}

/// One request that brings Discord nearer to what is wanted.
#[derive(Debug, PartialEq)]
enum Change<'wanted> {
    /// First: a bot may have only so many.
    Delete {
        id: u64,
    },
    Edit {
        id: u64,
        wanted: &'wanted Value,
        fields: Map<String, Value>,
    },
    Create(&'wanted Value),
}

/// The type and name of a command.
pub fn command_key(command: &Value) -> CommandKey {
    let name = command["name"].as_str().unwrap_or_default();
    (command["type"].as_u64().unwrap_or(SLASH), name.to_owned())
}

impl Rest {
    /// Makes these the bot's global commands: at most one of each type and name. An error says that not all was done, and
    /// that the same may be asked for again.
    pub async fn set_commands(&self, wanted: &[&Value]) -> Result<CommandChanges, RestError> {
        let application_id = self.application().await?;
        let listing = Route::GetGlobalCommands {
            application_id,
            with_localizations: Some(true),
        };
        let known: Vec<Value> = self.get(&listing).await?;
        let mut changes = CommandChanges::default();
        for change in differences(wanted, &known) {
            let (request, count, wanted) = match change {
                Change::Delete { id } => {
                    let route = Route::DeleteGlobalCommand {
                        application_id,
                        command_id: id,
                    };
                    (Outgoing::to_route(&route), &mut changes.deleted, None)
                }
                Change::Edit { id, wanted, fields } => {
                    let route = Route::UpdateGlobalCommand {
                        application_id,
                        command_id: id,
                    };
                    let request = Outgoing::to_route(&route).with_body(fields.into());
                    (request, &mut changes.edited, Some(wanted))
                }
                Change::Create(wanted) => {
                    let request = Outgoing::to_route(&Route::CreateGlobalCommand { application_id });
                    (request.with_body(wanted.clone()), &mut changes.created, Some(wanted))
                }
            };
            match (self.send(&request).await.result, wanted) {
                (Ok(_), _) => *count += 1,
                // Another pod was quicker.
                (Err(RestError::Refused(refusal)), None) if refusal.code == UNKNOWN_COMMAND => {}
                (Err(RestError::Refused(refusal)), Some(wanted)) if refusal.code != UNKNOWN_COMMAND => {
                    changes.refused.push((command_key(wanted), refusal));
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(changes)
    }
}

fn differences<'wanted>(wanted: &[&'wanted Value], known: &[Value]) -> Vec<Change<'wanted>> {
    let id = |command: &Value| command["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
    let is_wanted = |known: &Value| wanted.iter().any(|wanted| command_key(wanted) == command_key(known));
    let left = known
        .iter()
        .filter(|known| command_key(known).0 != ENTRY_POINT && !is_wanted(known));
    let mut changes: Vec<_> = left.map(|known| Change::Delete { id: id(known) }).collect();
    for wanted in wanted {
        match known.iter().find(|known| command_key(known) == command_key(wanted)) {
            Some(known) => {
                let fields = differing(wanted, known);
                if !fields.is_empty() {
                    let id = id(known);
                    changes.push(Change::Edit { id, wanted, fields });
                }
            }
            None => changes.push(Change::Create(wanted)),
        }
    }
    changes
}

/// The fields of a known command that are not as wanted, as they should be.
fn differing(wanted: &Value, known: &Value) -> Map<String, Value> {
    // What is not wanted in words is the default; of other fields Discord chooses itself what it is.
    const RESET: [&str; 7] = [
        "name_localizations",
        "description",
        "description_localizations",
        "options",
        "default_member_permissions",
        "nsfw",
        "contexts",
    ];
    const NOT_COMPARED: [&str; 6] = ["type", "name", "id", "application_id", "guild_id", "version"];
    let named = wanted.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let keys = named
        .filter(|key| !NOT_COMPARED.contains(key) && !RESET.contains(key))
        .chain(RESET);
    keys.filter(|key| normalised(key, &wanted[*key]) != normalised(key, &known[*key]))
        .map(|key| {
            let value = match (&wanted[key], key) {
                (Value::Null, "options") => Value::Array(Vec::new()),
                (Value::Null, "nsfw") => false.into(),
                (value, _) => value.clone(),
            };
            (key.to_owned(), value)
        })
        .collect()
}

/// A field in the one form that all ways to write the same have.
fn normalised(key: &str, value: &Value) -> Value {
    match (key, value) {
        // These are on unless they are said to be off.
        ("dm_permission" | "default_permission", value) => (*value != Value::Bool(false)).into(),
        ("default_member_permissions", Value::Number(bits)) => bits.to_string().into(),
        // All three kinds of places are the default (Interaction Context Types).
        ("contexts", Value::Array(places)) if places.len() == 3 => Value::Null,
        ("contexts" | "integration_types" | "channel_types", Value::Array(set)) => {
            let mut set: Vec<_> = set.iter().filter_map(Value::as_u64).collect();
            set.sort_unstable();
            if set.is_empty() { Value::Null } else { set.into() }
        }
        (_, Value::Object(members)) => {
            let members = members.iter().filter_map(|(key, value)| {
                let value = normalised(key, value);
                // Discord gives the texts of one language beside all of them.
                let told = !value.is_null() && !matches!(key.as_str(), "name_localized" | "description_localized");
                told.then(|| (key.clone(), value))
            });
            let members: Map<_, _> = members.collect();
            if members.is_empty() {
                Value::Null
            } else {
                members.into()
            }
        }
        (key, Value::Array(list)) if !list.is_empty() => list.iter().map(|item| normalised(key, item)).collect(),
        (_, Value::Array(_) | Value::Bool(false)) => Value::Null,
        (_, Value::String(text)) if text.is_empty() => Value::Null,
        (_, Value::Number(number)) => number.as_f64().map_or(Value::Null, Value::from),
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As Discord gives it back.
    fn registered(change: impl FnOnce(&mut Value)) -> Value {
        let mut command = json!({
            "id": "7", "application_id": "1", "version": "9", "type": 1, "name": "report", "name_localizations": null,
            "description": "Reports somebody", "description_localizations": null, "default_member_permissions": null,
            "dm_permission": true, "nsfw": false, "contexts": null, "integration_types": [0],
            "options": [{
                "type": 4, "name": "days", "name_localizations": null, "description": "How many",
                "description_localizations": null, "min_value": 1,
                "choices": [{ "name": "one", "name_localizations": null, "value": 1 }],
            }],
        });
        change(&mut command);
        command
    }

    fn wanted() -> Value {
        json!({
            "name": "report", "description": "Reports somebody",
            "options": [{
                "type": 4, "name": "days", "description": "How many", "required": false, "min_value": 1.0,
                "choices": [{ "name": "one", "value": 1 }],
            }],
        })
    }

    fn fields(wanted: &Value, known: &Value) -> Value {
        match differences(&[wanted], std::slice::from_ref(known)).pop() {
            Some(Change::Edit { id: 7, fields, .. }) => fields.into(),
            None => Value::Null,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_discord_adds_is_no_difference() {
        assert_eq!(fields(&wanted(), &registered(|_| {})), Value::Null);
        let also = registered(|known| {
            known["contexts"] = json!([0, 1, 2]);
            known["integration_types"] = json!([0, 1]);
            known["name_localized"] = "report".into();
        });
        assert_eq!(fields(&wanted(), &also), Value::Null);
        let mut guarded = wanted();
        guarded["default_member_permissions"] = json!(8);
        guarded["contexts"] = json!([2, 0]);
        let known = registered(|known| {
            known["default_member_permissions"] = "8".into();
            known["contexts"] = json!([0, 2]);
        });
        assert_eq!(fields(&guarded, &known), Value::Null);
    }

    #[test]
    fn only_what_differs_is_changed_and_what_is_wanted_no_more_is_reset() {
        let known = registered(|known| {
            known["description"] = "Tells".into();
            known["default_member_permissions"] = "8".into();
            known["nsfw"] = true.into();
        });
        assert_eq!(
            fields(&wanted(), &known),
            json!({ "description": "Reports somebody", "default_member_permissions": null, "nsfw": false })
        );
        let mut bare = wanted();
        bare.as_object_mut().expect("an object").remove("options");
        assert_eq!(fields(&bare, &registered(|_| {})), json!({ "options": [] }));
        let mut guild_only = wanted();
        guild_only["dm_permission"] = false.into();
        assert_eq!(
            fields(&guild_only, &registered(|_| {})),
            json!({ "dm_permission": false })
        );
        let mut renamed = wanted();
        renamed["options"][0]["choices"][0]["name"] = "a single one".into();
        assert_eq!(
            fields(&renamed, &registered(|_| {})),
            json!({ "options": renamed["options"] })
        );
    }

    #[test]
    fn deletions_come_first_and_an_entry_point_stays() {
        let (old, entry) = (
            registered(|known| known["name"] = "old".into()),
            registered(|known| known["type"] = 4.into()),
        );
        let (new, menu) = (wanted(), json!({ "name": "report", "type": 3 }));
        assert_eq!(
            differences(&[&new, &menu], &[entry, old]),
            [Change::Delete { id: 7 }, Change::Create(&new), Change::Create(&menu)]
        );
    }
}
