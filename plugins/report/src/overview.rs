//! `/modreport`: everything that is known about one user, for staff alone.

use crate::months::{Month, sparkline};
use crate::neighbours::{self, ModAction, Reports};
use crate::settings::Settings;
use guildhall_sdk::component::EPHEMERAL;
use guildhall_sdk::{
    Action, Context, Database, Error, Id, Interaction, channel_link, defused, one_line, relative_time,
};
use serde_json::{Value, json};

/// The command as Discord's API takes it: shown to whoever may manage messages, used by staff, in guilds.
pub(crate) const COMMAND: &str = r#"{
    "name": "modreport",
    "description": "Everything that moderation knows about a user",
    "default_member_permissions": "8192",
    "contexts": [0],
    "options": [
        { "type": 6, "name": "user", "description": "The user; may have left", "required": true }
    ]
}"#;

const DAY: u64 = 24 * 3_600_000;
const MONTHS: usize = 6;
/// Characters that a field of an embed may have (Discord, Embed Limits).
const FIELD: usize = 1024;

/// What there is to tell.
#[derive(Debug, Default)]
struct Overview {
    guild: Id,
    user: Id,
    name: String,
    recent_days: u32,
    now: u64,
    reports: Option<Reports>,
    actions: Option<Vec<ModAction>>,
    log_thread: Option<Id>,
    deletion_thread: Option<Id>,
}

pub(crate) fn run(context: &Context, settings: &Settings, interaction: &Interaction) -> Result<(), Error> {
    let Some(user) = interaction.command_data()?.id("user") else {
        return interaction.answer_privately("Choose a user.").submit();
    };
    let resolved = interaction.resolved("users", user).unwrap_or_default();
    let (database, now) = (Database::open()?, context.now());
    let name = match resolved["username"].as_str() {
        Some(name) => name.to_owned(),
        None => neighbours::known_name(&database, user),
    };
    let overview = Overview {
        guild: context.guild,
        user,
        name,
        recent_days: settings.recent_days,
        now,
        reports: Reports::of(
            &database,
            user,
            now.saturating_sub(u64::from(settings.recent_days) * DAY),
        ),
        actions: neighbours::mod_actions(&database, user, settings.timeline),
        log_thread: neighbours::log_thread(&database, user),
        deletion_thread: neighbours::deletion_thread(&database, user),
    };
    let data = json!({
        "flags": EPHEMERAL, "allowed_mentions": { "parse": [] }, "embeds": [overview.embed()],
    });
    Action::respond(interaction.id, &interaction.token, 4, data.to_string()).submit()
}

impl Overview {
    fn embed(&self) -> Value {
        let mut fields = Vec::new();
        let mut add = |name: &str, lines: Vec<String>, inline: bool| {
            if !lines.is_empty() {
                fields.push(json!({ "name": name, "value": fitting(&lines, FIELD), "inline": inline }));
            }
        };
        if let Some(reports) = &self.reports {
            let reasons = reports.by_reason.iter();
            add(
                "By reason",
                reasons
                    .map(|(word, count)| format!("{} {count}", reason(word)))
                    .collect(),
                true,
            );
            let channels = reports.channels.iter();
            add(
                "Top channels",
                channels.map(|(id, count)| format!("<#{id}> {count}")).collect(),
                true,
            );
            let staff = reports.staff.iter();
            add(
                "Reporting staff",
                staff.map(|(id, count)| format!("<@{id}> {count}")).collect(),
                true,
            );
        }
        add(
            "Mod actions, newest first",
            self.actions.iter().flatten().map(line).collect(),
            false,
        );
        add("Threads", self.threads(), false);
        json!({ "title": "Moderation report", "description": self.summary(), "fields": fields })
    }

    fn summary(&self) -> String {
        let mut lines = vec![match self.name.as_str() {
            "" => format!("<@{}>", self.user),
            name => format!("<@{}> ({})", self.user, one_line(name, 60)),
        }];
        let known = self.reports.as_ref().filter(|reports| reports.total > 0);
        let has_actions = self.actions.as_ref().is_some_and(|actions| !actions.is_empty());
        match known {
            Some(reports) => lines.extend(self.totals(reports)),
            None if has_actions && self.reports.is_some() => lines.push("No reports.".into()),
            None if has_actions || self.log_thread.or(self.deletion_thread).is_some() => {}
            None => lines.push("Nothing is known about this user: no reports, no mod actions, no threads.".into()),
        }
        let missing = [
            (self.reports.is_none(), "mod-log", "reports"),
            (self.actions.is_none(), "mod-actions", "actions"),
        ];
        for (_, plugin, what) in missing.into_iter().filter(|(is_missing, ..)| *is_missing) {
            lines.push(format!(
                "-# There is no `{plugin}` in this server: {what} are not known."
            ));
        }
        lines.join("\n")
    }

