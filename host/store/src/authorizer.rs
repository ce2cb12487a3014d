//! Who may do what in a guild's file. Everything that is not listed here is denied.
//!
//! The host may do anything but through a trigger or view that a plugin made; a plugin may work on its own tables,
//! read those that it was granted, and nothing else.

use crate::schema::HOST_PREFIX;
use guildhall_model::{PluginDescription, table_prefix};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a plugin may reach in a guild's file: made once when the plugin is loaded, lent to every call.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginAccess {
    /// The plugin's id.
    pub plugin: String,
    /// What its own names start with.
    pub prefix: String,
    /// What the names of tables that it may read besides start with.
    pub readable: BTreeSet<String>,
}

impl PluginAccess {
    /// What a plugin that describes itself so may reach.
    pub fn of(description: &PluginDescription) -> Self {
        Self {
            plugin: description.id.clone(),
            prefix: description.table_prefix(),
            readable: description.readable_plugins.iter().map(|id| table_prefix(id)).collect(),
        }
    }
}

/// On whose behalf statements run now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Principal {
    /// The host itself.
    #[default]
    Host,
    /// A plugin.
    Plugin(Arc<PluginAccess>),
}

/// Shared between the store and the authorizer's callback on its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authority {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    principal: Principal,
    /// Why the last statement was denied, for the answer to the plugin.
    denial: Option<String>,
    /// Whether the last prepared statement changes the schema.
    changes_schema: bool,
}

impl Authority {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn act_for(&self, principal: Principal) -> Principal {
        std::mem::replace(&mut self.lock().principal, principal)
    }

    /// Forgets what an earlier statement left.
    pub(crate) fn forget(&self) {
        let mut state = self.lock();
        state.denial = None;
        state.changes_schema = false;
    }

    pub(crate) fn take_denial(&self) -> Option<String> {
        self.lock().denial.take()
    }

    pub(crate) fn take_schema_change(&self) -> bool {
        std::mem::take(&mut self.lock().changes_schema)
    }

    pub(crate) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        let mut state = self.lock();
        let verdict = match &state.principal {
            // A plugin's trigger or view must never run with the host's authority.
            Principal::Host => match context.accessor {
                None => Ok(()),
                Some(accessor) => Err(format!("`{accessor}` would run with the host's authority")),
            },
            Principal::Plugin(access) => plugin_may(context, &access.prefix, &access.readable),
        };
        if changes_schema(&context.action) {
            state.changes_schema = true;
        }
        match verdict {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                state.denial = Some(reason);
                Authorization::Deny
            }
        }
    }
}

fn changes_schema(action: &AuthAction<'_>) -> bool {
    use AuthAction as Action;
    matches!(
        action,
        Action::CreateTable { .. }
            | Action::CreateIndex { .. }
            | Action::CreateTrigger { .. }
            | Action::CreateView { .. }
            | Action::CreateVtable { .. }
            | Action::AlterTable { .. }
            | Action::DropTable { .. }
            | Action::DropVtable { .. }
    )
}

