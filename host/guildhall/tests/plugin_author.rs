//! What an author sees of `guildhall plugin …` and `guildhall record`: the binary, run as from a shell.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_harness::{Pod, PodOptions, built_plugin};
use guildhall_sim::{SimConfig, Simulation};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_guildhall");
const SECRET: &str = "a-secret-for-recorders";
const PATIENCE: Duration = Duration::from_secs(60);

fn guildhall(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn ends_with(status: i32, output: &Output) -> String {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}

#[track_caller]
fn runs(directory: &Path, arguments: &[&str]) -> String {
    ends_with(0, &guildhall(directory, arguments))
}

/// A project whose build copies the probe.
fn project(directory: &Path) -> PathBuf {
    let place = directory.join("probing");
    std::fs::create_dir_all(place.join("scenarios")).unwrap();
    std::fs::copy(built_plugin("probe"), place.join("source.bin")).unwrap();
    let manifest = "language = \"rust\"\nbuild = [[\"mkdir\", \"-p\", \"build\"], [\"cp\", \"source.bin\", \"build/probe.wasm\"]]\nartifact = \"build/probe.wasm\"\nneeds = [{ program = \"cp\", install = \"apt-get install coreutils\" }]\n";
    std::fs::write(place.join("plugin.toml"), manifest).unwrap();
    let scenario = "about = \"A message that begins with !probe is deleted.\"\n[[step]]\nmessage = { by = \"ann\", in = \"general\", text = \"!probe\", id = \"m1\" }\n";
    std::fs::write(place.join("scenarios/deletes.toml"), scenario).unwrap();
    place
}

fn has(directory: &Path, name: &str) -> bool {
    directory.join(name).exists()
}

#[test]
fn what_was_given_wrongly_is_told_in_one_message_with_status_2() {
    let directory = tempfile::tempdir().unwrap();
    let place = project(directory.path());
    std::fs::write(directory.path().join("text.wasm"), "not a component").unwrap();
    std::fs::create_dir(directory.path().join("taken")).unwrap();
    let broken = directory.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("bad.toml"), "about = \"bad\"\n[[step]]\nmesage = 1\n").unwrap();
    std::fs::write(directory.path().join("bad.jsonl"), "{\"at_ms\":1}\n").unwrap();
    let (probe, broken) = (built_plugin("probe"), broken.display().to_string());
    let probe = probe.to_str().unwrap();
    for (arguments, parts) in [
        (vec!["plugin", "check", "no/such.wasm"], ["no/such.wasm", "no such"]),
        (
            vec!["plugin", "check", "text.wasm"],
            ["text.wasm", "not a WebAssembly component"],
        ),
        (vec!["plugin", "build", "taken"], ["taken", "plugin.toml"]),
        (vec!["plugin", "test", "probing"], ["probe.wasm", "plugin build"]),
        (
            vec!["plugin", "test", probe, "--scenarios", &broken],
            ["bad.toml", "mesage"],
        ),
        (
            vec!["plugin", "test", probe, "--scenarios", "no/such"],
            ["no/such", "no scenarios"],
        ),
        (
            vec!["plugin", "new", "taken", "--lang", "rust"],
            ["taken", "nothing is overwritten"],
        ),
        (
            vec!["plugin", "new", "Not-An-Id", "--lang", "rust"],
            ["Not-An-Id", "lower-case"],
        ),
        (vec!["plugin", "new", "fresh", "--lang", "cobol"], ["cobol", "python"]),
        (
            vec!["plugin", "replay", "bad.jsonl", "--plugin", probe],
            ["bad.jsonl", "line 1"],
        ),
        (
            vec!["plugin", "replay", "no.jsonl", "--plugin", probe],
            ["no.jsonl", "No such file"],
        ),
        (vec!["plugin", "conform", "text.wasm"], ["text.wasm", "wasm32-wasip2"]),
        (
            vec!["record", "--host", "127.0.0.1:1", "--guild", "5", "--out", "a.jsonl"],
            ["127.0.0.1:1", "http://"],
        ),
    ] {
        let said = ends_with(2, &guildhall(directory.path(), &arguments));
        assert!(parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
    let manifest = std::fs::read_to_string(place.join("plugin.toml")).unwrap();
    let manifest = manifest.replace("program = \"cp\"", "program = \"no-such-compiler\"");
    std::fs::write(place.join("plugin.toml"), manifest).unwrap();
    let missing = ends_with(2, &guildhall(directory.path(), &["plugin", "build", "probing"]));
    assert!(
        missing.contains("no-such-compiler") && missing.contains("apt-get install coreutils"),
        "{missing}"
    );
    assert!(
        !has(directory.path(), "fresh") && !has(directory.path(), "a.jsonl") && !has(&place, "build"),
        "nothing is half there"
    );
}

#[test]
fn a_new_plugin_is_a_project_in_every_language() {
    let directory = tempfile::tempdir().unwrap();
    for language in ["rust", "js", "ts", "python", "go", "c"] {
        let name = format!("mine-{language}");
        let said = runs(directory.path(), &["plugin", "new", &name, "--lang", language]);
        assert!(said.contains("guildhall plugin build"), "{said}");
        let place = directory.path().join(&name);
        assert!(
            has(&place, "plugin.toml") && has(&place, "wit/world.wit") && has(&place, "scenarios"),
            "{name}"
        );
    }
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 6, "nothing else was made");
}

#[test]
fn a_plugin_is_built_checked_and_tested_until_it_is_as_it_should_be() {
    let directory = tempfile::tempdir().unwrap();
    let place = project(directory.path());
    let built = runs(&place, &["plugin", "build"]);
    assert!(
        built.contains("probe 0.1.0") && built.contains("guildhall:plugin@"),
        "{built}"
    );
    let checked = runs(&place, &["plugin", "check"]);
    for part in [
        "may delete messages",
        "is told of messages",
        "probe_",
        "check: problems=0",
    ] {
        assert!(checked.contains(part), "{part} is missing: {checked}");
    }

    let unknown = ends_with(1, &guildhall(&place, &["plugin", "test"]));
    assert!(
        unknown.contains("--bless") && unknown.contains("delete-messages"),
        "{unknown}"
    );
    assert!(unknown.ends_with("test: passed=0 failed=1\n"), "{unknown}");
    let blessed = runs(&place, &["plugin", "test", "--bless"]);
    assert!(blessed.ends_with("test: passed=1 failed=0\n"), "{blessed}");
    assert!(runs(&place, &["plugin", "test"]).contains("ok    deletes"));

    let accepted = place.join("scenarios/deletes.expected");
    let text = std::fs::read_to_string(&accepted).unwrap();
    std::fs::write(&accepted, text.replace("delete-messages", "keep-messages")).unwrap();
    let differs = ends_with(1, &guildhall(&place, &["plugin", "test"]));
    assert!(
        differs.contains("-   keep-messages") && differs.contains("+   delete-messages"),
        "{differs}"
    );
}

#[test]
fn recordings_are_replayed_with_what_calls_cost() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/recordings");
    let spam_guard = built_plugin("spam_guard");
    let replay = || {
        runs(
            &recordings,
            &[
                "plugin",
                "replay",
                "community.jsonl",
                "--plugin",
                spam_guard.to_str().unwrap(),
            ],
        )
    };
    let said = replay();
    let figures = said.lines().last().unwrap();
    assert!(
        figures.starts_with("replay: guilds=50 ") && figures.contains(" failures=0 "),
        "{figures}"
    );
    assert!(
        figures.contains(" p50_us=") && figures.contains(" max_us="),
        "{figures}"
    );
    assert!(
        said.contains("delete-messages") && said.contains(" user=@raider0"),
        "the raid was met: {said}"
    );
    let without_times = |said: &str| {
        said.lines()
            .filter(|line| !line.starts_with("replay:"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(without_times(&replay()), without_times(&said), "the same every time");
}

#[test]
fn the_plugins_here_conform() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["probe", "tally", "echo", "spam_guard"] {
        let said = runs(
            directory.path(),
            &["plugin", "conform", built_plugin(name).to_str().unwrap()],
        );
        let closing = said.lines().last().unwrap();
        assert!(
            closing.starts_with("conform: passed=") && closing.ends_with(" failed=0"),
            "{name}: {said}"
        );
        assert!(said.contains("takes message-create"), "{name}: {said}");
    }
}

#[test]
fn what_a_careless_plugin_does_is_found() {
    let careless = built_plugin("careless");
    let said = ends_with(
        1,
        &guildhall(Path::new("."), &["plugin", "conform", careless.to_str().unwrap()]),
    );
    for check in [
        "a database that does not open is a value",
        "failed statements are values",
        "asks for nothing beyond what it describes",
        "keeps nothing in memory that changes what it does",
    ] {
        assert!(
            said.contains(&format!("FAIL  {check}")),
            "{check} was not found: {said}"
        );
    }
    for part in [
        "event: message-create (full)",
        "expected: `handle` answers",
        "got: the plugin trapped",
        "ok    takes message-create",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(!said.lines().last().unwrap().ends_with("failed=0"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guild_is_recorded_at_a_running_host_and_replayed() {
    let simulation = Simulation::start(SimConfig::default()).await.unwrap();
    let options = PodOptions {
        binary: BINARY.into(),
        plugins: vec![built_plugin("probe"), built_plugin("tally")],
        configuration: format!("[record]\nsecret = {SECRET:?}\n"),
        show_log: false,
        disk_bytes: None,
    };
    let pod = Pod::start(options, &simulation).await.unwrap();
    let (guild, other) = (simulation.guild_ids()[0], simulation.guild_ids()[1]);
    let directory = tempfile::tempdir().unwrap();
    let host = format!("http://{}", pod.address());
    let (guild_id, file) = (guild.to_string(), directory.path().join("recording.jsonl"));
    let arguments = |guild: &str| {
        let fixed = [
            "record",
            "--host",
            &host,
            "--guild",
            guild,
            "--out",
            "recording.jsonl",
            "--anonymise",
        ];
        fixed.map(str::to_owned)
    };
    let record = |secret: &str, guild: &str| {
        let mut command = Command::new(BINARY);
        command
            .args(arguments(guild))
            .env("GUILDHALL_RECORD_SECRET", secret)
            .current_dir(directory.path());
        command
    };
    let say = |guild: u64, text: &str| {
        let (channel, person) = (
            simulation.channel_id(guild, "general").unwrap(),
            simulation.people(guild)[2],
        );
        simulation.send_message(guild, channel, person, text)
    };
    // The host knows the guild from its first event on.
    say(guild, "before it begins");
    pod.wait_metric("guildhall_events_total", 1.0, PATIENCE).await.unwrap();

    let refused = ends_with(2, &record("another-secret-for-it", &guild_id).output().unwrap());
    assert!(refused.contains("does not take the secret"), "{refused}");
    let unknown = ends_with(2, &record(SECRET, "77").output().unwrap());
    assert!(unknown.contains("no guild 77"), "{unknown}");
    assert!(!file.exists(), "nothing is half there");

    let recorder = Process::start(record(SECRET, &guild_id));
    until(|| std::fs::read_to_string(&file).is_ok_and(|text| text.contains("GUILD_CREATE"))).await;
    for text in ["!probe for something secret", "said by somebody", "said by somebody"] {
        say(guild, text);
    }
    say(other, "in another guild");
    until(|| std::fs::read_to_string(&file).is_ok_and(|text| text.matches("MESSAGE_CREATE").count() == 3)).await;
    recorder.interrupt();
    let said = recorder.ended();
    assert!(said.contains("record: events=3 missed=0"), "{said}");

    let text = std::fs::read_to_string(&file).unwrap();
    for hidden in ["secret", "somebody", "another guild", "before it begins", &guild_id] {
        assert!(!text.contains(hidden), "{hidden} is left in {text}");
    }
    let tally = built_plugin("tally");
    let replayed = runs(
        directory.path(),
        &[
            "plugin",
            "replay",
            "recording.jsonl",
            "--plugin",
            tally.to_str().unwrap(),
        ],
    );
    assert!(replayed.contains(" calls=3 failures=0 "), "{replayed}");
    assert_eq!(replayed.matches("times=1").count(), 3, "{replayed}");
    // In a scenario, too.
    let place = project(directory.path());
    runs(&place, &["plugin", "build"]);
    std::fs::copy(&file, place.join("scenarios/recording.jsonl")).unwrap();
    std::fs::write(
        place.join("scenarios/recorded.toml"),
        "about = \"As it was.\"\nrecording = \"recording.jsonl\"\n",
    )
    .unwrap();
    runs(&place, &["plugin", "test", "--bless"]);
    let expected = std::fs::read_to_string(place.join("scenarios/recorded.expected")).unwrap();
    assert_eq!(expected.matches("probe_messages").count(), 3, "{expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_under_development_is_loaded_again_at_every_save() {
    let directory = tempfile::tempdir().unwrap();
    let place = project(directory.path());
    let mut command = Command::new(BINARY);
    command
        .args(["plugin", "dev"])
        .current_dir(&place)
        .stdin(Stdio::piped());
    let mut dev = Process::start(command);
    dev.says("dev: guild ", 1).await;
    dev.says("plugin loaded", 1).await;
    // Until the bot is there, nobody hears what is said.
    let deadline = Instant::now() + PATIENCE;
    while !dev.said().contains("-> delete-message") {
        assert!(Instant::now() < deadline, "{}", dev.said());
        writeln!(dev.stdin(), "!probe").unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    std::fs::copy(built_plugin("tally"), place.join("source.bin")).unwrap();
    dev.says("dev: built in", 2).await;
    dev.says("plugin loaded", 2).await;
    std::fs::remove_file(place.join("source.bin")).unwrap();
    dev.says("dev: not built", 1).await;
    dev.interrupt();
    dev.ended();
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it did not come to be in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A command that runs on, and what it has said so far.
struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        let readers = outputs.map(|output| {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap();
                    said.push_str(&line);
                    said.push('\n');
                }
            })
        });
        Self {
            child,
            said,
            readers: readers.into(),
        }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn stdin(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }

    async fn says(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.said().matches(text).count() < times {
            assert!(
                Instant::now() < deadline,
                "{text:?} was not said {times} times:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end, which must be a good one; answers all that it said.
    fn ended(mut self) -> String {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        assert!(status.success(), "{status}: {}", self.said());
        self.said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
