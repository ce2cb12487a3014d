//! A guild's file as the host sees it: what commits together, what survives, what is set aside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_model::{Action, GuildId, Migration, RecurringTimer, SessionPosition, SubmittedAction, UserId, Value};
use guildhall_store::{
    GuildStore, OpenError, PluginAccess, StoreCache, StoreError, StoreLimits, StoredTimer, Undo, guild_file,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::TempDir;

const GUILD: GuildId = GuildId(7);

fn open(directory: &TempDir) -> Box<GuildStore> {
    GuildStore::open(directory.path(), GUILD, &StoreLimits::default())
        .unwrap()
        .store
}

fn access() -> Arc<PluginAccess> {
    Arc::new(PluginAccess {
        plugin: "watch".into(),
        prefix: "watch_".into(),
        readable: BTreeSet::new(),
    })
}

fn migration(version: u32, sql: &str) -> Migration {
    Migration {
        version,
        sql: sql.into(),
    }
}

fn kick(user: u64) -> SubmittedAction {
    SubmittedAction {
        action: Action::Kick { user: UserId(user) },
        reason: None,
        token: None,
    }
}

fn position(session: &str, sequence: u64) -> SessionPosition {
    SessionPosition {
        session: session.into(),
        sequence,
    }
}

fn count(store: &mut GuildStore, sql: &str) -> Value {
    store.begin_call(&access());
    let rows = store.query(sql, &[]).unwrap();
    store.end_call(true).unwrap();
    rows.values[0].clone()
}

fn with_table(directory: &TempDir) -> Box<GuildStore> {
    let mut store = open(directory);
    store
        .prepare_plugin(
            &access(),
            &[migration(1, "CREATE TABLE watch_seen (user INTEGER)")],
            &[],
            0,
        )
        .unwrap();
    store
}

fn insert(store: &mut GuildStore, user: i64) {
    store
        .execute("INSERT INTO watch_seen VALUES (?1)", &[Value::Integer(user)])
        .unwrap();
}

#[test]
fn rows_actions_and_cursor_are_there_after_a_commit_and_a_reopening() {
    let directory = TempDir::new().unwrap();
    let mut store = with_table(&directory);
    store.begin(Undo::Call).unwrap();
    store.begin_call(&access());
    insert(&mut store, 1);
    store.end_call(true).unwrap();
    let entry = store.add_action("watch", kick(1), "n".into(), 5).unwrap();
    store.advance(&position("s", 3));
    store.commit(5).unwrap();
    drop(store);

    let mut store = open(&directory);
    assert_eq!(count(&mut store, "SELECT count(*) FROM watch_seen"), Value::Integer(1));
    assert_eq!(store.waiting_actions().unwrap(), std::slice::from_ref(&entry));
    assert!(store.is_applied(&position("s", 3)));
    assert!(!store.is_applied(&position("s", 4)));
    assert!(
        !store.is_applied(&position("another", 1)),
        "a new session starts again at 1"
    );
    assert!(store.remove_action(entry.id).unwrap());
    assert!(!store.remove_action(entry.id).unwrap());
}

#[test]
fn a_rolled_back_batch_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let mut store = with_table(&directory);
    store.begin(Undo::Call).unwrap();
    store.begin_call(&access());
    insert(&mut store, 1);
    store.end_call(true).unwrap();
    store.add_action("watch", kick(1), "n".into(), 5).unwrap();
    store.advance(&position("s", 3));
    assert!(
        store.is_applied(&position("s", 3)),
        "a duplicate inside the batch is a duplicate"
    );
    store.roll_back();
    assert_eq!(count(&mut store, "SELECT count(*) FROM watch_seen"), Value::Integer(0));
    assert!(store.waiting_actions().unwrap().is_empty());
    assert!(!store.is_applied(&position("s", 3)));
}

#[test]
fn a_failed_call_is_undone_alone() {
    let directory = TempDir::new().unwrap();
    let mut store = with_table(&directory);
    store.begin(Undo::Call).unwrap();
    for (user, keep) in [(1, true), (2, false), (3, true)] {
        store.begin_call(&access());
        insert(&mut store, user);
        store.end_call(keep).unwrap();
    }
    store.commit(0).unwrap();
    assert_eq!(
        count(&mut store, "SELECT group_concat(user) FROM watch_seen"),
        Value::Text("1,3".into())
    );
}

#[test]
fn a_failed_call_costs_the_batch_where_that_was_chosen() {
    let directory = TempDir::new().unwrap();
    let mut store = with_table(&directory);
    store.begin(Undo::Batch).unwrap();
    store.begin_call(&access());
    insert(&mut store, 1);
    store.end_call(true).unwrap();
    store.begin_call(&access());
    store
        .end_call(false)
        .expect("a call that wrote nothing leaves nothing to undo");
    store.begin_call(&access());
    insert(&mut store, 2);
    let error = store.end_call(false).unwrap_err();
    assert!(matches!(error, StoreError::TransactionLost { .. }), "{error}");
    store.roll_back();
    assert_eq!(count(&mut store, "SELECT count(*) FROM watch_seen"), Value::Integer(0));
}

