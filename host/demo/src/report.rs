//! What came of the demonstration, for people and, in its last line, for programs.

use guildhall_harness::Tally;
use guildhall_sim::{Expectation, JournalEntry, LatencySummary};

/// All figures.
pub(crate) struct Report {
    pub(crate) guilds: usize,
    pub(crate) events: u64,
    pub(crate) messages: u64,
    pub(crate) actions: usize,
    pub(crate) rows: u64,
    pub(crate) tally: Tally,
    pub(crate) unsent: u64,
    pub(crate) scenes: Scenes,
    pub(crate) resumes: u64,
    pub(crate) latency: LatencySummary,
    pub(crate) exited_well: bool,
}

/// What was expected of the bot, scene by scene.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scenes {
    /// Each with how much of it came as it should, and how much there was to come.
    scenes: Vec<(String, usize, usize)>,
    /// What did not, in words.
    wrong: Vec<String>,
    missing: usize,
    repeated: usize,
    forbidden: usize,
}

impl Scenes {
    pub(crate) fn of(expectations: &[Expectation], journal: &[JournalEntry]) -> Self {
        let mut scenes = Self::default();
        for expected in expectations {
            let (count, times) = (expected.count(journal), expected.times);
            let known = scenes.scenes.iter_mut().find(|(scene, ..)| *scene == expected.scene);
            let is_met = usize::from(count == times);
            match known {
                Some((_, met, all)) => (*met, *all) = (*met + is_met, *all + 1),
                None => scenes.scenes.push((expected.scene.clone(), is_met, 1)),
            }
            if count != times {
                scenes
                    .wrong
                    .push(format!("came {count} times instead of {times}: {expected}"));
            }
            scenes.missing += times.saturating_sub(count);
            match times {
                0 => scenes.forbidden += count,
                times => scenes.repeated += count.saturating_sub(times),
            }
        }
        scenes
    }

    fn is_good(&self) -> bool {
        !self.scenes.is_empty() && self.wrong.is_empty()
    }

    fn print(&self) {
        println!("\nwhat moderators would expect, and what came of it:");
        for (scene, met, all) in &self.scenes {
            let scene = if scene.is_empty() { "everything else" } else { scene };
            let mark = if met == all { ' ' } else { '!' };
            println!("{mark} {scene:<60} {met:3} of {all}");
        }
        for wrong in &self.wrong {
            println!("! {wrong}");
        }
    }
}

impl Report {
    fn lost(&self) -> u64 {
        self.messages.saturating_sub(self.tally.messages) + self.scenes.missing as u64 + self.unsent
    }

    fn duplicated(&self) -> u64 {
        self.tally.repeated + self.scenes.repeated as u64
    }

    /// Nothing lost, nothing twice, everything as expected, the session resumed, and a clean end.
    pub(crate) fn is_good(&self) -> bool {
        self.lost() == 0 && self.duplicated() == 0 && self.scenes.is_good() && self.resumes > 0 && self.exited_well
    }

    pub(crate) fn print(&self) {
        self.scenes.print();
        println!();
        let measured = self.latency.count;
        for (name, value) in [
            ("guilds", self.guilds.to_string()),
            ("events", self.events.to_string()),
            (
                "messages, each applied once",
                format!("{} of {}", self.tally.messages - self.tally.repeated, self.messages),
            ),
            ("rows of plugins", self.rows.to_string()),
            ("actions at Discord", self.actions.to_string()),
            ("actions left in outboxes", self.unsent.to_string()),
            ("sessions resumed", self.resumes.to_string()),
            ("lost", self.lost().to_string()),
            ("done twice", self.duplicated().to_string()),
            ("done without cause", self.scenes.forbidden.to_string()),
            (
                "event to action, p50",
                format!("{:.1} ms ({measured} measured)", self.latency.p50_ms),
            ),
            ("event to action, p99", format!("{:.1} ms", self.latency.p99_ms)),
            (
                "pod ended cleanly",
                if self.exited_well { "yes" } else { "no" }.to_owned(),
            ),
        ] {
            println!("  {name:<30} {value}");
        }
        println!();
        println!(
            "demo: events={} actions={} lost={} duplicated={} p50_ms={:.1} p99_ms={:.1}",
            self.events,
            self.actions,
            self.lost(),
            self.duplicated(),
            self.latency.p50_ms,
            self.latency.p99_ms
        );
    }
}