fn plugin_may(context: &AuthContext<'_>, prefix: &str, readable: &BTreeSet<String>) -> Result<(), String> {
    use AuthAction as Action;
    if let Some(database) = context.database_name
        && database != "main"
        && !is_temporary_schema(&context.action)
    {
        return Err(format!("database `{database}` is out of reach; use the guild's own"));
    }
    match &context.action {
        // Functions that stand where tables do.
        Action::Read { table_name, .. } if matches!(*table_name, "json_each" | "json_tree") => Ok(()),
        Action::Select | Action::Recursive => Ok(()),
        Action::Read { table_name, .. } => {
            let reads = owns(prefix, table_name)
                || readable.iter().any(|other| owns(other, table_name))
                || is_schema_table(table_name)
                || table_name.is_empty();
            reads
                .then_some(())
                .ok_or_else(|| format!("reading `{table_name}`: it is not the plugin's, nor granted"))
        }
        Action::Insert { table_name } | Action::Update { table_name, .. } | Action::Delete { table_name } => {
            // SQLite itself writes its schema table inside DDL that the lines below judge; a statement of the
            // plugin cannot: DEFENSIVE is on.
            let writes = owns(prefix, table_name) || is_schema_table(table_name);
            writes
                .then_some(())
                .ok_or_else(|| not_own("writing", table_name, prefix))
        }
        Action::CreateTable { table_name }
        | Action::DropTable { table_name }
        | Action::AlterTable { table_name, .. }
        | Action::Analyze { table_name } => own("changing", table_name, prefix),
        Action::CreateIndex { index_name, table_name } | Action::DropIndex { index_name, table_name } => {
            own("changing", table_name, prefix)?;
            if is_automatic_index(index_name) {
                Ok(())
            } else {
                own("changing", index_name, prefix)
            }
        }
        Action::Reindex { index_name } if is_automatic_index(index_name) => Ok(()),
        Action::Reindex { index_name } => own("changing", index_name, prefix),
        Action::CreateTrigger {
            trigger_name,
            table_name,
        }
        | Action::DropTrigger {
            trigger_name,
            table_name,
        } => {
            own("changing", table_name, prefix)?;
            own("changing", trigger_name, prefix)
        }
        Action::CreateView { view_name } | Action::DropView { view_name } => own("changing", view_name, prefix),
        Action::CreateVtable {
            table_name,
            module_name,
        }
        | Action::DropVtable {
            table_name,
            module_name,
        } => {
            own("changing", table_name, prefix)?;
            if module_name.eq_ignore_ascii_case("fts5") {
                return Ok(());
            }
            Err(format!(
                "virtual tables of module `{module_name}`; only fts5 is offered"
            ))
        }
        Action::Function { function_name } => {
            let known = FUNCTIONS.contains(&function_name.to_ascii_lowercase().as_str());
            known
                .then_some(())
                .ok_or_else(|| format!("function `{function_name}` is not offered"))
        }
        Action::Pragma { pragma_name, .. } => {
            let harmless = PRAGMAS.contains(&pragma_name.to_ascii_lowercase().as_str());
            harmless
                .then_some(())
                .ok_or_else(|| format!("PRAGMA {pragma_name} is not offered"))
        }
        Action::Transaction { .. } | Action::Savepoint { .. } => {
            Err("transactions are the host's: answer an error from `handle` to undo a call".into())
        }
        Action::Attach { .. } | Action::Detach { .. } => Err("other database files are out of reach".into()),
        other => Err(format!("{other:?} is not offered")),
    }
}

fn own(doing: &str, name: &str, prefix: &str) -> Result<(), String> {
    if owns(prefix, name) {
        Ok(())
    } else {
        Err(not_own(doing, name, prefix))
    }
}

fn not_own(doing: &str, name: &str, prefix: &str) -> String {
    format!("{doing} `{name}`: a plugin's own names start with `{prefix}`")
}

/// Whether a table, index, trigger or view of this name belongs to the owner of the prefix.
pub(crate) fn owns(prefix: &str, name: &str) -> bool {
    name.len() > prefix.len()
        && name.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
        && !name.as_bytes()[..name.len().min(HOST_PREFIX.len())].eq_ignore_ascii_case(HOST_PREFIX.as_bytes())
}

fn is_schema_table(name: &str) -> bool {
    [
        "sqlite_master",
        "sqlite_schema",
        "sqlite_temp_master",
        "sqlite_temp_schema",
        "sqlite_sequence",
        "sqlite_stat1",
    ]
    .contains(&name)
}

/// ALTER TABLE looks for what a rename touches in the schema of temporary objects too; a plugin can have none.
fn is_temporary_schema(action: &AuthAction<'_>) -> bool {
    matches!(
        action,
        AuthAction::Read { table_name, .. } | AuthAction::Update { table_name, .. }
            if matches!(*table_name, "sqlite_temp_master" | "sqlite_temp_schema" | "sqlite_master")
    )
}

fn is_automatic_index(name: &str) -> bool {
    name.starts_with("sqlite_autoindex_")
}

const PRAGMAS: &[&str] = &[
    "data_version",
    "table_info",
    "table_xinfo",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];

const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "bm25",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "date",
    "datetime",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "highlight",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "match",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pow",
    "power",
    "printf",
    "quote",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "snippet",
    "sqlite_drop_column",
    "sqlite_fail",
    "sqlite_rename_column",
    "sqlite_rename_quotefix",
    "sqlite_rename_table",
    "sqlite_rename_test",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
    "->",
    "->>",
    "changes",
    "total_changes",
];
