//! `/setup`: sets what all plugins share. Either everything that was chosen can serve, or nothing is changed and the answer
//! says why.

use crate::facts::Facts;
use crate::requirements::{self, Finding};
use crate::setting::{ALL, Setting};
use guildhall_sdk::{Action, CommandData, CommonSettings, Context, Error, Id, Interaction, cut_characters, permission};

/// The command's name.
pub(crate) const NAME: &str = "setup";

/// The command as Discord's API takes it: for whoever has Manage Server (bit 5), in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "setup",
    "description": "Set moderation up. What you leave out stays as it is; without any option you see what is set",
    "default_member_permissions": "32",
    "contexts": [0],
    "options": [
        { "type": 8, "name": "moderator-role", "description": "Whoever has it is staff: votes, tracks, and is never judged" },
        { "type": 7, "name": "mod-log", "description": "A private text channel for reports and what moderators do", "channel_types": [0] },
        { "type": 7, "name": "deletion-log", "description": "A private text channel for deleted and edited messages", "channel_types": [0] },
        { "type": 8, "name": "restricted-role", "description": "A role that takes rights away; it stands below the bot's role" },
        { "type": 4, "name": "quorum", "description": "Votes that decide; 3 where nothing is set", "min_value": 1, "max_value": 20 },
        { "type": 5, "name": "share-flags", "description": "Share the ids of spammers with other servers that do, and take theirs" },
        { "type": 3, "name": "clear", "description": "Take a setting back", "choices": [
            { "name": "moderator role", "value": "moderator-role" },
            { "name": "restricted role", "value": "restricted-role" },
            { "name": "mod-log", "value": "mod-log" },
            { "name": "deletion log", "value": "deletion-log" },
            { "name": "quorum", "value": "quorum" }
        ] }
    ]
}"#;

const QUORUMS: std::ops::RangeInclusive<i64> = 1..=20;

/// The command, where it is this one.
pub(crate) fn run(context: &Context, interaction: &Interaction) -> Result<(), Error> {
    // Discord hides the command from others; a guild can change that.
    if !permission::allows(interaction.permissions, permission::MANAGE_GUILD) {
        let refusal = "Only members with the permission Manage Server can set moderation up.";
        return interaction.answer_privately(refusal).submit();
    }
    let data = interaction.command_data()?;
    let Some(mut facts) = Facts::of(context) else {
        let later = "Discord has not told me enough of this server yet. Try again in a minute.";
        return interaction.answer_privately(later).submit();
    };
    let chosen = match Chosen::of(interaction, &data) {
        Ok(chosen) => chosen,
        Err(refusal) => return interaction.answer_privately(&refusal).submit(),
    };
    if chosen.is_nothing() {
        let text = format!("**As it is set up**\n{}\n{NEXT}", told(&facts));
        return interaction.answer_privately(&cut_characters(&text, 2000)).submit();
    }
    let before = facts.common;
    facts.common = chosen.applied_to(before);
    let problems = chosen.problems(&facts);
    if !problems.is_empty() {
        let text = format!("**Nothing was changed**\n{}", problems.join("\n"));
        return interaction.answer_privately(&cut_characters(&text, 2000)).submit();
    }
    Action::configure_guild(facts.common).submit()?;
    context.log(&format!(
        "set up by {}: {}",
        interaction.member.user.id,
        differences(&before, &facts.common)
    ));
    let consent = if chosen.share_flags == Some(true) && !before.shares_flags {
        CONSENT
    } else {
        ""
    };
    let text = format!("**Set up**\n{}\n{consent}{NEXT}", told(&facts));
    interaction.answer_privately(&cut_characters(&text, 2000)).submit()
}

const NEXT: &str = "Next: `/check-requirements` lists everything that moderation needs here.";
const CONSENT: &str = "You take part in cross-guild flags now: when a member is punished here for spam, their id counts in the other \
    servers that take part, and somebody who was flagged in several of them can be timed out here. No message, name or reason \
    leaves this server. `/setup share-flags:False` ends it.\n";

/// What is set, and what is odd about it.
fn told(facts: &Facts) -> String {
    let settings = ALL
        .into_iter()
        .flat_map(|setting| requirements::setting(facts, setting));
    let lines: Vec<_> = settings
        .chain(requirements::choices(facts))
        .map(|finding| finding.line())
        .collect();
    lines.join("\n")
}

/// What was changed, for the log.
fn differences(before: &CommonSettings, after: &CommonSettings) -> String {
    fn told(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "none".to_owned(), |value| value.to_string())
    }
    let ids = ALL
        .into_iter()
        .map(|setting| (setting.words(), told(setting.of(before)), told(setting.of(after))));
    let choices = [
        ("quorum", told(before.quorum), told(after.quorum)),
        (
            "shares flags",
            before.shares_flags.to_string(),
            after.shares_flags.to_string(),
        ),
    ];
    let changed = ids.chain(choices).filter(|(_, before, after)| before != after);
    let lines: Vec<_> = changed
        .map(|(words, before, after)| format!("{words} {before} -> {after}"))
        .collect();
    if lines.is_empty() {
        "nothing is different".to_owned()
    } else {
        lines.join(", ")
    }
}

