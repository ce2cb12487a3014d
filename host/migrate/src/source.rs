//! The old bot's database: opened for reading only, checked, and described. It is never written, also when the bot still
//! uses it.

use anyhow::{Context, Result, bail};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The bot may hold the database for as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The database, in one transaction over everything that is read.
pub(crate) struct Source {
    pub(crate) connection: Connection,
    pub(crate) tables: BTreeMap<String, SourceTable>,
    /// Tables that cannot be carried over, each with the reason.
    pub(crate) others: BTreeMap<String, &'static str>,
}

/// A table as SQLite describes it.
#[derive(Clone, Debug)]
pub(crate) struct SourceTable {
    pub(crate) columns: Vec<SourceColumn>,
    pub(crate) rows: u64,
}

/// A column of it.
#[derive(Clone, Debug)]
pub(crate) struct SourceColumn {
    pub(crate) name: String,
    pub(crate) declared: String,
    /// Its place in the primary key, from 1; 0 where it is not in it.
    pub(crate) key: u32,
}

impl Source {
    /// Opens and checks.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.is_file() {
            bail!("{}: there is no such file", path.display());
        }
        let connection = connect(path)?;
        check(&connection).map_err(|error| explain(path, error))?;
        let (tables, others) = describe(&connection).map_err(|error| explain(path, error))?;
        Ok(Self {
            connection,
            tables,
            others,
        })
    }
}

fn connect(path: &Path) -> Result<Connection> {
    match begin(path, "") {
        Ok(connection) => Ok(connection),
        // In WAL mode a reader makes two files beside the database; where it cannot, nobody else can write either.
        Err(error) if is_unopenable(&error) && !has_wal(path) => {
            begin(path, "&immutable=1").map_err(|error| explain(path, error))
        }
        Err(error) => Err(explain(path, error)),
    }
}

fn begin(path: &Path, more: &str) -> rusqlite::Result<Connection> {
    let name = path.to_string_lossy();
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{escaped}?mode=ro{more}"), flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.execute_batch("BEGIN")?;
    // The transaction begins with the first look.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn has_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0)
}

fn is_unopenable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn explain(path: &Path, error: rusqlite::Error) -> anyhow::Error {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => anyhow::anyhow!("{path} is not a SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => anyhow::anyhow!(
            "{path} is damaged or was cut off ({error}); copy it again, or repair it with `sqlite3 {path} .recover`"
        ),
        _ => anyhow::Error::from(error).context(format!("{path} cannot be read")),
    }
}

fn check(connection: &Connection) -> rusqlite::Result<()> {
    let problem: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if problem == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(problem)))
}

type Described = (BTreeMap<String, SourceTable>, BTreeMap<String, &'static str>);

fn describe(connection: &Connection) -> rusqlite::Result<Described> {
    let (mut tables, mut others) = Described::default();
    let listed = connection
        .prepare(
            "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
        )?
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (name, kind) in listed {
        match kind.as_str() {
            "table" => drop(tables.insert(name.clone(), table(connection, &name)?)),
            "view" => drop(others.insert(name, "a view: it holds no rows of its own")),
            _ => drop(others.insert(name, "a virtual table: its plugin makes its own index")),
        }
    }
    Ok((tables, others))
}

fn table(connection: &Connection, name: &str) -> rusqlite::Result<SourceTable> {
    let columns = connection
        .prepare("SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid")?
        .query_map([name], |row| {
            Ok(SourceColumn {
                name: row.get(0)?,
                declared: row.get(1)?,
                key: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let rows = connection.query_row(&format!("SELECT count(*) FROM {}", quoted(name)), [], |row| row.get(0))?;
    Ok(SourceTable { columns, rows })
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Opens a guild's file that was built here.
pub(crate) fn open_built(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .with_context(|| format!("{} cannot be opened", path.display()))
}
