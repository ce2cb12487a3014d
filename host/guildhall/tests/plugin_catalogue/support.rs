//! An operator's plugins directory, and what the commands say.

pub(crate) use guildhall_harness::built_plugin as plugin;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory of plugins, and a home in which nobody has signed in anywhere.
pub(crate) struct Operator {
    directory: TempDir,
}

/// What came of a command.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into(),
            err: String::from_utf8_lossy(&output.stderr).into(),
        }
    }

    /// It ended well, and said all of this.
    #[track_caller]
    pub(crate) fn well(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        for part in parts {
            assert!(self.out.contains(part), "{part:?} is not in:\n{}", self.out);
        }
        self
    }

    /// It ended with 2 and one message, which says all of this.
    #[track_caller]
    pub(crate) fn badly(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{}{}", self.out, self.err);
        assert_eq!(self.err.trim().lines().count(), 1, "one message:\n{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in:\n{}", self.err);
        }
        self
    }
}

impl Operator {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("plugins")).unwrap();
        Self { directory }
    }

    /// Where nothing but this operator's files is.
    pub(crate) fn home(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.home().join("plugins")
    }

    /// `guildhall plugin …` in this home.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guildhall"));
        command.arg("plugin").args(arguments);
        self.at_home(&mut command);
        command
    }

    /// Nothing of this machine's own counts.
    pub(crate) fn at_home(&self, command: &mut Command) {
        command
            .current_dir(self.home())
            .env("HOME", self.home())
            .stdin(Stdio::null());
        for (name, _) in std::env::vars() {
            let upper = name.to_uppercase();
            if upper.ends_with("_PROXY") || upper.starts_with("GUILDHALL_") || upper == "DOCKER_CONFIG" {
                command.env_remove(name);
            }
        }
    }

    /// Runs `guildhall plugin …` without a terminal.
    pub(crate) fn plugin(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().unwrap())
    }

    /// Installs, with consent to everything.
    #[track_caller]
    pub(crate) fn installs(&self, what: &Path) -> Said {
        self.plugin(&["install", what.to_str().unwrap(), "--yes"]).well(&[])
    }

    /// The catalogue and the record of rollouts.
    pub(crate) fn listed(&self) -> Value {
        let said = self.plugin(&["list", "--json"]).well(&[]);
        serde_json::from_str(&said.out).unwrap()
    }

    /// What the catalogue says of a plugin.
    pub(crate) fn installed(&self, id: &str) -> Value {
        self.listed()["catalogue"]["plugins"][id].clone()
    }

    /// The version that is to run.
    pub(crate) fn active(&self, id: &str) -> String {
        let installed = self.installed(id);
        let active = installed["versions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|version| version["digest"] == installed["active"]);
        active.unwrap()["version"].as_str().unwrap().to_owned()
    }

    /// Names of the files that hold components.
    pub(crate) fn component_files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.plugins().join("installed")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Writes a file into the home.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A built component in other bytes: with a custom section of this name.
    pub(crate) fn rebuilt(&self, built: &str, name: &str) -> PathBuf {
        let mut wasm = std::fs::read(plugin(built)).unwrap();
        let length = u8::try_from(name.len()).unwrap();
        wasm.extend([0, length + 1, length]);
        wasm.extend(name.as_bytes());
        self.file(&format!("{name}.wasm"), wasm)
    }
}
