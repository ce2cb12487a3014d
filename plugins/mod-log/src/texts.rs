//! What stands in the thread and in the log channel. Other people's words are defused wherever they appear.

use guildhall_sdk::mod_log::{Extent, Reason, Report, ReportedMessage};
use guildhall_sdk::{Id, Person, cut_characters, defused, message_link, quoted_within, relative_time};

/// Discord's bound of a message.
const LONGEST: usize = 2000;
/// Characters that what is around the quote may take, each part of it.
const PART: usize = 500;

/// The entry of a report.
pub(crate) fn report(guild: Id, report: &Report, number: u64) -> String {
    let mut head = format!("**Report {number}**: {}, {}", person(&report.user), by(report));
    if let Some(message) = &report.message {
        let link = message_link(guild, message.channel, message.id);
        let forwarded = if message.forwarded { " (forwarded)" } else { "" };
        head.push_str(&format!(
            " · [message]({link}) in <#{}> {}{forwarded}",
            message.channel,
            relative_time(message.sent_at)
        ));
    }
    let small_print = report.message.as_ref().map(ReportedMessage::small_print);
    let small_print = cut_characters(&small_print.unwrap_or_default(), PART);
    let note = cut_characters(report.note.trim(), PART);
    let around = [&head, &small_print, &note].map(|part| part.chars().count() + 1);
    let left = LONGEST.saturating_sub(around.iter().sum());
    let quote = report
        .message
        .as_ref()
        .map(|message| quoted_within(&message.text, left).0);
    let nothing = quote.as_ref().is_some_and(String::is_empty) && small_print.is_empty();
    let quote = if nothing {
        "-# without text".into()
    } else {
        quote.unwrap_or_default()
    };
    let parts: Vec<_> = [head, quote, small_print, note]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("\n")
}

fn by(report: &Report) -> String {
    match (report.reason, &report.staff) {
        (Reason::Anonymous, _) => "reported anonymously".into(),
        (Reason::Track, Some(staff)) => format!("tracked by **{}**", name(&staff.name)),
        (Reason::Track, None) => "tracked".into(),
        (Reason::Spam, _) => "reported as spam".into(),
        (Reason::Automod, _) => "reported by automod".into(),
        (Reason::Vote, _) => "resolved by a vote".into(),
    }
}

/// What stands under the first entry when the same comes again.
pub(crate) fn again(report: &Report, times: u64) -> String {
    let line = match (report.reason, &report.staff) {
        (Reason::Track, Some(staff)) => format!("Tracked again by **{}**", name(&staff.name)),
        (Reason::Track, None) => "Tracked again".into(),
        (Reason::Anonymous, _) => "Reported again anonymously".into(),
        (Reason::Spam, _) => "Reported as spam again".into(),
        (Reason::Automod, _) => "Reported by automod again".into(),
        (Reason::Vote, _) => "Resolved by a vote again".into(),
    };
    let note = cut_characters(report.note.trim(), PART);
    let separator = if note.is_empty() { "" } else { "\n" };
    format!("{line}, {times} times by now.{separator}{note}")
}

/// The line in the log channel below the forward of a report; none where there is no message or no room for it.
pub(crate) fn summary(report: &Report, number: u64, characters: usize) -> Option<String> {
    let message = report.message.as_ref().filter(|_| characters > 0)?;
    let words: Vec<_> = message.text.split_whitespace().collect();
    let start = match words.join(" ") {
        empty if empty.is_empty() => "without text".into(),
        line => format!("“{}”", defused(&cut_characters(&line, characters))),
    };
    let extent = message.extent.unwrap_or_else(|| Extent::of(&message.text));
    let mut line = format!(
        "**Report {number}** of {}: {start} · {}, {}, {}, {}",
        person(&report.user),
        counted(extent.characters, "character"),
        counted(extent.words, "word"),
        counted(extent.links, "link"),
        counted(extent.code_blocks, "code block"),
    );
    // Scams are often pictures and nothing else.
    if !message.attachments.is_empty() {
        line.push_str(&format!(", {}", counted(message.attachments.len(), "file")));
    }
    Some(cut_characters(&line, LONGEST))
}

/// Above the buttons that act at once.
pub(crate) fn direct_actions(user: Id) -> String {
    format!(
        "**Act on <@{user}> at once.** Each button takes the Discord permission of its name, and who used it is noted here."
    )
}

/// Above the button that calls a vote.
pub(crate) fn escalation(user: Id) -> String {
    format!("**Or let the moderators vote** on what happens to <@{user}>.")
}

