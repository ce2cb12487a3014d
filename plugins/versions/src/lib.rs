//! A plugin of many versions, for the tests of updates. The variable `VERSIONS_VARIANT` chooses at build time which one it
//! becomes; `cargo xtask plugins` builds each to `versions-VARIANT.wasm`.
//!
//! Every version notes the messages that it sees and which version it is. It answers `!version` with its variant, `!greet`
//! with the setting of that name, and bans whoever writes `!ban`, where it may.

use guildhall_sdk::{Action, Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, params};

/// What this build is.
const VARIANT: &str = match option_env!("VERSIONS_VARIANT") {
    Some(variant) => variant,
    None => "v1",
};

/// Rounds of the slow version's work: some tens of milliseconds.
const ROUNDS: u64 = 20_000_000;

/// The plugin.
pub struct Versions;

impl Plugin for Versions {
    fn describe() -> Description {
        let version = if VARIANT == "v1" { "1.0.0" } else { "2.0.0" };
        let described = Description::new("versions", version)
            .events(EventKinds::MESSAGE_CREATE)
            .capabilities(Capabilities::SEND_MESSAGES)
            .settings_schema(r#"{"type":"object","properties":{"greeting":{"type":"string","maxLength":40}}}"#)
            .migration("CREATE TABLE versions_seen (message INTEGER PRIMARY KEY, author INTEGER, variant TEXT)");
        match VARIANT {
            "v2-good" => described.migration("ALTER TABLE versions_seen ADD COLUMN channel INTEGER"),
            // The table stays only where the index can be made: not where somebody has written twice.
            "v2-bad-migration" => described.migration(
                "CREATE TABLE versions_notes (message INTEGER PRIMARY KEY);
                 CREATE UNIQUE INDEX versions_once ON versions_seen (author)",
            ),
            "v2-wants-more" => described.capabilities(Capabilities::BAN_MEMBERS),
            _ => described,
        }
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        Database::open()?.execute(
            "INSERT OR REPLACE INTO versions_seen (message, author, variant) VALUES (?1, ?2, ?3)",
            params![message.id, message.author.id, VARIANT],
        )?;
        match VARIANT {
            "v2-traps" => panic!("this version is broken"),
            "v2-slow" => work(),
            _ => {}
        }
        match message.content.as_str() {
            "!version" => Action::send_message(message.channel, VARIANT).submit(),
            "!greet" => {
                let settings: serde_json::Value = context.settings()?;
                let greeting = settings["greeting"].as_str().unwrap_or("hello");
                Action::send_message(message.channel, greeting).submit()
            }
            "!ban" => Action::ban(message.author.id, 0).submit(),
            _ => Ok(()),
        }
    }
}

fn work() {
    for round in 0..ROUNDS {
        std::hint::black_box(round);
    }
}

guildhall_sdk::export!(Versions);
