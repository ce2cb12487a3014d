//! What moderation needs of a guild, found or missing, and how to mend what is missing. Nothing here asks the host.

use crate::facts::{Facts, KnownChannel};
use crate::setting::Setting;
use guildhall_sdk::{Id, Role, permission};

/// Votes that decide where none are set.
pub(crate) const QUORUM: u32 = 3;
/// Discord's type of an ordinary text channel: private threads stand in no other (Discord, Threads).
const TEXT: u8 = 0;

/// A line of the answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// It is as it should be.
    Fine(String),
    /// It is missing or wrong, and how to mend it.
    Wrong(String),
    /// Nothing has to be done, but somebody may want to know.
    Note(String),
}

impl Finding {
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Fine(text) => format!("✓ {text}"),
            Self::Wrong(text) => format!("✗ {text}"),
            Self::Note(text) => format!("• {text}"),
        }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_))
    }
}

/// A permission, its name in Discord's settings, and what does not work without it.
pub(crate) struct Needed {
    bit: u64,
    name: &'static str,
    without: &'static str,
}

const fn needed(bit: u64, name: &'static str, without: &'static str) -> Needed {
    Needed { bit, name, without }
}

/// What the plugins of moderation need in the whole guild.
pub(crate) const NEEDED: [Needed; 15] = [
    needed(permission::VIEW_CHANNEL, "View Channels", "messages are not seen"),
    needed(permission::SEND_MESSAGES, "Send Messages", "nothing is logged"),
    needed(
        permission::SEND_MESSAGES_IN_THREADS,
        "Send Messages in Threads",
        "users' threads stay empty",
    ),
    needed(
        permission::CREATE_PRIVATE_THREADS,
        "Create Private Threads",
        "users and tickets get no threads",
    ),
    needed(
        permission::MANAGE_THREADS,
        "Manage Threads",
        "archived threads are not opened again",
    ),
    needed(
        permission::READ_MESSAGE_HISTORY,
        "Read Message History",
        "messages are not quoted or forwarded",
    ),
    needed(permission::EMBED_LINKS, "Embed Links", "links show nothing"),
    needed(
        permission::ATTACH_FILES,
        "Attach Files",
        "long texts are not logged whole",
    ),
    needed(permission::MANAGE_MESSAGES, "Manage Messages", "spam is not deleted"),
    needed(permission::MANAGE_ROLES, "Manage Roles", "nobody is restricted"),
    needed(permission::MANAGE_CHANNELS, "Manage Channels", "honeypots are not made"),
    needed(permission::MODERATE_MEMBERS, "Timeout Members", "nobody is timed out"),
    needed(permission::KICK_MEMBERS, "Kick Members", "nobody is kicked"),
    needed(permission::BAN_MEMBERS, "Ban Members", "nobody is banned"),
    needed(
        permission::VIEW_AUDIT_LOG,
        "View Audit Log",
        "who of the staff did what is not known",
    ),
];

/// What a log channel needs: users' threads stand in it.
const OF_LOGS: [u64; 5] = [
    permission::SEND_MESSAGES_IN_THREADS,
    permission::CREATE_PRIVATE_THREADS,
    permission::MANAGE_THREADS,
    permission::READ_MESSAGE_HISTORY,
    permission::ATTACH_FILES,
];

/// What a restricted role should not grant.
const NOT_RESTRICTED: [(u64, &str); 7] = [
    (permission::ADMINISTRATOR, "Administrator"),
    (permission::MANAGE_GUILD, "Manage Server"),
    (permission::MANAGE_CHANNELS, "Manage Channels"),
    (permission::MANAGE_ROLES, "Manage Roles"),
    (permission::MANAGE_MESSAGES, "Manage Messages"),
    (permission::KICK_MEMBERS, "Kick Members"),
    (permission::BAN_MEMBERS, "Ban Members"),
];

/// The bot's permissions in the guild.
pub(crate) fn permissions(facts: &Facts) -> Vec<Finding> {
    let has = |needed: &&Needed| permission::allows(facts.own_permissions, needed.bit);
    let present: Vec<_> = NEEDED.iter().filter(has).map(|needed| needed.name).collect();
    let mut findings: Vec<_> = NEEDED
        .iter()
        .filter(|needed| !has(needed))
        .map(|needed| Finding::Wrong(format!("**{}**: {}", needed.name, needed.without)))
        .collect();
    if !findings.is_empty() {
        let mend = format!(
            "To mend it: Server Settings → Roles → {} → Permissions.",
            facts.own_role_words()
        );
        findings.push(Finding::Note(mend));
    }
    if !present.is_empty() {
        findings.push(Finding::Fine(present.join(" ✓ ")));
    }
    findings
}

/// A role or channel that is set, or not.
pub(crate) fn setting(facts: &Facts, setting: Setting) -> Vec<Finding> {
    let title = capitalized(setting.words());
    let Some(id) = setting.of(&facts.common) else {
        return vec![unset(facts, setting)];
    };
    if let Some(problem) = problem(facts, setting, id) {
        return vec![Finding::Wrong(format!("{title}: {problem}"))];
    }
    let mut findings = vec![Finding::Fine(format!("{title}: {}", setting.mention(id)))];
    findings.extend(notes(facts, setting, id));
    findings
}

fn unset(facts: &Facts, setting: Setting) -> Finding {
    let title = capitalized(setting.words());
    let (without, option) = (setting.without(), setting.name());
    match (setting, facts.named_log) {
        (Setting::LogChannel, Some(named)) => Finding::Fine(format!("{title}: <#{named}>, found by its name")),
        // Many guilds want none.
        (Setting::RestrictedRole, _) => Finding::Note(format!("{title}: not set; {without}. `/setup {option}:`")),
        _ => Finding::Wrong(format!("{title}: not set; {without}. To mend it: `/setup {option}:`")),
    }
}

