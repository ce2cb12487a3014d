//! `guildhall plugin …`: what authors do with a plugin. The work is `guildhall-author`'s; here is what people see of it. What a
//! command was given wrongly is an error, and ends with exit status 2; what it found wrong ends with 1.

use crate::bad_input::OrBadInput;
use crate::catalogue_commands::{self, CatalogueCommand};
use crate::plugin_dev;
use anyhow::Result;
use clap::Subcommand;
use guildhall_author::{
    Check, Language, Outcome, ReplaySettings, Subject, TestOptions, Tested, Verdict, Workbench, settings_file,
};
use serde_json::Map;
use std::path::PathBuf;
use std::time::Duration;

/// `guildhall plugin …`.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Author(AuthorCommand),
    /// Build a plugin, run it against a simulation of Discord in this process, build and load it again whenever a source is saved,
    /// and show what it does.
    Dev(plugin_dev::Arguments),
    #[command(flatten)]
    Catalogue(CatalogueCommand),
}

/// Answers whether all is well.
pub(crate) async fn run(command: Command) -> Result<bool> {
    match command {
        Command::Dev(arguments) => plugin_dev::run(arguments).await.map(|()| true).or_bad_input(),
        // Plugins are called there, whose WASI may wait for nothing within the runtime's own thread.
        Command::Author(command) => tokio::task::spawn_blocking(|| run_for_author(command))
            .await?
            .or_bad_input(),
        Command::Catalogue(command) => catalogue_commands::run(command).await.map(|()| true),
    }
}

impl Command {
    /// What is logged unless somebody asks for more: these say themselves what there is to say.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::Dev(_) | Self::Catalogue(_) => "info",
            Self::Author(_) => "off",
        }
    }
}

/// What authors do with a plugin, but for running it.
#[derive(Subcommand)]
pub(crate) enum AuthorCommand {
    /// Begin a plugin: a project that builds, with a scenario and the contract's WIT, in a new directory of this name.
    New {
        /// Its id: 1 to 32 lower-case letters, digits and hyphens, starting with a letter.
        name: String,
        /// rust, js, ts, python, go or c.
        #[arg(long, value_parser = language)]
        lang: Language,
    },
    /// Build a plugin as its plugin.toml says.
    Build {
        /// The plugin's directory.
        #[arg(default_value = ".")]
        project: PathBuf,
    },
    /// Look at a component: what it wants, what a start costs, and whether its SQL stays within its rights.
    Check {
        /// A .wasm file, or the directory of a plugin that is built.
        #[arg(default_value = ".")]
        plugin: PathBuf,
    },
    /// Run a plugin's scenarios through its component, and show what comes out otherwise than it was accepted.
    Test {
        /// The directory of a plugin that is built, or a .wasm file.
        #[arg(default_value = ".")]
        plugin: PathBuf,
        /// Where the scenarios are, if not in `scenarios` beside the plugin.
        #[arg(long)]
        scenarios: Option<PathBuf>,
        /// The directory with the components of other plugins that scenarios name, as `mod_log.wasm`.
        #[arg(long)]
        plugins: Option<PathBuf>,
        /// Accept what comes out. Read it first.
        #[arg(long)]
        bless: bool,
    },
    /// Run a recording through a plugin: what it does, the rows that it leaves, and how long its calls take.
    Replay {
        /// A file of `guildhall record`, or a composed one as in samples/recordings.
        recording: PathBuf,
        /// A .wasm file, or the directory of a plugin that is built.
        #[arg(long, default_value = ".")]
        plugin: PathBuf,
        /// The plugin's settings: a JSON object, or TOML. `{#general}` in them stands for an id.
        #[arg(long)]
        settings: Option<PathBuf>,
        /// The settings that all plugins of a guild share, in the same form.
        #[arg(long)]
        common: Option<PathBuf>,
        /// Only the figures at the end.
        #[arg(long)]
        quiet: bool,
    },
    /// Have a component called with every event, import and error of the contract, and tell what does not hold.
    Conform {
        /// A .wasm file, or the directory of a plugin that is built.
        plugin: PathBuf,
    },
}

fn language(name: &str) -> Result<Language, String> {
    let known = Language::ALL.into_iter().find(|language| language.name() == name);
    known.ok_or_else(|| format!("there are {}", Language::ALL.map(Language::name).join(", ")))
}

