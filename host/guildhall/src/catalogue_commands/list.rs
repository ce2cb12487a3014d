//! `guildhall plugin list`: what the catalogue says, beside what the host has learned of new versions.

use super::consent::codes;
use super::{Place, open};
use crate::fleet_commands::{table, write_out};
use anyhow::Result;
use guildhall_catalogue::{Catalogue, Guilds, Installed, Outcome, Rollout, Rollouts};
use serde::Serialize;

/// `guildhall plugin list`.
#[derive(clap::Args)]
pub(crate) struct List {
    /// One JSON value for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Listed<'a> {
    catalogue: &'a Catalogue,
    rollouts: &'a Rollouts,
}

pub(super) fn run(arguments: &List) -> Result<()> {
    let configuration = arguments.place.configuration()?;
    let catalogue = open(&configuration)?.read()?;
    let rollouts = Rollouts::read(&configuration.data)?;
    if arguments.json {
        let listed = Listed {
            catalogue: &catalogue,
            rollouts: &rollouts,
        };
        return write_out(&format!("{}\n", serde_json::to_string(&listed)?));
    }
    let mut rows = Vec::new();
    let mut details = String::new();
    for (id, installed) in &catalogue.plugins {
        let rollout = rollouts.plugins.get(id);
        rows.push(row(id, installed, rollout));
        details.push_str(&detail(id, installed, rollout));
    }
    let head = ["ID", "ACTIVE", "DIGEST", "GRANTED", "GUILDS", "WAITING", "ROLLOUT"];
    let mut text = table(&head, &rows);
    if !details.is_empty() {
        text.push('\n');
        text.push_str(&details);
    }
    write_out(&text)
}

fn row(id: &str, installed: &Installed, rollout: Option<&Rollout>) -> Vec<String> {
    let (version, granted) = match installed.active() {
        Some(active) => {
            let (wanted, withheld) = (active.wants.rights(), active.wants.beyond(&installed.granted).rights());
            let granted = format!("{} of {}", wanted.len() - withheld.len(), wanted.len());
            (active.version.clone(), granted)
        }
        None => (String::new(), String::new()),
    };
    let waiting = installed.waiting.as_ref().and_then(|digest| installed.find(digest));
    vec![
        id.to_owned(),
        version,
        installed.active.short().to_owned(),
        granted,
        guilds(&installed.guilds),
        waiting.map_or_else(|| "-".into(), |version| version.version.clone()),
        rollout.map_or_else(|| "-".into(), state),
    ]
}

/// Guilds, for people.
pub(super) fn guilds(guilds: &Guilds) -> String {
    match guilds {
        Guilds::All => "every guild".into(),
        Guilds::Only { ids } if ids.is_empty() => "no guild".into(),
        Guilds::Only { ids } if ids.len() == 1 => "1 guild".into(),
        Guilds::Only { ids } => format!("{} guilds", ids.len()),
        Guilds::Except { ids } => format!("every guild but {}", ids.len()),
    }
}

fn state(rollout: &Rollout) -> String {
    let version = &rollout.candidate.version;
    match &rollout.outcome {
        Outcome::Trying => format!("trying {version}"),
        Outcome::RolledOut => format!("rolled out {version}"),
        Outcome::RolledBack { .. } => format!("rolled back {version}"),
    }
}

/// What does not fit into a table.
fn detail(id: &str, installed: &Installed, rollout: Option<&Rollout>) -> String {
    let mut detail = String::new();
    if let Some(active) = installed.active() {
        let withheld = active.wants.beyond(&installed.granted);
        if !withheld.is_empty() {
            detail.push_str(&format!("{id} {}: withheld: {}\n", active.version, codes(&withheld)));
        }
    }
    if let Some(waiting) = installed.waiting.as_ref().and_then(|digest| installed.find(digest)) {
        detail.push_str(&format!(
            "{id} {}: waits for: {} (guildhall plugin grant {id} --waiting)\n",
            waiting.version,
            codes(&installed.asks_for(waiting))
        ));
    }
    let Some(rollout) = rollout else {
        return detail;
    };
    match &rollout.outcome {
        Outcome::Trying => {
            let (new, old) = (&rollout.new, &rollout.old);
            detail.push_str(&format!(
                "{id} {}: tried in {} guilds with {:.0} % of the load: {} calls, {} failed, p99 {} µs; the one before: {} \
                 calls, {} failed, p99 {} µs\n",
                rollout.candidate.version,
                rollout.guilds,
                rollout.share * 100.0,
                new.calls,
                new.failures,
                new.p99_us,
                old.calls,
                old.failures,
                old.p99_us
            ));
        }
        Outcome::RolledBack { reason } => {
            let version = &rollout.candidate.version;
            detail.push_str(&format!("{id} {version}: the host has rolled it back: {reason}\n"));
        }
        Outcome::RolledOut => {}
    }
    for (guild, reason) in &rollout.held {
        detail.push_str(&format!("{id}: guild {guild} stays on an older version: {reason}\n"));
    }
    detail
}
