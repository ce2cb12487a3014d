//! A plugin for tests of instances: it keeps in memory what no plugin should, and answers every message with how many calls
//! its memory has seen.

use guildhall_sdk::{
    Action, Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, metrics,
};
use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The plugin.
pub struct Keeper;

impl Plugin for Keeper {
    fn describe() -> Description {
        Description::new("keeper", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE)
            .capabilities(Capabilities::SEND_MESSAGES | Capabilities::SIGNALS)
            .emits("kept")
    }

    fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        metrics::count("messages", 1);
        metrics::observe("bytes", message.content.len() as f64);
        match message.content.as_str() {
            "trap" => panic!("asked to trap"),
            "fail" => return Err(Error::Invalid("asked to fail".into())),
            // Written to and looked at, so that it is memory indeed.
            "hoard" => std::mem::forget(std::hint::black_box(vec![1_u8; 8 << 20])),
            "leak" => {
                for _ in 0..200 {
                    std::mem::forget(Database::open()?);
                }
            }
            "signal" => Action::emit_signal("kept", "").submit()?,
            "undeclared" => Action::emit_signal("another", "").submit()?,
            _ => {}
        }
        Action::send_message(message.channel, calls.to_string()).submit()
    }
}

guildhall_sdk::export!(Keeper);
