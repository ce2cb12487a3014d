//! Litestream's process and its configuration. As a sidecar it is started by others; on a plain machine a pod starts it
//! with itself, and again when it ends.

use crate::litestream::Litestream;
use crate::location::Location;
use rustix::process::{Pid, Signal, kill_process, setpriority_pgrp};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// Before it is started again.
const PAUSE: Duration = Duration::from_secs(1);
/// How far it stands behind the pod where both want the same core: events come first, and the bucket is behind for as long.
const NICENESS: i32 = 10;
/// It brings what it has to the bucket when it is asked to end, or is killed.
const END: Duration = Duration::from_secs(10);

/// Litestream's configuration (YAML): its control socket, and how long the bucket keeps what. Files are registered through
/// the socket. Credentials stand in its environment.
pub fn configuration(socket: &Path, retention_hours: u32) -> String {
    // Compaction every 5 minutes instead of every 30 seconds spares a LIST per file and tick; single transactions are kept
    // for an hour, so that a moment of the last hour can still be restored to the second.
    let socket = socket.display().to_string();
    format!(
        "socket:
  enabled: true
  path: {socket:?}
  permissions: 0600
logging:
  level: warn
  stderr: true
levels:
  - interval: 5m
  - interval: 1h
l0-retention: 1h
l0-retention-check-interval: 5m
snapshot:
  interval: {}h
  retention: {retention_hours}h
dbs: []
",
        retention_hours.clamp(2, 24) / 2
    )
}

/// What every Litestream process is started with.
pub(crate) fn prepare(command: &mut Command, location: &Location) {
    // Litestream brings an HTTP client of its own, and ends when it is to trust other authorities as well.
    command.env_remove("AWS_CA_BUNDLE").envs(location.environment());
}

/// Runs Litestream until it is told to stop, and starts it again when it ends. One that outlived the pod that started it, and
/// still answers, is ended first: two would write the same notes.
pub async fn supervise(
    program: &Path,
    configuration: &Path,
    location: &Location,
    litestream: &Litestream,
    stop: CancellationToken,
) {
    if let Some(orphan) = litestream.process().await.and_then(Pid::from_raw) {
        tracing::warn!(
            orphan = orphan.as_raw_pid(),
            "Litestream outlived the pod before; it is ended"
        );
        // It may have ended meanwhile.
        let _ = kill_process(orphan, Signal::KILL);
    }
    loop {
        match start(program, configuration, location) {
            Ok(mut child) => {
                metrics::counter!("guildhall_litestream_starts_total").increment(1);
                let said = child.stderr.take();
                let telling = tokio::spawn(tell(said));
                let ended = tokio::select! {
                    status = child.wait() => Some(status),
                    () = stop.cancelled() => None,
                };
                let Some(status) = ended else {
                    return end(child).await;
                };
                // It ends with the process.
                let _ = telling.await;
                tracing::error!(?status, "Litestream has ended; it is started again");
            }
            Err(error) => {
                tracing::error!(%error, program = %program.display(), "Litestream cannot be started: install it, or set replication.program");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn start(program: &Path, configuration: &Path, location: &Location) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    prepare(&mut command, location);
    let child = command
        .args(["replicate", "-config"])
        .arg(configuration)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A priority is a thread's; a group's is that of all threads in it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(group) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && let Err(error) = setpriority_pgrp(Some(group), NICENESS)
    {
        tracing::warn!(%error, "Litestream runs with the pod's own priority");
    }
    Ok(child)
}

/// What it says becomes part of the pod's log.
async fn tell(said: Option<tokio::process::ChildStderr>) {
    let Some(said) = said else { return };
    let mut lines = BufReader::new(said).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Files come through the socket.
        if !line.contains("no databases specified") {
            tracing::warn!(target: "litestream", "{line}");
        }
    }
}

async fn end(mut child: Child) {
    if let Some(id) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // It may have ended meanwhile.
        let _ = kill_process(id, Signal::INT);
    }
    if tokio::time::timeout(END, child.wait()).await.is_err() {
        // It may have ended meanwhile.
        let _ = child.kill().await;
    }
}
