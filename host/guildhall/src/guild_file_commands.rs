//! `guildhall guild export`, `import` and `verify`: a guild as one portable file. Whatever is wrong with a file is found before
//! anything is touched.

use crate::fleet_commands::{print, table};
use crate::guild_places::PlaceAccess;
use anyhow::{Context, Result, bail};
use guildhall_archive::Manifest;
use guildhall_model::GuildId;
use guildhall_store::{Inspection, WaitingActions, inspect, ready_to_place};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// `guildhall guild export`.
#[derive(clap::Args)]
pub(crate) struct Export {
    /// The guild's id.
    guild: GuildId,
    /// The file to write; one of that name is replaced once the new one is whole.
    #[arg(long)]
    to: PathBuf,
    /// Not the guild as it is, but as it was before the last import, restore or migration. It is on the volume of the pod
    /// that owned the guild then.
    #[arg(long)]
    replaced: bool,
    #[command(flatten)]
    place: PlaceAccess,
}

/// `guildhall guild import`.
#[derive(clap::Args)]
pub(crate) struct Import {
    /// An export.
    file: PathBuf,
    /// Refuse the file unless it is of this guild.
    #[arg(long)]
    guild: Option<GuildId>,
    /// Send the actions that had not left for Discord when the export was made: for a guild that has stood still since.
    /// Without it they are left out, as the guild has sent them.
    #[arg(long)]
    send_actions: bool,
    #[command(flatten)]
    place: PlaceAccess,
}

/// `guildhall guild verify`.
#[derive(clap::Args)]
pub(crate) struct Verify {
    /// A guild's id, or an export.
    subject: String,
    #[command(flatten)]
    place: PlaceAccess,
}

#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    from: String,
    manifest: Manifest,
}

#[derive(Serialize)]
struct Imported {
    guild: String,
    now: String,
    rows: u64,
    actions_left_out: u64,
}

#[derive(Serialize)]
struct Verified {
    guild: String,
    from: String,
    whole: bool,
    #[serde(flatten)]
    inspection: Inspection,
}

/// Copies, packs.
pub(crate) async fn export(arguments: Export) -> Result<()> {
    let (guild, to) = (arguments.guild, arguments.to);
    let place = arguments.place.open(&arguments.place.configuration()?, false)?;
    let directory = tempfile::tempdir()?;
    let copy = directory.path().join("copy");
    let from = place
        .copy(guild, arguments.replaced, &copy)
        .await?
        .with_context(|| format!("guild {guild} has no such file; `guildhall guilds` lists guilds"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let exported_at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let file = to.clone();
    let manifest =
        tokio::task::spawn_blocking(move || guildhall_archive::write(guild, &copy, exported_at, &to)).await??;
    let exported = Exported { file, from, manifest };
    print(&arguments.place.access, &exported, |exported| {
        let manifest = &exported.manifest;
        format!(
            "guild {guild} ({}): {} rows in {} tables, {:.1} MiB, are in {}\n",
            exported.from,
            manifest.tables.values().sum::<u64>(),
            manifest.tables.len(),
            manifest.bytes as f64 / f64::from(1 << 20),
            exported.file.display()
        )
    })
}

/// Unpacks and checks; then puts in place.
pub(crate) async fn import(arguments: Import) -> Result<()> {
    let configuration = arguments.place.configuration()?;
    let directory = tempfile::tempdir()?;
    let actions = match arguments.send_actions {
        true => WaitingActions::Send,
        false => WaitingActions::LeaveOut,
    };
    let (into, limits) = (directory.path().to_owned(), configuration.store_limits());
    let unpacked = tokio::task::spawn_blocking(move || -> Result<_> {
        let unpacked = guildhall_archive::read(&arguments.file, &into, arguments.guild)?;
        let left_out = ready_to_place(&into, unpacked.manifest.guild, &limits, actions)?;
        Ok((unpacked, left_out))
    });
    let (unpacked, actions_left_out) = unpacked.await??;
    let guild = unpacked.manifest.guild;
    let place = arguments.place.open(&configuration, true)?;
    let now = place.put(guild, &unpacked.database).await?;
    let imported = Imported {
        guild: guild.to_string(),
        now,
        rows: unpacked.manifest.tables.values().sum(),
        actions_left_out,
    };
    print(&arguments.place.access, &imported, |imported| {
        let left_out = match imported.actions_left_out {
            0 => String::new(),
            count => format!("; {count} actions of the export are not sent (--send-actions sends them)"),
        };
        format!(
            "guild {guild} ({}): {} rows are in place{left_out}\n\
             what was there before: `guildhall guild export {guild} --replaced --to FILE`\n",
            imported.now, imported.rows
        )
    })
}

/// Checks, counts.
pub(crate) async fn verify(arguments: Verify) -> Result<()> {
    let verified = match arguments.subject.parse::<GuildId>() {
        Ok(guild) => verify_guild(&arguments.place, guild).await?,
        Err(_) => verify_export(Path::new(&arguments.subject)).await?,
    };
    print(&arguments.place.access, &verified, |verified| {
        let rows: Vec<_> = verified
            .inspection
            .tables
            .iter()
            .map(|(table, rows)| vec![table.clone(), rows.to_string()])
            .collect();
        let plugins: Vec<_> = verified
            .inspection
            .plugins
            .iter()
            .map(|(plugin, migration)| format!("{plugin} {migration}"))
            .collect();
        format!(
            "{}guild {} ({}): schema {}, last taken up in epoch {}, migrations: {}\n",
            table(&["TABLE", "ROWS"], &rows),
            verified.guild,
            verified.from,
            verified.inspection.schema,
            verified.inspection.epoch,
            if plugins.is_empty() {
                "none".to_owned()
            } else {
                plugins.join(", ")
            }
        )
    })?;
    if !verified.whole {
        bail!(
            "guild {} is not whole: {}",
            verified.guild,
            verified.inspection.problems.join("; ")
        );
    }
    if !arguments.place.access.json {
        println!("it is whole");
    }
    Ok(())
}

async fn verify_guild(place: &PlaceAccess, guild: GuildId) -> Result<Verified> {
    let directory = tempfile::tempdir()?;
    let copy = directory.path().join("copy");
    let from = place
        .open(&place.configuration()?, false)?
        .copy(guild, false, &copy)
        .await?
        .with_context(|| format!("guild {guild} has no file; `guildhall guilds` lists guilds"))?;
    let mut inspection = tokio::task::spawn_blocking(move || inspect(&copy)).await??;
    if let Some(described) = inspection.described
        && described != guild
    {
        let problem = format!("Discord has described guild {described} into it");
        inspection.problems.push(problem);
    }
    Ok(Verified {
        guild: guild.to_string(),
        from,
        whole: inspection.problems.is_empty(),
        inspection,
    })
}

async fn verify_export(export: &Path) -> Result<Verified> {
    let directory = tempfile::tempdir()?;
    let (path, into) = (export.to_owned(), directory.path().to_owned());
    let unpacked = tokio::task::spawn_blocking(move || guildhall_archive::read(&path, &into, None)).await??;
    Ok(Verified {
        guild: unpacked.manifest.guild.to_string(),
        from: export.display().to_string(),
        whole: true,
        inspection: unpacked.inspection,
    })
}
