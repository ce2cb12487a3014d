//! Where a message counts: channels of text, announcements and voice, and threads, also those of forums.

use crate::settings::Settings;
use guildhall_sdk::{Context, Id};

/// Discord's channel types (Discord, Channel Types).
const TEXT: u8 = 0;
const VOICE: u8 = 2;
const ANNOUNCEMENT: u8 = 5;
const THREADS: std::ops::RangeInclusive<u8> = 10..=12;

/// What a channel or thread stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// The channel of a thread.
    pub(crate) parent: Option<Id>,
    /// The category of the channel, or of the thread's.
    pub(crate) category: Option<Id>,
}

impl Place {
    /// None where messages do not count.
    pub(crate) fn of(context: &Context, settings: &Settings, channel: Id) -> Option<Self> {
        let place = match context.channel(channel) {
            // A thread that was archived before the bot came is not known; what is written in it counts.
            None => Self::default(),
            Some(known) if THREADS.contains(&known.kind) => Self {
                parent: known.parent,
                category: known.parent.and_then(|parent| context.channel(parent)?.parent),
            },
            Some(known) if matches!(known.kind, TEXT | VOICE | ANNOUNCEMENT) => Self {
                parent: None,
                category: known.parent,
            },
            Some(_) => return None,
        };
        (!settings.ignores(channel, place)).then_some(place)
    }
}
