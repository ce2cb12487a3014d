//! `/check-requirements`: everything that moderation needs of the guild, found or missing, and how to mend it.

use crate::facts::Facts;
use crate::requirements::{self, Finding};
use crate::setting::ALL;
use guildhall_sdk::component::{self, Style};
use guildhall_sdk::{Context, Error, Interaction, cut_characters, permission};

/// The command's name.
pub(crate) const NAME: &str = "check-requirements";
/// The custom id of the button that checks again.
pub(crate) const AGAIN: &str = "onboarding:check";

/// The command as Discord's API takes it: shown to whoever can time members out (bit 40), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "check-requirements",
    "description": "What moderation needs here, what is missing, and how to mend it",
    "default_member_permissions": "1099511627776",
    "contexts": [0]
}"#;

/// The command or its button.
pub(crate) fn run(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    let member = &interaction.member;
    let may = permission::allows(interaction.permissions, permission::MANAGE_GUILD)
        || context.is_staff(member.user.id, &member.roles, None);
    if !may {
        let refusal = "Only staff, and members with the permission Manage Server, can see that.";
        return interaction.answer_privately(refusal).submit();
    }
    let text = Facts::of(context).map_or_else(
        || "✗ Discord has not told me enough of this server yet. Try again in a minute.".to_owned(),
        |facts| report(&facts),
    );
    let text = cut_characters(&text, 2000);
    let button = component::button(Style::Secondary, "Check again", AGAIN);
    let rows = [component::row(vec![button])];
    if interaction.is_component() {
        return interaction.update_message(&text, &rows).submit();
    }
    interaction.answer_privately_with(&text, &rows).submit()
}

/// The whole list, what is wrong counted first.
pub(crate) fn report(facts: &Facts) -> String {
    let settings = ALL
        .into_iter()
        .flat_map(|setting| requirements::setting(facts, setting));
    let parts = [
        (
            "Settings and channels",
            settings.chain(requirements::choices(facts)).collect::<Vec<_>>(),
        ),
        ("Permissions", requirements::permissions(facts)),
        ("Reach", requirements::reach(facts)),
    ];
    let wrong = parts
        .iter()
        .flat_map(|(_, findings)| findings)
        .filter(|finding| finding.is_wrong())
        .count();
    let mut lines = vec![match wrong {
        0 => "**All that moderation needs is there.**".to_owned(),
        1 => "**1 thing is to be mended.**".to_owned(),
        wrong => format!("**{wrong} things are to be mended.**"),
    }];
    for (title, findings) in parts {
        lines.push(format!("**{title}**"));
        lines.extend(findings.iter().map(Finding::line));
    }
    lines.join("\n")
}
