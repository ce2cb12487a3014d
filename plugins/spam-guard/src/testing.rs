//! A message to write tests with.

use guildhall_sdk::{Attachment, Id, Message, Timestamp, User};

pub(crate) fn message(id: Id, channel: Id, sent_at: Timestamp, content: &str) -> Message {
    Message {
        id,
        channel,
        author: User {
            id: 1,
            username: "user".into(),
            global_name: None,
            bot: false,
        },
        member: None,
        webhook: false,
        kind: 0,
        content: content.into(),
        sent_at,
        edited_at: None,
        mentions_everyone: false,
        mentions: Vec::new(),
        mention_roles: Vec::new(),
        attachments: Vec::new(),
        embeds: Vec::new(),
        reply_to: None,
        reply_author: None,
        forwards: Vec::new(),
        poll: None,
        stickers: Vec::new(),
        reactions: Vec::new(),
    }
}

pub(crate) fn attachment(id: Id, filename: &str, size: u64) -> Attachment {
    Attachment {
        id,
        filename: filename.into(),
        content_type: Some("image/png".into()),
        size,
        url: String::new(),
    }
}
