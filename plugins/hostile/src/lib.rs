//! A plugin that attacks its host, for the tests of the host's bounds. The message chooses the attack; where the host
//! answers an error, the call answers that error. Never install it.

use guildhall_sdk::{
    Action, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, Message, Plugin, params,
};
use std::cell::RefCell;

/// The plugin.
pub struct Hostile;

thread_local! {
    /// A database handle that outlives its call.
    static KEPT: RefCell<Option<Database>> = const { RefCell::new(None) };
}

impl Plugin for Hostile {
    fn describe() -> Description {
        Description::new("hostile", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE | EventKinds::INTERACTION_CREATE)
            .capabilities(Capabilities::SEND_MESSAGES | Capabilities::SIGNALS | Capabilities::RESPOND_TO_INTERACTIONS)
            .command(r#"{ "name": "echo", "description": "Another plugin's" }"#)
            .emits("echo")
            .migration("CREATE TABLE hostile_seen (message INTEGER PRIMARY KEY); CREATE TABLE hostile_t (x)")
    }

    fn interaction_create(_: &Context, interaction: &Interaction) -> Result<(), Error> {
        interaction.answer_privately("of another plugin").submit()
    }

    fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
        let database = Database::open()?;
        // Every attack first leaves a row, which must be gone when the call fails.
        database.execute("INSERT INTO hostile_seen VALUES (?1)", params![message.id])?;
        attack(&message.content, message, &database)
    }
}

fn attack(name: &str, message: &Message, database: &Database) -> Result<(), Error> {
    let run = |sql: &str| database.execute(sql, &[]).map(drop);
    match name {
        "trap" => panic!("asked to trap"),
        "loop" => loop {
            std::hint::black_box(name);
        },
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&hoard);
            }
        }
        "recurse" => {
            std::hint::black_box(recurse(u64::MAX));
            Ok(())
        }
        "many-actions" => {
            for _ in 0..1_000_000 {
                Action::send_message(message.channel, "spam").submit()?;
            }
            Ok(())
        }
        "ungranted" => Ok(Action::ban(message.author.id, 0).submit()?),
        "attach" => run("ATTACH 'other.db' AS other"),
        "writable-schema" => run("PRAGMA writable_schema = ON"),
        "host-table" => {
            run("INSERT INTO guildhall_outbox (plugin, committed_at, submitted) VALUES ('hostile', 0, '{}')")
        }
        "foreign-table" => run("DELETE FROM probe_messages"),
        "rename" => run("ALTER TABLE hostile_t RENAME TO guildhall_evil"),
        "trigger" => {
            run("CREATE TRIGGER hostile_r AFTER INSERT ON hostile_t BEGIN DELETE FROM guildhall_cursor; END")?;
            run("INSERT INTO hostile_t VALUES (1)")
        }
        "endless-sql" => run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"),
        "huge-rows" => database.query::<(Vec<u8>,)>("SELECT zeroblob(5000000)", &[]).map(drop),
        "fill" => loop {
            run("INSERT INTO hostile_t VALUES (zeroblob(100000))")?;
        },
        "grow" => run("INSERT INTO hostile_t VALUES (zeroblob(100000))"),
        "signal" => Action::emit_signal("echo", message.id.to_string()).submit(),
        "signal-and-fail" => {
            Action::emit_signal("echo", "of a failed call").submit()?;
            Err(Error::Invalid("asked to fail".into()))
        }
        "keep-handle" => {
            KEPT.set(Some(Database::open()?));
            Ok(())
        }
        "use-kept-handle" => KEPT.with_borrow(|kept| match kept {
            Some(database) => database.execute("SELECT 1", &[]).map(drop),
            None => Err(Error::Invalid("the instance is a fresh one".into())),
        }),
        "error" => Err(Error::Invalid("asked to fail".into())),
        _ => Ok(()),
    }
}

#[expect(unconditional_recursion, reason = "it is the attack")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth - 1))) + 1
}

guildhall_sdk::export!(Hostile);
