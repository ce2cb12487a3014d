//! The mapping, applied to the tables that are there: for each, the query that finds its rows by guild, and the table that
//! they become. Whatever is not carried over is listed.

use crate::mapping::{Conversion, GuildPath, Mapping, MappingError, wrong};
use crate::report::LeftBehind;
use crate::source::{Source, SourceColumn, SourceTable, quoted};
use std::collections::BTreeMap;

/// The most columns that a table of a guild's file may have.
const COLUMNS: usize = 100;

/// What becomes of the database.
pub(crate) struct Plan {
    pub(crate) tables: Vec<TablePlan>,
    pub(crate) left_behind: Vec<LeftBehind>,
    /// Tables of the mapping that the database does not have.
    pub(crate) absent: Vec<String>,
}

/// What becomes of a table.
pub(crate) struct TablePlan {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) columns: Vec<ColumnPlan>,
    /// Columns of the primary key, in its order, as the target names them.
    pub(crate) key: Vec<String>,
    /// The expression of a row's guild as the source has it, over the table `t`.
    guild: String,
    /// The column in which the guild, or what is looked up, stands.
    found_by: String,
    /// What joins a lookup; empty where there is none.
    join: String,
    pub(crate) rows: u64,
}

/// What becomes of a column.
pub(crate) struct ColumnPlan {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) conversion: Conversion,
    /// How the target declares it: by its affinity, so that it keeps what it is given.
    declared: &'static str,
}

impl Plan {
    /// Looks at every table; a mapping that does not fit the database is refused.
    pub(crate) fn new(mapping: &Mapping, source: &Source) -> Result<Self, MappingError> {
        let mut plan = Self {
            tables: Vec::new(),
            left_behind: Vec::new(),
            absent: mapping
                .tables
                .keys()
                .filter(|table| !source.tables.contains_key(*table))
                .cloned()
                .collect(),
        };
        let mut targets = BTreeMap::new();
        for (name, table) in &source.tables {
            let has = |column: &str| {
                table
                    .columns
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(column))
            };
            let leave = |reason: String| LeftBehind {
                table: name.clone(),
                rows: Some(table.rows),
                reason,
            };
            let guild = match mapping.tables.get(name) {
                Some(mapped) => mapped.guild.clone(),
                None => {
                    if let Some(reason) = mapping.left_behind.get(name) {
                        plan.left_behind.push(leave(reason.clone()));
                        continue;
                    }
                    if !has(&mapping.guild_column) {
                        let reason = format!("it is not in the mapping and has no column `{}`", mapping.guild_column);
                        plan.left_behind.push(leave(reason));
                        continue;
                    }
                    GuildPath {
                        column: Some(mapping.guild_column.clone()),
                        ..GuildPath::default()
                    }
                }
            };
            let planned = TablePlan::new(mapping, name, table, &guild)?;
            if let Some(other) = targets.insert(planned.target.clone(), name) {
                let reason = format!("`{other}` becomes `{}` too; name another `target`", planned.target);
                return Err(wrong(&format!("tables.{name}"), reason));
            }
            plan.tables.push(planned);
        }
        plan.left_behind
            .extend(source.others.iter().map(|(name, reason)| LeftBehind {
                table: name.clone(),
                rows: None,
                reason: (*reason).into(),
            }));
        Ok(plan)
    }
}

