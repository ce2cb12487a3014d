//! Interactions: a plugin's own commands with their options, and what it never made.

use super::{CONTENT, Shape, deep, given, member, message_id, text};
use crate::world::{self, GENERAL, LOG, MEMBER, STAFF};
use guildhall_model::{EventData, Interaction, InteractionId, PluginDescription};
use serde_json::{Value, json};

fn interaction(shape: Shape, kind: u8, number: u64) -> Interaction {
    Interaction {
        id: InteractionId(world::id(0, 400 + number)),
        token: if shape == Shape::Minimal {
            "t".into()
        } else {
            text(shape, "a token", 250)
        },
        kind,
        channel: given(shape, LOG),
        member: member(if shape == Shape::Hostile { Shape::Full } else { shape }),
        permissions: match shape {
            Shape::Minimal => 0,
            Shape::Full => 1 << 3,
            Shape::Hostile => u64::MAX,
        },
        data: match shape {
            Shape::Minimal => "{}".into(),
            Shape::Full => "{\"component_type\":2}".into(),
            Shape::Hostile => deep().to_string(),
        },
        ..Interaction::default()
    }
}

/// Its own commands, with their options given and left out, and components and forms that it never made.
pub(super) fn interactions(shape: Shape, description: &PluginDescription) -> Vec<Interaction> {
    // Discord, Interaction Types: 2 command, 3 component, 4 autocomplete, 5 modal.
    let mut all: Vec<_> = (0..)
        .zip(&description.commands)
        .map(|(number, command)| {
            let command: Value = serde_json::from_str(command).unwrap_or_default();
            let (data, target) = command_data(&command, shape);
            Interaction {
                command: command["name"].as_str().unwrap_or_default().to_owned(),
                target,
                data,
                ..interaction(shape, 2, number)
            }
        })
        .collect();
    all.push(Interaction {
        command: text(shape, "no-such-command", 32),
        ..interaction(shape, 2, 50)
    });
    for kind in [3, 5] {
        all.push(Interaction {
            custom_id: text(shape, "no-such:component:1", 100),
            message: given(shape, message_id(shape)),
            ..interaction(shape, kind, 60 + u64::from(kind))
        });
    }
    all
}

/// A button that a plugin has shown, pressed by somebody.
pub(crate) fn click(custom_id: &str, number: u64) -> EventData {
    EventData::InteractionCreate(Box::new(Interaction {
        custom_id: custom_id.to_owned(),
        message: Some(message_id(Shape::Full)),
        data: json!({ "component_type": 2, "custom_id": custom_id }).to_string(),
        ..interaction(Shape::Full, 3, 700 + number)
    }))
}

/// A command's `data`, and what it is used on.
fn command_data(command: &Value, shape: Shape) -> (String, Option<u64>) {
    let kind = command["type"].as_u64().unwrap_or(1);
    let mut data = json!({ "id": "1", "name": command["name"], "type": kind });
    let mut target = None;
    match kind {
        2 => {
            target = Some(MEMBER.0);
            data["target_id"] = json!(MEMBER.to_string());
            data["resolved"] =
                json!({ "users": { MEMBER.to_string(): { "id": MEMBER.to_string(), "username": "ann" } } });
        }
        3 => {
            let message = message_id(Shape::Full).0.to_string();
            target = Some(message_id(Shape::Full).0);
            data["target_id"] = json!(message);
            data["resolved"] = json!({ "messages": { message.clone(): {
                "id": message, "channel_id": GENERAL.to_string(), "content": text(shape, "hello", CONTENT), "timestamp": "2026-03-02T09:00:00+00:00",
                "author": { "id": MEMBER.to_string(), "username": "ann" }, "type": 0, "edited_timestamp": null,
            } } });
        }
        _ => data["options"] = options(&command["options"], shape),
    }
    (data.to_string(), target)
}

/// Discord, Application Command Option Types: 1 and 2 hold options, 3 text, 4 whole number, 5 yes or no, 6 user, 7 channel, 8 role,
/// 9 any of these, 10 number, 11 a file.
fn options(described: &Value, shape: Shape) -> Value {
    let mut given: Vec<Value> = Vec::new();
    for option in described.as_array().into_iter().flatten() {
        let kind = option["type"].as_u64().unwrap_or(3);
        let holds_options = kind == 1 || kind == 2;
        if shape == Shape::Minimal && !holds_options && option["required"] != true {
            continue;
        }
        let mut value = json!({ "name": option["name"], "type": kind });
        match kind {
            1 | 2 => value["options"] = options(&option["options"], shape),
            4 => value["value"] = json!(if shape == Shape::Hostile { i64::MIN } else { 1 }),
            5 => value["value"] = json!(true),
            6 | 9 => value["value"] = json!(MEMBER.to_string()),
            7 => value["value"] = json!(GENERAL.to_string()),
            8 => value["value"] = json!(STAFF.to_string()),
            10 => value["value"] = json!(0.5),
            11 => value["value"] = json!("1"),
            _ => {
                value["value"] = json!(
                    option["choices"][0]["value"]
                        .as_str()
                        .map_or_else(|| text(shape, "text", CONTENT), str::to_owned)
                )
            }
        }
        given.push(value);
        // Of several subcommands one is used.
        if holds_options {
            break;
        }
    }
    given.into()
}
