//! A guild on its worker: its mailbox, its snapshot, and how its plugins stand.

use crate::load::RecentEvents;
use crate::queued::QueuedEvent;
use crate::settings::GivenSettings;
use crate::standing::PluginStanding;
use guildhall_discord::GuildSnapshot;
use guildhall_model::UnixMilliseconds;
use std::collections::VecDeque;
use std::time::Instant;

/// What a worker keeps of a guild while its file may be closed.
#[derive(Default)]
pub(crate) struct Guild {
    pub(crate) mailbox: VecDeque<QueuedEvent>,
    pub(crate) snapshot: Box<GuildSnapshot>,
    pub(crate) standing: PluginStanding,
    /// What plugins were given as their settings.
    pub(crate) given: GivenSettings,
    pub(crate) recent: RecentEvents,
    /// Whether its file was opened by this process before, and what it held was taken up.
    pub(crate) opened: bool,
    /// When its earliest timer is due.
    pub(crate) next_timer: Option<UnixMilliseconds>,
    /// Whether it takes part in sharing flags, and up to where it was told.
    pub(crate) shares_flags: bool,
    pub(crate) flags_told: i64,
    /// Whether it stands in the worker's queue of guilds with work.
    pub(crate) queued: bool,
    /// After a failed commit: not before then.
    pub(crate) retry_at: Option<Instant>,
    /// Failed commits in a row.
    pub(crate) failed_commits: u32,
    /// It is about to go elsewhere: its actions stay in its outbox, and no timer fires.
    pub(crate) held: bool,
    /// Its file goes elsewhere: told when everything is in it and it is closed.
    pub(crate) releasing: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Guild {
    /// Whether what it missed may be applied here: not while it goes elsewhere.
    pub(crate) fn takes_missed(&self) -> bool {
        self.opened && !self.held && self.releasing.is_none()
    }

    /// Its file was replaced: everything has to be prepared again.
    pub(crate) fn forget_file(&mut self) {
        self.standing.forget_preparation();
        self.given = GivenSettings::default();
    }
}
