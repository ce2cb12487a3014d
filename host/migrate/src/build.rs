//! One guild's file: made by the host's own code, filled with the guild's rows, and read back.

use crate::checksum::Checksum;
use crate::convert::convert;
use crate::cursor::Cursor;
use crate::plan::{Plan, TablePlan};
use crate::report::TableReport;
use crate::source::open_built;
use anyhow::{Context, Result, ensure};
use guildhall_model::GuildId;
use guildhall_store::{GuildStore, StoreLimits, WaitingActions, guild_file, inspect, ready_to_place};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file is only built here; its quota is the pod's.
const NO_QUOTA: u64 = 1 << 42;

/// What the guild's rows of one table came to.
struct Carried {
    table: usize,
    checksum: Checksum,
    kept_as_found: BTreeMap<String, u64>,
}

/// A guild's file that is whole, synced and ready to be placed; or only what it would say.
pub(crate) struct Built {
    pub(crate) tables: Vec<TableReport>,
    /// Tells the guild's rows from any others.
    pub(crate) digest: String,
    pub(crate) bytes: u64,
}

/// Reads the guild's rows without writing any.
pub(crate) fn digest(plan: &Plan, cursor: &mut Cursor<'_>, guild: GuildId) -> Result<Built> {
    let carried = carry(plan, cursor, guild, None)?;
    Ok(Built {
        digest: digest_of_all(plan, &carried),
        tables: carried
            .iter()
            .map(|carried| carried.report(plan, Checksum::default()))
            .collect(),
        bytes: 0,
    })
}

/// Builds the guild's file in this directory and reads it back. An error leaves a part of it there.
pub(crate) fn build(
    plan: &Plan,
    cursor: &mut Cursor<'_>,
    guild: GuildId,
    directory: &Path,
) -> Result<(Built, PathBuf)> {
    let limits = StoreLimits {
        quota_bytes: NO_QUOTA,
        ..StoreLimits::default()
    };
    drop(GuildStore::open(directory, guild, &limits)?);
    let file = guild_file(directory, guild);
    let connection = open_built(&file)?;
    // What a crash leaves is thrown away, and the whole file is synced at the end.
    connection.execute_batch("PRAGMA synchronous = OFF; BEGIN")?;
    let carried = carry(plan, cursor, guild, Some(&connection))?;
    connection.execute_batch("COMMIT")?;
    drop(connection);
    ready_to_place(directory, guild, &limits, WaitingActions::Send)?;

    let inspection = inspect(&file)?;
    ensure!(inspection.problems.is_empty(), "{}", inspection.problems.join("; "));
    let connection = open_built(&file)?;
    let mut tables = Vec::new();
    for table in &carried {
        let written = read_back(&connection, &plan.tables[table.table])?;
        let report = table.report(plan, written);
        ensure!(
            report.is_equal(),
            "table `{}` has {} rows with checksum {} in the guild's file, and {} with {} were read",
            report.target,
            report.rows_written,
            report.checksum_written,
            report.rows_in_source,
            report.checksum_of_source
        );
        tables.push(report);
    }
    drop(connection);
    let built = Built {
        digest: digest_of_all(plan, &carried),
        tables,
        bytes: std::fs::metadata(&file)?.len(),
    };
    Ok((built, file))
}

/// Whether a guild's file holds exactly these rows in these tables.
pub(crate) fn holds(file: &Path, plan: &Plan, tables: &[TableReport]) -> bool {
    let Ok(connection) = open_built(file) else {
        return false;
    };
    tables.iter().all(|report| {
        let table = plan.tables.iter().find(|table| table.target == report.target);
        let found = table.map(|table| read_back(&connection, table));
        matches!(found, Some(Ok(found)) if found.rows == report.rows_in_source && found.text() == report.checksum_of_source)
    })
}

fn carry(plan: &Plan, cursor: &mut Cursor<'_>, guild: GuildId, to: Option<&Connection>) -> Result<Vec<Carried>> {
    let mut all = Vec::new();
    for (number, table) in plan.tables.iter().enumerate() {
        let mut carried = Carried {
            table: number,
            checksum: Checksum::default(),
            kept_as_found: BTreeMap::new(),
        };
        let mut insert: Option<Statement<'_>> = None;
        while let Some(row) = cursor.take(number, guild)? {
            let row = carried.convert(table, row);
            carried.checksum.add(&row);
            let Some(connection) = to else { continue };
            if insert.is_none() {
                connection.execute_batch(&table.create())?;
                insert = Some(connection.prepare(&table.insert())?);
            }
            if let Some(insert) = &mut insert {
                insert
                    .execute(params_from_iter(&row))
                    .with_context(|| format!("a row of `{}` does not fit into `{}`", table.source, table.target))?;
            }
        }
        if carried.checksum.rows > 0 {
            all.push(carried);
        }
    }
    Ok(all)
}

impl Carried {
    fn convert(&mut self, table: &TablePlan, row: Vec<Value>) -> Vec<Value> {
        row.into_iter()
            .zip(&table.columns)
            .map(|(value, column)| {
                let (value, fits) = convert(column.conversion, value);
                if !fits {
                    *self.kept_as_found.entry(column.source.clone()).or_default() += 1;
                }
                value
            })
            .collect()
    }

    fn report(&self, plan: &Plan, written: Checksum) -> TableReport {
        let table = &plan.tables[self.table];
        TableReport {
            source: table.source.clone(),
            target: table.target.clone(),
            rows_in_source: self.checksum.rows,
            rows_written: written.rows,
            checksum_of_source: self.checksum.text(),
            checksum_written: written.text(),
            kept_as_found: self.kept_as_found.clone(),
        }
    }
}

fn read_back(connection: &Connection, table: &TablePlan) -> Result<Checksum> {
    let mut checksum = Checksum::default();
    let mut statement = connection.prepare(&table.read_back())?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<Value> = (0..table.columns.len())
            .map(|column| row.get(column))
            .collect::<rusqlite::Result<_>>()?;
        checksum.add(&values);
    }
    Ok(checksum)
}

fn digest_of_all(plan: &Plan, carried: &[Carried]) -> String {
    let mut digest = Sha256::new();
    for carried in carried {
        let table = &plan.tables[carried.table].target;
        digest.update(format!(
            "{table} {} {}\n",
            carried.checksum.rows,
            carried.checksum.text()
        ));
    }
    hex::encode(digest.finalize())
}
