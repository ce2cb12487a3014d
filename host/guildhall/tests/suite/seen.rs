//! What a test waits for: what people see in channels, threads and answers, and the rows in the guild's file.

use crate::server::{Server, id_of};
use crate::support::BOUND;
use guildhall_sim::{JournalEntry, Simulation};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The text of a message or answer.
pub(crate) fn text(message: &Value) -> &str {
    message["content"].as_str().unwrap_or_default()
}

/// The buttons of a message or answer.
fn buttons(message: &Value) -> Vec<&Value> {
    let rows = message["components"].as_array().into_iter().flatten();
    rows.flat_map(|row| row["components"].as_array().into_iter().flatten())
        .collect()
}

/// Labels of the buttons that can be clicked.
pub(crate) fn clickable(message: &Value) -> Vec<&str> {
    let buttons = buttons(message).into_iter();
    buttons
        .filter(|button| button["disabled"] != true)
        .filter_map(|button| button["label"].as_str())
        .collect()
}

pub(crate) fn button_id(message: &Value, label: &str) -> String {
    assert!(
        clickable(message).contains(&label),
        "{label} cannot be clicked: {message}"
    );
    let button = buttons(message).into_iter().find(|button| button["label"] == label);
    let id = button.and_then(|button| button["custom_id"].as_str());
    id.expect("a button has an id").to_owned()
}

/// The text of the one file that is attached.
pub(crate) fn file(message: &Value) -> (&str, &str) {
    let files = message["attachments"].as_array().map_or(&[][..], Vec::as_slice);
    let [file] = files else { panic!("one file: {message}") };
    let part = |key: &str| file[key].as_str().unwrap_or_default();
    (part("filename"), part("text"))
}

/// What a forward shows of the message that it forwards.
pub(crate) fn forwarded(message: &Value) -> Option<&str> {
    message["message_snapshots"][0]["message"]["content"].as_str()
}

/// The message that it replies to.
pub(crate) fn replies_to(message: &Value) -> Option<u64> {
    let reference = &message["message_reference"];
    (reference["type"] == 0).then(|| reference["message_id"].as_str()?.parse().ok())?
}

impl Server {
    /// Waits until this is so.
    pub(crate) async fn wait(&self, what: &str, holds: impl Fn(&Simulation) -> bool) {
        let there = self.simulation.wait_until(BOUND, holds).await;
        assert!(there, "{what}: not within {BOUND:?}\n{}", self.told());
    }

    /// What happened in the guild, for whoever reads why a test failed.
    fn told(&self) -> String {
        let own = self.simulation.requests(|entry| entry.guild == Some(self.guild));
        let line = |entry: &JournalEntry| format!("{} {} {}", entry.status, entry.path, entry.body);
        let requests: Vec<_> = own.iter().map(line).collect();
        let log = std::fs::read_to_string(&self.process_log).unwrap_or_default();
        let guild = format!("guild={}", self.guild);
        let warnings = log
            .lines()
            .filter(|line| line.contains("WARN") && line.contains(&guild));
        format!("{}\n{}", requests.join("\n"), warnings.collect::<Vec<_>>().join("\n"))
    }

    /// Waits for a message in a channel or thread.
    pub(crate) async fn message(&self, channel: u64, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let find = |simulation: &Simulation| simulation.messages(channel).into_iter().find(&matches);
        self.wait(what, |simulation| find(simulation).is_some()).await;
        find(&self.simulation).expect("it is there")
    }

    /// Waits for a message that contains this.
    pub(crate) async fn message_with(&self, channel: u64, part: &str) -> Value {
        self.message(channel, part, |message| text(message).contains(part))
            .await
    }

    /// The messages that contain this, as they stand now.
    pub(crate) fn messages_with(&self, channel: u64, part: &str) -> Vec<Value> {
        let messages = self.simulation.messages(channel).into_iter();
        messages.filter(|message| text(message).contains(part)).collect()
    }

