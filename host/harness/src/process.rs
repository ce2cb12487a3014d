//! What the operating system says of a process.

use anyhow::{Context, Result};

/// Figures of one moment.
#[derive(Clone, Copy, Debug)]
pub struct ProcessFigures {
    /// CPU time of all threads since the process began, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory, in MiB.
    pub resident_mib: f64,
}

/// What stands behind the name in `/proc/…/stat` (proc(5)).
fn stat(process: u32) -> Result<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("the process is gone, or there is no /proc")?;
    // The name in parentheses may hold anything; what is wanted stands behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(fields.map(str::to_owned).collect())
}

/// CPU time of a process and of its children that live, in seconds.
pub(crate) fn cpu_seconds_with_children(process: u32) -> Result<f64> {
    let mut seconds = ProcessFigures::of(process)?.cpu_seconds;
    for entry in std::fs::read_dir("/proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // It may end meanwhile.
        if stat(other).is_ok_and(|fields| fields.get(1).is_some_and(|parent| *parent == process.to_string())) {
            seconds += ProcessFigures::of(other).map_or(0.0, |figures| figures.cpu_seconds);
        }
    }
    Ok(seconds)
}

impl ProcessFigures {
    /// Reads `/proc`; fails where there is none.
    pub fn of(process: u32) -> Result<Self> {
        let fields = stat(process)?;
        let ticks = |index: usize| {
            fields
                .get(index)
                .and_then(|field| field.parse::<f64>().ok())
                .context("/proc/…/stat is short")
        };
        // Linux reports times in hundredths of a second to every program (proc(5), USER_HZ).
        let cpu_seconds = (ticks(11)? + ticks(12)?) / 100.0;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("/proc/…/status has no VmRSS")?;
        let kib: f64 = resident
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .context("VmRSS is no number")?;
        Ok(Self {
            cpu_seconds,
            resident_mib: kib / 1024.0,
        })
    }
}