#[test]
fn a_process_that_dies_before_the_commit_has_done_nothing() {
    let directory = TempDir::new().unwrap();
    let mut store = with_table(&directory);
    store.begin(Undo::Call).unwrap();
    store.begin_call(&access());
    insert(&mut store, 1);
    store.end_call(true).unwrap();
    // Closed without COMMIT, as a killed process leaves it.
    drop(store);
    assert_eq!(
        count(&mut open(&directory), "SELECT count(*) FROM watch_seen"),
        Value::Integer(0)
    );
}

#[test]
fn migrations_are_applied_once_and_in_order() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    let first = migration(
        1,
        "CREATE TABLE watch_a (text TEXT DEFAULT ';'); -- a comment; with a semicolon\n CREATE INDEX watch_a_text ON watch_a (text);",
    );
    let second = migration(2, "INSERT INTO watch_a DEFAULT VALUES");
    store
        .prepare_plugin(&access(), std::slice::from_ref(&first), &[], 0)
        .unwrap();
    for _ in 0..2 {
        store
            .prepare_plugin(&access(), &[first.clone(), second.clone()], &[], 0)
            .unwrap();
    }
    drop(store);
    let mut store = open(&directory);
    for migrations in [
        &[first.clone(), second.clone()][..],
        // An older version runs on what the newer one left, and the newer one finds it there.
        std::slice::from_ref(&first),
        &[first.clone(), second.clone()],
    ] {
        store.prepare_plugin(&access(), migrations, &[], 0).unwrap();
        assert_eq!(count(&mut store, "SELECT count(*) FROM watch_a"), Value::Integer(1));
    }
}

#[test]
fn a_migration_that_fails_changes_nothing_and_names_itself() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    let broken = [
        migration(1, "CREATE TABLE watch_a (x)"),
        migration(2, "CREATE TABLE other_b (x)"),
    ];
    let error = store.prepare_plugin(&access(), &broken, &[], 0).unwrap_err();
    assert!(
        matches!(&error, StoreError::Migration { plugin, version: 2, .. } if plugin == "watch"),
        "{error}"
    );
    assert!(error.to_string().contains("start with `watch_`"), "{error}");
    // The first step is undone too: it can run again.
    store.prepare_plugin(&access(), &broken[..1], &[], 0).unwrap();
}

#[test]
fn timers_fire_once_or_again_and_survive() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    let hourly = RecurringTimer {
        name: "hourly".into(),
        every_seconds: 3600,
    };
    store.prepare_plugin(&access(), &[], &[hourly], 1000).unwrap();
    assert_eq!(store.next_timer(), Some(3_601_000));
    let once = StoredTimer {
        plugin: "watch".into(),
        name: "once".into(),
        due_at: 50,
        payload: "p".into(),
    };
    store.begin(Undo::Call).unwrap();
    store.set_timer(&once).unwrap();
    store.commit(0).unwrap();
    drop(store);

    let mut store = open(&directory);
    assert_eq!(store.next_timer(), Some(50));
    assert_eq!(store.due_timers(49, 10).unwrap(), []);
    let due = store.due_timers(3_601_000, 10).unwrap();
    assert_eq!(
        due.iter().map(|timer| timer.name.as_str()).collect::<Vec<_>>(),
        ["once", "hourly"]
    );
    store.begin(Undo::Call).unwrap();
    for timer in &due {
        assert!(store.fire_timer(timer, 3_601_000).unwrap());
        assert!(
            !store.fire_timer(timer, 3_601_000).unwrap(),
            "the same turn does not fire twice"
        );
    }
    store.commit(0).unwrap();
    assert_eq!(store.next_timer(), Some(7_201_000));
}

#[test]
fn a_timer_that_fired_once_fires_again_where_the_plugin_describes_it_so() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    let once = StoredTimer {
        plugin: "watch".into(),
        name: "hourly".into(),
        due_at: 50,
        payload: String::new(),
    };
    store.begin(Undo::Call).unwrap();
    store.set_timer(&once).unwrap();
    store.commit(0).unwrap();
    let hourly = RecurringTimer {
        name: "hourly".into(),
        every_seconds: 3600,
    };
    store.prepare_plugin(&access(), &[], &[hourly], 0).unwrap();
    store.begin(Undo::Call).unwrap();
    assert!(store.fire_timer(&once, 1000).unwrap());
    store.commit(0).unwrap();
    assert_ne!(store.next_timer(), None);
}

