//! Tally: counts how often each message was applied. In a guild where nothing is lost or applied twice, every count
//! is 1; demonstrations and crash tests read its table.

use guildhall_sdk::{Context, Database, Description, Error, EventKinds, Message, Plugin, params};

/// The plugin.
pub struct Tally;

impl Plugin for Tally {
    fn describe() -> Description {
        Description::new("tally", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE)
            .migration(
                "CREATE TABLE tally_messages (message INTEGER PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID",
            )
    }

    fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
        let count = "INSERT INTO tally_messages VALUES (?1, 1) ON CONFLICT (message) DO UPDATE SET times = times + 1";
        Database::open()?.execute(count, params![message.id]).map(drop)
    }
}

guildhall_sdk::export!(Tally);
