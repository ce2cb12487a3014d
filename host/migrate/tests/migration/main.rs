//! An old bot's database becomes guild files, and nothing of it is lost without a word.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod old_bot;

use anyhow::{Result, ensure};
use guildhall_migrate::{DEFAULT_MAPPING, Destination, Mapping, MigrateOptions, Outcome, Report, migrate};
use guildhall_model::GuildId;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// A directory of guild files; it breaks when it has taken so many.
struct Shelf {
    directory: PathBuf,
    breaks_after: usize,
}

impl Destination for Shelf {
    fn name(&self) -> String {
        "a shelf".into()
    }

    fn current(&mut self, guild: GuildId, copy: &Path) -> Result<bool> {
        let file = self.file(guild);
        Ok(file.exists() && std::fs::copy(file, copy).is_ok())
    }

    fn place(&mut self, guild: GuildId, file: &Path) -> Result<String> {
        ensure!(self.breaks_after > 0, "the shelf is broken");
        self.breaks_after -= 1;
        std::fs::copy(file, self.file(guild))?;
        Ok("on the shelf".into())
    }
}

impl Shelf {
    fn file(&self, guild: GuildId) -> PathBuf {
        self.directory.join(format!("{guild}.db"))
    }
}

struct Scene {
    directory: tempfile::TempDir,
    options: MigrateOptions,
    shelf: Shelf,
}

fn scene(guilds: u64, rows: u32, seed: u64) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("bot.db");
    old_bot::make(&source, guilds, rows, seed);
    let shelf = directory.path().join("shelf");
    std::fs::create_dir(&shelf).unwrap();
    let options = MigrateOptions {
        source,
        mapping: Mapping::parse(DEFAULT_MAPPING).unwrap(),
        dry_run: false,
        replace: false,
        only: Default::default(),
        state: directory.path().join("state"),
        quota_bytes: 64 << 20,
    };
    Scene {
        directory,
        options,
        shelf: Shelf {
            directory: shelf,
            breaks_after: usize::MAX,
        },
    }
}

impl Scene {
    fn run(&mut self) -> Result<Report> {
        migrate(&self.options, Some(&mut self.shelf), &mut |_, _| {})
    }

    fn count(&self, file: &Path, sql: &str) -> u64 {
        Connection::open(file)
            .unwrap()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    }
}

#[test]
fn every_row_arrives_in_its_guild_or_is_listed_as_left_behind() {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    println!("seed {seed}");
    let mut scene = scene(7, 600, seed);
    let before = std::fs::read(&scene.options.source).unwrap();
    let report = scene.run().unwrap();
    assert_eq!(std::fs::read(&scene.options.source).unwrap(), before, "it is only read");
    assert!(report.complete && report.count(Outcome::Migrated) == 7, "{report:#?}");
    for id in old_bot::guild_ids(7) {
        let file = scene.shelf.file(GuildId(id));
        for (table, target) in [
            ("message_stats", "modbot_message_stats"),
            ("user_threads", "modbot_user_threads"),
            ("mod_actions", "modbot_mod_actions"),
            ("Karma Points", "modbot_karma_points"),
            ("guilds", "modbot_guilds"),
        ] {
            let column = if table == "guilds" { "id" } else { "guild_id" };
            let rows = scene.count(
                &scene.options.source,
                &format!("SELECT count(*) FROM \"{table}\" WHERE CAST({column} AS TEXT) = '{id}'"),
            );
            let told = report.guilds.iter().find(|guild| guild.guild.0 == id).unwrap();
            let told = told.tables.iter().find(|told| told.target == target);
            assert_eq!(told.map_or(0, |told| told.rows_written), rows, "{id} {table}");
            if rows > 0 {
                assert_eq!(scene.count(&file, &format!("SELECT count(*) FROM {target}")), rows);
            }
        }
        // Found through lookups.
        assert_eq!(scene.count(&file, "SELECT count(*) FROM modbot_tickets_config"), 1);
        assert_eq!(scene.count(&file, "SELECT count(*) FROM modbot_channel_info"), 1);
    }
    let left: Vec<_> = report.left_behind.iter().map(|left| left.table.as_str()).collect();
    assert_eq!(left, ["leftovers", "users"]);
    let without: Vec<_> = report
        .without_guild
        .iter()
        .map(|rows| (rows.table.as_str(), rows.rows))
        .collect();
    assert_eq!(
        without,
        [("channel_info", 1), ("escalation_records", 1), ("mod_actions", 4)]
    );
    assert!(
        report.without_guild[2].examples.contains(&"'12x'".to_owned()),
        "{:?}",
        report.without_guild
    );
    assert!(report.absent.contains(&"message_cache".to_owned()));
}

