//! What came of the demonstration, for people and, in its last line, for programs.

use guildhall_harness::Tally;
use guildhall_sim::LatencySummary;

/// All figures.
pub(crate) struct Report {
    pub(crate) guilds: usize,
    pub(crate) events: u64,
    pub(crate) messages: u64,
    pub(crate) actions: usize,
    pub(crate) rows: u64,
    pub(crate) tally: Tally,
    pub(crate) unsent: u64,
    pub(crate) expected: usize,
    pub(crate) unmet: usize,
    pub(crate) repeated: usize,
    pub(crate) resumes: u64,
    pub(crate) latency: LatencySummary,
    pub(crate) exited_well: bool,
}

impl Report {
    fn lost(&self) -> u64 {
        self.messages.saturating_sub(self.tally.messages) + self.unmet as u64 + self.unsent
    }

    fn duplicated(&self) -> u64 {
        self.tally.repeated + self.repeated as u64
    }

    /// Nothing lost, nothing twice, every expected action there, the session resumed, and a clean end.
    pub(crate) fn is_good(&self) -> bool {
        self.lost() == 0 && self.duplicated() == 0 && self.expected > 0 && self.resumes > 0 && self.exited_well
    }

    pub(crate) fn print(&self) {
        println!();
        let (met, measured) = (self.expected - self.unmet, self.latency.count);
        for (name, value) in [
            ("guilds", self.guilds.to_string()),
            ("events", self.events.to_string()),
            (
                "messages, each applied once",
                format!("{} of {}", self.tally.messages - self.tally.repeated, self.messages),
            ),
            ("rows of plugins", self.rows.to_string()),
            ("actions at Discord", self.actions.to_string()),
            ("expected actions that came", format!("{met} of {}", self.expected)),
            ("actions left in outboxes", self.unsent.to_string()),
            ("sessions resumed", self.resumes.to_string()),
            ("lost", self.lost().to_string()),
            ("applied twice", self.duplicated().to_string()),
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
