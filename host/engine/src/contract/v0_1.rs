//! Contract 0.1.0, as in `wit/0.1.0/`: only what it says in other words than the present one. Everything else are the present
//! one's own types and functions under the old names, since WIT compares types by their shape. Nothing here changes any more.

use crate::bindings::guildhall::plugin::{actions, clock, database, events, guild, log, types};
use crate::call::CallHost;
use crate::imports::{CallState, Connection};
use guildhall_model::{ANY_TOPIC, PluginDescription};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, Func, InstancePre, Lift, Linker, Lower, Resource, ResourceType,
    flags,
};
use wasmtime::{AsContextMut, Store};

/// A component of this contract, linked.
pub(crate) struct PluginPre<H: CallHost> {
    pre: InstancePre<CallState<H>>,
    describe: ComponentExportIndex,
    handle: ComponentExportIndex,
}

impl<H: CallHost> PluginPre<H> {
    pub(crate) fn new(component: &Component, pre: InstancePre<CallState<H>>) -> wasmtime::Result<Self> {
        let export = |name: &str| {
            let index = component.get_export_index(None, name);
            index.ok_or_else(|| wasmtime::Error::msg(format!("it exports no function `{name}`")))
        };
        Ok(Self {
            describe: export("describe")?,
            handle: export("handle")?,
            pre,
        })
    }

    pub(crate) fn instantiate(&self, mut store: &mut Store<CallState<H>>) -> wasmtime::Result<Plugin> {
        let instance = self.pre.instantiate(&mut store)?;
        let missing = || wasmtime::Error::msg("an export is no function");
        Ok(Plugin {
            describe: instance.get_func(&mut store, self.describe).ok_or_else(missing)?,
            handle: instance.get_func(&mut store, self.handle).ok_or_else(missing)?,
        })
    }
}

/// The exports of an instance.
pub(crate) struct Plugin {
    describe: Func,
    handle: Func,
}

impl Plugin {
    pub(crate) fn call_describe(&self, mut store: impl AsContextMut) -> wasmtime::Result<PluginDescription> {
        let describe = self.describe.typed::<(), (Description,)>(&store)?;
        let (description,) = describe.call(&mut store, ())?;
        Ok(types::Description::from(description).into())
    }

