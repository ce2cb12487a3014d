//! A plugin's statement: prepared for this plugin alone, judged by the authorizer, bounded in rows, bytes and time.

use crate::authorizer::{PluginAccess, Principal, owns};
use crate::open::GuildStore;
use crate::transaction::Undo;
use crate::value::{self, Parameter};
use guildhall_model::{Rows, SqlError, Value};
use rusqlite::{CachedStatement, Connection, ErrorCode};
use std::sync::Arc;

impl GuildStore {
    /// Runs one statement of the running call's plugin and returns its rows.
    pub fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        let mut rows = Rows::default();
        self.statement(sql, parameters, Some(&mut rows))?;
        Ok(rows)
    }

    /// Runs one statement of the running call's plugin and returns the number of changed rows.
    pub fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        self.statement(sql, parameters, None)
    }

    fn statement(&mut self, sql: &str, parameters: &[Value], into: Option<&mut Rows>) -> Result<u64, SqlError> {
        let Some(access) = self.call.access.clone() else {
            return Err(SqlError::Denied("there is no running call".into()));
        };
        if let Some(reason) = &self.call.lost {
            return Err(SqlError::Limit(reason.clone()));
        }
        let result = self.prepare_and_run(&access, sql, parameters, into);
        if result.is_err() && self.call.wrote && self.connection.is_autocommit() {
            let quota = self.limits.quota_bytes;
            self.call.lost = Some(format!(
                "the guild's quota of {quota} bytes is reached, or the disk is full"
            ));
        }
        result
    }

    fn prepare_and_run(
        &mut self,
        access: &Arc<PluginAccess>,
        sql: &str,
        parameters: &[Value],
        into: Option<&mut Rows>,
    ) -> Result<u64, SqlError> {
        self.authority.forget();
        // The comment makes the statement cache keep each plugin's statements, and the host's, apart: a cached
        // statement is not judged again.
        let mut tagged = std::mem::take(&mut self.tagged);
        tagged.clear();
        for part in ["/*", &access.plugin, "*/", sql] {
            tagged.push_str(part);
        }
        let result = self.run_tagged(access, &tagged, parameters, into);
        self.tagged = tagged;
        result
    }

    fn run_tagged(
        &mut self,
        access: &Arc<PluginAccess>,
        tagged: &str,
        parameters: &[Value],
        into: Option<&mut Rows>,
    ) -> Result<u64, SqlError> {
        let mut statement = match self.connection.prepare_cached(tagged) {
            Ok(statement) => statement,
            Err(error) => return Err(self.sql_error(error)),
        };
        let changes_schema = self.authority.take_schema_change();
        let writes = !statement.readonly();
        if writes && !self.call.wrote {
            if self.undo == Undo::Call {
                self.as_host(|connection| {
                    connection
                        .prepare_cached("SAVEPOINT guildhall_call")?
                        .execute([])
                        .map(drop)
                })?;
            }
            self.call.wrote = true;
        }
        if changes_schema {
            // Never cached: SQLite would judge it only once.
            statement.discard();
            return self.change_schema(access, tagged, parameters);
        }
        let limits = (self.limits.rows, self.limits.result_bytes);
        run(&mut statement, parameters, into, limits).map_err(|failure| match failure {
            Failure::Sqlite(error) => self.sql_error(error),
            Failure::Answer(error) => error,
        })?;
        drop(statement);
        Ok(if writes { self.connection.changes() } else { 0 })
    }

    /// SQLite's authorizer is not told the new name of `ALTER TABLE … RENAME TO`, so the names of everything that is
    /// not the plugin's are compared before and after.
    fn change_schema(
        &mut self,
        access: &Arc<PluginAccess>,
        tagged: &str,
        parameters: &[Value],
    ) -> Result<u64, SqlError> {
        let foreign = |connection: &Connection| foreign_names(connection, &access.prefix);
        let before = self.as_host(foreign)?;
        self.as_host(|connection| connection.execute_batch("SAVEPOINT guildhall_ddl"))?;
        let outcome = self.connection.prepare(tagged).and_then(|mut statement| {
            bind(&mut statement, parameters)?;
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        });
        let refusal = match outcome {
            Err(error) => Some(self.sql_error(error)),
            Ok(()) if self.as_host(foreign)? != before => Some(SqlError::Denied(format!(
                "changing names that are not the plugin's own: they start with `{}`",
                access.prefix
            ))),
            Ok(()) => None,
        };
        match refusal {
            Some(error) if self.connection.is_autocommit() => Err(error),
            Some(error) => {
                self.as_host(|connection| {
                    connection.execute_batch("ROLLBACK TO guildhall_ddl; RELEASE guildhall_ddl")
                })?;
                Err(error)
            }
            None => {
                self.as_host(|connection| connection.execute_batch("RELEASE guildhall_ddl"))?;
                Ok(0)
            }
        }
    }

    /// Runs a statement of the host's in the middle of a plugin's call.
    fn as_host<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SqlError> {
        let plugin = self.authority.act_for(Principal::Host);
        let outcome = work(&self.connection);
        self.authority.act_for(plugin);
        outcome.map_err(|error| self.sql_error(error))
    }

    pub(crate) fn sql_error(&self, error: rusqlite::Error) -> SqlError {
        if let Some(reason) = self.authority.take_denial() {
            return SqlError::Denied(reason);
        }
        let words = match &error {
            // rusqlite's own words repeat the statement, which may be large.
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => SqlError::Constraint(words),
            Some(ErrorCode::OperationInterrupted) => SqlError::Limit("the call's deadline passed in SQL".into()),
            Some(ErrorCode::TooBig) => SqlError::Limit(words),
            Some(ErrorCode::DiskFull) => {
                let quota = self.limits.quota_bytes;
                SqlError::Limit(format!(
                    "the guild's quota of {quota} bytes is reached, or the disk is full"
                ))
            }
            Some(ErrorCode::AuthorizationForStatementDenied) => SqlError::Denied(words),
            _ => SqlError::Sql(words),
        }
    }
}

