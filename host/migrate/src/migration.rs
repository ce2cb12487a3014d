//! The run: one guild after the other is read, built, checked and put in place. A guild that cannot be done is told, and the
//! others go on; a disk that is full ends the run.

use crate::build::{self, Built};
use crate::cursor::Cursor;
use crate::mapping::Mapping;
use crate::plan::{Plan, make_lookups};
use crate::report::{GuildReport, Outcome, Report, WithoutGuild};
use crate::source::Source;
use crate::state::State;
use anyhow::{Context, Result, ensure};
use guildhall_model::GuildId;
use guildhall_store::inspect;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Values without a guild that are shown of a table.
const EXAMPLES: usize = 5;

/// What is migrated, and how.
pub struct MigrateOptions {
    /// The old database.
    pub source: PathBuf,
    /// How its tables become tables of guild files.
    pub mapping: Mapping,
    /// Build and check everything, and put nothing in place.
    pub dry_run: bool,
    /// Whether guilds that have data where they go, or have changed since they were done, are replaced.
    pub replace: bool,
    /// Only these guilds; all where it is empty.
    pub only: BTreeSet<GuildId>,
    /// Remembers which guilds are done; guild files are built beside it.
    pub state: PathBuf,
    /// The most that a guild's file may have where it goes.
    pub quota_bytes: u64,
}

/// Where guilds' files go.
pub trait Destination {
    /// Names it, in the state file too.
    fn name(&self) -> String;

    /// Writes a copy of the guild's present file to `copy`; false where it has none.
    fn current(&mut self, guild: GuildId, copy: &Path) -> Result<bool>;

    /// Puts a file, which is made ready for it, in the place of the guild's own; answers where it is.
    fn place(&mut self, guild: GuildId, file: &Path) -> Result<String>;
}

/// Migrates. `progress` is told every guild that is through, and how many there are. A dry run needs no destination; with
/// one it tells which guilds would be refused. An error is one of the whole run: what was done before it stays done, and
/// the same call goes on from there. Blocks.
pub fn migrate(
    options: &MigrateOptions,
    mut destination: Option<&mut dyn Destination>,
    progress: &mut dyn FnMut(&GuildReport, u64),
) -> Result<Report> {
    let source = Source::open(&options.source)?;
    make_lookups(&options.mapping, &source)?;
    let plan = Plan::new(&options.mapping, &source)?;
    let mut report = Report {
        dry_run: options.dry_run,
        without_guild: without_guild(&source, &plan)?,
        ..Report::default()
    };
    let total = count_guilds(&source, &plan, options)?;
    let state = match (&destination, options.dry_run) {
        (Some(destination), false) => Some(State::open(&options.state, &options.source, &destination.name())?),
        (None, false) => anyhow::bail!("there is no place for the guilds to go; make it a dry run"),
        _ => None,
    };
    let directory = Building::new(options)?;
    let mut statements = plan
        .tables
        .iter()
        .map(|table| source.connection.prepare(&table.rows_by_guild()))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut cursor = Cursor::new(&plan.tables, &mut statements)?;
    let mut run = Run {
        options,
        plan: &plan,
        state,
        directory: &directory.0,
    };
    while let Some(guild) = cursor.guild() {
        if options.only.is_empty() || options.only.contains(&guild) {
            let done = run.guild(guild, &mut cursor, &mut destination)?;
            progress(&done, total);
            report.guilds.push(done);
        }
        cursor.skip(guild)?;
    }
    for guild in &options.only {
        if !report.guilds.iter().any(|done| done.guild == *guild) {
            report
                .guilds
                .push(failed(*guild, "the database has no rows of it".into()));
        }
    }
    let carried = report.guilds.iter().filter(|guild| guild.is_carried());
    report.rows = carried.map(GuildReport::rows).sum();
    report.complete = report.count(Outcome::Refused) + report.count(Outcome::Failed) == 0;
    if options.only.is_empty() {
        check_all_told(&plan, &report)?;
    }
    report.left_behind = plan.left_behind;
    report.absent = plan.absent;
    Ok(report)
}

struct Run<'run> {
    options: &'run MigrateOptions,
    plan: &'run Plan,
    /// None in a dry run.
    state: Option<State>,
    directory: &'run Path,
}

