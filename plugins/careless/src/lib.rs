//! A plugin that does what none should, for the tests of the conformance suite: it traps where the host refuses something, and
//! remembers in memory how often it was called. Never install it.
#![allow(clippy::unwrap_used, reason = "it is what the suite must find")]

use guildhall_sdk::{Action, Context, Database, Description, Error, EventKinds, Message, Plugin, params};
use std::cell::Cell;

/// The plugin.
pub struct Careless;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

impl Plugin for Careless {
    fn describe() -> Description {
        Description::new("careless", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE)
            .migration("CREATE TABLE careless_messages (message INTEGER, calls INTEGER)")
    }

    fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
        CALLS.set(CALLS.get() + 1);
        let database = Database::open().unwrap();
        let insert = "INSERT INTO careless_messages VALUES (?1, ?2)";
        database.execute(insert, params![message.id, CALLS.get()]).unwrap();
        // It never asked to be allowed to.
        let _ = Action::ban(message.author.id, 0).submit();
        Ok(())
    }
}

guildhall_sdk::export!(Careless);
