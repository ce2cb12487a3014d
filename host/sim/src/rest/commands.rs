//! The bot's global commands (Application Commands, Endpoints): one per kind and name, each with the fields that Discord
//! adds.

use super::{Answer, Request};
use crate::state::State;
use serde_json::{Value, json};

/// Slash commands that a bot may have; context-menu commands have bounds of their own.
const SLASH_COMMANDS: usize = 100;
const MENU_COMMANDS: usize = 15;

pub(super) fn route(state: &mut State, request: &Request<'_>, route: &str) -> Answer {
    let id = request.segments.get(3).copied();
    let found = state.world.commands.iter().position(|known| known["id"].as_str() == id);
    match (route, found) {
        ("list-commands", _) => {
            let whole = request.query("with_localizations") == Some("true");
            let commands = state.world.commands.iter().map(|command| listed(command, whole));
            Answer::ok(commands.collect())
        }
        ("set-commands", _) => set(state, request.body.as_array().map_or(&[], Vec::as_slice)),
        ("create-command", _) => create(state, &request.body),
        (_, None) => Answer::error(404, 10_063, "Unknown application command"),
        ("edit-command", Some(found)) => {
            let mut command = state.world.commands[found].clone();
            for (key, value) in request.body.as_object().into_iter().flatten() {
                command[key] = value.clone();
            }
            if let Some(refusal) = refusal(&command) {
                return refusal;
            }
            let id = command["id"].clone();
            let command = completed(&command, &id, state.world.bot, state.world.snowflakes.next());
            state.world.commands[found] = command.clone();
            Answer::ok(command)
        }
        ("delete-command", Some(found)) => {
            state.world.commands.remove(found);
            Answer::empty()
        }
        (_, Some(found)) => Answer::ok(state.world.commands[found].clone()),
    }
}

/// The list takes the place of what is there; commands that stay keep their ids.
fn set(state: &mut State, wanted: &[Value]) -> Answer {
    let before = std::mem::take(&mut state.world.commands);
    for command in wanted {
        let known = before.iter().find(|known| key(known) == key(command));
        state.world.commands.extend(known.cloned());
        let answer = create(state, command);
        if answer.status >= 400 {
            state.world.commands = before;
            return answer;
        }
    }
    Answer::ok(state.world.commands.clone().into())
}

/// One of the same kind and name is overwritten.
fn create(state: &mut State, wanted: &Value) -> Answer {
    if let Some(refusal) = refusal(wanted) {
        return refusal;
    }
    let same = state.world.commands.iter().position(|known| key(known) == key(wanted));
    let of_kind = |known: &&Value| key(known).0 == key(wanted).0;
    let most = if key(wanted).0 == 1 {
        SLASH_COMMANDS
    } else {
        MENU_COMMANDS
    };
    if same.is_none() && state.world.commands.iter().filter(of_kind).count() >= most {
        let message = format!("Maximum number of application commands reached ({most}).");
        return Answer::error(400, 30_032, &message);
    }
    let id = match same {
        Some(same) => state.world.commands[same]["id"].clone(),
        None => state.world.snowflakes.next().to_string().into(),
    };
    let command = completed(wanted, &id, state.world.bot, state.world.snowflakes.next());
    match same {
        Some(same) => state.world.commands[same] = command.clone(),
        None => state.world.commands.push(command.clone()),
    }
    Answer {
        status: if same.is_some() { 200 } else { 201 },
        ..Answer::ok(command)
    }
}

fn key(command: &Value) -> (u64, &str) {
    (
        command["type"].as_u64().unwrap_or(1),
        command["name"].as_str().unwrap_or_default(),
    )
}

fn refusal(command: &Value) -> Option<Answer> {
    let (kind, name) = key(command);
    let description = command["description"].as_str().unwrap_or_default().chars().count();
    let slash = kind == 1;
    let sound = (1..=32).contains(&name.chars().count())
        && (!slash || (name.to_lowercase() == name && !name.contains(' ') && (1..=100).contains(&description)))
        && (slash || description == 0);
    (!sound).then(|| Answer::error(400, 50_035, "Invalid Form Body"))
}

/// The command as Discord gives it back.
fn completed(wanted: &Value, id: &Value, application: u64, version: u64) -> Value {
    let mut command = json!({
        "type": 1, "description": "", "name_localizations": null, "description_localizations": null,
        "default_member_permissions": null, "dm_permission": true, "nsfw": false, "contexts": null,
        "integration_types": [0],
    });
    for (key, value) in wanted.as_object().into_iter().flatten() {
        command[key] = value.clone();
    }
    complete_options(&mut command);
    command["id"] = id.clone();
    command["application_id"] = application.to_string().into();
    command["version"] = version.to_string().into();
    command
}

fn complete_options(of: &mut Value) {
    let Some(of) = of.as_object_mut() else { return };
    if of.get("options").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        of.remove("options");
    }
    for option in of
        .get_mut("options")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        complete_options(option);
        if let Some(option) = option.as_object_mut() {
            for key in ["name_localizations", "description_localizations"] {
                option.entry(key).or_insert(Value::Null);
            }
            option.retain(|key, value| key != "required" || *value == json!(true));
        }
    }
}

/// A command of the list: without `with_localizations`, what it is called elsewhere is left out.
fn listed(command: &Value, whole: bool) -> Value {
    let mut command = command.clone();
    if let (false, Some(command)) = (whole, command.as_object_mut()) {
        command.remove("name_localizations");
        command.remove("description_localizations");
    }
    command
}
