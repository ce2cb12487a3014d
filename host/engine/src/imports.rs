//! The contract's imports: what a running call may ask of the host. Outside a call, and in `describe`, each
//! answers that there is no guild.

mod figures;
mod log;

pub use figures::CallFigures;

use crate::bindings::guildhall::plugin::{actions, clock, database, events, guild, types};
use crate::call::{ActionRefusal, CallHost};
use crate::grant::Grant;
use crate::limits::{CallLimits, StoreBounds};
use crate::wasi::WasiState;
use figures::FigureNames;
use guildhall_model::{
    Action, ChannelId, GuildId, PluginDescription, RoleId, SqlError, SubmittedAction, UserId, Value,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtxView, WasiView};

/// Handles that one instance may hold, the database's and WASI's each.
const HANDLES: usize = 256;

/// A database handle in a guest's hands. Its number is that of the call that opened it, for which alone it is good.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {}

/// Who calls: named in logs, and held to its grant.
#[derive(Default)]
pub(crate) struct Identity {
    /// The plugin's id.
    plugin: String,
    grant: Grant,
    /// What it has counted and observed so far.
    figures: FigureNames,
}

impl Identity {
    /// The plugin that describes itself so.
    pub(crate) fn of(description: &PluginDescription) -> Self {
        Self {
            plugin: description.id.clone(),
            grant: Grant::of(description),
            figures: FigureNames::default(),
        }
    }

    /// The hosts that it may ask.
    pub(crate) fn http_hosts(&self) -> &BTreeSet<String> {
        &self.grant.http_hosts
    }

    /// The plugin that wants this, held to what is left of it.
    pub(crate) fn narrowed(description: &PluginDescription, wants: &PluginDescription) -> Self {
        Self {
            grant: Grant::narrowed(description, wants),
            ..Self::of(description)
        }
    }

    /// Before a component has said who it is.
    pub(crate) fn unknown() -> Self {
        Self {
            plugin: "(describe)".into(),
            ..Self::default()
        }
    }
}

/// The data of one instance's store.
pub(crate) struct CallState<H> {
    identity: Arc<Identity>,
    limits: CallLimits,
    bounds: StoreBounds,
    table: ResourceTable,
    wasi: WasiState,
    host: Option<H>,
    guild: GuildId,
    /// Numbers the calls of this instance, so that a handle of an earlier one is known.
    call: u32,
    /// Database handles that the guest has not dropped: garbage collectors take their time.
    open: usize,
    actions: Vec<SubmittedAction>,
    action_bytes: usize,
    figures: CallFigures,
    log_lines: usize,
}

impl<H: CallHost> CallState<H> {
    pub(crate) fn new(identity: Arc<Identity>, limits: &CallLimits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            identity,
            limits: limits.clone(),
            bounds: limits.store_bounds(),
            table,
            wasi: WasiState::default(),
            host: None,
            guild: GuildId(0),
            call: 0,
            open: 0,
            actions: Vec::new(),
            action_bytes: 0,
            figures: CallFigures::default(),
            log_lines: 0,
        }
    }

    pub(crate) fn bounds(&mut self) -> &mut StoreBounds {
        &mut self.bounds
    }

    /// Whether the next calls might have no room for handles of their own.
    pub(crate) fn is_worn(&self) -> bool {
        self.open > HANDLES / 2
    }

    pub(crate) fn begin(&mut self, host: H, guild: GuildId) {
        self.host = Some(host);
        self.guild = guild;
        self.call = self.call.wrapping_add(1);
        self.action_bytes = 0;
        self.log_lines = 0;
    }

    pub(crate) fn end(&mut self) -> (H, Vec<SubmittedAction>, CallFigures) {
        #[expect(
            clippy::expect_used,
            reason = "`begin` put it there, and nothing but `end` takes it out"
        )]
        let host = self.host.take().expect("a call has a host");
        (
            host,
            std::mem::take(&mut self.actions),
            std::mem::take(&mut self.figures),
        )
    }

    /// Puts what the component wrote to its standard streams into the log.
    pub(crate) fn log_output(&mut self) {
        let Some(output) = self.wasi.take_output() else { return };
        let (plugin, guild) = (&self.identity.plugin, self.guild);
        for line in output
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(self.limits.log_lines)
        {
            tracing::info!(target: "plugin", plugin, %guild, stream = "output", "{line}");
        }
    }

    fn database(&mut self, handle: &Resource<Connection>) -> Option<(&str, &mut H)> {
        let host = self.host.as_mut().filter(|_| handle.rep() == self.call)?;
        Some((self.identity.plugin.as_str(), host))
    }
}