#[test]
fn settings_have_a_generation_that_grows_with_every_change() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    assert_eq!(store.settings("watch"), None);
    for json in ["{\"a\":1}", "{\"a\":1}", "{\"a\":2}"] {
        store.set_settings("watch", json).unwrap();
    }
    drop(store);
    let store = open(&directory);
    let settings = store.settings("watch").unwrap();
    assert_eq!((settings.json.as_str(), settings.generation), ("{\"a\":2}", 2));
}

#[test]
fn settings_of_a_batch_follow_each_other_and_are_undone_with_it() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    store.set_settings("watch", "1").unwrap();
    store.begin(Undo::Batch).unwrap();
    store.set_settings("watch", "2").unwrap();
    store.roll_back();
    assert_eq!(store.settings("watch").unwrap().json, "1");
    store.begin(Undo::Batch).unwrap();
    store.set_settings("watch", "2").unwrap();
    store.set_settings("watch", "1").unwrap();
    store.commit(0).unwrap();
    let told = store.settings("watch").cloned().unwrap();
    assert_eq!((told.json.as_str(), told.generation), ("1", 3));
    drop(store);
    assert_eq!(open(&directory).settings("watch"), Some(&told));
}

#[test]
fn a_corrupt_file_is_kept_aside_and_a_new_one_begun() {
    let directory = TempDir::new().unwrap();
    std::fs::write(
        guild_file(directory.path(), GUILD),
        b"this is no database, and long enough to be one: ".repeat(100),
    )
    .unwrap();
    let opened = GuildStore::open(directory.path(), GUILD, &StoreLimits::default()).unwrap();
    let kept = opened.set_aside.expect("the corrupt file is kept");
    assert!(std::fs::read(&kept).unwrap().starts_with(b"this is no database"));
    let mut store = opened.store;
    store
        .prepare_plugin(&access(), &[migration(1, "CREATE TABLE watch_seen (user)")], &[], 0)
        .unwrap();
}

#[test]
fn a_file_of_a_newer_guildhall_is_refused_and_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = guild_file(directory.path(), GUILD);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let error = GuildStore::open(directory.path(), GUILD, &StoreLimits::default())
        .err()
        .unwrap();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(path.exists());
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = GuildStore::open("no/such/place".as_ref(), GUILD, &StoreLimits::default())
        .err()
        .unwrap();
    assert!(error.to_string().contains("no/such/place"), "{error}");
}

#[test]
fn the_cache_keeps_no_more_files_open_than_its_bound_and_loses_nothing() {
    let directory = TempDir::new().unwrap();
    let mut cache = StoreCache::new(directory.path().into(), StoreLimits::default(), 2.try_into().unwrap());
    for round in 0..2 {
        for guild in 1..=5 {
            let mut store = cache.take(GuildId(guild)).unwrap().store;
            assert_eq!(store.guild(), GuildId(guild));
            store.begin(Undo::Call).unwrap();
            store.advance(&position("s", round + 1));
            store.commit(0).unwrap();
            assert!(store.is_applied(&position("s", round + 1)));
            cache.put(store);
            assert!(cache.len() <= 2);
        }
    }
    let store = cache.take(GuildId(1)).unwrap().store;
    assert!(store.is_applied(&position("s", 2)));
    cache.close_all();
    assert!(cache.is_empty());
}

#[test]
fn settings_are_migrated_once_and_come_back_with_an_older_version() {
    let directory = TempDir::new().unwrap();
    let mut store = open(&directory);
    store.set_settings("watch", "old").unwrap();
    let to = |store: &mut GuildStore, version: u32| {
        let mut steps = Vec::new();
        store
            .migrate_settings("watch", version, |json, from| {
                steps.push((json.to_owned(), from));
                format!("{json}>{version}")
            })
            .unwrap();
        (steps, store.settings("watch").cloned().unwrap())
    };
    let (steps, settings) = to(&mut store, 2);
    assert_eq!(steps, [("old".to_owned(), 0)]);
    assert_eq!(
        (settings.json.as_str(), settings.version, settings.generation),
        ("old>2", 2, 2)
    );
    assert_eq!(to(&mut store, 2), (Vec::new(), settings), "once");
    drop(store);
    let mut store = open(&directory);
    let (steps, settings) = to(&mut store, 1);
    assert_eq!(
        steps,
        [("old".to_owned(), 0)],
        "an older version of the plugin has what it knew"
    );
    assert_eq!(
        (settings.json.as_str(), settings.version, settings.generation),
        ("old>1", 1, 3)
    );
    store.set_settings_of_version("watch", "new", 3).unwrap();
    let (steps, settings) = to(&mut store, 1);
    assert_eq!(
        (steps, settings.json.as_str(), settings.version),
        (Vec::new(), "new", 3),
        "nothing older is known"
    );
    assert_eq!(to(&mut store, 3).1.json, "new");
    store
        .migrate_settings("other", 5, |_, _| panic!("it has none"))
        .unwrap();
    assert_eq!(store.settings("other"), None);
}
