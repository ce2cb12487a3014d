//! What a message scores: all signals, and the leave that regulars, code and small talk have.

use crate::content::Content;
use crate::history::{History, Leave};
use crate::links::Links;
use crate::newcomer::Standing;
use crate::settings::Settings;
use crate::signal::{Score, Signal};
use crate::text::Text;
use guildhall_sdk::Message;

pub(crate) fn judge(settings: &Settings, message: &Message, text: &Text, history: &History) -> Score {
    if settings
        .honeypot_channels
        .iter()
        .any(|channel| channel.0 == message.channel)
    {
        return Score::of(vec![Signal::new("honeypot_channel", settings.points_honeypot)]);
    }
    let content = Content::of(settings, text, message);
    let links = Links::of(settings, text);
    let standing = Standing::of(settings, message);
    let is_trusted = standing.is_trusted(settings);
    let (copies, channels) = history.spread(settings);
    // Spam brings something along: a link, a file, a call to many, its words. What brings nothing may be said again by a
    // regular; so may code, which people paste where they ask for help, and a greeting.
    let brings_nothing = !content.calls_many
        && !links.lead_elsewhere
        && content.listed_words < 2
        && message.attachments.is_empty()
        && message.forwards.is_empty();
    let is_small_talk = text.whole.chars().count() <= settings.short_text as usize
        && message.embeds.is_empty()
        && message.poll.is_none()
        && copies < settings.rapid_fire_messages as usize;
    let leave = Leave {
        repeat: brings_nothing && (is_trusted || text.has_code || is_small_talk),
        hurry: is_trusted,
    };
    let mut signals = content.signals;
    signals.extend(links.signals);
    signals.extend(standing.signals(settings));
    signals.extend(history.signals(settings, leave));
    // Nobody writes the same into so many channels by hand: it is a stolen account.
    let is_stolen = !leave.repeat && channels >= settings.trusted_wave_channels as usize;
    if is_trusted && !is_stolen && signals.iter().any(|signal| signal.points > 0) {
        signals.push(Signal::new("trusted_member", settings.points_trusted));
    }
    Score::of(signals)
}
