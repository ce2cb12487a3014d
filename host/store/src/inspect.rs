//! What is in a guild's file, and what is wrong with it. The file is not changed, and nothing is written beside it.

use crate::schema::{self, HOST_PREFIX};
use guildhall_model::GuildId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What is in a guild's file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Inspection {
    /// The host's schema.
    pub schema: u32,
    /// The epoch in which it was last taken up; 0 where no fleet has.
    pub epoch: i64,
    /// The guild that Discord described into it; none before Discord has.
    pub described: Option<GuildId>,
    /// Rows of every table.
    pub tables: BTreeMap<String, u64>,
    /// The last migration of each plugin that has one.
    pub plugins: BTreeMap<String, u32>,
    /// What is wrong with it, each a sentence; nothing where it is whole.
    pub problems: Vec<String>,
}

impl Inspection {
    /// Whether plugins, or somebody who set them up, have left anything in it.
    pub fn holds_data(&self) -> bool {
        let of_plugins = |table: &str| !table.starts_with(HOST_PREFIX) || table == "guildhall_settings";
        self.tables.iter().any(|(table, rows)| *rows > 0 && of_plugins(table))
    }

    /// Actions that have not left for Discord.
    pub fn waiting_actions(&self) -> u64 {
        self.tables.get("guildhall_outbox").copied().unwrap_or_default()
    }
}

/// Reads a file that nobody writes meanwhile, and that has no WAL: a copy. Blocks.
pub fn inspect(path: &Path) -> rusqlite::Result<Inspection> {
    let connection = open_unchanging(path)?;
    let mut found = Inspection {
        schema: schema::version(&connection)?,
        ..Inspection::default()
    };
    if found.schema > schema::VERSION {
        let problem = format!(
            "the file has schema {}, this binary knows {}; use the newer version of Guildhall",
            found.schema,
            schema::VERSION
        );
        found.problems.push(problem);
    }
    found.problems.extend(
        lines(&connection, "PRAGMA integrity_check(20)")?
            .into_iter()
            .filter(|line| line != "ok"),
    );
    let orphans = "SELECT format('a row of `%s` refers to a row of `%s` that is not there', \"table\", parent)
         FROM pragma_foreign_key_check GROUP BY \"table\", parent";
    found.problems.extend(lines(&connection, orphans)?);
    let tables = lines(
        &connection,
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
         AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )?;
    for table in tables {
        let quoted = table.replace('"', "\"\"");
        let rows = connection.query_row(&format!("SELECT count(*) FROM \"{quoted}\""), [], |row| row.get(0));
        match rows {
            Ok(rows) => drop(found.tables.insert(table, rows)),
            Err(error) => found
                .problems
                .push(format!("the rows of `{table}` cannot be counted: {error}")),
        }
    }
    if found.schema == 0 {
        let problem = "it has none of the host's tables: it is not a guild's file, or a new one".into();
        found.problems.push(problem);
        return Ok(found);
    }
    for table in [
        "guildhall_outbox",
        "guildhall_cursor",
        "guildhall_settings",
        "guildhall_snapshot",
    ] {
        if !found.tables.contains_key(table) {
            found.problems.push(format!("the host's table `{table}` is missing"));
        }
    }
    // What a damaged file cannot answer has been complained of above.
    found.epoch = one(&connection, "SELECT epoch FROM guildhall_owner").unwrap_or_default();
    let described: Option<i64> = one(&connection, "SELECT json ->> '$.info.id' FROM guildhall_snapshot");
    found.described = described.map(|id| GuildId(id.cast_unsigned()));
    found.plugins = crate::migration::load(&connection).unwrap_or_default();
    Ok(found)
}

/// Whether SQLite finds nothing wrong with the pages of a file that nobody writes meanwhile, and that has no WAL. Blocks.
pub fn is_whole(path: &Path) -> rusqlite::Result<bool> {
    let connection = open_unchanging(path)?;
    Ok(lines(&connection, "PRAGMA quick_check(1)")? == ["ok"])
}

/// Opens a file that nobody writes meanwhile, and that has no WAL.
pub(crate) fn open_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    // `immutable` keeps SQLite from making a WAL beside a file that was in WAL mode.
    let name = path.to_string_lossy();
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?;
    // The file may be a stranger's.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(connection)
}

fn lines(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn one(connection: &Connection, sql: &str) -> Option<i64> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .ok()
        .flatten()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GuildStore, StoreLimits, guild_file};

    fn file(directory: &Path) -> std::path::PathBuf {
        let mut store = GuildStore::open(directory, GuildId(7), &StoreLimits::default())
            .expect("it opens")
            .store;
        store
            .keep_snapshot("{\"info\":{\"id\":197038439483310086}}")
            .expect("it is kept");
        store.checkpoint().expect("nobody reads");
        guild_file(directory, GuildId(7))
    }

    #[test]
    fn a_whole_file_has_no_problems_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let found = inspect(&file(directory.path())).expect("it is read");
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!(found.described, Some(GuildId(197_038_439_483_310_086)));
        assert!(!found.holds_data());
        assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 1);
    }

    #[test]
    fn damage_newer_schemas_and_orphans_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(directory.path());
        let connection = Connection::open(&file).expect("it opens");
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 CREATE TABLE a_parents (id INTEGER PRIMARY KEY);
                 CREATE TABLE a_children (parent INTEGER REFERENCES a_parents);
                 INSERT INTO a_children VALUES (1);
                 CREATE TABLE a_blobs (id INTEGER PRIMARY KEY, content BLOB UNIQUE);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
                 INSERT INTO a_blobs SELECT i, randomblob(500) FROM n;
                 PRAGMA user_version = 99;",
            )
            .expect("it is written");
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("nobody reads");
        drop(connection);
        let problems = inspect(&file).expect("it is read").problems.join("\n");
        assert!(problems.contains("schema 99"), "{problems}");
        assert!(problems.contains("`a_children`"), "{problems}");
        // A page in the middle.
        let mut bytes = std::fs::read(&file).expect("it is read");
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
        std::fs::write(&file, bytes).expect("it is written");
        let damaged = inspect(&file);
        let told = damaged.map_or_else(|error| error.to_string(), |found| found.problems.join("\n"));
        assert!(told.len() > problems.len() || told.contains("malformed"), "{told}");
    }
}
