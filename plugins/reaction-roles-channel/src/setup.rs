//! `/setup-reactji-channel`: the channel it is used in becomes the one that an emoji forwards to.

use crate::counting;
use crate::emoji;
use crate::settings::Settings;
use crate::targets::{self, Target};
use guildhall_sdk::{CommandData, Context, Database, Error, Interaction, defused, permission};

/// The command as Discord's API takes it: for those who manage the server (permission bit 5), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "setup-reactji-channel",
    "description": "Forward messages that get enough of a reaction to this channel",
    "default_member_permissions": "32",
    "contexts": [0],
    "options": [
        { "type": 3, "name": "emoji", "description": "The reaction", "required": true, "max_length": 100 },
        { "type": 4, "name": "threshold", "description": "How many people have to react", "min_value": 1, "max_value": 1000 },
        { "type": 5, "name": "remove", "description": "Stop forwarding messages with this reaction" }
    ]
}"#;

/// Emoji of a guild.
const TARGETS: usize = 100;
/// Emoji that an answer lists.
const LISTED: usize = 15;

pub(crate) fn run(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    if !interaction.is_command("setup-reactji-channel") {
        return Ok(());
    }
    let answer = set_up(context, interaction)?;
    interaction.answer_privately(&answer).submit()
}

fn set_up(context: &Context, interaction: &Interaction) -> Result<String, Error> {
    // Discord hides the command from others; a guild can change that.
    if !permission::allows(interaction.permissions, permission::MANAGE_GUILD) {
        return Ok("Only those who may manage the server can set this up.".into());
    }
    let data = interaction.command_data()?;
    let typed = data.text("emoji").unwrap_or_default();
    let Some(emoji) = emoji::parse(typed) else {
        return Ok(format!(
            "“{}” is not one emoji. Choose one from Discord's list.",
            defused(&guildhall_sdk::cut(typed, 100))
        ));
    };
    let (database, key) = (Database::open()?, emoji::key(&emoji));
    let before = targets::find(&database, &key)?;
    if data.boolean("remove") == Some(true) {
        return remove(&database, before.as_ref(), &emoji::shown(&emoji));
    }
    let channel = match usable_channel(context, interaction) {
        Ok(channel) => channel,
        Err(problem) => return Ok(problem),
    };
    let all = targets::all(&database)?;
    if before.is_none() && all.len() >= TARGETS {
        return Ok(format!("{TARGETS} emoji forward messages already. Remove one first."));
    }
    let target = Target {
        emoji: key,
        shown: emoji::shown(&emoji),
        channel,
        threshold: threshold(context, &data)?,
        known_since: context.now(),
    };
    targets::set(&database, &target, interaction.member.user.id)?;
    Ok(answer(&target, before.as_ref(), &all))
}

fn remove(database: &Database, before: Option<&Target>, shown: &str) -> Result<String, Error> {
    let Some(target) = before else {
        return Ok(format!("{shown} forwards no messages."));
    };
    targets::remove(database, &target.emoji)?;
    counting::forget_emoji(database, &target.emoji)?;
    Ok(format!(
        "{shown} does not forward messages to <#{}> any more.",
        target.channel
    ))
}

fn threshold(context: &Context, data: &CommandData) -> Result<u64, Error> {
    let chosen = data
        .integer("threshold")
        .and_then(|threshold| u64::try_from(threshold).ok());
    Ok(match chosen {
        Some(threshold) => threshold.max(1),
        None => u64::from(context.settings::<Settings>()?.threshold),
    })
}

/// The channel of the command, where the bot can write there.
fn usable_channel(context: &Context, interaction: &Interaction) -> Result<u64, String> {
    let channel = interaction.channel.and_then(|channel| context.channel(channel));
    let Some(channel) = channel else {
        return Err("I cannot see this channel. Give me View Channel here.".into());
    };
    let sends = match channel.kind {
        10..=12 => (permission::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
        _ => (permission::SEND_MESSAGES, "Send Messages"),
    };
    let own = context.own_permissions(channel.id).unwrap_or(u64::MAX);
    let missing: Vec<_> = [(permission::VIEW_CHANNEL, "View Channel"), sends]
        .into_iter()
        .filter(|(needed, _)| !permission::allows(own, *needed))
        .map(|(_, name)| name)
        .collect();
    if missing.is_empty() {
        Ok(channel.id)
    } else {
        Err(format!(
            "I cannot forward messages to this channel: give me {} here.",
            missing.join(" and ")
        ))
    }
}

fn answer(target: &Target, before: Option<&Target>, all: &[Target]) -> String {
    let mut lines = vec![format!(
        "Messages that {} with {} are forwarded to <#{}>.",
        people_react(target.threshold),
        target.shown,
        target.channel
    )];
    if let Some(before) = before.filter(|before| before.channel != target.channel) {
        lines.push(format!("Before, they went to <#{}>.", before.channel));
    }
    let others: Vec<_> = all.iter().filter(|other| other.emoji != target.emoji).collect();
    lines.extend(
        others
            .iter()
            .take(LISTED)
            .map(|other| format!("- {} × {} → <#{}>", other.shown, other.threshold, other.channel)),
    );
    if others.len() > LISTED {
        lines.push(format!("- and {} more", others.len() - LISTED));
    }
    lines.join("\n")
}

fn people_react(threshold: u64) -> String {
    match threshold {
        1 => "somebody reacts to".into(),
        several => format!("{several} people react to"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(emoji: &str, channel: u64, threshold: u64) -> Target {
        Target {
            emoji: emoji.into(),
            shown: emoji.into(),
            channel,
            threshold,
            known_since: 0,
        }
    }

    #[test]
    fn the_command_is_json() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(
            command["default_member_permissions"],
            permission::MANAGE_GUILD.to_string()
        );
    }

    #[test]
    fn the_answer_tells_what_was_and_what_else_there_is() {
        let (star, pin) = (target("⭐", 5, 3), target("📌", 6, 1));
        let old = target("⭐", 7, 1);
        assert_eq!(
            answer(&star, Some(&old), &[old.clone(), pin]),
            "Messages that 3 people react to with ⭐ are forwarded to <#5>.\n\
             Before, they went to <#7>.\n- 📌 × 1 → <#6>"
        );
        let many: Vec<_> = (0..20).map(|number| target(&number.to_string(), 6, 1)).collect();
        assert!(answer(&star, None, &many).ends_with("- and 5 more"));
    }
}
