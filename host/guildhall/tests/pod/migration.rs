//! A migration into the volume of a pod that is stopped: killed at any moment it leaves whole guilds only, and goes on.

use rusqlite::Connection;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GUILDS: u64 = 60;
const ROWS: u64 = 300;

fn first_guild() -> u64 {
    197_038_439_483_310_000
}

fn old_bot(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("CREATE TABLE message_stats (message_id TEXT PRIMARY KEY, guild_id TEXT, channel_id TEXT, code_stats TEXT, link_stats TEXT, sent_at INTEGER)")
        .unwrap();
    connection
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
             INSERT INTO message_stats SELECT 'm' || i, CAST(?2 + i % ?3 AS TEXT), 'c', '[]', '[]', i FROM n",
            [GUILDS * ROWS, first_guild(), GUILDS],
        )
        .unwrap();
}

fn migrate(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
    command
        .args(["migrate", "modbot", "bot.db", "--data", "data", "--json"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Guilds that are in place; each is whole.
fn in_place(directory: &Path) -> u64 {
    let mut guilds = 0;
    for number in 0..GUILDS {
        let file = directory
            .join("data/guilds")
            .join(format!("{}.db", first_guild() + number));
        if !file.exists() {
            continue;
        }
        let rows: u64 = Connection::open(&file)
            .unwrap()
            .query_row("SELECT count(*) FROM modbot_message_stats", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, ROWS, "{}", file.display());
        guilds += 1;
    }
    guilds
}

#[test]
fn a_migration_that_is_killed_leaves_whole_guilds_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    old_bot(&directory.join("bot.db"));
    let mut killed = 0;
    for round in 1..=3 {
        let mut child = migrate(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let enough = |directory: &Path| {
            let files = std::fs::read_dir(directory.join("data/guilds"));
            files.map_or(0, |files| {
                files
                    .filter(|file| {
                        file.as_ref()
                            .is_ok_and(|file| file.path().extension().is_some_and(|end| end == "db"))
                    })
                    .count()
            }) >= round * 10
        };
        while !enough(directory) && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it goes on");
            std::thread::yield_now();
        }
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let guilds = in_place(directory);
        assert!(guilds >= round as u64 * 10, "{guilds}");
    }
    assert!(killed > 0, "it was killed before its end at least once");
    let output = migrate(directory).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("done before"), "{told}");
    assert_eq!(in_place(directory), GUILDS);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("\"complete\":true"), "{report}");
    let left: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().contains("building")),
        "{left:?}"
    );
}

#[test]
fn a_database_that_is_none_ends_with_one_sentence_and_a_volume_in_use_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    std::fs::write(
        directory.join("bot.db"),
        "this is text, and by far longer than what SQLite reads of a file first of all....................",
    )
    .unwrap();
    let output = migrate(directory).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("bot.db is not a SQLite database"),
        "{told}"
    );
    let lock = std::fs::File::create(directory.join("data/lock")).unwrap();
    lock.lock().unwrap();
    let output = migrate(directory).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("stop the pod first"),
        "{told}"
    );
}
