//! What a thread has spent: CPU time, and memory that it was given page by page. Both are the thread's own, whatever else the
//! machine does meanwhile.

use std::time::Duration;

/// What was spent up to some moment, or between two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// CPU time.
    pub(crate) cpu: Duration,
    /// Pages that were touched for the first time, or for the first time written; none are known outside of Linux.
    pub(crate) pages: u64,
}

impl Spent {
    /// By the calling thread since it has begun.
    pub(crate) fn by_this_thread() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Self {
            cpu: Duration::try_from(time).unwrap_or_default(),
            pages: pages(),
        }
    }

    /// Since then, by the same thread.
    pub(crate) fn elapsed(self) -> Self {
        let now = Self::by_this_thread();
        Self {
            cpu: now.cpu.saturating_sub(self.cpu),
            pages: now.pages.saturating_sub(self.pages),
        }
    }
}

#[cfg(target_os = "linux")]
fn pages() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills a structure of this size; zeroes are one, too, should it refuse.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    u64::try_from(usage.ru_minflt).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn pages() -> u64 {
    0
}
