//! The trait that a plugin implements, and the bridge from the contract's exports to it.

use crate::bindings::guildhall::plugin::{events, types};
use crate::{
    ActionResult, AuditLogEntry, AutomodExecution, Channel, Context, Description, Error, EventData, Interaction,
    Member, Message, MessageDelete, MessageDeleteBulk, MessageUpdate, Reaction, Signal, Timer, User,
};
use std::marker::PhantomData;

macro_rules! plugin {
    ($($(#[$doc:meta])* $method:ident($variant:ident($payload:ty))),* ; $($(#[$bare_doc:meta])* $bare:ident($bare_variant:ident)),* $(,)?) => {
        /// A moderation plugin. Only [`describe`](Plugin::describe) and the events that it subscribes to need writing.
        ///
        /// An error undoes the call's rows and actions and is logged with plugin, guild and event. Nothing that a
        /// plugin keeps outside of the database is promised to be there in the next call.
        pub trait Plugin {
            /// What the plugin is and wants. There is no guild in this call.
            fn describe() -> Description;

            $(
                $(#[$doc])*
                fn $method(context: &Context, payload: &$payload) -> Result<(), Error> {
                    let _ = (context, payload);
                    Ok(())
                }
            )*
            $(
                $(#[$bare_doc])*
                fn $bare(context: &Context) -> Result<(), Error> {
                    let _ = context;
                    Ok(())
                }
            )*
        }

        fn handle<P: Plugin>(context: &Context, data: &EventData) -> Result<(), Error> {
            match data {
                $(EventData::$variant(payload) => P::$method(context, payload),)*
                $(EventData::$bare_variant => P::$bare(context),)*
            }
        }
    };
}

plugin! {
    /// A message was sent.
    message_create(MessageCreate(Message)),
    /// A message was edited, or its embeds resolved.
    message_update(MessageUpdate(MessageUpdate)),
    /// A message was deleted.
    message_delete(MessageDelete(MessageDelete)),
    /// Messages were deleted at once.
    message_delete_bulk(MessageDeleteBulk(MessageDeleteBulk)),
    /// A member joined.
    member_add(MemberAdd(Member)),
    /// A member left, was kicked or banned.
    member_remove(MemberRemove(User)),
    /// A member changed.
    member_update(MemberUpdate(Member)),
    /// A user was banned.
    ban_add(BanAdd(User)),
    /// A ban was lifted.
    ban_remove(BanRemove(User)),
    /// A reaction was added.
    reaction_add(ReactionAdd(Reaction)),
    /// A reaction was removed.
    reaction_remove(ReactionRemove(Reaction)),
    /// Discord's own automod acted.
    automod_execution(AutomodExecution(AutomodExecution)),
    /// The audit log grew.
    audit_log_entry(AuditLogEntry(AuditLogEntry)),
    /// A command, button, select or modal was used.
    interaction_create(InteractionCreate(Interaction)),
    /// A thread was created, or the bot was added to it.
    thread_create(ThreadCreate(Channel)),
    /// A timer fired.
    timer(Timer(Timer)),
    /// Another plugin emitted a signal of a topic that this one receives.
    signal(Signal(Signal)),
    /// The result of an action that was given a token, or a permanent refusal of any action.
    action_result(ActionResult(ActionResult));
    /// The guild became available.
    guild_create(GuildCreate),
    /// The guild changed.
    guild_update(GuildUpdate),
}

/// The contract's exports for a [`Plugin`]; [`export!`](crate::export) names it.
pub struct Adapter<P>(PhantomData<P>);

impl<P: Plugin> crate::bindings::Guest for Adapter<P> {
    fn describe() -> types::Description {
        P::describe().into()
    }

    fn handle(event: events::Event) -> Result<(), String> {
        let context = Context {
            guild: event.guild,
            received_at: event.received_at,
        };
        handle::<P>(&context, &event.data).map_err(|error| error.to_string())
    }
}
