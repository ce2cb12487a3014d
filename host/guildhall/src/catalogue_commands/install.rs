//! `guildhall plugin install`: fetch, check, show, ask, and only then change the catalogue, once.

use super::consent::{Answer, Consent, codes, shown};
use super::examine::{Examined, Examiner, fetch};
use super::{Place, open};
use crate::bad_input::{BadInput, OrBadInput};
use crate::configuration::Configuration;
use crate::fleet_commands::write_out;
use anyhow::{Context, Result, bail};
use guildhall_catalogue::{Catalogue, Grant, Guilds, Installed, InstalledVersion, Source};
use guildhall_distribution::PublicKey;
use guildhall_model::{GuildId, UnixMilliseconds};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

/// `guildhall plugin install`.
#[derive(clap::Args)]
pub(crate) struct Install {
    /// A component, a directory of components, or oci://HOST/REPOSITORY:TAG, also with @sha256:… at its end.
    what: String,
    #[command(flatten)]
    consent: Consent,
    /// Enable it only in this guild; may be repeated. Without it, a plugin that is new is enabled in every guild.
    #[arg(long, value_name = "GUILD")]
    guild: Vec<GuildId>,
    /// Take it only when it is signed with this public key, or one of this file's.
    #[arg(long, value_name = "KEY|FILE")]
    signed_by: Option<String>,
    /// Speak plain HTTP to a registry that is not on this machine.
    #[arg(long)]
    plain_http: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(arguments: Install) -> Result<()> {
    let configuration = arguments.place.configuration()?;
    let directory = open(&configuration)?;
    let trusted = trusted(&configuration, arguments.signed_by.as_deref())?;
    let fetched = fetch(&arguments.what, arguments.plain_http).await?;
    let examine = move || -> Result<Vec<Examined>> {
        let examiner = Examiner::new(configuration, trusted)?;
        fetched.into_iter().map(|fetched| examiner.examine(fetched)).collect()
    };
    let examined = tokio::task::spawn_blocking(examine).await??;
    let mut ids = BTreeSet::new();
    for Examined { description, .. } in &examined {
        if !ids.insert(&description.id) {
            return Err(BadInput(format!("{}: there are two of {:?}", arguments.what, description.id)).into());
        }
    }
    let before = directory.read()?;
    let mut agreed = Vec::new();
    for examined in &examined {
        if let Some(grant) = arguments.ask(examined, before.plugins.get(&examined.description.id))? {
            agreed.push((examined, grant));
        }
    }
    if agreed.is_empty() {
        bail!("nothing was installed");
    }
    let report = directory.change(|change| -> Result<String> {
        let mut report = String::new();
        for (examined, grant) in agreed {
            change.keep(&examined.wasm)?;
            report.push_str(&arguments.take_in(&mut change.catalogue, examined, grant)?);
        }
        Ok(report)
    })?;
    write_out(&report)
}

impl Install {
    /// Shows a plugin and obtains what is granted to it; none where it is not to be installed.
    fn ask(&self, examined: &Examined, installed: Option<&Installed>) -> Result<Option<Grant>> {
        let id = &examined.description.id;
        let wants = Grant::wanted_by(&examined.description);
        let Some(installed) = installed else {
            write_out(&shown(examined, None))?;
            let answer = self
                .consent
                .obtain(&wants, &wants, &format!("Grant {id} all of it, and install it?"))?;
            return match answer {
                Answer::Granted(grant) => Ok(Some(grant)),
                Answer::Declined => Ok(None),
                Answer::NobodyAsked => Err(BadInput(format!(
                    "{id} was not installed: there is no terminal to ask for consent on; read what it wants, and repeat \
                     with --yes, or with --grant RIGHT for a part of it"
                ))
                .into()),
            };
        };
        if !self.guild.is_empty() {
            let message = format!("{id} is installed; `guildhall plugin enable {id} --guild …` says in which guilds");
            return Err(BadInput(message).into());
        }
        let asks_for = installed.asks_for(&version(examined)?);
        write_out(&shown(examined, Some(&asks_for)))?;
        write_out(&notes(examined, installed))?;
        let question = format!("Grant {id} what is new, and update it?");
        Ok(Some(match self.consent.obtain(&wants, &asks_for, &question)? {
            Answer::Granted(grant) => grant,
            // It waits.
            Answer::Declined | Answer::NobodyAsked => Grant::default(),
        }))
    }

