//! Commands that change what is installed: where it is enabled, what it is granted, which version runs, and whether it is
//! there at all. Each says what has changed.

use super::consent::{codes, named_rights};
use super::{Place, installed, words};
use crate::bad_input::BadInput;
use crate::fleet_commands::write_out;
use anyhow::Result;
use guildhall_catalogue::{Digest, Grant, Guilds, Installed, InstalledVersion, settings_complaints};
use guildhall_model::GuildId;

/// `guildhall plugin enable` and `disable`.
#[derive(clap::Args)]
pub(crate) struct Where {
    /// The plugin's id.
    id: String,
    /// This guild; may be repeated.
    #[arg(long, value_name = "GUILD", required_unless_present = "all")]
    guild: Vec<GuildId>,
    /// Every guild, also those that come later.
    #[arg(long, conflicts_with = "guild")]
    all: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn set_enabled(arguments: &Where, enabled: bool) -> Result<()> {
    let guilds = arguments.place.change_plugin(&arguments.id, |installed| {
        if arguments.all {
            installed.guilds = if enabled { Guilds::All } else { Guilds::none() };
        }
        for guild in &arguments.guild {
            if enabled {
                installed.guilds.enable(*guild);
            } else {
                installed.guilds.disable(*guild);
            }
        }
        Ok(super::list::guilds(&installed.guilds))
    })?;
    write_out(&format!("{} is enabled in {guilds}\n", arguments.id))
}

/// `guildhall plugin grant`.
#[derive(clap::Args)]
pub(crate) struct GrantRights {
    /// The plugin's id.
    id: String,
    /// A right, as `guildhall plugin list` shows it: send-messages, event:message-create, host:example.org.
    #[arg(required_unless_present = "waiting")]
    rights: Vec<String>,
    /// Grant what the waiting version asks for, and let it in.
    #[arg(long, conflicts_with_all = ["rights", "revoke"])]
    waiting: bool,
    /// Take the rights away instead. The plugin goes on without them.
    #[arg(long)]
    revoke: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn grant(arguments: &GrantRights) -> Result<()> {
    let report = arguments.place.change_plugin(&arguments.id, |installed| {
        if arguments.revoke {
            revoke(installed, &arguments.rights)
        } else {
            give(installed, arguments)
        }
    })?;
    write_out(&format!("{}: {report}", arguments.id))
}

fn give(installed: &mut Installed, arguments: &GrantRights) -> Result<String> {
    let waiting = installed.waiting.as_ref().and_then(|digest| installed.find(digest));
    let rights: Grant = match (arguments.waiting, waiting) {
        (true, None) => return Err(BadInput(format!("{}: no version waits", arguments.id)).into()),
        (true, Some(version)) => installed.asks_for(version),
        (false, _) => {
            let wanted = installed.versions.iter().flat_map(|version| version.wants.rights());
            named_rights(&arguments.rights, &wanted.collect(), "the plugin wants only")?
                .into_iter()
                .collect()
        }
    };
    let new = rights.beyond(&installed.granted);
    installed.granted.extend(rights.rights());
    let mut report = match new.is_empty() {
        true => "all of that was granted before\n".to_owned(),
        false => format!("granted: {}\n", in_words(&new)),
    };
    if installed.let_in() {
        report.push_str(&format!("  {} is active\n", name(installed.active())));
    } else if let Some(version) = installed.waiting.as_ref().and_then(|digest| installed.find(digest)) {
        let asks_for = codes(&installed.asks_for(version));
        report.push_str(&format!("  {} still waits for: {asks_for}\n", name(Some(version))));
    }
    Ok(report)
}

fn revoke(installed: &mut Installed, texts: &[String]) -> Result<String> {
    let held = installed.granted.clone();
    let mut revoked = Vec::new();
    for right in named_rights(texts, &held, "it was granted only")? {
        installed.granted.revoke(&right);
        revoked.push(right);
    }
    let revoked: Grant = revoked.into_iter().collect();
    Ok(format!("revoked: {}\n", in_words(&revoked)))
}

fn in_words(rights: &Grant) -> String {
    let words: Vec<String> = rights
        .rights()
        .iter()
        .map(|right| {
            let (heading, text) = words::words(right);
            format!("{heading}: {text} [{right}]")
        })
        .collect();
    words.join("; ")
}

/// `guildhall plugin rollback`.
#[derive(clap::Args)]
pub(crate) struct Rollback {
    /// The plugin's id.
    id: String,
    /// The version, or the beginning of its digest; without it the one that was active before.
    #[arg(long, value_name = "VERSION|DIGEST")]
    to: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) fn roll_back(arguments: &Rollback) -> Result<()> {
    let report = arguments.place.change_plugin(&arguments.id, |installed| {
        let target = target(installed, arguments)?.clone();
        if target.digest == installed.active {
            return Err(BadInput(format!("{} {} is active already", arguments.id, target.version)).into());
        }
        if installed.waiting.as_ref() == Some(&target.digest) {
            let message = format!(
                "{0} {1} waits for consent; `guildhall plugin grant {0} --waiting` lets it in",
                arguments.id, target.version
            );
            return Err(BadInput(message).into());
        }
        let was = name(installed.active());
        installed.activate(target.digest.clone());
        let mut report = format!(
            "{} {} is active again; before it was {was}\n",
            arguments.id,
            name(Some(&target))
        );
        report.push_str(&misfits(installed, &target));
        Ok(report)
    })?;
    write_out(&report)
}

fn target<'a>(installed: &'a Installed, arguments: &Rollback) -> Result<&'a InstalledVersion> {
    let kept = || -> String {
        let kept: Vec<String> = installed.versions.iter().map(|version| name(Some(version))).collect();
        kept.join(", ")
    };
    let Some(to) = &arguments.to else {
        let previous = installed.previous.as_ref().and_then(|digest| installed.find(digest));
        return previous
            .ok_or_else(|| BadInput(format!("{} has had no version before; kept: {}", arguments.id, kept())).into());
    };
    // Several components may call themselves by one version: then the newest is meant.
    let digest = to.strip_prefix("sha256:").unwrap_or(to);
    let meant = |version: &&InstalledVersion| version.version == *to || is_beginning(&version.digest, digest);
    installed
        .versions
        .iter()
        .rfind(meant)
        .ok_or_else(|| BadInput(format!("{} has no version {to:?}; kept: {}", arguments.id, kept())).into())
}

