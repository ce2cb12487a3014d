//! Honeypot: whoever writes in a channel that says not to write in it is a bot, and is treated as one.

mod settings;
mod setup;

use guildhall_sdk::{
    Action, Capabilities, Context, Database, Description, Error, EventKinds, Interaction, Message, Plugin, defused,
    params, quoted,
};
use settings::{Response, Settings};

/// Deleted with a ban.
const SEVEN_DAYS_SECONDS: u32 = 7 * 24 * 3600;
/// Discord's types of messages that people write: ordinary, and replies.
const WRITTEN: [u8; 2] = [0, 19];

/// The plugin.
pub struct Honeypot;

impl Plugin for Honeypot {
    fn describe() -> Description {
        Description::new("honeypot", env!("CARGO_PKG_VERSION"))
            .events(EventKinds::MESSAGE_CREATE | EventKinds::INTERACTION_CREATE)
            .capabilities(
                Capabilities::DELETE_MESSAGES
                    | Capabilities::BAN_MEMBERS
                    | Capabilities::TIMEOUT_MEMBERS
                    | Capabilities::SEND_MESSAGES
                    | Capabilities::RESPOND_TO_INTERACTIONS,
            )
            .settings_schema(settings::SCHEMA)
            .command(setup::COMMAND)
            .migration("CREATE TABLE honeypot_channels (channel INTEGER PRIMARY KEY) WITHOUT ROWID")
            .migration(
                "CREATE TABLE honeypot_hits (
                     message INTEGER PRIMARY KEY, channel INTEGER NOT NULL, user INTEGER NOT NULL,
                     at INTEGER NOT NULL, content TEXT NOT NULL
                 ) WITHOUT ROWID",
            )
    }

    fn message_create(context: &Context, message: &Message) -> Result<(), Error> {
        if message.author.bot || message.webhook || !WRITTEN.contains(&message.kind) {
            return Ok(());
        }
        let settings: Settings = context.settings()?;
        let database = Database::open()?;
        if !is_honeypot(context, &database, &settings, message.channel)? {
            return Ok(());
        }
        let roles = message.member.as_ref().map_or(&[][..], |member| &member.roles);
        if context.is_staff(message.author.id, roles, settings.moderator_role()) {
            return Ok(());
        }
        database.execute(
            "INSERT OR IGNORE INTO honeypot_hits (message, channel, user, at, content) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                message.id,
                message.channel,
                message.author.id,
                message.sent_at,
                &message.content
            ],
        )?;
        respond(context, &settings, message)
    }

    fn interaction_create(context: &Context, interaction: &Interaction) -> Result<(), Error> {
        setup::run(context, interaction)
    }
}

/// Channels of the settings and of the command count; where there are none, those that are named `honeypot`.
fn is_honeypot(context: &Context, database: &Database, settings: &Settings, channel: u64) -> Result<bool, Error> {
    if settings.channels.iter().any(|known| known.0 == channel) {
        return Ok(true);
    }
    let known: Option<(bool,)> = database.query_first(
        "SELECT channel = ?1 FROM honeypot_channels ORDER BY channel = ?1 DESC LIMIT 1",
        params![channel],
    )?;
    match known {
        Some((is_this_one,)) => Ok(is_this_one),
        None if !settings.channels.is_empty() => Ok(false),
        None => Ok(context
            .channel(channel)
            .is_some_and(|channel| channel.name == "honeypot")),
    }
}

fn respond(context: &Context, settings: &Settings, message: &Message) -> Result<(), Error> {
    let user = message.author.id;
    let reason = "wrote in a honeypot channel";
    Action::delete_messages(message.channel, vec![message.id])
        .reason(reason)
        .submit()?;
    let done = match settings.response {
        Response::Softban => {
            Action::ban(user, SEVEN_DAYS_SECONDS).reason(reason).submit()?;
            Action::unban(user)
                .reason("softban: the messages are deleted, the user may come back")
                .submit()?;
            "softbanned, messages of 7 days deleted".to_owned()
        }
        Response::Ban => {
            Action::ban(user, SEVEN_DAYS_SECONDS).reason(reason).submit()?;
            "banned, messages of 7 days deleted".to_owned()
        }
        Response::Timeout => {
            let until = context.now() + u64::from(settings.timeout_hours) * 3_600_000;
            Action::timeout(user, until).reason(reason).submit()?;
            format!("timed out for {} h", settings.timeout_hours)
        }
        Response::Delete => "message deleted".to_owned(),
    };
    let name = defused(&message.author.username);
    context.log(&format!("{name} ({user}) wrote in a honeypot channel: {done}"));
    let Some(log) = settings.log_channel().or_else(|| context.text_channel_named("mod-log")) else {
        return Ok(());
    };
    let quote = quoted(&message.content, 1000);
    Action::send_message(
        log,
        format!(
            "**Honeypot**: {name} (<@{user}>) wrote in <#{}>: {done}\n{quote}",
            message.channel
        ),
    )
    .submit()
}

guildhall_sdk::export!(Honeypot);