impl Run<'_> {
    fn guild(
        &mut self,
        guild: GuildId,
        cursor: &mut Cursor<'_>,
        destination: &mut Option<&mut dyn Destination>,
    ) -> Result<GuildReport> {
        match self.try_guild(guild, cursor, destination) {
            Err(error) if is_disk_full(&error) => Err(error.context(format!(
                "guild {guild}: the disk is full; free some space, then run the same command again: it goes on from here"
            ))),
            Err(error) => Ok(failed(guild, format!("{error:#}"))),
            Ok(report) => Ok(report),
        }
    }

    fn try_guild(
        &mut self,
        guild: GuildId,
        cursor: &mut Cursor<'_>,
        destination: &mut Option<&mut dyn Destination>,
    ) -> Result<GuildReport> {
        let told = |outcome, detail: String, built: Built| GuildReport {
            guild,
            outcome,
            detail,
            bytes: built.bytes,
            tables: built.tables,
        };
        let done = self.state.as_ref().and_then(|state| state.done(guild)).cloned();
        if let Some(done) = &done
            && !self.options.replace
        {
            let built = build::digest(self.plan, cursor, guild)?;
            if built.digest == *done {
                return Ok(told(Outcome::DoneBefore, "an earlier run has done it".into(), built));
            }
            let detail =
                "its rows, or the mapping, have changed since an earlier run has done it; --replace does it again";
            return Ok(told(Outcome::Refused, detail.into(), built));
        }
        empty(self.directory)?;
        let (built, file) = build::build(self.plan, cursor, guild, self.directory)?;
        if done.as_ref() == Some(&built.digest) {
            return Ok(told(Outcome::DoneBefore, "an earlier run has done it".into(), built));
        }
        if built.bytes > self.options.quota_bytes {
            let detail = format!(
                "its file has {:.1} MiB, and store.quota_mib allows {}: its plugins could write nothing; raise the quota of \
                 the pods, and here with --config",
                built.bytes as f64 / f64::from(1 << 20),
                self.options.quota_bytes >> 20
            );
            return Ok(told(Outcome::Refused, detail, built));
        }
        if let Some(destination) = destination {
            let copy = self.directory.join("current");
            if destination.current(guild, &copy)? {
                let about_to_be = self.state.as_ref().and_then(|state| state.placing(guild)) == Some(&built.digest);
                if about_to_be && build::holds(&copy, self.plan, &built.tables) {
                    self.set_done(guild, &built.digest)?;
                    return Ok(told(
                        Outcome::DoneBefore,
                        "an earlier run has put it in place".into(),
                        built,
                    ));
                }
                let found = inspect(&copy)?;
                if found.holds_data() && !self.options.replace {
                    let detail = "it has data where it would go; --replace keeps a copy of that aside and replaces it";
                    return Ok(told(Outcome::Refused, detail.into(), built));
                }
            }
        }
        match (destination, &mut self.state) {
            (Some(destination), Some(state)) => {
                state.set_placing(guild, &built.digest)?;
                let place = destination.place(guild, &file)?;
                self.set_done(guild, &built.digest)?;
                Ok(told(Outcome::Migrated, place, built))
            }
            _ => Ok(told(
                Outcome::WouldMigrate,
                "checked, and not put in place".into(),
                built,
            )),
        }
    }

    fn set_done(&mut self, guild: GuildId, digest: &str) -> Result<()> {
        self.state
            .as_mut()
            .map_or(Ok(()), |state| state.set_done(guild, digest))
    }
}

/// Where files are built, gone with the value; what a killed run has left there goes first.
struct Building(PathBuf);

impl Building {
    fn new(options: &MigrateOptions) -> Result<Self> {
        let mut name = options.state.as_os_str().to_owned();
        name.push(if options.dry_run { ".dry-run" } else { ".building" });
        let directory = Self(name.into());
        empty(&directory.0)?;
        Ok(directory)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // Whatever stays goes with the next run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn empty(directory: &Path) -> Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))
}

fn failed(guild: GuildId, detail: String) -> GuildReport {
    GuildReport {
        guild,
        outcome: Outcome::Failed,
        detail,
        bytes: 0,
        tables: Vec::new(),
    }
}

fn is_disk_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let by_sqlite = cause
            .downcast_ref::<rusqlite::Error>()
            .and_then(rusqlite::Error::sqlite_error_code);
        let by_system = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        by_sqlite == Some(rusqlite::ErrorCode::DiskFull)
            || matches!(
                by_system,
                Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            )
    })
}

fn without_guild(source: &Source, plan: &Plan) -> Result<Vec<WithoutGuild>> {
    let mut all = Vec::new();
    for table in &plan.tables {
        let mut statement = source.connection.prepare(&table.rows_without_guild())?;
        let found = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()
            .with_context(|| format!("table `{}` cannot be read", table.source))?;
        if !found.is_empty() {
            all.push(WithoutGuild {
                table: table.source.clone(),
                rows: found.iter().map(|(_, rows)| rows).sum(),
                examples: found.into_iter().take(EXAMPLES).map(|(shown, _)| shown).collect(),
            });
        }
    }
    Ok(all)
}

fn count_guilds(source: &Source, plan: &Plan, options: &MigrateOptions) -> Result<u64> {
    if !options.only.is_empty() {
        return Ok(options.only.len() as u64);
    }
    let guilds: Vec<_> = plan.tables.iter().map(crate::plan::TablePlan::guilds).collect();
    if guilds.is_empty() {
        return Ok(0);
    }
    let sql = format!("SELECT count(*) FROM ({})", guilds.join(" UNION "));
    Ok(source.connection.query_row(&sql, [], |row| row.get(0))?)
}

/// Every row of a carried table is either some guild's or listed as nobody's.
fn check_all_told(plan: &Plan, report: &Report) -> Result<()> {
    if report.count(Outcome::Failed) > 0 {
        return Ok(());
    }
    for table in &plan.tables {
        let of_guilds: u64 = report
            .guilds
            .iter()
            .flat_map(|guild| &guild.tables)
            .filter(|told| told.source == table.source)
            .map(|told| told.rows_in_source)
            .sum();
        let of_nobody: u64 = report
            .without_guild
            .iter()
            .filter(|told| told.table == table.source)
            .map(|told| told.rows)
            .sum();
        ensure!(
            of_guilds + of_nobody == table.rows,
            "table `{}` has {} rows, and {of_guilds} of guilds and {of_nobody} of nobody were found",
            table.source,
            table.rows
        );
    }
    Ok(())
}
