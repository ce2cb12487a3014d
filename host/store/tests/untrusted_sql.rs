//! What a plugin's SQL cannot do, and that it says why.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_model::{GuildId, Migration, SqlError, Value};
use guildhall_store::{GuildStore, PluginAccess, StoreError, StoreLimits, Undo};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn access(plugin: &str, readable: &[&str]) -> Arc<PluginAccess> {
    let readable = readable
        .iter()
        .map(|prefix| (*prefix).to_owned())
        .collect::<BTreeSet<_>>();
    Arc::new(PluginAccess {
        plugin: plugin.into(),
        prefix: format!("{plugin}_"),
        readable,
    })
}

/// A guild with the plugins `evil` and `good`, each with a table of one row.
fn guild(limits: &StoreLimits) -> (TempDir, Box<GuildStore>) {
    let directory = TempDir::new().unwrap();
    let mut store = GuildStore::open(directory.path(), GuildId(1), limits).unwrap().store;
    for plugin in ["evil", "good"] {
        let sql = format!("CREATE TABLE {plugin}_t (x); INSERT INTO {plugin}_t VALUES (1)");
        store
            .prepare_plugin(&access(plugin, &[]), &[Migration { version: 1, sql }], &[], 0)
            .unwrap();
    }
    (directory, store)
}

fn attempt(store: &mut GuildStore, plugin: &Arc<PluginAccess>, sql: &str) -> Result<u64, SqlError> {
    store.begin(Undo::Call).unwrap();
    store.begin_call(plugin);
    let outcome = store.execute(sql, &[]);
    store.end_call(outcome.is_ok()).unwrap();
    store.commit(0).unwrap();
    outcome
}

#[test]
fn what_is_out_of_reach_is_denied_with_the_reason() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let evil = access("evil", &[]);
    for (sql, reason) in [
        ("ATTACH 'other.db' AS other", "out of reach"),
        ("DETACH main", "out of reach"),
        ("PRAGMA writable_schema = ON", "writable_schema"),
        ("PRAGMA journal_mode = DELETE", "journal_mode"),
        ("PRAGMA max_page_count = 1000000", "max_page_count"),
        (
            "INSERT INTO guildhall_outbox (plugin, committed_at, submitted) VALUES ('evil', 0, '{}')",
            "guildhall_outbox",
        ),
        ("UPDATE guildhall_cursor SET sequence = 0", "guildhall_cursor"),
        ("DELETE FROM guildhall_timers", "guildhall_timers"),
        ("SELECT json FROM guildhall_settings", "guildhall_settings"),
        ("INSERT INTO good_t VALUES (2)", "good_t"),
        ("SELECT x FROM good_t", "nor granted"),
        ("DROP TABLE good_t", "good_t"),
        ("CREATE INDEX evil_i ON good_t (x)", "good_t"),
        ("CREATE TABLE other (x)", "start with `evil_`"),
        ("CREATE TEMP TABLE evil_temp (x)", "temp"),
        ("CREATE VIRTUAL TABLE evil_v USING dbstat", "dbstat"),
        ("SELECT load_extension('x')", "load_extension"),
        ("ALTER TABLE evil_t RENAME TO guildhall_evil", "start with `evil_`"),
        ("ALTER TABLE evil_t RENAME TO good_u", "start with `evil_`"),
        ("BEGIN", "transactions are the host's"),
        ("COMMIT", "transactions are the host's"),
        ("ROLLBACK", "transactions are the host's"),
        ("SAVEPOINT guildhall_call", "transactions are the host's"),
        ("RELEASE guildhall_call", "transactions are the host's"),
        ("VACUUM", ""),
    ] {
        match attempt(&mut store, &evil, sql) {
            Err(SqlError::Denied(why)) => assert!(why.contains(reason), "{sql}: {why}"),
            Err(SqlError::Sql(why)) if sql == "VACUUM" => assert!(!why.is_empty()),
            other => panic!("{sql}: {other:?}"),
        }
    }
    attempt(&mut store, &evil, "INSERT INTO evil_t VALUES (2)").expect("the plugin's own table is unharmed");
    attempt(&mut store, &access("good", &[]), "INSERT INTO good_t VALUES (2)").expect("so is its neighbour's");
}

#[test]
fn a_plugin_shapes_its_own_tables_as_it_likes() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let good = access("good", &[]);
    for sql in [
        "ALTER TABLE good_t ADD COLUMN y TEXT",
        "ALTER TABLE good_t RENAME COLUMN y TO z",
        "CREATE UNIQUE INDEX good_z ON good_t (z)",
        "ALTER TABLE good_t RENAME TO good_u",
        "CREATE VIEW good_v AS SELECT count(*) AS n FROM good_u",
        "CREATE VIRTUAL TABLE good_f USING fts5(text)",
        "INSERT INTO good_f VALUES ('some words')",
        "CREATE TABLE good_k (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE)",
        "INSERT INTO good_k (name) VALUES (upper('a') || '->' || json_extract('{\"a\":1}', '$.a'))",
        "DROP TABLE good_k",
        "DROP VIEW good_v",
    ] {
        if let Err(error) = attempt(&mut store, &good, sql) {
            panic!("{sql}: {error}");
        }
    }
    let twice = attempt(&mut store, &good, "CREATE TABLE good_u (x)");
    assert!(
        matches!(&twice, Err(SqlError::Sql(why)) if why.contains("already exists")),
        "{twice:?}"
    );
}

