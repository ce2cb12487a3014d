//! One plugin in one guild of its own, with a host that can be told to fail: the store is the real one, so that SQL is judged and
//! bounded as in production; what comes of a call is kept as a batch of one event keeps it.

use crate::world;
use anyhow::{Context, Result};
use guildhall_discord::GuildSnapshot;
use guildhall_engine::{ActionRefusal, CallFailure, CallHost, CallLimits, Plugin, PluginInstance, PreparedEvent};
use guildhall_model::{
    Action, CommonSettings, Event, EventData, GuildView, Rows, SqlError, SubmittedAction, Timer, UnixMilliseconds,
    Value,
};
use guildhall_store::{GuildStore, PluginAccess, StoreError, StoreLimits, StoredTimer, Undo};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a guild is to be.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Whether Discord has described it.
    pub(crate) described: bool,
    /// The plugin's settings, a JSON object.
    pub(crate) settings: String,
    pub(crate) limits: CallLimits,
    pub(crate) store: StoreLimits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            described: true,
            settings: "{}".into(),
            limits: CallLimits::default(),
            store: StoreLimits::default(),
        }
    }
}

/// What a call's host is to refuse.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The database cannot be opened.
    Open(SqlError),
    /// A statement fails; 0 is the call's first one.
    Statement {
        at: usize,
        /// Whether all that follow it fail as well.
        onwards: bool,
        error: SqlError,
    },
    /// Every action is refused.
    Actions(ActionRefusal),
}

/// A statement that a call ran.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) failed: Option<SqlError>,
}

/// The host of the rig's calls.
pub(crate) struct RigHost {
    store: Box<GuildStore>,
    snapshot: GuildSnapshot,
    settings: String,
    generation: u64,
    common: CommonSettings,
    now: UnixMilliseconds,
    fault: Option<Fault>,
    statements: Vec<Statement>,
    submitted: Vec<SubmittedAction>,
}

impl RigHost {
    fn run<T>(&mut self, sql: &str, run: impl FnOnce(&mut GuildStore) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let number = self.statements.len();
        let outcome = match &self.fault {
            Some(Fault::Statement { at, onwards, error }) if number == *at || (*onwards && number > *at) => {
                Err(error.clone())
            }
            _ => run(&mut self.store),
        };
        self.statements.push(Statement {
            sql: sql.to_owned(),
            failed: outcome.as_ref().err().cloned(),
        });
        outcome
    }
}

impl CallHost for RigHost {
    fn query(&mut self, _plugin: &str, sql: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        self.run(sql, |store| store.query(sql, parameters))
    }

    fn execute(&mut self, _plugin: &str, sql: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        self.run(sql, |store| store.execute(sql, parameters))
    }

    fn set_deadline(&mut self, deadline: Instant) {
        self.store.set_deadline(Some(deadline));
    }

    fn view(&self) -> &dyn GuildView {
        &self.snapshot
    }

    fn settings(&self, _plugin: &str) -> String {
        self.settings.clone()
    }

    fn common(&self) -> CommonSettings {
        self.common
    }

    fn settings_generation(&self, _plugin: &str) -> u64 {
        self.generation
    }

    fn now(&self) -> UnixMilliseconds {
        self.now
    }

