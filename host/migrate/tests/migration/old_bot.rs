//! A database as the old bot leaves it: every table of it, odd values included, random but from a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, params};
use std::path::Path;

/// The bot's tables, and one that a user has added.
const SCHEMA: &str = "
    CREATE TABLE guilds (id TEXT PRIMARY KEY, settings TEXT);
    CREATE TABLE message_stats (message_id TEXT PRIMARY KEY, author_id TEXT NOT NULL, guild_id TEXT, channel_id TEXT,
        channel_category TEXT, recipient_id TEXT, char_count INTEGER, word_count INTEGER, code_stats TEXT, link_stats TEXT,
        react_count INTEGER DEFAULT 0, sent_at INTEGER NOT NULL);
    CREATE TABLE channel_info (id TEXT PRIMARY KEY, name TEXT, category TEXT);
    CREATE TABLE tickets_config (message_id TEXT PRIMARY KEY, channel_id TEXT, role_id TEXT);
    CREATE TABLE user_threads (user_id TEXT, guild_id TEXT, thread_id TEXT, created_at DATETIME, PRIMARY KEY (user_id, guild_id));
    CREATE TABLE escalations (id TEXT PRIMARY KEY, guild_id TEXT, thread_id TEXT, vote_message_id TEXT, reported_user_id TEXT,
        initiator_id TEXT, flags TEXT, voting_strategy TEXT, created_at DATETIME, scheduled_for DATETIME, resolved_at DATETIME,
        resolution TEXT);
    CREATE TABLE escalation_records (id TEXT PRIMARY KEY, escalation_id TEXT, voter_id TEXT, vote TEXT,
        voted_at DATETIME);
    CREATE TABLE honeypot_config (guild_id TEXT, channel_id TEXT);
    CREATE TABLE mod_actions (id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT, user_id TEXT, action TEXT, executor TEXT,
        reason TEXT, created_at DATETIME);
    CREATE TABLE \"Karma Points\" (guild_id INTEGER, user_id BIGINT, points REAL, note BLOB);
    CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT);
    CREATE TABLE leftovers (a, b);
";

/// The guilds' ids, in order.
pub(crate) fn guild_ids(guilds: u64) -> Vec<u64> {
    (1..=guilds)
        .map(|number| 197_038_439_483_310_000 + number * 7)
        .collect()
}

/// Writes it, in WAL mode as the bot does.
pub(crate) fn make(path: &Path, guilds: u64, rows: u32, seed: u64) {
    let mut connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
        .unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let change = connection.transaction().unwrap();
    let ids = guild_ids(guilds);
    for id in &ids {
        let settings = format!("{{\"modLog\":\"{id}\",\"quorum\":{}}}", random.random_range(1..9));
        change
            .execute("INSERT INTO guilds VALUES (?1, ?2)", params![id.to_string(), settings])
            .unwrap();
        let channel = (id + 1).to_string();
        change
            .execute(
                "INSERT INTO honeypot_config VALUES (?1, ?2)",
                params![id.to_string(), channel],
            )
            .unwrap();
        change
            .execute(
                "INSERT INTO tickets_config VALUES (?1, ?2, 'r')",
                params![(id + 2).to_string(), channel],
            )
            .unwrap();
        change
            .execute(
                "INSERT INTO channel_info VALUES (?1, ?2, NULL)",
                params![channel, "général 💬"],
            )
            .unwrap();
    }
    for row in 0..rows {
        let id = ids[random.random_range(0..ids.len())];
        let at = format!("2024-05-{:02}T12:00:{:02}.{:03}Z", row % 28 + 1, row % 60, row % 1000);
        match random.random_range(0..5) {
            0 => drop(
                change
                    .execute(
                        "INSERT INTO message_stats VALUES (?1, 'u', ?2, ?3, NULL, NULL, ?4, 3, '[]', 'not json', 0, ?5)",
                        params![format!("m{row}"), id.to_string(), (id + 1).to_string(), row, i64::from(row) * 1000],
                    )
                    .unwrap(),
            ),
            1 => drop(
                change
                    .execute(
                        "INSERT OR IGNORE INTO user_threads VALUES (?1, ?2, ?3, ?4)",
                        params![random.random_range(0..50).to_string(), id.to_string(), format!("t{row}"), at],
                    )
                    .unwrap(),
            ),
            2 => {
                change
                    .execute(
                        "INSERT INTO escalations VALUES (?1, ?2, 't', 'v', 'u', 'i', '{\"quorum\":3}', NULL, ?3, ?3, NULL, NULL)",
                        params![format!("e{row}"), id.to_string(), at],
                    )
                    .unwrap();
                for vote in 0..random.random_range(0..4) {
                    change
                        .execute(
                            "INSERT INTO escalation_records VALUES (?1, ?2, 'u', 'ban', ?3)",
                            params![format!("r{row}-{vote}"), format!("e{row}"), at],
                        )
                        .unwrap();
                }
            }
            3 => drop(
                change
                    .execute(
                        "INSERT INTO mod_actions (guild_id, action, created_at) VALUES (?1, 'ban', ?2)",
                        params![id.to_string(), if row % 10 == 0 { "some day" } else { at.as_str() }],
                    )
                    .unwrap(),
            ),
            _ => drop(
                change
                    .execute(
                        "INSERT INTO \"Karma Points\" VALUES (?1, ?2, ?3, ?4)",
                        params![id.cast_signed(), row, f64::from(row) / 3.0, vec![row as u8; (row % 40) as usize]],
                    )
                    .unwrap(),
            ),
        }
    }
    change
        .execute_batch(
            "INSERT INTO mod_actions (guild_id, action) VALUES (NULL, 'a'), ('', 'b'), ('12x', 'c'), ('-5', 'd');
             INSERT INTO escalation_records VALUES ('orphan', 'nowhere', 'u', 'ban', NULL);
             INSERT INTO channel_info VALUES ('999', 'of nobody', NULL);
             INSERT INTO users VALUES ('1', 'a@example.org');
             INSERT INTO leftovers VALUES (1, 2), (3, 4);",
        )
        .unwrap();
    change.commit().unwrap();
}
