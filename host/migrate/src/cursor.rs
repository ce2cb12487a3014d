//! All tables at once, guild by guild: each table's rows come in the order of guilds, and the next guild is the smallest
//! that any of them stands at. So every table is read once, however many guilds there are.

use crate::plan::TablePlan;
use anyhow::{Context, Result};
use guildhall_model::GuildId;
use rusqlite::types::Value;
use rusqlite::{Rows, Statement};

/// The rows of one table, one read ahead.
struct TableRows<'source> {
    rows: Rows<'source>,
    columns: usize,
    table: &'source str,
    next: Option<(i64, Vec<Value>)>,
}

/// The rows of all tables.
pub(crate) struct Cursor<'source>(Vec<TableRows<'source>>);

impl<'source> Cursor<'source> {
    /// Starts reading; the statements are those of [`TablePlan::rows_by_guild`], in the order of the tables.
    pub(crate) fn new(tables: &'source [TablePlan], statements: &'source mut [Statement<'_>]) -> Result<Self> {
        let mut cursors = Vec::new();
        for (table, statement) in tables.iter().zip(statements) {
            let mut rows = TableRows {
                rows: statement.query([])?,
                columns: table.columns.len(),
                table: &table.source,
                next: None,
            };
            rows.advance()?;
            cursors.push(rows);
        }
        Ok(Self(cursors))
    }

    /// The next guild; none after the last.
    pub(crate) fn guild(&self) -> Option<GuildId> {
        let next = self.0.iter().filter_map(|rows| Some(rows.next.as_ref()?.0)).min()?;
        Some(GuildId(next.cast_unsigned()))
    }

    /// The next row of this guild in a table, by the table's number; none when there is no other one.
    pub(crate) fn take(&mut self, table: usize, guild: GuildId) -> Result<Option<Vec<Value>>> {
        let rows = &mut self.0[table];
        let is_its = rows
            .next
            .as_ref()
            .is_some_and(|(next, _)| next.cast_unsigned() == guild.0);
        if !is_its {
            return Ok(None);
        }
        let taken = rows.next.take().map(|(_, values)| values);
        rows.advance()?;
        Ok(taken)
    }

    /// Passes over what is left of this guild.
    pub(crate) fn skip(&mut self, guild: GuildId) -> Result<()> {
        for table in 0..self.0.len() {
            while self.take(table, guild)?.is_some() {}
        }
        Ok(())
    }
}

impl TableRows<'_> {
    fn advance(&mut self) -> Result<()> {
        let table = self.table;
        let row = self
            .rows
            .next()
            .with_context(|| format!("table `{table}` cannot be read"))?;
        self.next = match row {
            None => None,
            Some(row) => {
                let values = (1..=self.columns)
                    .map(|column| row.get::<_, Value>(column))
                    .collect::<rusqlite::Result<_>>()
                    .with_context(|| format!("a row of table `{table}` cannot be read"))?;
                Some((row.get(0)?, values))
            }
        };
        Ok(())
    }
}