impl TablePlan {
    fn new(mapping: &Mapping, name: &str, table: &SourceTable, guild: &GuildPath) -> Result<Self, MappingError> {
        let place = format!("tables.{name}");
        let known = |key: &str, column: &str| {
            let found = table
                .columns
                .iter()
                .any(|known| known.name.eq_ignore_ascii_case(column));
            let columns: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
            found.then_some(()).ok_or_else(|| {
                let reason = format!("`{name}` has no column `{column}`; it has {}", columns.join(", "));
                wrong(&format!("{place}.{key}"), reason)
            })
        };
        let (expression, found_by, join) = match (&guild.column, &guild.by, &guild.lookup) {
            (Some(column), ..) => {
                known("guild", column)?;
                (format!("t.{}", quoted(column)), column, String::new())
            }
            (None, Some(by), Some(lookup)) => {
                known("guild", by)?;
                let join = format!(
                    " LEFT JOIN temp.{} AS l ON l.key = CAST(t.{} AS TEXT)",
                    quoted(&lookup_table(lookup)),
                    quoted(by)
                );
                ("l.guild".into(), by, join)
            }
            // A checked mapping has one or the other.
            _ => return Err(wrong(&format!("{place}.guild"), "there is no way to the guild".into())),
        };
        let mapped = mapping.tables.get(name);
        for column in mapped.into_iter().flat_map(|mapped| mapped.columns.keys()) {
            known("columns", column)?;
        }
        for column in mapped.into_iter().flat_map(|mapped| mapped.rename.keys()) {
            known("rename", column)?;
        }
        if table.columns.len() > COLUMNS {
            let reason = format!(
                "it has {} columns, and guild files take {COLUMNS}; put it into `left_behind`",
                table.columns.len()
            );
            return Err(wrong(&place, reason));
        }
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|column| {
                let conversion = mapped.and_then(|mapped| mapped.columns.get(&column.name)).copied();
                let target = mapped.and_then(|mapped| mapped.rename.get(&column.name)).cloned();
                let conversion = conversion.unwrap_or_default();
                ColumnPlan {
                    source: column.name.clone(),
                    target: target.unwrap_or_else(|| column.name.clone()),
                    conversion,
                    declared: declared(table, column, conversion),
                }
            })
            .collect();
        let mut key: Vec<_> = table
            .columns
            .iter()
            .zip(&columns)
            .filter(|(column, _)| column.key > 0)
            .collect();
        key.sort_by_key(|(column, _)| column.key);
        Ok(Self {
            source: name.to_owned(),
            target: mapping.target(name),
            key: key.into_iter().map(|(_, column)| column.target.clone()).collect(),
            columns,
            guild: expression,
            found_by: found_by.clone(),
            join,
            rows: table.rows,
        })
    }

    /// Rows with their guild first, as a number; NULL where there is none.
    fn rows_with_guild(&self, columns: &str) -> String {
        format!(
            "SELECT {} AS guild{columns} FROM {} AS t{}",
            id(&self.guild),
            quoted(&self.source),
            self.join
        )
    }

    /// All rows that have a guild, in the order of guilds: the guild, then the columns.
    pub(crate) fn rows_by_guild(&self) -> String {
        let columns: String = self
            .columns
            .iter()
            .map(|column| format!(", t.{}", quoted(&column.source)))
            .collect();
        format!(
            "SELECT * FROM ({}) WHERE guild IS NOT NULL ORDER BY guild",
            self.rows_with_guild(&columns)
        )
    }

    /// The guilds of its rows.
    pub(crate) fn guilds(&self) -> String {
        format!(
            "SELECT guild FROM ({}) WHERE guild IS NOT NULL",
            self.rows_with_guild("")
        )
    }

    /// What stands where a guild's id should, with how many rows.
    pub(crate) fn rows_without_guild(&self) -> String {
        format!(
            "SELECT shown, count(*) FROM (SELECT quote(t.{}) AS shown, {} AS guild FROM {} AS t{})
             WHERE guild IS NULL GROUP BY shown ORDER BY count(*) DESC, shown",
            quoted(&self.found_by),
            id(&self.guild),
            quoted(&self.source),
            self.join
        )
    }

    /// Makes the table.
    pub(crate) fn create(&self) -> String {
        let mut parts: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                format!("{} {}", quoted(&column.target), column.declared)
                    .trim_end()
                    .to_owned()
            })
            .collect();
        if !self.key.is_empty() {
            let key: Vec<_> = self.key.iter().map(|column| quoted(column)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        format!("CREATE TABLE {} ({})", quoted(&self.target), parts.join(", "))
    }

    /// Adds a row.
    pub(crate) fn insert(&self) -> String {
        let places = vec!["?"; self.columns.len()];
        format!("INSERT INTO {} VALUES ({})", quoted(&self.target), places.join(", "))
    }

    /// Reads the rows of the table that was made.
    pub(crate) fn read_back(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|column| quoted(&column.target)).collect();
        format!("SELECT {} FROM {}", columns.join(", "), quoted(&self.target))
    }
}

/// A guild's id as a number, from a number or digits; NULL for anything else.
fn id(expression: &str) -> String {
    format!(
        "CASE WHEN typeof({expression}) = 'integer' AND {expression} > 0 THEN {expression}
         WHEN typeof({expression}) = 'text' AND {expression} <> '' AND {expression} NOT GLOB '*[^0-9]*'
             AND (length({expression}) < 19 OR (length({expression}) = 19 AND {expression} <= '9223372036854775807'))
             AND CAST({expression} AS INTEGER) > 0 THEN CAST({expression} AS INTEGER) END"
    )
}

/// The temporary table of a lookup.
pub(crate) fn lookup_table(lookup: &str) -> String {
    format!("lookup_{lookup}")
}

/// Makes the lookups' temporary tables: which guild a key belongs to. A key of more than one guild belongs to none.
pub(crate) fn make_lookups(mapping: &Mapping, source: &Source) -> anyhow::Result<()> {
    for (name, sources) in &mapping.lookups {
        let mut parts = Vec::new();
        for from in sources {
            let Some(table) = source.tables.get(&from.table) else {
                continue;
            };
            for column in [&from.key, &from.guild] {
                if !table
                    .columns
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(column))
                {
                    let reason = format!("`{}` has no column `{column}`", from.table);
                    return Err(wrong(&format!("lookups.{name}"), reason).into());
                }
            }
            parts.push(format!(
                "SELECT CAST({} AS TEXT) AS key, {} AS guild FROM {}",
                quoted(&from.key),
                id(&quoted(&from.guild)),
                quoted(&from.table)
            ));
        }
        let rows = match parts.is_empty() {
            true => "SELECT NULL AS key, NULL AS guild WHERE 0".to_owned(),
            false => parts.join(" UNION "),
        };
        source.connection.execute_batch(&format!(
            "CREATE TEMP TABLE {table} (key TEXT PRIMARY KEY, guild INTEGER) WITHOUT ROWID;
             INSERT INTO temp.{table} SELECT key, CASE WHEN count(*) = 1 THEN min(guild) END FROM ({rows})
             WHERE key IS NOT NULL AND guild IS NOT NULL GROUP BY key",
            table = quoted(&lookup_table(name))
        ))?;
    }
    Ok(())
}

/// SQLite's rules of affinity. A converted column has none: it holds what it is given. Only the column that was the rowid is
/// it again.
fn declared(table: &SourceTable, column: &SourceColumn, conversion: Conversion) -> &'static str {
    if conversion != Conversion::Keep {
        return "";
    }
    let declared = column.declared.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
    let single_key = table.columns.iter().filter(|column| column.key > 0).count() == 1;
    if declared == "INTEGER" && column.key > 0 && single_key {
        "INTEGER"
    } else if has(&["INT"]) {
        "INT"
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        "TEXT"
    } else if declared.is_empty() || declared == "ANY" || has(&["BLOB"]) {
        ""
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "REAL"
    } else {
        "NUMERIC"
    }
}