    /// What this contract has no word for is not told: no component of it has asked for it.
    pub(crate) fn call_handle(
        &self,
        mut store: impl AsContextMut,
        event: &events::Event,
    ) -> wasmtime::Result<Result<(), String>> {
        let handle = self.handle.typed::<(Event<'_>,), (Result<(), String>,)>(&store)?;
        let Some(data) = EventData::of(&event.data) else {
            return Ok(Ok(()));
        };
        let event = Event {
            guild: event.guild,
            received_at: event.received_at,
            data,
        };
        let (outcome,) = handle.call(&mut store, (event,))?;
        Ok(outcome)
    }
}

/// What `describe` did not say yet.
pub(crate) fn complete(description: &mut PluginDescription) {
    description.emits.insert(ANY_TOPIC.into());
}

pub(crate) fn add_to_linker<H: CallHost>(linker: &mut Linker<CallState<H>>) -> wasmtime::Result<()> {
    use database::{Host as _, HostConnection as _};
    use guild::Host as _;
    let mut database = linker.instance("guildhall:plugin/database@0.1.0")?;
    database.resource("connection", ResourceType::host::<Connection>(), |mut store, handle| {
        database::HostConnection::drop(store.data_mut(), Resource::new_own(handle))
    })?;
    database.func_wrap("open", |mut store, ()| Ok((store.data_mut().open()?,)))?;
    database.func_wrap(
        "[method]connection.query",
        |mut store, (handle, sql, parameters): (_, String, Vec<types::Value>)| {
            Ok((store.data_mut().query(handle, sql, parameters)?,))
        },
    )?;
    database.func_wrap(
        "[method]connection.execute",
        |mut store, (handle, sql, parameters): (_, String, Vec<types::Value>)| {
            Ok((store.data_mut().execute(handle, sql, parameters)?,))
        },
    )?;
    linker.instance("guildhall:plugin/actions@0.1.0")?.func_wrap(
        "submit",
        |mut store, (action, options): (Action, actions::Options)| {
            Ok((actions::Host::submit(store.data_mut(), action.into(), options)?,))
        },
    )?;
    let mut guild = linker.instance("guildhall:plugin/guild@0.1.0")?;
    guild.func_wrap("get-info", |mut store, ()| Ok((store.data_mut().get_info()?,)))?;
    guild.func_wrap("settings", |mut store, ()| Ok((store.data_mut().settings()?,)))?;
    guild.func_wrap("settings-generation", |mut store, ()| {
        Ok((store.data_mut().settings_generation()?,))
    })?;
    guild.func_wrap("channels", |mut store, ()| Ok((store.data_mut().channels()?,)))?;
    guild.func_wrap("get-channel", |mut store, (id,): (types::Id,)| {
        Ok((store.data_mut().get_channel(id)?,))
    })?;
    guild.func_wrap("roles", |mut store, ()| Ok((store.data_mut().roles()?,)))?;
    guild.func_wrap("own-member", |mut store, ()| Ok((store.data_mut().own_member()?,)))?;
    guild.func_wrap("own-permissions", |mut store, (channel,): (types::Id,)| {
        Ok((store.data_mut().own_permissions(channel)?,))
    })?;
    guild.func_wrap(
        "permissions",
        |mut store, (user, roles, channel): (types::Id, Vec<types::Id>, Option<types::Id>)| {
            Ok((store.data_mut().permissions(user, roles, channel)?,))
        },
    )?;
    linker
        .instance("guildhall:plugin/log@0.1.0")?
        .func_wrap("write", |mut store, (level, message): (log::Level, String)| {
            log::Host::write(store.data_mut(), level, message)
        })?;
    linker
        .instance("guildhall:plugin/clock@0.1.0")?
        .func_wrap("now", |mut store, ()| Ok((clock::Host::now(store.data_mut())?,)))
}

macro_rules! earlier_flags {
    ($($name:ident { $($word:tt $flag:ident,)* })*) => {
        $(
            flags! {
                $name {
                    $(#[component(name = $word)] const $flag;)*
                }
            }

            impl From<$name> for types::$name {
                fn from(earlier: $name) -> Self {
                    let mut flags = Self::empty();
                    $(
                        if earlier.contains($name::$flag) {
                            flags |= Self::$flag;
                        }
                    )*
                    flags
                }
            }
        )*
    };
}

earlier_flags! {
    EventKinds {
        "message-create" MESSAGE_CREATE,
        "message-update" MESSAGE_UPDATE,
        "message-delete" MESSAGE_DELETE,
        "message-delete-bulk" MESSAGE_DELETE_BULK,
        "member-add" MEMBER_ADD,
        "member-remove" MEMBER_REMOVE,
        "member-update" MEMBER_UPDATE,
        "ban-add" BAN_ADD,
        "ban-remove" BAN_REMOVE,
        "reaction-add" REACTION_ADD,
        "reaction-remove" REACTION_REMOVE,
        "automod-execution" AUTOMOD_EXECUTION,
        "audit-log-entry" AUDIT_LOG_ENTRY,
        "interaction-create" INTERACTION_CREATE,
        "thread-create" THREAD_CREATE,
        "guild-create" GUILD_CREATE,
        "guild-update" GUILD_UPDATE,
        "timer" TIMER,
        "signal" SIGNAL,
        "action-result" ACTION_RESULT,
    }
    Capabilities {
        "send-messages" SEND_MESSAGES,
        "delete-messages" DELETE_MESSAGES,
        "timeout-members" TIMEOUT_MEMBERS,
        "kick-members" KICK_MEMBERS,
        "ban-members" BAN_MEMBERS,
        "manage-roles" MANAGE_ROLES,
        "create-threads" CREATE_THREADS,
        "respond-to-interactions" RESPOND_TO_INTERACTIONS,
        "timers" TIMERS,
        "signals" SIGNALS,
        "read-discord" READ_DISCORD,
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct Description {
    id: String,
    version: String,
    events: EventKinds,
    commands: Vec<String>,
    #[component(name = "settings-schema")]
    settings_schema: String,
    capabilities: Capabilities,
    migrations: Vec<types::Migration>,
    timers: Vec<types::RecurringTimer>,
    topics: Vec<String>,
    #[component(name = "readable-plugins")]
    readable_plugins: Vec<String>,
}

impl From<Description> for types::Description {
    fn from(description: Description) -> Self {
        Self {
            id: description.id,
            version: description.version,
            events: description.events.into(),
            commands: description.commands,
            settings_schema: description.settings_schema,
            settings_migrations: Vec::new(),
            capabilities: description.capabilities.into(),
            migrations: description.migrations,
            timers: description.timers,
            topics: description.topics,
            emits: Vec::new(),
            readable_plugins: description.readable_plugins,
            http_hosts: Vec::new(),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct MessageBody {
    content: Option<String>,
    embeds: Vec<events::Embed>,
    components: String,
    #[component(name = "reply-to")]
    reply_to: Option<types::Id>,
    #[component(name = "allow-mentions")]
    allow_mentions: bool,
    flags: u32,
}

impl From<MessageBody> for actions::MessageBody {
    fn from(body: MessageBody) -> Self {
        Self {
            content: body.content,
            embeds: body.embeds,
            components: body.components,
            reply_to: body.reply_to,
            allow_mentions: body.allow_mentions,
            flags: body.flags,
            files: Vec::new(),
            forward: None,
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct SendMessage {
    channel: types::Id,
    body: MessageBody,
}

impl From<SendMessage> for actions::SendMessage {
    fn from(send: SendMessage) -> Self {
        Self {
            channel: send.channel,
            body: send.body.into(),
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct EditMessage {
    channel: types::Id,
    message: types::Id,
    body: MessageBody,
}

impl From<EditMessage> for actions::EditMessage {
    fn from(edit: EditMessage) -> Self {
        Self {
            channel: edit.channel,
            message: edit.message,
            body: edit.body.into(),
        }
    }
}

macro_rules! earlier_action {
    ($($word:tt $case:ident($payload:ty),)*) => {
        #[derive(ComponentType, Lift)]
        #[component(variant)]
        enum Action {
            $(#[component(name = $word)] $case($payload),)*
        }

        impl From<Action> for actions::Action {
            fn from(earlier: Action) -> Self {
                match earlier {
                    $(Action::$case(payload) => Self::$case(payload.into()),)*
                }
            }
        }
    };
}

earlier_action! {
    "send-message" SendMessage(SendMessage),
    "edit-message" EditMessage(EditMessage),
    "delete-messages" DeleteMessages(actions::DeleteMessages),
    "timeout" Timeout(actions::Timeout),
    "kick" Kick(types::Id),
    "ban" Ban(actions::Ban),
    "unban" Unban(types::Id),
    "add-role" AddRole(actions::Role),
    "remove-role" RemoveRole(actions::Role),
    "create-thread" CreateThread(actions::CreateThread),
    "respond" Respond(actions::Respond),
    "add-reaction" AddReaction(actions::AddReaction),
    "schedule-timer" ScheduleTimer(actions::ScheduleTimer),
    "cancel-timer" CancelTimer(String),
    "emit-signal" EmitSignal(actions::EmitSignal),
    "fetch-message" FetchMessage(actions::FetchMessage),
    "fetch-member" FetchMember(types::Id),
    "fetch-audit-log" FetchAuditLog(actions::FetchAuditLog),
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Event<'event> {
    guild: types::Id,
    #[component(name = "received-at")]
    received_at: types::Timestamp,
    data: EventData<'event>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Message<'event> {
    id: types::Id,
    channel: types::Id,
    author: &'event events::User,
    member: Option<&'event events::Member>,
    webhook: bool,
    kind: u8,
    content: &'event str,
    #[component(name = "sent-at")]
    sent_at: types::Timestamp,
    #[component(name = "edited-at")]
    edited_at: Option<types::Timestamp>,
    #[component(name = "mentions-everyone")]
    mentions_everyone: bool,
    mentions: &'event [types::Id],
    #[component(name = "mention-roles")]
    mention_roles: &'event [types::Id],
    attachments: &'event [events::Attachment],
    embeds: &'event [events::Embed],
    #[component(name = "reply-to")]
    reply_to: Option<types::Id>,
}

impl<'event> Message<'event> {
    fn of(message: &'event events::Message) -> Self {
        Self {
            id: message.id,
            channel: message.channel,
            author: &message.author,
            member: message.member.as_ref(),
            webhook: message.webhook,
            kind: message.kind,
            content: &message.content,
            sent_at: message.sent_at,
            edited_at: message.edited_at,
            mentions_everyone: message.mentions_everyone,
            mentions: &message.mentions,
            mention_roles: &message.mention_roles,
            attachments: &message.attachments,
            embeds: &message.embeds,
            reply_to: message.reply_to,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct ActionResult<'event> {
    token: &'event str,
    outcome: Outcome<'event>,
}

impl<'event> ActionResult<'event> {
    fn of(result: &'event events::ActionResult) -> Option<Self> {
        Some(Self {
            token: &result.token,
            outcome: Outcome::of(&result.outcome)?,
        })
    }
}

/// A variant without the present one's later cases. Each case says how its payload is made of the present one's.
macro_rules! earlier_variant {
    ($name:ident of $present:ty { $($word:tt $case:ident $(($payload:ident: $type:ty = $made:expr))?,)* }) => {
        #[derive(ComponentType, Lower)]
        #[component(variant)]
        enum $name<'event> {
            $(#[component(name = $word)] $case $(($type))?,)*
        }

        impl<'event> $name<'event> {
            fn of(present: &'event $present) -> Option<Self> {
                type Present = $present;
                match present {
                    $(Present::$case $(($payload))? => Some(Self::$case $(($made))?),)*
                    _ => None,
                }
            }
        }
    };
}

earlier_variant! {
    Outcome of events::Outcome {
        "done" Done,
        "message" Message(message: Message<'event> = Message::of(message)),
        "channel" Channel(channel: &'event events::Channel = channel),
        "member" Member(member: &'event events::Member = member),
        "audit-log" AuditLog(entries: &'event [events::AuditLogEntry] = entries),
        "refused" Refused(refusal: &'event events::Refusal = refusal),
    }
}

earlier_variant! {
    EventData of events::EventData {
        "message-create" MessageCreate(message: Message<'event> = Message::of(message)),
        "message-update" MessageUpdate(update: &'event events::MessageUpdate = update),
        "message-delete" MessageDelete(delete: &'event events::MessageDelete = delete),
        "message-delete-bulk" MessageDeleteBulk(delete: &'event events::MessageDeleteBulk = delete),
        "member-add" MemberAdd(member: &'event events::Member = member),
        "member-remove" MemberRemove(user: &'event events::User = user),
        "member-update" MemberUpdate(member: &'event events::Member = member),
        "ban-add" BanAdd(user: &'event events::User = user),
        "ban-remove" BanRemove(user: &'event events::User = user),
        "reaction-add" ReactionAdd(reaction: &'event events::Reaction = reaction),
        "reaction-remove" ReactionRemove(reaction: &'event events::Reaction = reaction),
        "automod-execution" AutomodExecution(execution: &'event events::AutomodExecution = execution),
        "audit-log-entry" AuditLogEntry(entry: &'event events::AuditLogEntry = entry),
        "interaction-create" InteractionCreate(interaction: &'event events::Interaction = interaction),
        "thread-create" ThreadCreate(thread: &'event events::Channel = thread),
        "guild-create" GuildCreate,
        "guild-update" GuildUpdate,
        "timer" Timer(timer: &'event events::Timer = timer),
        "signal" Signal(signal: &'event events::Signal = signal),
        "action-result" ActionResult(result: ActionResult<'event> = ActionResult::of(result)?),
    }
}
