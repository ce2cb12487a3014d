//! `/activity`: what a member, or staff, asks of the figures. Every answer is seen by its asker alone.

use crate::settings::Settings;
use crate::{erase, export, figures};
use guildhall_sdk::{Context, Database, Error, Id, Interaction, component, params};

/// The command's name.
pub(crate) const NAME: &str = "activity";

/// The command as Discord's API takes it, in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "activity",
    "description": "What is counted of the messages written here",
    "contexts": [0],
    "options": [
        { "type": 1, "name": "me", "description": "Your own figures" },
        { "type": 1, "name": "user", "description": "A member's figures (staff)", "options": [
            { "type": 6, "name": "user", "description": "Whose", "required": true }
        ] },
        { "type": 1, "name": "top", "description": "Who takes part most steadily", "options": [
            { "type": 4, "name": "days", "description": "In how many days; 30 when left out", "min_value": 7, "max_value": 90 }
        ] },
        { "type": 1, "name": "export", "description": "All that is counted of you, as a file in a direct message" },
        { "type": 1, "name": "erase", "description": "Erase what is counted of you", "options": [
            { "type": 6, "name": "user", "description": "Of whom, for staff; of you when left out" },
            { "type": 5, "name": "leave-out", "description": "Count nothing from now on, either" }
        ] }
    ]
}"#;

/// Days of `/activity top`.
const TOP_DAYS: i64 = 30;

/// A command or button, where it is this plugin's.
pub(crate) fn run(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    if interaction.is_command(NAME) {
        return command(context, settings, interaction);
    }
    let Some(custom_id) = interaction.custom_id_of(NAME).filter(|_| interaction.is_component()) else {
        return Ok(());
    };
    match custom_id.verb() {
        "erase" => erase::confirmed(context, settings, interaction, &custom_id),
        "keep" => interaction.update_message("Nothing was erased.", &[]).submit(),
        "count" => count_again(interaction),
        _ => interaction
            .answer_privately("This button does nothing any more.")
            .submit(),
    }
}

fn command(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    let data = interaction.command_data()?;
    let own = interaction.member.user.id;
    let Some((name, data)) = data.subcommand() else {
        return interaction.answer_privately("Choose what you want to know.").submit();
    };
    match name {
        "me" => me(context, settings, interaction),
        "user" => match data.id("user") {
            Some(member) => user(context, settings, interaction, member),
            None => interaction.answer_privately("Choose a member.").submit(),
        },
        "top" => {
            if !settings.top_for_everyone && !is_staff(context, settings, interaction) {
                return interaction
                    .answer_privately("In this server only staff may see that.")
                    .submit();
            }
            let days = data.integer("days").unwrap_or(TOP_DAYS).clamp(1, 90).unsigned_abs();
            let list = figures::top(context, &Database::open()?, days, own)?;
            interaction.answer_privately(&list).submit()
        }
        "export" => export::asked(context, interaction),
        "erase" => {
            let (member, leave_out) = (data.id("user").unwrap_or(own), data.boolean("leave-out") == Some(true));
            if member != own && !is_staff(context, settings, interaction) {
                let refusal =
                    "Only staff may erase what is counted of others. Leave `user` out to erase what is counted of you.";
                return interaction.answer_privately(refusal).submit();
            }
            erase::asked(context, interaction, member, leave_out)
        }
        _ => interaction
            .answer_privately("I do not know this command any more.")
            .submit(),
    }
}

pub(crate) fn is_staff(context: &Context, settings: &Settings, interaction: &Interaction) -> bool {
    let member = &interaction.member;
    context.is_staff(member.user.id, &member.roles, settings.moderator_role())
}

fn me(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    let (database, own) = (Database::open()?, interaction.member.user.id);
    if let Some(since) = figures::left_out_since(&database, own)? {
        let text = format!(
            "You asked <t:{}:R> not to be counted, and you are not. Do you want to be counted again, from now on?",
            since / 1000
        );
        let button = component::button(component::Style::Secondary, "Count me again", "activity:count");
        return interaction
            .answer_privately_with(&text, &[component::row(vec![button])])
            .submit();
    }
    let text = format!(
        "**Your activity in the last 30 days**\n{}\n{}",
        figures::of_member(context, &database, own)?,
        figures::explanation(settings)
    );
    interaction.answer_privately(&text).submit()
}

fn user(context: &Context, settings: &Settings, interaction: &Interaction, member: Id) -> Result<(), Error> {
    if !is_staff(context, settings, interaction) {
        let refusal = "Only staff may look at somebody else's figures. `/activity me` shows yours.";
        return interaction.answer_privately(refusal).submit();
    }
    let database = Database::open()?;
    let figures = match figures::left_out_since(&database, member)? {
        Some(since) => format!("They asked <t:{}:R> not to be counted.", since / 1000),
        None => figures::of_member(context, &database, member)?,
    };
    let text = format!("**Activity of <@{member}> in the last 30 days**\n{figures}");
    interaction.answer_privately(&text).submit()
}

fn count_again(interaction: &Interaction) -> Result<(), Error> {
    let sql = "DELETE FROM activity_left_out WHERE member = ?1";
    Database::open()?.execute(sql, params![interaction.member.user.id])?;
    interaction
        .update_message("You are counted again, from now on.", &[])
        .submit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_json() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(command["name"], NAME);
    }
}
