//! What people write: which messages are theirs, and what a message says in all its parts.

use crate::Message;

/// Discord's types of messages that people write: ordinary, and replies (Discord, Message Types).
pub const WRITTEN: [u8; 2] = [0, 19];

/// Whether a person wrote it: bots, webhooks and system messages are never judged.
pub fn is_judged(message: &Message) -> bool {
    !message.author.bot && !message.webhook && WRITTEN.contains(&message.kind)
}

/// Everything that the message says: its text, its embeds' texts, and what it forwards.
pub fn written_text(message: &Message) -> String {
    let mut text = message.content.clone();
    let forwarded = message.forwards.iter().flat_map(|forward| &forward.embeds);
    let mut add = |part: &str| {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(part);
        }
    };
    for forward in &message.forwards {
        add(&forward.content);
    }
    for embed in message.embeds.iter().chain(forwarded) {
        let parts = [&embed.url, &embed.title, &embed.description, &embed.footer];
        parts.into_iter().flatten().for_each(|part| add(part));
        for field in &embed.fields {
            add(&field.name);
            add(&field.value);
        }
    }
    text
}