    fn totals(&self, reports: &Reports) -> Vec<String> {
        let mut totals = format!(
            "**{}** of **{}** reports in the last {} days, the last {}",
            reports.recent,
            reports.total,
            self.recent_days,
            relative_time(reports.last_at)
        );
        if reports.deleted > 0 {
            totals.push_str(&format!("; {} of the messages deleted", reports.deleted));
        }
        let months = Month::of(self.now).last(MONTHS);
        let count = |month: &Month| {
            let key = month.key();
            let known = reports.months.iter().find(|(month, _)| *month == key);
            known.map_or(0, |(_, count)| *count)
        };
        let counts: Vec<_> = months.iter().map(count).collect();
        let numbers: Vec<_> = counts.iter().map(u64::to_string).collect();
        let (first, last) = (
            months.first().map_or("", |month| month.name()),
            Month::of(self.now).name(),
        );
        vec![
            totals,
            format!("`{}` {first} to {last}: {}", sparkline(&counts), numbers.join(", ")),
        ]
    }

    fn threads(&self) -> Vec<String> {
        let threads = [
            (self.log_thread, "Moderation"),
            (self.deletion_thread, "Deletions and edits"),
        ];
        let link =
            |(thread, name): (Option<Id>, &str)| Some(format!("[{name}]({})", channel_link(self.guild, thread?)));
        threads.into_iter().filter_map(link).collect()
    }
}

fn reason(word: &str) -> String {
    match word {
        "anonymous" => "Reported anonymously".into(),
        "track" => "Tracked by staff".into(),
        "spam" => "Spam".into(),
        "automod" => "Automod".into(),
        "vote" => "Vote".into(),
        other => defused(other),
    }
}

fn line(action: &ModAction) -> String {
    let mut line = format!(
        "<t:{}:d> **{}**",
        action.at / 1000,
        one_line(&action.action.replace('-', " "), 40)
    );
    if let Some(executor) = action.executor {
        line.push_str(&format!(" by <@{executor}>"));
    }
    if let Some(reason) = action.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        line.push_str(&format!(": {}", one_line(reason, 100)));
    }
    line
}

/// As many lines as fit into so many characters, and how many did not.
fn fitting(lines: &[String], characters: usize) -> String {
    /// `… and 25 more`.
    const REST: usize = 16;
    let (mut text, mut used) = (String::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        let needed = line.chars().count() + 1;
        let reserve = if index + 1 == lines.len() { 0 } else { REST };
        if used + needed + reserve > characters {
            text.push_str(&format!("… and {} more", lines.len() - index));
            break;
        }
        text.push_str(line);
        text.push('\n');
        used += needed;
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overview() -> Overview {
        Overview {
            guild: 1,
            user: 2,
            name: "an_n".into(),
            recent_days: 30,
            now: 1_772_409_599_000,
            ..Overview::default()
        }
    }

    #[test]
    fn the_command_is_json() {
        let command: Value = serde_json::from_str(COMMAND).expect("JSON");
        assert_eq!(command["name"], "modreport");
    }

    #[test]
    fn nothing_found_is_said_and_what_is_missing_too() {
        let embed = overview().embed();
        let text = embed["description"].as_str().expect("a text");
        assert!(text.contains("Nothing is known") && text.contains("`mod-log`") && text.contains("`mod-actions`"));
        assert!(text.starts_with("<@2> (an\\_n)"), "{text}");
        let mut empty = overview();
        (empty.reports, empty.actions) = (Some(Reports::default()), Some(Vec::new()));
        let embed = empty.embed();
        let text = embed["description"].as_str().expect("a text");
        assert!(text.contains("Nothing is known") && !text.contains('`'), "{text}");
        assert_eq!(embed["fields"], json!([]));
    }

    #[test]
    fn reports_are_counted_and_drawn_by_month() {
        let mut overview = overview();
        overview.reports = Some(Reports {
            total: 5,
            recent: 2,
            deleted: 1,
            last_at: 1_772_000_000_000,
            by_reason: vec![("track".into(), 3), ("anonymous".into(), 2)],
            channels: vec![(10, 5)],
            staff: vec![(20, 3)],
            months: vec![("2026-03".into(), 2), ("2025-12".into(), 3)],
        });
        overview.log_thread = Some(30);
        let embed = overview.embed();
        let text = embed["description"].as_str().expect("a text");
        assert!(text.contains("**2** of **5** reports in the last 30 days"), "{text}");
        assert!(text.contains("`▁▁█▁▁▆` Oct to Mar: 0, 0, 3, 0, 0, 2"), "{text}");
        let names: Vec<_> = embed["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .map(|field| &field["name"])
            .collect();
        assert_eq!(names, ["By reason", "Top channels", "Reporting staff", "Threads"]);
    }

    #[test]
    fn a_long_timeline_says_what_it_leaves_out() {
        let action = ModAction {
            action: "ban".into(),
            executor: Some(u64::MAX / 2),
            reason: Some("@everyone [x](y) ".repeat(20)),
            at: 1_772_000_000_000,
        };
        let lines = vec![line(&action); 25];
        let text = fitting(&lines, FIELD);
        assert!(text.chars().count() <= FIELD && text.contains("more"), "{text}");
        assert!(!text.contains("@everyone"));
        assert_eq!(fitting(&["a".into(), "b".into()], FIELD), "a\nb");
    }
}
