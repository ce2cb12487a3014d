//! What was looked at, and what was wrong. A check that looked at nothing would be worth nothing: so it is counted.

use std::collections::{BTreeMap, BTreeSet};

/// Counts by kind of check, and complaints. Overlays share most of their manifests: a complaint is told once.
#[derive(Default)]
pub(crate) struct Findings {
    counts: BTreeMap<&'static str, usize>,
    wrong: BTreeSet<String>,
}

impl Findings {
    /// Something of this kind was looked at.
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Something of this kind was looked at; `complaint` says what is wrong where it is not right.
    pub(crate) fn expect(&mut self, what: &'static str, is_right: bool, complaint: impl FnOnce() -> String) {
        self.count(what);
        if !is_right {
            self.complain(what, complaint());
        }
    }

    /// Something is wrong.
    pub(crate) fn complain(&mut self, what: &'static str, complaint: String) {
        self.wrong.insert(format!("{what}: {complaint}"));
    }

    /// Whether nothing of this kind was wrong so far.
    pub(crate) fn is_clean(&self, what: &str) -> bool {
        !self.wrong.iter().any(|wrong| wrong.starts_with(&format!("{what}: ")))
    }

    /// Prints the complaints; answers the line of counts, and how many complaints there are.
    pub(crate) fn report(&self) -> (String, usize) {
        for wrong in &self.wrong {
            println!("cluster: WRONG {wrong}");
        }
        let counts: Vec<_> = self
            .counts
            .iter()
            .map(|(what, count)| format!("{}={count}", what.replace(' ', "_")))
            .collect();
        (
            format!("cluster: {} wrong={}", counts.join(" "), self.wrong.len()),
            self.wrong.len(),
        )
    }
}