#[test]
fn a_schema_cannot_be_written_by_hand() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let outcome = attempt(&mut store, &access("evil", &[]), "UPDATE sqlite_schema SET sql = ''");
    assert!(
        matches!(outcome, Err(SqlError::Sql(_) | SqlError::Denied(_))),
        "{outcome:?}"
    );
}

#[test]
fn a_trigger_never_runs_with_the_hosts_authority() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let evil = access("evil", &[]);
    attempt(
        &mut store,
        &evil,
        "CREATE TRIGGER evil_r AFTER INSERT ON evil_t BEGIN DELETE FROM guildhall_timers; END",
    )
    .expect("SQLite looks at the body only when it fires");
    let fired = attempt(&mut store, &evil, "INSERT INTO evil_t VALUES (3)");
    assert!(
        matches!(&fired, Err(SqlError::Denied(why)) if why.contains("guildhall_timers")),
        "{fired:?}"
    );
}

#[test]
fn a_statement_cached_for_one_plugin_is_not_lent_to_another() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let insert = "INSERT INTO good_t VALUES (9)";
    attempt(&mut store, &access("good", &[]), insert).unwrap();
    let outcome = attempt(&mut store, &access("evil", &[]), insert);
    assert!(matches!(outcome, Err(SqlError::Denied(_))), "{outcome:?}");
}

#[test]
fn a_grant_lets_a_plugin_read_and_not_write() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let reader = access("evil", &["good_"]);
    store.begin_call(&reader);
    assert_eq!(
        store.query("SELECT x FROM good_t", &[]).unwrap().values,
        [Value::Integer(1)]
    );
    store.end_call(true).unwrap();
    assert!(matches!(
        attempt(&mut store, &reader, "DELETE FROM good_t"),
        Err(SqlError::Denied(_))
    ));
}

#[test]
fn two_statements_at_once_are_refused() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    let outcome = attempt(&mut store, &access("evil", &[]), "SELECT 1; DELETE FROM evil_t");
    assert!(matches!(outcome, Err(SqlError::Sql(_))), "{outcome:?}");
}

#[test]
fn an_endless_query_ends_at_the_deadline() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    store.begin_call(&access("evil", &[]));
    store.set_deadline(Some(Instant::now() + Duration::from_millis(20)));
    let outcome = store.query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        &[],
    );
    assert_eq!(
        outcome,
        Err(SqlError::Limit("the call's deadline passed in SQL".into()))
    );
    store.end_call(false).unwrap();
    attempt(&mut store, &access("good", &[]), "INSERT INTO good_t VALUES (2)").expect("the next call has its own time");
}

#[test]
fn rows_and_bytes_of_a_result_are_bounded() {
    let (_directory, mut store) = guild(&StoreLimits {
        rows: 10,
        result_bytes: 1000,
        ..StoreLimits::default()
    });
    store.begin_call(&access("evil", &[]));
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11) SELECT i FROM n";
    assert!(matches!(store.query(many, &[]), Err(SqlError::Limit(why)) if why.contains("10 rows")));
    assert!(
        matches!(store.query("SELECT zeroblob(1001)", &[]), Err(SqlError::Limit(why)) if why.contains("1000 bytes"))
    );
    store.end_call(true).unwrap();
}

#[test]
fn a_full_quota_costs_the_batch_and_is_survived() {
    let (_directory, mut store) = guild(&StoreLimits {
        quota_bytes: 300 << 10,
        ..StoreLimits::default()
    });
    let evil = access("evil", &[]);
    store.begin(Undo::Call).unwrap();
    store.begin_call(&evil);
    let mut outcome = Ok(0);
    for _ in 0..100 {
        outcome = store.execute("INSERT INTO evil_t VALUES (zeroblob(10000))", &[]);
        if outcome.is_err() {
            break;
        }
    }
    assert!(
        matches!(&outcome, Err(SqlError::Limit(why)) if why.contains("quota of 307200 bytes")),
        "{outcome:?}"
    );
    let again = store.execute("INSERT INTO evil_t VALUES (1)", &[]);
    assert!(
        matches!(again, Err(SqlError::Limit(_))),
        "nothing is written outside a transaction: {again:?}"
    );
    let error = store.end_call(false).unwrap_err();
    assert!(matches!(error, StoreError::TransactionLost { .. }), "{error}");
    store.roll_back();
    attempt(&mut store, &access("good", &[]), "INSERT INTO good_t VALUES (2)").expect("the batch can run again");
}

#[test]
fn a_call_that_is_over_reaches_nothing() {
    let (_directory, mut store) = guild(&StoreLimits::default());
    assert!(matches!(store.query("SELECT 1", &[]), Err(SqlError::Denied(_))));
}