    /// Whether the message stands in its channel.
    pub(crate) fn stands(&self, channel: u64, message: u64) -> bool {
        let messages = self.simulation.messages(channel);
        messages.iter().any(|known| id_of(known) == message)
    }

    /// Waits for the one thread about a user below a log.
    pub(crate) async fn thread(&self, log: u64, user: u64) -> u64 {
        let end = format!("({user})");
        let find = |simulation: &Simulation| -> Vec<u64> {
            let threads = simulation.threads(log).into_iter();
            threads
                .filter(|(_, name)| name.ends_with(&end))
                .map(|(id, _)| id)
                .collect()
        };
        self.wait("the user's thread", |simulation| !find(simulation).is_empty())
            .await;
        let threads = find(&self.simulation);
        assert_eq!(threads.len(), 1, "one thread about user {user}");
        threads[0]
    }

    /// What the user of an interaction was told: every answer but deferrals, in order.
    pub(crate) fn answers(&self, interaction: &Value) -> Vec<Value> {
        let token = interaction["token"].as_str().expect("a token");
        let is_answer = |entry: &JournalEntry| entry.applied && entry.path.split('/').any(|part| part == token);
        let answers = self.simulation.requests(is_answer).into_iter();
        answers
            .filter_map(|entry| match entry.route.as_str() {
                "interaction-callback" => [4, 7, 9]
                    .iter()
                    .any(|kind| entry.body["type"] == *kind)
                    .then(|| entry.body["data"].clone()),
                _ => Some(entry.body),
            })
            .collect()
    }

    /// Waits for the first answer.
    pub(crate) async fn answer(&self, interaction: &Value) -> Value {
        self.wait("an answer", |_| !self.answers(interaction).is_empty()).await;
        self.answers(interaction).remove(0)
    }

    /// Waits for an answer that contains this.
    pub(crate) async fn answer_with(&self, interaction: &Value, part: &str) -> Value {
        let find = || {
            let answers = self.answers(interaction).into_iter();
            answers.rev().find(|answer| text(answer).contains(part))
        };
        self.wait(part, |_| find().is_some()).await;
        find().expect("it is there")
    }

    /// Waits for a request of the bot.
    pub(crate) async fn request(&self, what: &str, matches: impl Fn(&JournalEntry) -> bool) -> JournalEntry {
        let is_own = |entry: &JournalEntry| entry.guild == Some(self.guild) && matches(entry);
        self.wait(what, |simulation| !simulation.requests(is_own).is_empty())
            .await;
        self.simulation.requests(is_own).remove(0)
    }

    /// Requests of this kind about a user that were carried out.
    pub(crate) fn done_to(&self, user: u64, route: &str) -> usize {
        let is_it = |entry: &JournalEntry| {
            entry.applied && entry.guild == Some(self.guild) && entry.user == Some(user) && entry.route == route
        };
        self.simulation.requests(is_it).len()
    }

    /// The first column of a query over the guild's file, as texts.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let connection = Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        };
        read().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until the query gives these rows.
    pub(crate) async fn rows_are(&self, sql: &str, wanted: &[&str]) {
        let deadline = Instant::now() + BOUND;
        loop {
            let rows = self.rows(sql);
            if rows == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{sql}: {rows:?}, and not {wanted:?}\n{}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until everything that was asked of Discord is done, with what followed from it.
    pub(crate) async fn settle(&self) {
        self.rows_are("SELECT CAST(count(*) AS TEXT) FROM guildhall_outbox", &["0"])
            .await;
    }

    /// No message of the bot in the guild could have notified anybody, but for those that contain this.
    pub(crate) fn assert_nobody_was_notified(&self, except: Option<&str>) {
        let is_message = |entry: &JournalEntry| entry.route == "send-message" && entry.guild == Some(self.guild);
        for entry in self.simulation.requests(is_message) {
            let is_meant = except.is_some_and(|except| text(&entry.body).contains(except));
            let allowed = entry.body["allowed_mentions"]["parse"].as_array();
            assert!(is_meant || allowed.is_some_and(Vec::is_empty), "{}", entry.body);
        }
    }
}
