//! What makes two messages the same, as numbers that can be stored. They are equal on every machine and in every version.

use crate::text::Text;
use guildhall_sdk::{Attachment, Message};

/// In what two messages can be the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Identity {
    /// Text without case and outer space, embeds' texts, and the ids of attachments.
    pub(crate) message: i64,
    /// Text and the names and sizes of attached files, which stay when they are sent anew; 0 where nothing is attached.
    pub(crate) files: i64,
}

impl Identity {
    pub(crate) fn of(message: &Message, text: &Text) -> Self {
        let forwarded = message.forwards.iter().flat_map(|forward| &forward.attachments);
        let mut attachments: Vec<_> = message.attachments.iter().chain(forwarded).collect();
        let mut said = Hash::new();
        said.add(text.whole.as_bytes());
        for sticker in &message.stickers {
            said.add(sticker.as_bytes());
        }
        if let Some(poll) = &message.poll {
            said.add(poll.question.as_bytes());
            poll.answers.iter().for_each(|answer| said.add(answer.as_bytes()));
        }
        let (mut identity, mut files) = (said, said);
        attachments.sort_unstable_by_key(|attachment| attachment.id);
        for attachment in &attachments {
            identity.add(&attachment.id.to_le_bytes());
        }
        attachments.sort_unstable_by_key(|attachment| file(attachment));
        for attachment in &attachments {
            let (name, size) = file(attachment);
            files.add(name.as_bytes());
            files.add(&size.to_le_bytes());
        }
        let says_nothing = text.whole.is_empty() && message.stickers.is_empty() && message.poll.is_none();
        if says_nothing && attachments.is_empty() {
            // Nothing is not the same as nothing.
            identity.add(&message.id.to_le_bytes());
        }
        Self {
            message: identity.0.cast_signed(),
            files: if attachments.is_empty() {
                0
            } else {
                files.0.cast_signed()
            },
        }
    }
}

fn file(attachment: &Attachment) -> (&str, u64) {
    (&attachment.filename, attachment.size)
}

/// FNV-1a, 64 bits (RFC 9923).
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The parts are kept apart: what ends one is in no text.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{attachment, message};
    use guildhall_sdk::{Embed, ForwardedMessage, Poll};

    fn of(change: impl FnOnce(&mut Message)) -> Identity {
        let mut message = message(1, 1, 0, "");
        change(&mut message);
        Identity::of(&message, &Text::of(&message))
    }

    fn with_files(files: &[(u64, &str, u64)]) -> Identity {
        let attachments = files
            .iter()
            .map(|(id, name, size)| attachment(*id, name, *size))
            .collect();
        of(|message| message.attachments = attachments)
    }

    #[test]
    fn case_and_outer_space_do_not_matter() {
        let text = |content: &str| of(|message| message.content = content.into()).message;
        assert_eq!(text("Buy NOW"), text(" buy now\n"));
        assert_ne!(text("buy now"), text("buy  now"));
        assert_eq!(text("buy\u{200b} now"), text("buy now"));
    }

    #[test]
    fn different_attachments_with_empty_text_are_different_messages() {
        assert_ne!(
            with_files(&[(1, "a.png", 5)]).message,
            with_files(&[(2, "a.png", 5)]).message
        );
        let (one, other) = (
            with_files(&[(1, "a", 5), (2, "b", 6)]),
            with_files(&[(2, "b", 6), (1, "a", 5)]),
        );
        assert_eq!(one, other);
    }

    #[test]
    fn the_same_files_sent_anew_are_the_same_files() {
        let first = with_files(&[(1, "a.png", 5), (2, "b.png", 6)]);
        assert_eq!(first.files, with_files(&[(8, "b.png", 6), (9, "a.png", 5)]).files);
        assert_ne!(first.files, with_files(&[(8, "b.png", 7), (9, "a.png", 5)]).files);
        assert_eq!(of(|message| message.content = "a".into()).files, 0);
    }

    #[test]
    fn embeds_stickers_polls_and_forwards_belong_to_it() {
        let nothing = of(|_| ()).message;
        let embed = |title: &str| {
            let title = Some(title.to_owned());
            of(|message| {
                message.embeds = vec![Embed {
                    title,
                    description: None,
                    url: None,
                    color: None,
                    author: None,
                    footer: None,
                    image: None,
                    fields: Vec::new(),
                }];
            })
            .message
        };
        let sticker = |name: &str| of(|message| message.stickers = vec![name.into()]).message;
        let poll = |question: &str| {
            let question = question.to_owned();
            of(|message| {
                message.poll = Some(Poll {
                    question,
                    answers: Vec::new(),
                })
            })
            .message
        };
        let forward = |content: &str| {
            let content = content.to_owned();
            of(|message| {
                message.forwards = vec![ForwardedMessage {
                    content,
                    sent_at: 0,
                    attachments: Vec::new(),
                    embeds: Vec::new(),
                }];
            })
            .message
        };
        let all = [
            nothing,
            embed("a"),
            embed("b"),
            sticker("wave"),
            sticker("smile"),
            poll("a?"),
            poll("b?"),
            forward("c"),
            forward("d"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{index} is another's");
        }
    }

    #[test]
    fn two_messages_that_say_nothing_are_not_the_same() {
        assert_ne!(
            of(|message| message.id = 1).message,
            of(|message| message.id = 2).message
        );
    }
}