/// A moderator did something.
pub(crate) fn acted(moderator: &Person, done: &str) -> String {
    format!("**{}** (<@{}>) {done}.", name(&moderator.name), moderator.id)
}

/// `1 word`, `2 words`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// A mention, and the name for those who do not see mentions of people who have left.
fn person(person: &Person) -> String {
    match person.name.trim() {
        "" => format!("<@{}>", person.id),
        known => format!("<@{}> ({})", person.id, name(known)),
    }
}

pub(crate) fn name(name: &str) -> String {
    defused(&cut_characters(name, 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str) -> Report {
        Report {
            reason: Reason::Track,
            user: Person {
                id: 7,
                name: "ann_b".into(),
            },
            staff: Some(Person {
                id: 9,
                name: "ben".into(),
            }),
            message: Some(ReportedMessage {
                id: 1,
                channel: 5,
                text: text.into(),
                sent_at: 1000,
                attachments: vec!["a.png (image/png, 2 KiB)".into()],
                ..ReportedMessage::default()
            }),
            note: String::new(),
        }
    }

    #[test]
    fn an_entry_says_who_whom_where_when_and_what() {
        let mut example = example("@everyone **free**\nnitro");
        assert_eq!(
            report(3, &example, 2),
            "**Report 2**: <@7> (ann\\_b), tracked by **ben** · [message](https://discord.com/channels/3/5/1) in <#5> <t:1:R>\n\
             > @\u{200b}everyone \\*\\*free\\*\\*\n> nitro\n-# attachments: a.png (image/png, 2 KiB)"
        );
        example.reason = Reason::Anonymous;
        assert!(
            !report(3, &example, 2).contains("ben"),
            "whoever reports anonymously is never named"
        );
        example.message = None;
        example.note = "a note".into();
        assert_eq!(
            report(3, &example, 2),
            "**Report 2**: <@7> (ann\\_b), reported anonymously\na note"
        );
    }

    #[test]
    fn nothing_makes_an_entry_too_long() {
        for text in ["*".repeat(4000), "\n".repeat(4000), "äöü ".repeat(900)] {
            let mut example = example(&text);
            example.note = "*".repeat(3000);
            example.user.name = "_".repeat(300);
            if let Some(message) = &mut example.message {
                message.attachments = vec!["[x](y)".repeat(100); 10];
                message.embeds = message.attachments.clone();
                message.reactions = message.attachments.clone();
            }
            let entry = report(u64::MAX, &example, u64::MAX);
            assert!(entry.chars().count() <= LONGEST, "{}", entry.chars().count());
            let line = summary(&example, 1, 500).expect("a line");
            assert!(line.chars().count() <= LONGEST && line.lines().count() == 1);
        }
    }

    #[test]
    fn the_summary_is_one_line_of_the_first_characters() {
        let text = format!("see ```a\nb``` at https://example.com {}", "word ".repeat(30));
        let mut example = example(&text);
        let line = summary(&example, 2, 20).expect("a line");
        assert_eq!(
            line,
            "**Report 2** of <@7> (ann\\_b): “see \\`\\`\\`a b\\`\\`\\` at ht…” · \
             187 characters, 35 words, 1 link, 1 code block, 1 file"
        );
        assert_eq!(summary(&example, 2, 0), None);
        if let Some(message) = &mut example.message {
            (message.text, message.extent) = (String::new(), None);
            message.attachments = vec!["1.png".into(), "2.png".into()];
        }
        let line = summary(&example, 2, 20).expect("a line");
        assert!(
            line.ends_with(": without text · 0 characters, 0 words, 0 links, 0 code blocks, 2 files"),
            "{line}"
        );
    }

    #[test]
    fn who_repeats_a_report_is_named_only_when_they_are_staff() {
        let mut example = example("");
        assert_eq!(again(&example, 2), "Tracked again by **ben**, 2 times by now.");
        example.reason = Reason::Anonymous;
        example.note = "still there".into();
        assert_eq!(
            again(&example, 3),
            "Reported again anonymously, 3 times by now.\nstill there"
        );
    }

    #[test]
    fn every_reason_says_how_the_report_came() {
        let mut example = example("text");
        for (reason, words) in [
            (Reason::Anonymous, ", reported anonymously"),
            (Reason::Track, ", tracked by **ben**"),
            (Reason::Spam, ", reported as spam"),
            (Reason::Automod, ", reported by automod"),
            (Reason::Vote, ", resolved by a vote"),
        ] {
            example.reason = reason;
            let entry = report(3, &example, 1);
            assert!(
                entry.starts_with(&format!("**Report 1**: <@7> (ann\\_b){words} · ")),
                "{entry}"
            );
        }
    }
}
