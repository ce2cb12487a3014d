//! The contract's imports: what a running call may ask of the host. Outside a call, and in `describe`, each
//! answers that there is no guild.

use crate::bindings::guildhall::plugin::{actions, clock, database, events, guild, log, types};
use crate::call::CallHost;
use crate::limits::CallLimits;
use crate::wasi::WasiState;
use guildhall_model::{Action, Capability, ChannelId, GuildId, RoleId, SqlError, SubmittedAction, UserId, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::StoreLimits;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtxView, WasiView};

/// Resources that one instance may hold.
const RESOURCES: usize = 256;

/// A database handle in a guest's hands: good for the call that opened it.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {
    call: u64,
}

/// Who calls: named in logs, and held to its grant.
pub(crate) struct Identity {
    /// The plugin's id.
    pub(crate) plugin: String,
    /// What the operator allows it.
    pub(crate) granted: BTreeSet<Capability>,
}

/// The data of one instance's store.
pub(crate) struct CallState<H> {
    identity: Arc<Identity>,
    limits: CallLimits,
    store_limits: StoreLimits,
    table: ResourceTable,
    wasi: WasiState,
    host: Option<H>,
    guild: GuildId,
    /// Numbers the calls of this instance, so that a handle of an earlier one is known.
    call: u64,
    actions: Vec<SubmittedAction>,
    action_bytes: usize,
    log_lines: usize,
}

impl<H: CallHost> CallState<H> {
    pub(crate) fn new(identity: Arc<Identity>, limits: &CallLimits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            identity,
            limits: limits.clone(),
            store_limits: limits.store_limits(),
            table,
            wasi: WasiState::default(),
            host: None,
            guild: GuildId(0),
            call: 0,
            actions: Vec::new(),
            action_bytes: 0,
            log_lines: 0,
        }
    }

    pub(crate) fn store_limits(&mut self) -> &mut StoreLimits {
        &mut self.store_limits
    }

    pub(crate) fn begin(&mut self, host: H, guild: GuildId) {
        self.host = Some(host);
        self.guild = guild;
        self.call += 1;
        self.action_bytes = 0;
        self.log_lines = 0;
    }

    pub(crate) fn end(&mut self) -> (H, Vec<SubmittedAction>) {
        #[expect(
            clippy::expect_used,
            reason = "`begin` put it there, and nothing but `end` takes it out"
        )]
        let host = self.host.take().expect("a call has a host");
        (host, std::mem::take(&mut self.actions))
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

    fn database(&mut self, handle: &Resource<Connection>) -> wasmtime::Result<Option<(&str, &mut H)>> {
        let current = self.table.get(handle)?.call == self.call;
        Ok(self
            .host
            .as_mut()
            .filter(|_| current)
            .map(|host| (self.identity.plugin.as_str(), host)))
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
        if self.host.is_none() {
            return Ok(Err(database::Error::Closed));
        }
        let connection = Connection { call: self.call };
        Ok(self.table.push(connection).map_err(|_| {
            database::Error::Limit(format!(
                "more than {RESOURCES} handles are open; drop those no longer used"
            ))
        }))
    }
}

impl<H: CallHost> database::HostConnection for CallState<H> {
    fn query(
        &mut self,
        handle: Resource<Connection>,
        sql: String,
        parameters: Vec<types::Value>,
    ) -> wasmtime::Result<Result<database::Rows, database::Error>> {
        let Some((plugin, host)) = self.database(&handle)? else {
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
        let Some((plugin, host)) = self.database(&handle)? else {
            return Ok(Err(database::Error::Closed));
        };
        let parameters: Vec<Value> = parameters.into_iter().map(Value::from).collect();
        Ok(host.execute(plugin, &sql, &parameters).map_err(database::Error::from))
    }

    fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl From<SqlError> for database::Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Denied(reason) => Self::Denied(reason),
            SqlError::Limit(reason) => Self::Limit(reason),
            SqlError::Constraint(reason) => Self::Constraint(reason),
            SqlError::Sql(reason) => Self::Sql(reason),
        }
    }
}

impl<H: CallHost> actions::Host for CallState<H> {
    fn submit(
        &mut self,
        action: actions::Action,
        options: actions::Options,
    ) -> wasmtime::Result<Result<(), actions::Error>> {
        if self.host.is_none() {
            return Ok(Err(actions::Error::Invalid("there is no guild in `describe`".into())));
        }
        if self.actions.len() >= self.limits.actions {
            let reason = format!("a call may submit {} actions", self.limits.actions);
            return Ok(Err(actions::Error::Limit(reason)));
        }
        let submitted = SubmittedAction {
            action: Action::from(action),
            reason: options.reason,
            token: options.token,
        };
        let needed = submitted.action.capability();
        if !self.identity.granted.contains(&needed) {
            let (plugin, guild) = (&self.identity.plugin, self.guild);
            tracing::warn!(plugin, %guild, ?needed, "an action was refused: the plugin lacks the capability");
            return Ok(Err(actions::Error::NotGranted(format!(
                "{needed:?} is not granted; want it in `describe`"
            ))));
        }
        if let Err(error) = crate::contract::check_action(&submitted) {
            return Ok(Err(actions::Error::Invalid(error)));
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

impl<H: CallHost> log::Host for CallState<H> {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.log_lines += 1;
        if self.log_lines > self.limits.log_lines {
            return Ok(());
        }
        let line = &message[..message.floor_char_boundary(self.limits.log_line_bytes)];
        let (plugin, guild) = (&self.identity.plugin, self.guild);
        match level {
            log::Level::Debug => tracing::debug!(target: "plugin", plugin, %guild, "{line}"),
            log::Level::Info => tracing::info!(target: "plugin", plugin, %guild, "{line}"),
            log::Level::Warn => tracing::warn!(target: "plugin", plugin, %guild, "{line}"),
            log::Level::Error => tracing::error!(target: "plugin", plugin, %guild, "{line}"),
        }
        Ok(())
    }
}

impl<H: CallHost> clock::Host for CallState<H> {
    fn now(&mut self) -> wasmtime::Result<types::Timestamp> {
        Ok(self.host.as_ref().map_or(0, CallHost::now))
    }
}