impl<H: CallHost> WasiView for CallState<H> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.view(&mut self.table)
    }
}

impl<H: CallHost> types::Host for CallState<H> {}
impl<H: CallHost> events::Host for CallState<H> {}

impl<H: CallHost> database::Host for CallState<H> {
    fn open(&mut self) -> wasmtime::Result<Result<Resource<Connection>, database::Error>> {
        let Some(host) = &mut self.host else {
            return Ok(Err(database::Error::Closed));
        };
        if let Err(error) = host.open() {
            return Ok(Err(error.into()));
        }
        if self.open >= HANDLES {
            return Ok(Err(database::Error::Limit(format!(
                "more than {HANDLES} handles are open; drop those no longer used"
            ))));
        }
        self.open += 1;
        Ok(Ok(Resource::new_own(self.call)))
    }
}

impl<H: CallHost> database::HostConnection for CallState<H> {
    fn query(
        &mut self,
        handle: Resource<Connection>,
        sql: String,
        parameters: Vec<types::Value>,
    ) -> wasmtime::Result<Result<database::Rows, database::Error>> {
        let Some((plugin, host)) = self.database(&handle) else {
            return Ok(Err(database::Error::Closed));
        };
        let parameters: Vec<Value> = parameters.into_iter().map(Value::from).collect();
        Ok(host
            .query(plugin, &sql, &parameters)
            .map(database::Rows::from)
            .map_err(database::Error::from))
    }

    fn execute(
        &mut self,
        handle: Resource<Connection>,
        sql: String,
        parameters: Vec<types::Value>,
    ) -> wasmtime::Result<Result<u64, database::Error>> {
        let Some((plugin, host)) = self.database(&handle) else {
            return Ok(Err(database::Error::Closed));
        };
        let parameters: Vec<Value> = parameters.into_iter().map(Value::from).collect();
        Ok(host.execute(plugin, &sql, &parameters).map_err(database::Error::from))
    }

    fn drop(&mut self, _: Resource<Connection>) -> wasmtime::Result<()> {
        self.open = self.open.saturating_sub(1);
        Ok(())
    }
}

impl From<SqlError> for database::Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Denied(reason) => Self::Denied(reason),
            SqlError::Limit(reason) => Self::Limit(reason),
            SqlError::Constraint(reason) => Self::Constraint(reason),
            SqlError::Closed => Self::Closed,
            SqlError::Sql(reason) => Self::Sql(reason),
        }
    }
}

impl From<ActionRefusal> for actions::Error {
    fn from(refusal: ActionRefusal) -> Self {
        match refusal {
            ActionRefusal::NotGranted(reason) => Self::NotGranted(reason),
            ActionRefusal::Limit(reason) => Self::Limit(reason),
            ActionRefusal::Invalid(reason) => Self::Invalid(reason),
        }
    }
}

