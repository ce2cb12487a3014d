//! `cargo xtask cluster check`: `cluster/` is right in itself, and names only what the binary has. No cluster is needed;
//! nothing is applied anywhere.

mod alerts;
mod binary;
mod commands;
mod findings;
mod manifests;
mod metrics;
mod names;
mod pod_security;
mod schemas;
mod tools;

use crate::cargo::{cargo, target_directory, workspace};
use anyhow::{Result, bail};
use binary::Binary;
use findings::Findings;
use manifests::Overlay;
use metrics::ExportedMetrics;
use tools::Tools;

/// Runs every check, prints what is wrong, and closes with a line of counts.
pub(crate) fn check() -> Result<()> {
    let tools = Tools::install()?;
    // Of the whole workspace, so that what tests have built is not built anew with other features.
    cargo(&["build", "--locked", "--workspace", "--bin", "guildhall"], &[])?;
    let work = target_directory().join("cluster");
    let mut findings = Findings::default();

    tools::run_linter(&tools, &workspace().join("cluster/Dockerfile"), &mut findings)?;
    let binary = Binary::start(&work)?;
    let exported = ExportedMetrics::collect()?;
    for overlay in Overlay::render_all(&tools, &work, &mut findings)? {
        schemas::check(&tools, &overlay, &mut findings)?;
        pod_security::check(&overlay, &mut findings);
        names::check(&overlay, &mut findings);
        binary.check(&overlay, &mut findings)?;
        alerts::check(&tools, &work, &overlay, &exported, &mut findings)?;
    }
    let (summary, wrong) = findings.report();
    println!("{summary}");
    if wrong > 0 {
        bail!("cluster/: {wrong} findings, listed above");
    }
    Ok(())
}
