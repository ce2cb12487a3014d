//! Greets whoever writes for the first time.

use guildhall_sdk::{Action, Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, params};
use serde::Deserialize;

const SETTINGS: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "properties": { "greeting": { "type": "string", "maxLength": 100, "default": "Welcome", "description": "How to greet" } }
}"#;

/// They fit the schema, and what is not set has its default: the host sees to both.
#[derive(Deserialize)]
struct Settings {
    greeting: String,
}

struct HelloPlugin;

impl Plugin for HelloPlugin {
    fn describe() -> Description {
        Description::new("__id__", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE)
            .capabilities(Capabilities::SEND_MESSAGES)
            .migration("CREATE TABLE __snake___greeted (user INTEGER PRIMARY KEY)")
            .settings_schema(SETTINGS)
    }

    /// An error undoes the call's rows and actions.
    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        let user = message.author.id;
        if message.author.bot {
            return Ok(());
        }
        let sql = "INSERT OR IGNORE INTO __snake___greeted VALUES (?1)";
        let is_new = Database::open()?.execute(sql, params![user])? == 1;
        if is_new {
            let Settings { greeting } = context.settings()?;
            Action::send_message(message.channel, format!("{greeting}, <@{user}>!")).submit()?;
        }
        Ok(())
    }
}

guildhall_sdk::export!(HelloPlugin);
