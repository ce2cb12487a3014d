//! What stands in the user's thread.

use crate::execution::Execution;
use guildhall_sdk::{Id, one_line, quoted_within, span};

/// Characters of a note: the mod-log cuts off what is longer.
const NOTE: usize = 500;
/// Texts that a sum of repeats shows.
const SHOWN: usize = 5;

/// The note of a report. A message that was blocked exists nowhere else: then the text is here.
pub(crate) fn note(rule: Id, name: Option<&str>, execution: &Execution) -> String {
    let mut note = format!("{} ({}", rule_words(rule, name), trigger_words(execution.trigger));
    if let Some(keyword) = &execution.keyword {
        note.push_str(&format!(", matched “{}”", one_line(keyword, 100)));
    }
    note.push_str(&format!("): {}", actions_words(&execution.actions)));
    if execution.message.is_some() {
        return note;
    }
    if let Some(channel) = execution.channel {
        note.push_str(&format!(", in <#{channel}>"));
    }
    note.push('\n');
    let left = NOTE.saturating_sub(note.chars().count());
    note.push_str(&or_silent(&quoted_within(&execution.content, left).0));
    note
}

/// The entry that sums up what followed a report.
pub(crate) fn repeats(rule: Id, name: Option<&str>, times: u64, within: u64, latest: &[Execution]) -> String {
    let mut lines = vec![format!(
        "{} acted {times} more {} within {}:",
        rule_words(rule, name),
        if times == 1 { "time" } else { "times" },
        span(within)
    )];
    let mut shown: Vec<(Execution, usize)> = Vec::new();
    for execution in latest {
        let known = shown.iter().position(|(known, _)| known.content == execution.content);
        match known {
            Some(index) => {
                let (known, count) = &mut shown[index];
                *count += 1;
                for action in &execution.actions {
                    if !known.actions.contains(action) {
                        known.actions.push(*action);
                    }
                }
            }
            None if shown.len() < SHOWN => shown.push((execution.clone(), 1)),
            None => {}
        }
    }
    lines.extend(shown.iter().rev().map(|(execution, count)| {
        let place = execution
            .channel
            .map(|channel| format!(" in <#{channel}>"))
            .unwrap_or_default();
        let count = if *count > 1 {
            format!(", {count} times")
        } else {
            String::new()
        };
        let actions = actions_words(&execution.actions);
        format!(
            "- {actions}{place}{count}: {}",
            or_silent(&one_line(&execution.content, 150))
        )
    }));
    lines.join("\n")
}

fn or_silent(text: &str) -> String {
    if text.is_empty() {
        "Discord did not tell the text.".into()
    } else {
        text.into()
    }
}

fn rule_words(rule: Id, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("Automod's rule “{}”", one_line(name, 100)),
        None => format!("Automod's rule {rule}"),
    }
}

/// Discord, Auto Moderation, Trigger Types.
fn trigger_words(trigger: u8) -> &'static str {
    match trigger {
        1 => "keywords",
        3 => "spam",
        4 => "Discord's word lists",
        5 => "too many mentions",
        6 => "member profile",
        _ => "unknown trigger",
    }
}

/// Discord, Auto Moderation, Action Types.
fn actions_words(actions: &[u8]) -> String {
    let words: Vec<_> = actions
        .iter()
        .map(|action| match action {
            1 => "blocked",
            2 => "alert sent",
            3 => "timed out",
            4 => "kept from interacting",
            _ => "unknown action",
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(actions: &[u8], content: &str) -> Execution {
        Execution {
            id: 1,
            trigger: 1,
            actions: actions.to_vec(),
            channel: Some(5),
            message: None,
            content: content.into(),
            keyword: Some("*nitro*".into()),
            at: 0,
        }
    }

    #[test]
    fn a_blocked_message_is_quoted_and_a_standing_one_is_not() {
        let blocked = execution(&[1, 3], "free nitro\n@everyone");
        assert_eq!(
            note(7, Some("Scams"), &blocked),
            "Automod's rule “Scams” (keywords, matched “\\*nitro\\*”): blocked, timed out, in <#5>\n\
             > free nitro\n> @\u{200b}everyone"
        );
        let standing = Execution {
            message: Some(8),
            keyword: None,
            ..blocked
        };
        assert_eq!(
            note(7, None, &standing),
            "Automod's rule 7 (keywords): blocked, timed out"
        );
        assert!(note(7, None, &execution(&[1], "")).ends_with("Discord did not tell the text."));
        assert_eq!(note(7, None, &execution(&[1], &"a".repeat(2000))).chars().count(), NOTE);
    }

    #[test]
    fn repeats_show_each_text_once_oldest_first() {
        let latest = [execution(&[1], "b"), execution(&[1], "a"), execution(&[1, 3], "b")];
        assert_eq!(
            repeats(7, Some("Scams"), 3, 600_000, &latest),
            "Automod's rule “Scams” acted 3 more times within 10 min:\n- blocked in <#5>: a\n\
             - blocked, timed out in <#5>, 2 times: b"
        );
    }
}