enum Failure {
    Sqlite(rusqlite::Error),
    Answer(SqlError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, parameters: &[Value]) -> rusqlite::Result<()> {
    let expected = statement.parameter_count();
    if expected != parameters.len() {
        return Err(rusqlite::Error::InvalidParameterCount(parameters.len(), expected));
    }
    for (index, parameter) in parameters.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Parameter(parameter))?;
    }
    Ok(())
}

fn run(
    statement: &mut CachedStatement<'_>,
    parameters: &[Value],
    into: Option<&mut Rows>,
    (row_limit, byte_limit): (usize, usize),
) -> Result<(), Failure> {
    bind(statement, parameters)?;
    let columns = statement.column_count();
    let Some(into) = into else {
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        return Ok(());
    };
    into.columns = statement.column_names().map(str::to_owned).collect();
    let (mut count, mut bytes) = (0, 0);
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        count += 1;
        if count > row_limit {
            return Err(Failure::Answer(SqlError::Limit(format!(
                "a query may return {row_limit} rows; add a LIMIT"
            ))));
        }
        for column in 0..columns {
            let value = value::owned(row.get_ref(column)?);
            bytes += value::bytes(&value);
            into.values.push(value);
        }
        if bytes > byte_limit {
            return Err(Failure::Answer(SqlError::Limit(format!(
                "a query may return {byte_limit} bytes"
            ))));
        }
    }
    Ok(())
}

fn foreign_names(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, String, String)>> {
    let mut names = connection
        .prepare("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY 1, 2, 3")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    names.retain(|(_, name, table)| {
        let internal = name.starts_with("sqlite_") && (name == table || owns(prefix, table));
        !owns(prefix, name) && !internal
    });
    Ok(names)
}