/// What was chosen in the command.
#[derive(Debug, Default)]
struct Chosen {
    ids: Vec<(Setting, Id)>,
    /// Roles that Discord keeps for bots, boosters and subscriptions: nobody can give them.
    managed: Vec<Id>,
    quorum: Option<u32>,
    share_flags: Option<bool>,
    cleared: Option<Setting>,
    clears_quorum: bool,
}

impl Chosen {
    fn of(interaction: &Interaction, data: &CommandData) -> Result<Self, String> {
        let ids: Vec<_> = ALL
            .into_iter()
            .filter_map(|setting| Some((setting, data.id(setting.name())?)))
            .collect();
        let is_managed = |id: Id| {
            interaction
                .resolved("roles", id)
                .is_some_and(|role| role["managed"] == true)
        };
        let quorum = match data.integer("quorum") {
            Some(quorum) if !QUORUMS.contains(&quorum) => {
                return Err("**Nothing was changed**\n✗ A quorum is 1 to 20.".into());
            }
            quorum => quorum.and_then(|quorum| u32::try_from(quorum).ok()),
        };
        let clear = data.text("clear");
        let chosen = Self {
            managed: ids
                .iter()
                .filter(|(setting, id)| setting.is_role() && is_managed(*id))
                .map(|(_, id)| *id)
                .collect(),
            ids,
            quorum,
            share_flags: data.boolean("share-flags"),
            cleared: clear.and_then(Setting::of_name),
            clears_quorum: clear == Some("quorum"),
        };
        let contradicts = chosen
            .cleared
            .is_some_and(|cleared| chosen.ids.iter().any(|(setting, _)| *setting == cleared))
            || (chosen.clears_quorum && chosen.quorum.is_some());
        if contradicts {
            return Err("**Nothing was changed**\n✗ You set and clear the same thing. Choose one.".into());
        }
        Ok(chosen)
    }

    fn is_nothing(&self) -> bool {
        self.ids.is_empty()
            && self.quorum.is_none()
            && self.share_flags.is_none()
            && self.cleared.is_none()
            && !self.clears_quorum
    }

    fn applied_to(&self, before: CommonSettings) -> CommonSettings {
        let mut common = before;
        for (setting, id) in &self.ids {
            setting.set(&mut common, Some(*id));
        }
        if let Some(cleared) = self.cleared {
            cleared.set(&mut common, None);
        }
        if self.clears_quorum {
            common.quorum = None;
        }
        common.quorum = self.quorum.or(common.quorum);
        common.shares_flags = self.share_flags.unwrap_or(common.shares_flags);
        common
    }

    /// Why what was chosen cannot serve. What was set before may be broken; that stops nobody from setting the rest.
    fn problems(&self, facts: &Facts) -> Vec<String> {
        let mut problems = Vec::new();
        for (setting, id) in &self.ids {
            let managed = self.managed.contains(id) && *setting == Setting::RestrictedRole;
            let problem = if managed {
                Some(format!(
                    "<@&{id}> belongs to a bot or a subscription, and nobody can give it. Choose another"
                ))
            } else {
                requirements::problem(facts, *setting, *id)
            };
            problems.extend(problem.map(|problem| Finding::Wrong(format!("`{}`: {problem}", setting.name())).line()));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_json_with_an_option_for_each_setting() {
        let command: serde_json::Value = serde_json::from_str(COMMAND).expect("JSON");
        let options = command["options"].as_array().expect("options");
        for setting in ALL {
            let option = options
                .iter()
                .find(|option| option["name"] == setting.name())
                .expect("an option");
            assert_eq!(option["type"], if setting.is_role() { 8 } else { 7 });
        }
        for option in options {
            let description = option["description"].as_str().expect("a description");
            assert!(description.chars().count() <= 100, "{description}");
        }
        let description = command["description"].as_str().expect("a description");
        assert!(description.chars().count() <= 100, "{description}");
    }

    #[test]
    fn what_is_left_out_stays() {
        let before = CommonSettings {
            moderator_role: Some(1),
            restricted_role: Some(2),
            log_channel: None,
            deletion_log_channel: Some(3),
            quorum: Some(5),
            shares_flags: true,
        };
        let chosen = Chosen {
            ids: vec![(Setting::LogChannel, 9)],
            cleared: Some(Setting::RestrictedRole),
            ..Chosen::default()
        };
        let after = chosen.applied_to(before);
        assert_eq!((after.moderator_role, after.restricted_role), (Some(1), None));
        assert_eq!((after.log_channel, after.deletion_log_channel), (Some(9), Some(3)));
        assert_eq!((after.quorum, after.shares_flags), (Some(5), true));
        assert_eq!(
            differences(&before, &after),
            "restricted role 2 -> none, mod-log none -> 9"
        );
        assert_eq!(differences(&after, &after), "nothing is different");
    }
}
