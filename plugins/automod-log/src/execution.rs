//! What automod did, row by row. One trigger of a rule comes as several events, one for each action of the rule: they are
//! one row.

use crate::settings::Settings;
use guildhall_sdk::{AutomodExecution, Context, Database, Error, Id, Timestamp, cut, params};

/// `actions` holds Discord's types of the actions, in the order of their coming, with commas.
pub(crate) const MIGRATION: &str = "CREATE TABLE automod_log_executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, rule INTEGER NOT NULL, rule_trigger INTEGER NOT NULL,
    actions TEXT NOT NULL, channel INTEGER, message INTEGER, content TEXT NOT NULL, keyword TEXT, at INTEGER NOT NULL
);
CREATE INDEX automod_log_executions_user ON automod_log_executions (user, rule);
CREATE INDEX automod_log_executions_age ON automod_log_executions (at)";

/// Bytes of a text that are kept.
const CONTENT: usize = 1500;
/// The events of one trigger come within this time.
const TOGETHER: u64 = 5_000;
/// Rows to look through for the trigger that an event belongs to.
const RECENT: usize = 20;

const COLUMNS: &str = "id, rule_trigger, actions, channel, message, content, keyword, at";

type Row = (
    u64,
    u64,
    String,
    Option<Id>,
    Option<Id>,
    String,
    Option<String>,
    Timestamp,
);

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Execution {
    pub(crate) id: u64,
    pub(crate) trigger: u8,
    pub(crate) actions: Vec<u8>,
    pub(crate) channel: Option<Id>,
    pub(crate) message: Option<Id>,
    pub(crate) content: String,
    pub(crate) keyword: Option<String>,
    pub(crate) at: Timestamp,
}

impl Execution {
    fn from_row((id, trigger, actions, channel, message, content, keyword, at): Row) -> Self {
        Self {
            id,
            trigger: u8::try_from(trigger).unwrap_or(u8::MAX),
            actions: actions.split(',').filter_map(|action| action.parse().ok()).collect(),
            channel,
            message,
            content,
            keyword,
            at,
        }
    }
}

/// Keeps what was done, and answers its row. None where it is one more action of a trigger that is known.
pub(crate) fn keep(context: &Context, database: &Database, execution: &AutomodExecution) -> Result<Option<u64>, Error> {
    let (now, kind) = (context.now(), execution.action_kind);
    let content = cut(&execution.content, CONTENT);
    for known in latest(database, execution.user, execution.rule, 0)? {
        let is_same = known.at + TOGETHER >= now
            && known.content == content
            && known.channel == execution.channel
            && known.message == execution.message
            && !known.actions.contains(&kind);
        if is_same {
            database.execute(
                "UPDATE automod_log_executions SET actions = actions || ',' || ?2 WHERE id = ?1",
                params![known.id, kind.to_string()],
            )?;
            return Ok(None);
        }
    }
    let keyword = execution
        .matched_keyword
        .as_deref()
        .or(execution.matched_content.as_deref());
    database.execute(
        "INSERT INTO automod_log_executions
             (user, rule, rule_trigger, actions, channel, message, content, keyword, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            execution.user,
            execution.rule,
            u32::from(execution.rule_trigger),
            kind.to_string(),
            execution.channel,
            execution.message,
            content,
            keyword.map(|keyword| cut(keyword, 200)),
            now
        ],
    )?;
    Ok(database
        .query_first("SELECT last_insert_rowid()", params![])?
        .map(|(id,)| id))
}

pub(crate) fn find(database: &Database, id: u64) -> Result<Option<Execution>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM automod_log_executions WHERE id = ?1");
    Ok(database.query_first(&sql, params![id])?.map(Execution::from_row))
}

/// What this rule did about this user after this row, newest first, the last twenty times.
pub(crate) fn latest(database: &Database, user: Id, rule: Id, after: u64) -> Result<Vec<Execution>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM automod_log_executions
         WHERE user = ?1 AND rule = ?2 AND id > ?3 ORDER BY id DESC LIMIT {RECENT}"
    );
    let rows: Vec<Row> = database.query(&sql, params![user, rule, after])?;
    Ok(rows.into_iter().map(Execution::from_row).collect())
}

/// How often it did after this row.
pub(crate) fn count(database: &Database, user: Id, rule: Id, after: u64) -> Result<u64, Error> {
    let sql = "SELECT count(*) FROM automod_log_executions WHERE user = ?1 AND rule = ?2 AND id > ?3";
    let row: Option<(u64,)> = database.query_first(sql, params![user, rule, after])?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Whether no other rule with this trigger did anything about the user since then.
pub(crate) fn is_only_rule(
    database: &Database,
    user: Id,
    rule: Id,
    trigger: u8,
    since: Timestamp,
) -> Result<bool, Error> {
    let other: Option<(bool,)> = database.query_first(
        "SELECT 1 FROM automod_log_executions
         WHERE user = ?1 AND rule <> ?2 AND rule_trigger = ?3 AND at >= ?4 LIMIT 1",
        params![user, rule, u32::from(trigger), since],
    )?;
    Ok(other.is_none())
}

pub(crate) fn prune(context: &Context, database: &Database) -> Result<(), Error> {
    let settings: Settings = context.settings()?;
    let before = context.now().saturating_sub(settings.keep());
    database.execute("DELETE FROM automod_log_executions WHERE at < ?1", params![before])?;
    Ok(())
}