impl<H: CallHost> actions::Host for CallState<H> {
    fn submit(
        &mut self,
        action: actions::Action,
        options: actions::Options,
    ) -> wasmtime::Result<Result<(), actions::Error>> {
        let Some(host) = &mut self.host else {
            return Ok(Err(actions::Error::Invalid("there is no guild in `describe`".into())));
        };
        if self.actions.len() >= self.limits.actions {
            let reason = format!("a call may submit {} actions", self.limits.actions);
            return Ok(Err(actions::Error::Limit(reason)));
        }
        let submitted = SubmittedAction {
            action: Action::from(action),
            reason: options.reason,
            token: options.token,
        };
        if let Err(refusal) = host.admit(&submitted) {
            return Ok(Err(refusal.into()));
        }
        if let Err(error) = self.identity.grant.check(&submitted.action) {
            let (plugin, guild) = (&self.identity.plugin, self.guild);
            let (actions::Error::NotGranted(reason) | actions::Error::Invalid(reason) | actions::Error::Limit(reason)) =
                &error;
            tracing::warn!(plugin, %guild, reason, "an action was refused: it is beyond what the plugin was granted");
            return Ok(Err(error));
        }
        if let Err(reason) = crate::contract::check_action(&submitted) {
            return Ok(Err(actions::Error::Invalid(reason)));
        }
        self.action_bytes += crate::contract::text_bytes(&submitted);
        if self.action_bytes > self.limits.action_bytes {
            let reason = format!(
                "the texts of a call's actions may take {} bytes",
                self.limits.action_bytes
            );
            return Ok(Err(actions::Error::Limit(reason)));
        }
        self.actions.push(submitted);
        Ok(Ok(()))
    }
}

impl<H: CallHost> guild::Host for CallState<H> {
    fn get_info(&mut self) -> wasmtime::Result<Option<guild::Info>> {
        Ok(self
            .host
            .as_ref()
            .and_then(|host| host.view().info())
            .map(guild::Info::from))
    }

    fn settings(&mut self) -> wasmtime::Result<String> {
        Ok(self
            .host
            .as_ref()
            .map_or_else(|| "{}".into(), |host| host.settings(&self.identity.plugin)))
    }

    fn common(&mut self) -> wasmtime::Result<actions::CommonSettings> {
        let common = self.host.as_ref().map(CallHost::common).unwrap_or_default();
        Ok(common.into())
    }

    fn settings_generation(&mut self) -> wasmtime::Result<u64> {
        Ok(self
            .host
            .as_ref()
            .map_or(0, |host| host.settings_generation(&self.identity.plugin)))
    }

    fn channels(&mut self) -> wasmtime::Result<Vec<events::Channel>> {
        let channels = self.host.as_ref().map_or_else(Vec::new, |host| host.view().channels());
        Ok(channels.into_iter().map(events::Channel::from).collect())
    }

    fn get_channel(&mut self, id: types::Id) -> wasmtime::Result<Option<events::Channel>> {
        Ok(self
            .host
            .as_ref()
            .and_then(|host| host.view().channel(ChannelId(id)))
            .map(events::Channel::from))
    }

    fn roles(&mut self) -> wasmtime::Result<Vec<guild::Role>> {
        let roles = self.host.as_ref().map_or_else(Vec::new, |host| host.view().roles());
        Ok(roles.into_iter().map(guild::Role::from).collect())
    }

    fn own_member(&mut self) -> wasmtime::Result<Option<events::Member>> {
        Ok(self
            .host
            .as_ref()
            .and_then(|host| host.view().own_member())
            .map(events::Member::from))
    }

    fn own_permissions(&mut self, channel: types::Id) -> wasmtime::Result<Option<u64>> {
        let Some(view) = self.host.as_ref().map(|host| host.view()) else {
            return Ok(None);
        };
        let (Some(member), Some(channel)) = (view.own_member(), view.channel(ChannelId(channel))) else {
            return Ok(None);
        };
        Ok(Some(view.permissions(member.user.id, &member.roles, Some(channel.id))))
    }

    fn permissions(
        &mut self,
        user: types::Id,
        roles: Vec<types::Id>,
        channel: Option<types::Id>,
    ) -> wasmtime::Result<u64> {
        let roles: Vec<RoleId> = roles.into_iter().map(RoleId).collect();
        let Some(host) = self.host.as_ref() else { return Ok(0) };
        Ok(host.view().permissions(UserId(user), &roles, channel.map(ChannelId)))
    }
}

impl<H: CallHost> clock::Host for CallState<H> {
    fn now(&mut self) -> wasmtime::Result<types::Timestamp> {
        Ok(self.host.as_ref().map_or(0, CallHost::now))
    }
}
