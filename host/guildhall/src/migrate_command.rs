//! `guildhall migrate modbot`: a table for people, `--json` for programs. The work is `guildhall-migrate`'s.

use crate::fleet_commands::table;
use crate::guild_places::{Place, PlaceAccess};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use guildhall_migrate::{DEFAULT_MAPPING, Destination, GuildReport, Mapping, MigrateOptions, Outcome, Report, migrate};
use guildhall_model::GuildId;
use std::path::{Path, PathBuf};
use tokio::runtime::Handle;

/// Characters of a checksum that people are shown.
const SHOWN: usize = 16;

/// `guildhall migrate …`.
#[derive(Subcommand)]
pub(crate) enum Migrate {
    /// Split the SQLite database of a single-process moderation bot into guild files, and put them in place: in a fleet, or
    /// with --data in the volume of a standalone pod that is stopped. The database is only read. A run that was broken off
    /// goes on when the same command is given again. docs/migration.md tells how it is done, and undone.
    Modbot(Modbot),
}

/// `guildhall migrate modbot`.
#[derive(clap::Args)]
pub(crate) struct Modbot {
    /// The bot's database.
    #[arg(required_unless_present = "print_mapping")]
    file: Option<PathBuf>,
    /// How its tables become tables of guild files: a copy of what --print-mapping prints, changed.
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Print the mapping that is used without --mapping, and end.
    #[arg(long)]
    print_mapping: bool,
    /// Build and check every guild's file, and put none in place.
    #[arg(long)]
    dry_run: bool,
    /// Only these guilds.
    #[arg(long, num_args = 1..)]
    only: Vec<GuildId>,
    /// Replace guilds that have data already; a copy of what they have is kept.
    #[arg(long)]
    replace: bool,
    /// Remembers which guilds are done; without it `<FILE's name>.migration` in the current directory. Guild files are built
    /// beside it.
    #[arg(long)]
    state: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceAccess,
}

/// Migrates. Ends with an error when a guild is not done.
pub(crate) async fn modbot(arguments: Modbot) -> Result<()> {
    if arguments.print_mapping {
        print!("{DEFAULT_MAPPING}");
        return Ok(());
    }
    let source = arguments.file.context("the bot's database is missing")?;
    let mapping = match &arguments.mapping {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("--mapping {:?} cannot be read", file.display()))?;
            Mapping::parse(&text).with_context(|| format!("--mapping {:?}", file.display()))?
        }
        None => Mapping::parse(DEFAULT_MAPPING)?,
    };
    let configuration = arguments.place.configuration()?;
    let place = match arguments.dry_run && !arguments.place.is_given(&configuration) {
        true => None,
        false => Some(arguments.place.open(&configuration, true)?),
    };
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let options = MigrateOptions {
        source,
        mapping,
        dry_run: arguments.dry_run,
        replace: arguments.replace,
        only: arguments.only.into_iter().collect(),
        state: arguments.state.unwrap_or_else(|| format!("{name}.migration").into()),
        quota_bytes: configuration.store_limits().quota_bytes,
    };
    let runtime = Handle::current();
    let report = tokio::task::spawn_blocking(move || {
        let mut target = place.map(|place| Target { place, runtime });
        let destination = target.as_mut().map(|target| target as &mut dyn Destination);
        let mut through = 0;
        migrate(&options, destination, &mut |guild, total| {
            through += 1;
            eprintln!("[{through}/{total}] {}", line(guild));
        })
    });
    let report = report.await??;
    match arguments.place.access.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{}", text(&report)),
    }
    if !report.complete {
        bail!(
            "{} guilds were refused and {} failed; they are as they were",
            report.count(Outcome::Refused),
            report.count(Outcome::Failed)
        );
    }
    Ok(())
}

/// Where guilds' files go.
struct Target {
    place: Place,
    runtime: Handle,
}

impl Destination for Target {
    fn name(&self) -> String {
        self.place.name()
    }

    fn current(&mut self, guild: GuildId, copy: &Path) -> Result<bool> {
        let from = self.runtime.block_on(self.place.copy(guild, false, copy))?;
        Ok(from.is_some())
    }

    fn place(&mut self, guild: GuildId, file: &Path) -> Result<String> {
        self.runtime.block_on(self.place.put(guild, file))
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Migrated => "migrated",
        Outcome::WouldMigrate => "would be migrated",
        Outcome::DoneBefore => "done before",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    }
}

fn line(guild: &GuildReport) -> String {
    let size = match guild.is_carried() {
        true => format!(
            ", {} rows in {} tables, {:.1} MiB",
            guild.rows(),
            guild.tables.len(),
            guild.bytes as f64 / f64::from(1 << 20)
        ),
        false => String::new(),
    };
    format!(
        "guild {}: {}{size} ({})",
        guild.guild,
        word(guild.outcome),
        guild.detail
    )
}

fn text(report: &Report) -> String {
    let rows: Vec<_> = report
        .guilds
        .iter()
        .flat_map(|guild| guild.tables.iter().map(move |table| (guild, table)))
        .map(|(guild, table)| {
            let as_found: Vec<_> = table
                .kept_as_found
                .iter()
                .map(|(column, count)| format!("{column}: {count} kept as found"))
                .collect();
            vec![
                guild.guild.to_string(),
                word(guild.outcome).into(),
                table.source.clone(),
                table.target.clone(),
                table.rows_in_source.to_string(),
                match guild.is_carried() {
                    true => table.rows_written.to_string(),
                    false => "-".into(),
                },
                table.checksum_of_source[..SHOWN.min(table.checksum_of_source.len())].to_owned(),
                as_found.join(", "),
            ]
        })
        .collect();
    let head = [
        "GUILD", "OUTCOME", "TABLE", "BECOMES", "ROWS", "WRITTEN", "CHECKSUM", "",
    ];
    let mut text = table(&head, &rows);
    for left in &report.left_behind {
        let rows = left.rows.map_or_else(String::new, |rows| format!(" ({rows} rows)"));
        text.push_str(&format!("left behind: {}{rows}: {}\n", left.table, left.reason));
    }
    for without in &report.without_guild {
        text.push_str(&format!(
            "left behind: {} rows of {} whose guild cannot be told, such as {}\n",
            without.rows,
            without.table,
            without.examples.join(", ")
        ));
    }
    if !report.absent.is_empty() {
        text.push_str(&format!("not in the database: {}\n", report.absent.join(", ")));
    }
    let verb = if report.dry_run {
        "would be migrated"
    } else {
        "migrated"
    };
    let carried = report.guilds.iter().filter(|guild| guild.is_carried()).count();
    text.push_str(&format!(
        "{carried} guilds with {} rows {verb}, {} done before, {} refused, {} failed\n",
        report.rows,
        report.count(Outcome::DoneBefore),
        report.count(Outcome::Refused),
        report.count(Outcome::Failed)
    ));
    text
}
