//! Showing what a plugin wants, and asking whether it may have it. Silence is never consent.

use super::examine::Examined;
use super::words;
use crate::bad_input::{BadInput, OrBadInput};
use anyhow::Result;
use guildhall_catalogue::{Grant, Right, Source};
use std::io::{BufRead, IsTerminal, Write};

/// How consent is given without being asked.
#[derive(clap::Args)]
pub(super) struct Consent {
    /// Grant all that the plugin wants, without being asked.
    #[arg(long, conflicts_with = "grant")]
    yes: bool,
    /// Grant only this right, as it stands in brackets where what the plugin wants is shown; may be repeated. `all` is all.
    #[arg(long, value_name = "RIGHT")]
    grant: Vec<String>,
}

/// What came of it.
pub(super) enum Answer {
    /// These rights, of those that were asked for.
    Granted(Grant),
    /// Somebody was asked, and did not consent.
    Declined,
    /// There is no terminal to ask on.
    NobodyAsked,
}

impl Consent {
    /// Consent to what is asked for, of all that is wanted.
    pub(super) fn obtain(&self, wants: &Grant, asks_for: &Grant, question: &str) -> Result<Answer> {
        if self.yes || self.grant.iter().any(|right| right == "all") {
            return Ok(Answer::Granted(asks_for.clone()));
        }
        if !self.grant.is_empty() {
            return Ok(Answer::Granted(
                named_rights(&self.grant, wants, "the plugin wants only")?
                    .into_iter()
                    .collect(),
            ));
        }
        if asks_for.is_empty() {
            return Ok(Answer::Granted(Grant::default()));
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Ok(Answer::NobodyAsked);
        }
        // Not to standard output, which may be a file.
        let mut prompt = std::io::stderr().lock();
        write!(prompt, "{question} [y/N] ")?;
        prompt.flush()?;
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer)?;
        Ok(match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Answer::Granted(asks_for.clone()),
            _ => Answer::Declined,
        })
    }
}

/// Reads rights that must be among these, of which the complaint says what they are.
pub(super) fn named_rights(texts: &[String], among: &Grant, complaint: &str) -> Result<Vec<Right>> {
    let known = among.rights();
    let mut rights = Vec::new();
    for text in texts {
        let right: Right = text.parse().or_bad_input()?;
        if !known.contains(&right) {
            return Err(BadInput(format!("{text} is not possible: {complaint}: {}", codes(among))).into());
        }
        rights.push(right);
    }
    Ok(rights)
}

/// Rights as they are written on a command line.
pub(super) fn codes(rights: &Grant) -> String {
    let codes: Vec<String> = rights.rights().iter().map(Right::to_string).collect();
    codes.join(", ")
}

/// A component and what it wants. On an update, what is new is marked.
pub(super) fn shown(examined: &Examined, new: Option<&Grant>) -> String {
    let description = &examined.description;
    let size = humansize(examined.wasm.len());
    let mut text = format!("{} {} ({size})\n", description.id, description.version);
    let from = match &examined.source {
        Source::File { path } => path.clone(),
        Source::Oci { reference, manifest } => format!("{reference}, manifest {manifest}"),
    };
    let signed_by = match (&examined.signed_by, &examined.unknown_signer) {
        (Some(signer), _) => signer.key.clone(),
        (None, Some(key)) => format!("{key}, which nobody here trusts; --signed-by does"),
        (None, None) => "nobody".into(),
    };
    for (name, value) in [
        ("from", from),
        ("digest", format!("sha256:{}", examined.digest)),
        ("signed by", signed_by),
    ] {
        text.push_str(&format!("  {name:<10} {value}\n"));
    }
    let lines = words::lines(description);
    if lines.is_empty() {
        text.push_str("It wants nothing.\n");
        return text;
    }
    text.push_str("It wants to\n");
    let mut heading = "";
    for line in &lines {
        if line.heading != heading {
            heading = line.heading;
            text.push_str(&format!("  {heading}\n"));
        }
        let mark = match (&line.right, new) {
            (Some(right), Some(new)) if new.has(right) => "new:",
            _ => "-",
        };
        let code = line
            .right
            .as_ref()
            .map(|right| format!("  [{right}]"))
            .unwrap_or_default();
        text.push_str(&format!("    {mark} {}{code}\n", line.text));
    }
    text
}

fn humansize(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