    fn open(&mut self) -> Result<(), SqlError> {
        match &self.fault {
            Some(Fault::Open(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn admit(&mut self, action: &SubmittedAction) -> Result<(), ActionRefusal> {
        self.submitted.push(action.clone());
        match &self.fault {
            Some(Fault::Actions(refusal)) => Err(refusal.clone()),
            _ => Ok(()),
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) result: Result<(), CallFailure>,
    /// Nothing, where the call failed or its rows were lost.
    pub(crate) actions: Vec<SubmittedAction>,
    /// What it asked for, taken or not.
    pub(crate) submitted: Vec<SubmittedAction>,
    pub(crate) statements: Vec<Statement>,
    /// Why the whole transaction was lost, where it was: a full file.
    pub(crate) lost: Option<String>,
}

/// A plugin in a guild.
pub(crate) struct Rig {
    plugin: Arc<Plugin<RigHost>>,
    access: Arc<PluginAccess>,
    limits: CallLimits,
    instance: PluginInstance<RigHost>,
    /// None only while the plugin is called.
    host: Option<RigHost>,
    _directory: TempDir,
}

impl Rig {
    /// A new guild, with the plugin's tables in it.
    pub(crate) fn new(plugin: &Arc<Plugin<RigHost>>, setup: &Setup) -> Result<Self> {
        let directory = tempfile::tempdir().context("a temporary directory cannot be made")?;
        let description = plugin.description();
        let mut store = GuildStore::open(directory.path(), world::GUILD, &setup.store)?.store;
        let access = Arc::new(PluginAccess::of(description));
        store.prepare_plugin(&access, &description.migrations, &description.timers, world::START)?;
        let host = RigHost {
            store,
            snapshot: world::snapshot(setup.described)?,
            settings: setup.settings.clone(),
            generation: 1,
            common: if setup.described {
                world::common()
            } else {
                CommonSettings::default()
            },
            now: world::START,
            fault: None,
            statements: Vec::new(),
            submitted: Vec::new(),
        };
        Ok(Self {
            instance: PluginInstance::new(plugin.clone(), setup.limits.clone()),
            plugin: plugin.clone(),
            access,
            limits: setup.limits.clone(),
            host: Some(host),
            _directory: directory,
        })
    }

    /// Applies its migrations once more, as every later start does.
    pub(crate) fn prepare_again(&mut self) -> Result<()> {
        let (access, description) = (self.access.clone(), self.plugin.description().clone());
        let host = self.host();
        Ok(host
            .store
            .prepare_plugin(&access, &description.migrations, &description.timers, host.now)?)
    }

    /// Calls the plugin with an event, in a transaction of its own. An error is the host's own.
    pub(crate) fn call(&mut self, data: EventData) -> Result<Called> {
        self.call_within(data, None)
    }

    /// The same, with a host that refuses something.
    pub(crate) fn call_with(&mut self, data: EventData, fault: Fault) -> Result<Called> {
        let host = self.host();
        host.fault = Some(fault);
        let called = self.call_within(data, None);
        self.host().fault = None;
        called
    }

    /// Fires the earliest timer that is due up to this moment; answers its name with what came of it.
    pub(crate) fn fire(&mut self, until: UnixMilliseconds) -> Result<Option<(String, Called)>> {
        let Some(timer) = self.host().store.due_timers(until, 1)?.into_iter().next() else {
            return Ok(None);
        };
        let host = self.host();
        host.now = host.now.max(timer.due_at);
        let (name, data) = (
            timer.name.clone(),
            EventData::Timer(Timer {
                name: timer.name.clone(),
                due_at: timer.due_at,
                payload: timer.payload.clone(),
            }),
        );
        Ok(Some((name, self.call_within(data, Some(&timer))?)))
    }

    fn call_within(&mut self, data: EventData, fires: Option<&StoredTimer>) -> Result<Called> {
        // Each event a moment later, as in a guild.
        self.host().now += 1;
        let now = self.host().now;
        let event = PreparedEvent::from(Event {
            guild: world::GUILD,
            received_at: now,
            data,
        });
        let access = self.access.clone();
        let host = self.host();
        host.store.begin(Undo::Call)?;
        if let Some(timer) = fires {
            host.store.fire_timer(timer, now)?;
        }
        host.store.begin_call(&access);
        // `self.host()` has just been there.
        let Some(host) = self.host.take() else {
            anyhow::bail!("the host is being called");
        };
        let (host, report) = self.instance.handle(host, &event);
        let host = self.host.insert(host);
        let mut called = Called {
            result: report.result,
            actions: report.actions,
            submitted: std::mem::take(&mut host.submitted),
            statements: std::mem::take(&mut host.statements),
            lost: None,
        };
        let kept = host
            .store
            .end_call(called.result.is_ok())
            .and_then(|()| carry_out(&mut host.store, &access.plugin, &called.actions))
            .and_then(|()| host.store.commit(now));
        match kept {
            Ok(()) => Ok(called),
            Err(StoreError::TransactionLost { reason, .. }) => {
                host.store.roll_back();
                called.actions.clear();
                called.lost = Some(reason);
                Ok(called)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The next call takes a fresh instance.
    pub(crate) fn fresh_instance(&mut self) {
        self.instance = PluginInstance::new(self.plugin.clone(), self.limits.clone());
    }

    /// The clock goes on.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.host().now += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }

    pub(crate) fn now(&mut self) -> UnixMilliseconds {
        self.host().now
    }

    /// From now on the plugin has these settings.
    pub(crate) fn set_settings(&mut self, settings: String) {
        let host = self.host();
        host.settings = settings;
        host.generation += 1;
    }

    /// The rows of the plugin's tables, a line each, in an order of their own.
    pub(crate) fn rows(&mut self) -> Result<Vec<String>> {
        let access = self.access.clone();
        let store = &mut self.host().store;
        store.begin(Undo::Call)?;
        store.begin_call(&access);
        let rows = all_rows(store, &access.prefix);
        store.end_call(false)?;
        store.roll_back();
        Ok(rows?)
    }

    fn host(&mut self) -> &mut RigHost {
        #[expect(clippy::expect_used, reason = "every call hands the host back before it returns")]
        self.host.as_mut().expect("the host is between calls here")
    }
}

/// What the host does itself, as a batch does.
fn carry_out(store: &mut GuildStore, plugin: &str, actions: &[SubmittedAction]) -> Result<(), StoreError> {
    for submitted in actions {
        match &submitted.action {
            Action::ScheduleTimer { name, due_at, payload } => store.set_timer(&StoredTimer {
                plugin: plugin.to_owned(),
                name: name.clone(),
                due_at: *due_at,
                payload: payload.clone(),
            })?,
            Action::CancelTimer { name } => store.cancel_timer(plugin, name)?,
            _ => {}
        }
    }
    Ok(())
}

fn all_rows(store: &mut GuildStore, prefix: &str) -> Result<Vec<String>, SqlError> {
    let names = store.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &[])?;
    let mut rows = Vec::new();
    for name in names.values {
        let Value::Text(name) = name else { continue };
        if !name.starts_with(prefix) {
            continue;
        }
        let found = store.query(&format!("SELECT * FROM \"{name}\""), &[])?;
        let width = found.columns.len().max(1);
        let mut lines: Vec<_> = found
            .values
            .chunks(width)
            .map(|row| format!("{name} {row:?}"))
            .collect();
        lines.sort();
        rows.extend(lines);
    }
    Ok(rows)
}
