//! Ids and their names. People write names, Discord and plugins use ids; the text tells names again.

use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashMap};

/// Discord's epoch (Discord, Reference, Snowflakes), in milliseconds since Unix's.
const DISCORD_EPOCH: u64 = 1_420_070_400_000;

/// What is named. Names carry their sign: `@ann`, `#general`, `&staff`; messages have none.
#[derive(Default)]
pub(crate) struct Names {
    ids: BTreeMap<String, u64>,
    made: u64,
    counts: BTreeMap<&'static str, u32>,
}

impl Names {
    /// A snowflake of this moment that there was not before.
    pub(crate) fn snowflake(&mut self, at: u64) -> u64 {
        self.made += 1;
        (at.saturating_sub(DISCORD_EPOCH) << 22) | (self.made & 0x3f_ffff)
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, id: u64) -> u64 {
        self.ids.insert(name.into(), id);
        id
    }

    /// Names what the bot has made: `sent1`, `sent2`.
    pub(crate) fn add_numbered(&mut self, prefix: &'static str, id: u64) -> u64 {
        let count = self.counts.entry(prefix).or_default();
        *count += 1;
        let name = format!("{prefix}{count}");
        self.add(name, id)
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.ids.get(name).copied()
    }

    /// The id that a step means: with its sign, as its sort says, or made by the bot.
    pub(crate) fn id(&self, sign: &str, name: &str) -> Result<u64> {
        let bare = name.trim_start_matches(sign);
        let found = self.get(&format!("{sign}{bare}")).or_else(|| self.get(bare));
        let Some(id) = found.or_else(|| name.parse().ok()) else {
            bail!("nothing is called {name:?} here");
        };
        Ok(id)
    }

    /// Puts ids in the place of `{@ann}` and the like.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, id) in &self.ids {
            filled = filled.replace(&format!("{{{name}}}"), &id.to_string());
        }
        filled
    }

    /// Puts names in the place of ids.
    pub(crate) fn tell(&self, text: &str) -> String {
        let mut names = HashMap::new();
        for (name, id) in &self.ids {
            names.entry(id.to_string()).or_insert(name);
        }
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
            let (before, digits) = rest.split_at(start);
            let end = digits
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(digits.len());
            let (digits, after) = digits.split_at(end);
            told.push_str(before);
            told.push_str(names.get(digits).map_or(digits, |name| name));
            rest = after;
        }
        told.push_str(rest);
        told
    }
}