#[test]
fn dates_are_milliseconds_and_what_is_none_is_kept_and_counted() {
    let mut scene = scene(1, 300, 5);
    let report = scene.run().unwrap();
    let file = scene.shelf.file(GuildId(old_bot::guild_ids(1)[0]));
    let odd = scene.count(
        &file,
        "SELECT count(*) FROM modbot_mod_actions WHERE created_at = 'some day'",
    );
    let even = scene.count(
        &file,
        "SELECT count(*) FROM modbot_mod_actions WHERE typeof(created_at) = 'integer'",
    );
    assert!(odd > 0 && even > 0, "{odd} {even}");
    let told = report.guilds[0]
        .tables
        .iter()
        .find(|table| table.source == "mod_actions")
        .unwrap();
    assert_eq!(told.kept_as_found["created_at"], odd);
}

#[test]
fn a_run_that_broke_off_goes_on_and_data_is_not_replaced_unasked() {
    let mut scene = scene(6, 200, 9);
    scene.shelf.breaks_after = 2;
    let broken = scene.run().unwrap();
    assert_eq!((broken.count(Outcome::Migrated), broken.count(Outcome::Failed)), (2, 4));
    scene.shelf.breaks_after = 4;
    let rest = scene.run().unwrap();
    assert_eq!(
        (rest.count(Outcome::DoneBefore), rest.count(Outcome::Migrated)),
        (2, 4),
        "{rest:#?}"
    );
    // Placed, and killed before that was noted.
    let state = std::fs::read_to_string(&scene.options.state).unwrap();
    let unfinished: Vec<_> = state.lines().filter(|line| !line.contains("\"done\"")).collect();
    std::fs::write(&scene.options.state, unfinished.join("\n") + "\n").unwrap();
    scene.shelf.breaks_after = 0;
    let again = scene.run().unwrap();
    assert_eq!(again.count(Outcome::DoneBefore), 6, "{again:#?}");
    // Another state knows of nothing.
    scene.options.state = scene.directory.path().join("other");
    let refused = scene.run().unwrap();
    assert_eq!(refused.count(Outcome::Refused), 6);
    scene.shelf.breaks_after = 6;
    scene.options.replace = true;
    assert!(scene.run().unwrap().complete);
}

#[test]
fn a_dry_run_checks_everything_and_places_nothing() {
    let mut scene = scene(3, 100, 2);
    scene.options.dry_run = true;
    let report = migrate(&scene.options, None, &mut |_, total| assert_eq!(total, 3)).unwrap();
    assert_eq!(report.count(Outcome::WouldMigrate), 3);
    assert_eq!(std::fs::read_dir(&scene.shelf.directory).unwrap().count(), 0);
    assert!(!scene.options.state.exists());
    scene.options.only = [GuildId(old_bot::guild_ids(3)[1]), GuildId(5)].into();
    let some = scene.run().unwrap();
    assert_eq!((some.count(Outcome::WouldMigrate), some.count(Outcome::Failed)), (1, 1));
}

#[test]
fn a_database_that_is_none_or_damaged_and_a_mapping_that_does_not_fit_are_refused() {
    let mut scene = scene(2, 400, 3);
    let refused = |scene: &mut Scene| format!("{:#}", scene.run().expect_err("it is refused"));
    let right = std::mem::replace(
        &mut scene.options.mapping,
        Mapping::parse("[tables.guilds]\nguild = { column = \"guild\" }").unwrap(),
    );
    let told = refused(&mut scene);
    assert!(told.contains("`guild`") && told.contains("settings"), "{told}");
    scene.options.mapping = right;
    let source = scene.options.source.clone();
    Connection::open(&source)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let whole = std::fs::read(&source).unwrap();
    std::fs::write(&source, &whole[..whole.len() / 2]).unwrap();
    let told = refused(&mut scene);
    assert!(told.contains("damaged or was cut off"), "{told}");
    std::fs::write(
        &source,
        "this is text, and longer than a header of a database would be, by far, really",
    )
    .unwrap();
    let told = refused(&mut scene);
    assert!(told.contains("is not a SQLite database"), "{told}");
    std::fs::remove_file(&source).unwrap();
    let told = refused(&mut scene);
    assert!(told.contains("there is no such file"), "{told}");
    assert_eq!(std::fs::read_dir(&scene.shelf.directory).unwrap().count(), 0);
}