fn run_for_author(command: AuthorCommand) -> Result<bool> {
    match command {
        AuthorCommand::New { name, lang } => new(&name, lang),
        AuthorCommand::Build { project } => build(&project),
        AuthorCommand::Check { plugin } => check(&plugin),
        AuthorCommand::Test {
            plugin,
            scenarios,
            plugins,
            bless,
        } => {
            let options = TestOptions {
                scenarios: scenarios.as_deref(),
                plugins: plugins.as_deref(),
                bless,
            };
            test(&Subject::at(&plugin)?, options)
        }
        AuthorCommand::Replay {
            recording,
            plugin,
            settings,
            common,
            quiet,
        } => {
            let read = |file: Option<PathBuf>| file.map_or(Ok(Map::new()), |file| settings_file(&file));
            let settings = ReplaySettings {
                own: read(settings)?,
                common: read(common)?,
            };
            replay(&recording, &Subject::at(&plugin)?, &settings, quiet)
        }
        AuthorCommand::Conform { plugin } => conform(&Subject::at(&plugin)?),
    }
}

fn new(name: &str, language: Language) -> Result<bool> {
    let place = guildhall_author::new_project(name, language, &std::env::current_dir()?)?;
    println!("{name} begins in {}", place.display());
    println!("  cd {name}");
    println!("  guildhall plugin build");
    println!("  guildhall plugin test");
    println!("  guildhall plugin dev");
    Ok(true)
}

fn build(project: &std::path::Path) -> Result<bool> {
    let project = guildhall_author::Project::open(project)?;
    let built = guildhall_author::build(&project)?;
    let headline = guildhall_author::headline(&Workbench::open()?, &built.component)?;
    println!(
        "built {} in {:.1} s: {headline}",
        built.component.display(),
        built.took.as_secs_f64()
    );
    Ok(true)
}

fn check(plugin: &std::path::Path) -> Result<bool> {
    let checked = guildhall_author::check(&Workbench::open()?, &Subject::at(plugin)?)?;
    checked.lines.iter().for_each(|line| println!("{line}"));
    checked
        .problems
        .iter()
        .for_each(|problem| println!("PROBLEM {problem}"));
    println!("check: problems={}", checked.problems.len());
    Ok(checked.problems.is_empty())
}

fn test(subject: &Subject, options: TestOptions<'_>) -> Result<bool> {
    let tested = guildhall_author::test(&Workbench::open()?, subject, options, &mut tell_tested)?;
    let passed = tested.iter().filter(|tested| tested.passed()).count();
    let failed = tested.len() - passed;
    println!("test: passed={passed} failed={failed}");
    Ok(failed == 0)
}

fn tell_tested(tested: &Tested) {
    let name = &tested.name;
    match &tested.verdict {
        Ok(Verdict::AsAccepted) => println!("ok    {name}"),
        Ok(Verdict::Blessed) => println!("ok    {name}: accepted"),
        Ok(Verdict::Differs(difference)) => println!(
            "FAIL  {name}: ends otherwise than it was accepted\n{}",
            indented(difference)
        ),
        Ok(Verdict::New(told)) => {
            println!(
                "FAIL  {name}: nothing was accepted of it yet; read it, and accept it with --bless\n{}",
                indented(told)
            );
        }
        Err(reason) => println!("FAIL  {name}\n{}", indented(reason)),
    }
}

fn replay(recording: &std::path::Path, subject: &Subject, settings: &ReplaySettings, quiet: bool) -> Result<bool> {
    let component = subject.component()?;
    let figures = guildhall_author::replay(&Workbench::open()?, recording, &component, settings, &mut |guild| {
        if !quiet {
            println!("{}", guild.text);
        }
    })?;
    for waiting in &figures.waiting {
        println!("left out, as it needs what a bot does first: {waiting}");
    }
    if figures.missed > 0 {
        println!(
            "{} events are missing: they came too fast to be recorded",
            figures.missed
        );
    }
    let microseconds = |time: Duration| time.as_micros();
    println!(
        "replay: guilds={} events={} calls={} failures={} actions={} p50_us={} p99_us={} max_us={}",
        figures.guilds,
        figures.events,
        figures.calls,
        figures.failures,
        figures.actions,
        microseconds(figures.p50),
        microseconds(figures.p99),
        microseconds(figures.longest)
    );
    Ok(figures.failures == 0)
}

fn conform(subject: &Subject) -> Result<bool> {
    let component = subject.component()?;
    let conformance = guildhall_author::conform(&Workbench::open()?, &component, &mut tell_check)?;
    println!("conform: passed={} failed={}", conformance.passed, conformance.failed);
    Ok(conformance.failed == 0)
}

fn tell_check(check: &Check) {
    let name = &check.name;
    match &check.outcome {
        Outcome::Passed => println!("ok    {name}"),
        Outcome::LeftOut(why) => println!("-     {name}: {why}"),
        Outcome::Failed(findings) => {
            println!("FAIL  {name}");
            findings.iter().for_each(|finding| println!("{}", indented(finding)));
        }
    }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("      {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
