//! `/tickets-channel`: posts a button that opens tickets. A guild may set up as many as it likes; a button is taken away by
//! deleting its message.

use crate::button::{self, Button};
use crate::opening;
use crate::settings::Settings;
use guildhall_sdk::component::{Style, button as component, row, to_json};
use guildhall_sdk::{
    Action, CommandData, Context, Database, Error, Id, Interaction, MessageBody, Outcome, cut_characters, permission,
};

/// The command as Discord's API takes it: for those who manage the server (permission bit 5), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "tickets-channel",
    "description": "Post a button here that opens private tickets with the moderators",
    "default_member_permissions": "32",
    "contexts": [0],
    "options": [
        { "type": 8, "name": "role", "description": "Who is notified and may close tickets; the moderator role when left out" },
        { "type": 3, "name": "button-text", "description": "What stands on the button", "max_length": 80 },
        { "type": 7, "name": "channel", "description": "Where the tickets open; this channel when left out", "channel_types": [0] }
    ]
}"#;

const TEXT: &str = "Open a private ticket with the moderators";
/// Characters on a button.
const LABEL: usize = 80;
/// Discord's type of a text channel, the only one with private threads.
pub(crate) const TEXT_CHANNEL: u8 = 0;

/// What the bot needs where tickets open.
const NEEDED: [(u64, &str); 3] = [
    (permission::VIEW_CHANNEL, "View Channel"),
    (permission::CREATE_PRIVATE_THREADS, "Create Private Threads"),
    (permission::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
];

pub(crate) fn run(context: &Context, database: &Database, interaction: &Interaction) -> Result<(), Error> {
    // Discord hides the command from others; a guild can change that.
    if !permission::allows(interaction.permissions, permission::MANAGE_GUILD) {
        return interaction
            .answer_privately("Only those who may manage the server can set up tickets.")
            .submit();
    }
    let button = match button_for(context, interaction, &interaction.command_data()?) {
        Ok(button) => button,
        Err(problem) => return interaction.answer_privately(&problem).submit(),
    };
    let id = button::insert(context, database, &button, interaction.member.user.id)?;
    interaction.defer_privately().submit()?;
    let body = MessageBody {
        content: None,
        components: to_json(&[row(vec![component(
            Style::Primary,
            &button.text,
            &format!("{}:open:{id}", crate::ID),
        )])]),
        ..Action::body("")
    };
    Action::send(button.place, body).token(format!("button:{id}")).submit()
}

/// The button that the command asks for, or why there can be none.
fn button_for(context: &Context, interaction: &Interaction, data: &CommandData) -> Result<Button, String> {
    let place = interaction.channel.and_then(|channel| context.channel(channel));
    let Some(place) = place else {
        return Err("I cannot see this channel. Give me View Channel here.".into());
    };
    let channel = match data.id("channel") {
        Some(chosen) => context.channel(chosen),
        None => Some(place.clone()),
    };
    let Some(channel) = channel.filter(|channel| channel.kind == TEXT_CHANNEL) else {
        return Err("Tickets are private threads, and only text channels that I see have those: choose one.".into());
    };
    let role = data.id("role");
    if role == Some(context.guild) {
        return Err("A ticket would notify everyone. Choose another role.".into());
    }
    let missing = missing(context, channel.id, &NEEDED);
    if !missing.is_empty() {
        return Err(format!(
            "I cannot open tickets in <#{}>: give me {missing} there.",
            channel.id
        ));
    }
    let text = data.text("button-text").map(str::trim).filter(|text| !text.is_empty());
    Ok(Button {
        id: 0,
        place: place.id,
        channel: channel.id,
        role,
        text: cut_characters(text.unwrap_or(TEXT), LABEL),
        interaction: interaction.id,
        token: interaction.token.clone(),
    })
}

/// The button stands in its channel, or cannot.
pub(crate) fn posted(
    context: &Context,
    database: &Database,
    settings: &Settings,
    id: u64,
    outcome: &Outcome,
) -> Result<(), Error> {
    let Some(button) = button::find(database, id)? else {
        return Ok(());
    };
    let answer = match outcome {
        Outcome::Message(message) => {
            button::set_message(database, id, message.id)?;
            done(context, settings, &button)
        }
        Outcome::Refused(refusal) => {
            button::remove(database, id)?;
            format!(
                "The button could not be posted in <#{}>: {} (code {}). I need View Channel and Send Messages there.",
                button.place, refusal.message, refusal.code
            )
        }
        _ => return Ok(()),
    };
    Action::respond_privately(button.interaction, &button.token, &answer).submit()
}

fn done(context: &Context, settings: &Settings, button: &Button) -> String {
    let channel = button.channel;
    let mut lines = vec![format!(
        "The button stands here. Its tickets open as private threads in <#{channel}>."
    )];
    lines.push(match opening::role_to_notify(context, settings, button.role) {
        Some(role) if missing(context, channel, &[(permission::MENTION_EVERYONE, "")]).is_empty() => {
            format!("<@&{role}> is notified of each.")
        }
        Some(role) => format!(
            "<@&{role}> is notified of each if it may be mentioned by everyone; \
             otherwise give me the permission to mention all roles in <#{channel}>."
        ),
        None => {
            "**Nobody is notified**: no moderator role is set. Set one with `/setup`, or use this command with a role."
                .into()
        }
    });
    // Nobody has the guild's id: these are the permissions of @everyone.
    let everyone = context.permissions(context.guild, &[], Some(channel));
    if !permission::allows(everyone, permission::VIEW_CHANNEL) {
        lines.push(format!(
            "Members who do not see <#{channel}> cannot be added to their tickets."
        ));
    }
    lines.push("To take the button away, delete its message.".into());
    lines.join("\n")
}

/// Names of the permissions that the bot lacks in the channel. Without knowledge of itself it tries.
fn missing(context: &Context, channel: Id, needed: &[(u64, &str)]) -> String {
    let own = context.own_permissions(channel).unwrap_or(u64::MAX);
    let missing: Vec<_> = needed
        .iter()
        .filter(|(needed, _)| !permission::allows(own, *needed))
        .map(|(_, name)| if name.is_empty() { "it" } else { *name })
        .collect();
    missing.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_json() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(
            command["default_member_permissions"],
            permission::MANAGE_GUILD.to_string()
        );
        assert!(TEXT.chars().count() <= LABEL);
    }
}
