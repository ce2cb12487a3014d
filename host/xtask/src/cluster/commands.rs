//! Commands that manifests have the binary run: each subcommand and flag is one that it knows.

use crate::cluster::tools::said;
use std::path::Path;
use std::process::Command;

/// Says what the program does not know of these arguments: subcommands first, then flags with their values.
pub(crate) fn check(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let words: Vec<_> = arguments.iter().take_while(|word| !word.starts_with('-')).collect();
    let command = format!("guildhall {}", arguments.join(" "));
    let help = Command::new(program)
        .args(&words)
        .arg("--help")
        .output()
        .map_err(|error| format!("`{command}` cannot be started: {error}"))?;
    let text = said(&help);
    if !help.status.success() {
        return Err(format!("`{command}`: {}", text.lines().next().unwrap_or_default()));
    }
    let known: Vec<_> = text
        .split(|character: char| !character.is_alphanumeric() && character != '-')
        .collect();
    let mut flags = arguments.iter().filter(|argument| argument.starts_with('-'));
    match flags.find(|flag| !known.contains(*flag)) {
        Some(unknown) => Err(format!("`{command}`: the command has no flag {unknown}")),
        None => Ok(()),
    }
}
