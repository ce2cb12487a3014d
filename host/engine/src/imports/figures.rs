//! A plugin's own figures: what a call counts and observes is kept with the call, since only a committed one counts. Names
//! are bounded per plugin, as each becomes a series for as long as the process lives.

use super::CallState;
use crate::bindings::guildhall::plugin::metrics;
use crate::call::CallHost;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Names of one plugin.
const NAMES: usize = 32;
/// Letters, digits and underscores of a name.
const NAME_BYTES: usize = 40;
/// Values that one call may observe; the rest is dropped.
const VALUES: usize = 256;

/// What one call counted and observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallFigures {
    /// By how much each counter grew.
    pub counts: BTreeMap<Arc<str>, u64>,
    /// Values of distributions, in order.
    pub values: Vec<(Arc<str>, f64)>,
}

impl CallFigures {
    /// Whether it counted and observed nothing.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.values.is_empty()
    }

    /// Adds what a later call counted and observed.
    pub fn extend(&mut self, later: Self) {
        for (name, amount) in later.counts {
            self.count(name, amount);
        }
        self.values.extend(later.values);
    }

    fn count(&mut self, name: Arc<str>, amount: u64) {
        let count = self.counts.entry(name).or_default();
        *count = count.saturating_add(amount);
    }
}

/// The names that a plugin has used.
#[derive(Default)]
pub(super) struct FigureNames(Mutex<Known>);

#[derive(Default)]
struct Known {
    names: BTreeSet<Arc<str>>,
    /// Whether the log has said that one was dropped.
    told: bool,
}

impl FigureNames {
    /// The name, if it is sound and the plugin has room for it.
    fn admit(&self, plugin: &str, name: &str) -> Option<Arc<str>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.names.get(name) {
            return Some(name.clone());
        }
        let is_sound = (1..=NAME_BYTES).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_sound && known.names.len() < NAMES {
            let name = Arc::<str>::from(name);
            known.names.insert(name.clone());
            return Some(name);
        }
        if !std::mem::replace(&mut known.told, true) {
            let name = &name[..name.floor_char_boundary(NAME_BYTES)];
            tracing::warn!(
                plugin,
                name,
                "a plugin's metric is dropped, as others may be: names have 1 to {NAME_BYTES} lower-case letters, digits and underscores, and a plugin has {NAMES} of them"
            );
        }
        None
    }
}

impl<H: CallHost> CallState<H> {
    /// The name under which a figure is kept; none where it is dropped, or nothing is measured as there is no guild.
    fn figure(&self, name: &str) -> Option<Arc<str>> {
        self.host.as_ref()?;
        self.identity.figures.admit(&self.identity.plugin, name)
    }
}

impl<H: CallHost> metrics::Host for CallState<H> {
    fn count(&mut self, name: String, amount: u64) -> wasmtime::Result<()> {
        if let Some(name) = self.figure(&name) {
            self.figures.count(name, amount);
        }
        Ok(())
    }

    fn observe(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        if self.figures.values.len() < VALUES
            // One that is no number would stay in the sum for ever.
            && value.is_finite()
            && let Some(name) = self.figure(&name)
        {
            self.figures.values.push((name, value));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_so_many_names_and_they_are_words() {
        let names = FigureNames::default();
        for wrong in ["", "Upper", "with space", "é", &"a".repeat(NAME_BYTES + 1)] {
            assert_eq!(names.admit("p", wrong), None, "{wrong:?}");
        }
        for number in 0..NAMES {
            assert!(names.admit("p", &format!("name_{number}")).is_some());
        }
        assert_eq!(names.admit("p", "one_more"), None);
        assert!(names.admit("p", "name_0").is_some(), "a known one stays");
    }

    #[test]
    fn figures_of_calls_add_up() {
        let (name, other) = (Arc::<str>::from("name"), Arc::<str>::from("other"));
        let call = |amount| CallFigures {
            counts: BTreeMap::from([(name.clone(), amount)]),
            values: vec![(other.clone(), 0.5)],
        };
        let mut sum = call(2);
        sum.extend(call(u64::MAX));
        assert_eq!(sum.counts[&name], u64::MAX);
        assert_eq!(sum.values.len(), 2);
    }
}
