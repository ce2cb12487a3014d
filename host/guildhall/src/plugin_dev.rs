//! `guildhall plugin dev`: a plugin under development, in a standalone pod with a simulation in this process. It is built and loaded
//! again whenever a source is saved; a build that fails is shown, and the version before goes on.

use crate::configuration::Configuration;
use crate::{observability, simulation, standalone};
use anyhow::{Context, Result};
use guildhall_author::{BuildError, Project, SourceWatch, is_an_action, told};
use guildhall_sim::Simulation;
use serde_json::json;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Between two looks at what the plugin did.
const LOOK: Duration = Duration::from_millis(100);
/// The channel in which what is typed is said.
const CHANNEL: &str = "general";

/// `guildhall plugin dev`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin's directory.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// A TOML file for the pod, as for the plugin's settings: `[settings.NAME]`.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Runs until Ctrl-C.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let project = Project::open(&arguments.project)?;
    let mut watch = SourceWatch::start(&project)?;
    let directory = tempfile::tempdir().context("a temporary directory cannot be made")?;
    let plugins = directory.path().join("plugins");
    std::fs::create_dir(&plugins)?;
    let stop = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(stop.clone()));
    // What is not installed now will not be at the next save either.
    if let Err(error @ BuildError::Missing { .. }) = build_and_place(&project, &plugins).await? {
        return Err(error.into());
    }
    let flags = json!({
        "data": directory.path().join("data"), "plugins": plugins, "listen": "127.0.0.1:0", "drain_seconds": 1,
    });
    let mut configuration = Configuration::load(arguments.config.as_deref(), &flags)?;
    let simulation = simulation::start_within(1, &mut configuration).await?;
    let pod = standalone::serve(configuration, stop.clone());
    tokio::pin!(pod);
    let mut desk = Desk::new(&simulation)?;
    let mut said = lines_of_stdin();
    let building = build_at_every_save(&mut watch, &project, &plugins);
    tokio::pin!(building);
    loop {
        tokio::select! {
            ended = &mut pod => return ended,
            failed = &mut building => return failed,
            Some(line) = said.recv() => desk.say(&simulation, &line),
            () = tokio::time::sleep(LOOK) => desk.show(&simulation),
        }
    }
}

/// Ends only with what hinders it.
async fn build_at_every_save(watch: &mut SourceWatch, project: &Project, plugins: &Path) -> Result<()> {
    loop {
        watch.changed().await?;
        println!("dev: a source was saved");
        // What is wrong was shown; the version before goes on.
        let _ = build_and_place(project, plugins).await?;
    }
}

/// Builds the plugin and puts it where the pod finds it. Why it was not built is shown, and answered.
async fn build_and_place(project: &Project, plugins: &Path) -> Result<Result<(), BuildError>> {
    let building = project.clone();
    let built = tokio::task::spawn_blocking(move || guildhall_author::build(&building)).await?;
    let built = match built {
        Ok(built) => built,
        Err(error) => {
            println!("dev: not built: {error}");
            return Ok(Err(error));
        }
    };
    // Under another name first: the pod reads no file that is half there.
    let unfinished = plugins.join("plugin.unfinished");
    std::fs::copy(&built.component, &unfinished)
        .and_then(|_| std::fs::rename(&unfinished, plugins.join("plugin.wasm")))
        .with_context(|| format!("{} cannot be copied", built.component.display()))?;
    println!("dev: built in {:.1} s", built.took.as_secs_f64());
    Ok(Ok(()))
}

/// Who says what is typed, and how much of the journal was shown.
struct Desk {
    guild: u64,
    channel: u64,
    person: u64,
    shown: usize,
}

impl Desk {
    fn new(simulation: &Simulation) -> Result<Self> {
        let guild = simulation
            .guild_ids()
            .first()
            .copied()
            .context("the simulation has a guild")?;
        let channel = simulation
            .channel_id(guild, CHANNEL)
            .context("the guild has a channel")?;
        // The owner and a moderator come before ordinary members.
        let person = simulation
            .people(guild)
            .get(2)
            .copied()
            .context("the guild has members")?;
        println!(
            "dev: guild {guild} at http://{}/sim; type a line to have user {person} say it in #{CHANNEL}",
            simulation.address()
        );
        Ok(Self {
            guild,
            channel,
            person,
            shown: 0,
        })
    }

    fn say(&self, simulation: &Simulation, line: &str) {
        if !line.trim().is_empty() {
            let message = simulation.send_message(self.guild, self.channel, self.person, line);
            println!("<- message {message} by {}: {line}", self.person);
        }
    }

    fn show(&mut self, simulation: &Simulation) {
        let journal = simulation.journal();
        for entry in journal.iter().skip(self.shown).filter(|entry| is_an_action(entry)) {
            println!("{}", told(entry));
        }
        self.shown = journal.len();
    }
}

/// What is typed. The thread that reads ends with the process: a read of a terminal cannot be broken off.
fn lines_of_stdin() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
