//! The plugin of the benchmarks: for every message one indexed SELECT, one INSERT and a little scoring; a message that
//! begins with `!probe` is deleted, so that the whole way can be timed. It moderates nothing.

use guildhall_sdk::{Action, Capabilities, Context, Database, Description, Error, EventKinds, Message, Plugin, params};

/// The plugin.
pub struct Probe;

impl Plugin for Probe {
    fn describe() -> Description {
        Description::new("probe", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE)
            .capabilities(Capabilities::DELETE_MESSAGES)
            .migration(
                "CREATE TABLE probe_messages (author INTEGER, message INTEGER, score INTEGER, PRIMARY KEY (author, message)) WITHOUT ROWID",
            )
    }

    fn message_create(_: &Context, message: &Message) -> Result<(), Error> {
        let database = Database::open()?;
        let earlier: Vec<(i64,)> = database.query(
            "SELECT score FROM probe_messages WHERE author = ?1 ORDER BY message DESC LIMIT 5",
            params![message.author.id],
        )?;
        let score = score(&message.content) + earlier.iter().map(|(score,)| score).sum::<i64>() / 8;
        database.execute(
            "INSERT INTO probe_messages VALUES (?1, ?2, ?3)",
            params![message.author.id, message.id, score],
        )?;
        if message.content.starts_with("!probe") {
            Action::delete_messages(message.channel, vec![message.id]).submit()?;
        }
        Ok(())
    }
}

/// A little work on the text, as a moderation plugin does.
pub fn score(content: &str) -> i64 {
    let mut score = 0;
    for word in content.split_whitespace() {
        score += match word {
            "free" | "nitro" | "gift" | "claim" => 2,
            _ if word.starts_with("http") => 1,
            _ => 0,
        };
    }
    score
}

guildhall_sdk::export!(Probe);