/// Why this role or channel cannot serve; none where it can.
pub(crate) fn problem(facts: &Facts, setting: Setting, id: Id) -> Option<String> {
    if setting.is_role() {
        return role_problem(facts, setting, id);
    }
    let mention = setting.mention(id);
    let Some(channel) = facts.channel(id) else {
        return Some(format!(
            "the channel {id} is not there. To mend it: `/setup {}:`",
            setting.name()
        ));
    };
    if channel.kind != TEXT {
        return Some(format!(
            "{mention} is no ordinary text channel, and private threads stand in no other. Choose one that is"
        ));
    }
    (!channel.is_reachable()).then(|| {
        format!(
            "I cannot write in {mention}. To mend it: Edit Channel → Permissions → add <@{}>, allow View Channel and Send Messages",
            facts.own_user
        )
    })
}

fn role_problem(facts: &Facts, setting: Setting, id: Id) -> Option<String> {
    let words = setting.words();
    if id == facts.guild {
        return Some(format!("@everyone cannot be the {words}: everybody has it"));
    }
    let Some(role) = facts.role(id) else {
        return Some(format!(
            "the role {id} is not there. To mend it: `/setup {}:`",
            setting.name()
        ));
    };
    if facts.common.moderator_role == facts.common.restricted_role {
        return Some(format!(
            "<@&{id}> is moderator role and restricted role at once. Choose two roles"
        ));
    }
    if setting == Setting::RestrictedRole && facts.own_role == Some(id) {
        return Some(format!("<@&{id}> is my own role. Choose another one"));
    }
    if setting == Setting::RestrictedRole && !facts.stands_above(role) {
        return Some(format!(
            "I cannot give <@&{id}>, because it does not stand below my highest role. To mend it: Server Settings → Roles, drag \
             {} above it",
            facts.own_role_words()
        ));
    }
    None
}

/// What is odd about a role or channel that can serve.
fn notes(facts: &Facts, setting: Setting, id: Id) -> Vec<Finding> {
    match setting {
        Setting::ModeratorRole => Vec::new(),
        Setting::RestrictedRole => facts.role(id).and_then(grants_too_much).into_iter().collect(),
        Setting::LogChannel | Setting::DeletionLogChannel => facts
            .channel(id)
            .map(|channel| log_notes(facts, channel))
            .unwrap_or_default(),
    }
}

fn grants_too_much(role: &Role) -> Option<Finding> {
    let granted = NOT_RESTRICTED.iter().filter(|(bit, _)| role.permissions & bit != 0);
    let granted: Vec<_> = granted.map(|(_, name)| *name).collect();
    (!granted.is_empty()).then(|| {
        Finding::Wrong(format!(
            "<@&{}> is to restrict, but grants {}. To mend it: Server Settings → Roles",
            role.id,
            granted.join(", ")
        ))
    })
}

fn log_notes(facts: &Facts, channel: &KnownChannel) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing = NEEDED
        .iter()
        .filter(|needed| OF_LOGS.contains(&needed.bit) && !permission::allows(channel.own, needed.bit));
    let missing: Vec<_> = missing.map(|needed| needed.name).collect();
    if !missing.is_empty() {
        findings.push(Finding::Wrong(format!(
            "In <#{}> I lack {}. To mend it: Edit Channel → Permissions → <@{}>",
            channel.id,
            missing.join(", "),
            facts.own_user
        )));
    }
    if permission::allows(channel.everyones, permission::VIEW_CHANNEL) {
        findings.push(Finding::Wrong(format!(
            "Everybody can read <#{}>, where members are named and quoted. To mend it: Edit Channel → Permissions → Private Channel",
            channel.id
        )));
    }
    findings
}

/// Roles above the bot's, and channels that it does not see.
pub(crate) fn reach(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let above = facts
        .roles
        .iter()
        .filter(|role| role.id != facts.guild && Some(role.id) != facts.own_role && !facts.stands_above(role))
        .count();
    findings.push(match above {
        0 => Finding::Fine("My role stands above all others".into()),
        1 => Finding::Note("1 role stands above mine: I cannot time out, kick or ban who has it".into()),
        above => Finding::Note(format!(
            "{above} roles stand above mine: I cannot time out, kick or ban who has one of them"
        )),
    });
    let unseen = facts
        .channels
        .iter()
        .filter(|channel| !permission::allows(channel.own, permission::VIEW_CHANNEL));
    let unseen: Vec<_> = unseen.map(|channel| format!("<#{}>", channel.id)).collect();
    findings.push(match unseen.as_slice() {
        [] => Finding::Fine("I see all channels".into()),
        unseen => {
            let more = unseen.len().saturating_sub(5);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let first: Vec<_> = unseen.iter().take(5).cloned().collect();
            Finding::Note(format!(
                "I do not see {}{more}: nothing in them is moderated",
                first.join(", ")
            ))
        }
    });
    findings
}

/// Numbers and choices.
pub(crate) fn choices(facts: &Facts) -> Vec<Finding> {
    let quorum = match facts.common.quorum {
        Some(quorum) => format!("Quorum of votes: {quorum}"),
        None => format!("Quorum of votes: {QUORUM}, as nothing else is set"),
    };
    let flags = if facts.common.shares_flags {
        "Cross-guild flags: on. The ids of spammers here count in other servers that take part, and theirs here"
    } else {
        "Cross-guild flags: off. Nothing of this server is shared. `/setup share-flags:`"
    };
    vec![Finding::Fine(quorum), Finding::Note(flags.into())]
}

fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