/// Enough digits to mean one digest.
fn is_beginning(digest: &Digest, text: &str) -> bool {
    text.len() >= 8 && digest.as_str().starts_with(text)
}

/// Settings that an older version does not take.
fn misfits(installed: &Installed, version: &InstalledVersion) -> String {
    let every = installed
        .settings_for_every_guild()
        .map(|settings| ("every guild".to_owned(), settings));
    let guilds = installed
        .guilds_with_settings()
        .map(|(guild, settings)| (format!("guild {guild}"), settings));
    every
        .into_iter()
        .chain(guilds)
        .filter_map(|(scope, settings)| {
            let complaint = settings_complaints(&version.settings_schema, settings)
                .into_iter()
                .next()?;
            Some(format!(
                "  its settings for {scope} do not fit this version: {complaint}\n"
            ))
        })
        .collect()
}

fn name(version: Option<&InstalledVersion>) -> String {
    version.map_or_else(String::new, |version| {
        format!("{} ({})", version.version, version.digest.short())
    })
}

/// `guildhall plugin remove`.
#[derive(clap::Args)]
pub(crate) struct Remove {
    /// The plugin's id.
    id: String,
    #[command(flatten)]
    place: Place,
}

pub(super) fn remove(arguments: &Remove) -> Result<()> {
    let id = &arguments.id;
    let versions = arguments.place.directory()?.change(|change| -> Result<usize> {
        let versions = installed(&change.catalogue, id)?.versions.len();
        change.catalogue.plugins.remove(id);
        Ok(versions)
    })?;
    write_out(&format!(
        "{id} is removed, with {versions} {}; its rows stay in the guilds' files\n",
        if versions == 1 { "version" } else { "versions" }
    ))
}
