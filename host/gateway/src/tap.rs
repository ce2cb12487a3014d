//! Taps: whoever records a guild hears every event that its worker is handed. A tap holds a bounded number of events; one that
//! is not read in time misses some, and is told how many. The host never waits for it.

use guildhall_discord::Frame;
use guildhall_model::{GuildId, UnixMilliseconds};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Taps that may be open at once.
const TAPS: usize = 32;
/// Events that wait in one of them.
const EVENTS: usize = 4096;
/// Bytes of the events that wait in one of them.
const BYTES: usize = 16 << 20;

/// What a tap tells.
#[derive(Clone, Debug)]
pub enum Tapped {
    /// An event.
    Event {
        /// When the host received it.
        received_at: UnixMilliseconds,
        /// As Discord sent it.
        frame: Arc<Frame>,
    },
    /// So many events came here that the tap had no room for.
    Missed(u64),
}

/// There are too many taps.
#[derive(Debug, thiserror::Error)]
#[error("{TAPS} guilds are recorded here already; end one of the recordings")]
pub struct TooManyTaps;

/// The open taps of a pod.
#[derive(Debug, Default)]
pub struct Taps {
    open: AtomicUsize,
    list: Mutex<Vec<Arc<Pipe>>>,
}

/// Hears one guild until it is dropped.
#[derive(Debug)]
pub struct Tap {
    pipe: Arc<Pipe>,
    events: mpsc::Receiver<Tapped>,
    taps: Arc<Taps>,
}

#[derive(Debug)]
struct Pipe {
    guild: GuildId,
    events: mpsc::Sender<Tapped>,
    bytes: AtomicUsize,
    missed: Mutex<u64>,
}

impl Taps {
    /// Opens a tap on this guild.
    pub fn open(self: &Arc<Self>, guild: GuildId) -> Result<Tap, TooManyTaps> {
        let mut list = self.list();
        if list.len() >= TAPS {
            return Err(TooManyTaps);
        }
        let (sender, events) = mpsc::channel(EVENTS);
        let pipe = Arc::new(Pipe {
            guild,
            events: sender,
            bytes: AtomicUsize::new(0),
            missed: Mutex::default(),
        });
        list.push(pipe.clone());
        self.open.store(list.len(), Ordering::Relaxed);
        Ok(Tap {
            pipe,
            events,
            taps: self.clone(),
        })
    }

    /// Tells whoever listens to the guild. One load where nobody listens to anything.
    pub(crate) fn tell(&self, guild: GuildId, frame: &Arc<Frame>, received_at: UnixMilliseconds) {
        if self.open.load(Ordering::Relaxed) == 0 {
            return;
        }
        for pipe in self.list().iter().filter(|pipe| pipe.guild == guild) {
            pipe.tell(frame, received_at);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Pipe>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipe {
    fn tell(&self, frame: &Arc<Frame>, received_at: UnixMilliseconds) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.bytes.load(Ordering::Relaxed) + frame.text.len() > BYTES;
        // What was missed is told where it is missing: before the next event that has room.
        if full || (*missed > 0 && self.events.try_send(Tapped::Missed(*missed)).is_err()) {
            *missed += 1;
            return;
        }
        *missed = 0;
        let event = Tapped::Event {
            received_at,
            frame: frame.clone(),
        };
        match self.events.try_send(event) {
            Ok(()) => drop(self.bytes.fetch_add(frame.text.len(), Ordering::Relaxed)),
            Err(_) => *missed = 1,
        }
    }
}

impl Tap {
    /// The next event, or how many are missing before it. None only where the pod ends.
    pub async fn next(&mut self) -> Option<Tapped> {
        let next = self.events.recv().await?;
        if let Tapped::Event { frame, .. } = &next {
            self.pipe.bytes.fetch_sub(frame.text.len(), Ordering::Relaxed);
        }
        Some(next)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let mut list = self.taps.list();
        list.retain(|pipe| !Arc::ptr_eq(pipe, &self.pipe));
        self.taps.open.store(list.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUILD: GuildId = GuildId(7);

    fn frame(sequence: u64) -> Arc<Frame> {
        let text = format!(r#"{{"t":"TYPING_START","s":{sequence},"op":0,"d":{{"guild_id":"7"}}}}"#);
        Arc::new(Frame::parse(text).expect("a payload").expect("a dispatch"))
    }

    async fn told(tap: &mut Tap) -> Result<u64, u64> {
        match tap.next().await.expect("it is open") {
            Tapped::Event { frame, .. } => Ok(frame.sequence),
            Tapped::Missed(missed) => Err(missed),
        }
    }

    #[tokio::test]
    async fn a_tap_hears_its_guild_alone() {
        let taps = Arc::new(Taps::default());
        let mut tap = taps.open(GUILD).expect("the first");
        taps.tell(GuildId(8), &frame(1), 0);
        taps.tell(GUILD, &frame(2), 0);
        assert_eq!(told(&mut tap).await, Ok(2));
        drop(tap);
        assert_eq!(taps.open.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_how_much_it_missed_and_where() {
        let taps = Arc::new(Taps::default());
        let mut tap = taps.open(GUILD).expect("the first");
        for sequence in 0..EVENTS as u64 + 3 {
            taps.tell(GUILD, &frame(sequence), 0);
        }
        for sequence in 0..EVENTS as u64 {
            assert_eq!(told(&mut tap).await, Ok(sequence));
        }
        taps.tell(GUILD, &frame(9999), 0);
        assert_eq!(told(&mut tap).await, Err(3));
        assert_eq!(told(&mut tap).await, Ok(9999));
    }

    #[test]
    fn there_is_a_bound_on_taps() {
        let taps = Arc::new(Taps::default());
        let open: Vec<_> = (0..TAPS).map(|_| taps.open(GUILD).expect("there is room")).collect();
        assert!(taps.open(GUILD).is_err());
        drop(open);
        assert!(taps.open(GUILD).is_ok());
    }
}