    /// Puts it into the catalogue; answers what that means.
    fn take_in(&self, catalogue: &mut Catalogue, examined: &Examined, granted: Grant) -> Result<String> {
        let (id, version) = (&examined.description.id, version(examined)?);
        let name = format!("{id} {} ({})", version.version, version.digest.short());
        let Some(installed) = catalogue.plugins.get_mut(id) else {
            let guilds = match self.guild.as_slice() {
                [] => Guilds::All,
                ids => Guilds::Only {
                    ids: ids.iter().copied().collect(),
                },
            };
            let withheld = version.wants.beyond(&granted);
            let mut report = format!("{name} is installed and active in {}\n", super::list::guilds(&guilds));
            if !withheld.is_empty() {
                report.push_str(&format!("  withheld: {}\n", codes(&withheld)));
            }
            catalogue
                .plugins
                .insert(id.clone(), Installed::first(version, granted, guilds));
            return Ok(report);
        };
        let was = installed
            .active()
            .map(|active| active.version.clone())
            .unwrap_or_default();
        if installed.active == version.digest {
            installed.granted.extend(granted.rights());
            installed.update(version);
            return Ok(format!("{name} is active already\n"));
        }
        installed.granted.extend(granted.rights());
        let asks_for = installed.update(version);
        Ok(if asks_for.is_empty() {
            format!("{name} is active; before it was {was}\n")
        } else {
            format!(
                "{name} waits, and {was} goes on: it wants more than is granted: {}\n  to let it in: guildhall plugin \
                 grant {id} --waiting\n",
                codes(&asks_for)
            )
        })
    }
}

/// What an operator should know before an update.
fn notes(examined: &Examined, installed: &Installed) -> String {
    let mut notes = String::new();
    let version = &examined.description.version;
    let others = installed
        .versions
        .iter()
        .filter(|known| known.digest != examined.digest);
    if let Some(same) = others.clone().rfind(|known| known.version == *version) {
        notes.push_str(&format!(
            "Note: another component is installed as {version} too, with the digest sha256:{}\n",
            same.digest
        ));
    }
    if let Source::Oci { reference, manifest } = &examined.source {
        let moved = installed.versions.iter().rev().find_map(|known| match &known.source {
            Source::Oci {
                reference: known,
                manifest: then,
            } if known == reference && then != manifest => Some(then),
            _ => None,
        });
        if let Some(then) = moved {
            notes.push_str(&format!(
                "Note: {reference} was moved: it was the manifest {then}, and is {manifest} now\n"
            ));
        }
    }
    notes
}

fn version(examined: &Examined) -> Result<InstalledVersion> {
    let description = &examined.description;
    Ok(InstalledVersion {
        version: description.version.clone(),
        digest: examined.digest.clone(),
        source: examined.source.clone(),
        installed_at: now()?,
        signature: examined.signed_by.clone(),
        wants: Grant::wanted_by(description),
        settings_schema: serde_json::from_str(&description.settings_schema)
            .with_context(|| format!("{}: its settings schema is not JSON", description.id))?,
        settings_migrations: description.settings_migrations.clone(),
    })
}

fn now() -> Result<UnixMilliseconds> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_millis())?)
}

/// Whose signatures are asked for: those of the command line, or else those of the configuration.
fn trusted(configuration: &Configuration, signed_by: Option<&str>) -> Result<Vec<PublicKey>> {
    let Some(signed_by) = signed_by else {
        return configuration.trusted_plugin_keys().or_bad_input();
    };
    if let Ok(key) = signed_by.parse() {
        return Ok(vec![key]);
    }
    let text = std::fs::read_to_string(signed_by).map_err(|error| {
        BadInput(format!(
            "--signed-by {signed_by:?} is neither a public key of 64 hexadecimal digits nor a file that can be read ({error})"
        ))
    })?;
    let keys: Vec<PublicKey> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("--signed-by {signed_by}"))
        .or_bad_input()?;
    if keys.is_empty() {
        return Err(BadInput(format!("--signed-by {signed_by}: there is no key in this file")).into());
    }
    Ok(keys)
}
