//! A dispatch as it came from the gateway, with only what routing needs read from it. The text is kept whole; the
//! guild's worker reads the rest.

use guildhall_model::GuildId;
use guildhall_trace::Trace;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// One dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Discord's name of the event (`t`).
    pub name: String,
    /// The guild; none for events outside of guilds.
    pub guild: Option<GuildId>,
    /// The session's sequence (`s`).
    pub sequence: u64,
    /// The whole frame as JSON.
    pub text: String,
    /// Its trace, once it has one.
    pub trace: Trace,
}

/// Why a text is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, or not of a payload's shape.
    #[error("a frame of {bytes} bytes is not a gateway payload: {source}")]
    Shape {
        /// Its size.
        bytes: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A dispatch without a name or sequence.
    #[error("a dispatch has no `{missing}`")]
    Incomplete {
        /// The missing key.
        missing: &'static str,
    },
}

impl Frame {
    /// Reads a text of the gateway in one pass; none for what is not a dispatch.
    pub fn parse(text: String) -> Result<Option<Self>, FrameError> {
        let envelope: Envelope<'_> = serde_json::from_str(&text).map_err(|source| FrameError::Shape {
            bytes: text.len(),
            source,
        })?;
        if envelope.op != 0 {
            return Ok(None);
        }
        let name = envelope.t.ok_or(FrameError::Incomplete { missing: "t" })?.into_owned();
        let sequence = envelope.s.ok_or(FrameError::Incomplete { missing: "s" })?;
        let IdsOfData { guild_id, id } = envelope.d;
        // These three describe the guild itself: its id is their own.
        let guild = match name.as_str() {
            "GUILD_CREATE" | "GUILD_UPDATE" | "GUILD_DELETE" => id,
            _ => guild_id,
        };
        Ok(Some(Self {
            name,
            guild: guild.map(GuildId),
            sequence,
            text,
            trace: Trace::default(),
        }))
    }
}

#[derive(Deserialize)]
struct Envelope<'text> {
    op: u8,
    #[serde(borrow, default)]
    t: Option<Cow<'text, str>>,
    #[serde(default)]
    s: Option<u64>,
    #[serde(default)]
    d: IdsOfData,
}

/// `id` and `guild_id` at the top of `d`, whatever `d` is.
#[derive(Default)]
struct IdsOfData {
    guild_id: Option<u64>,
    id: Option<u64>,
}

impl<'de> Deserialize<'de> for IdsOfData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdsVisitor)
    }
}

struct IdsVisitor;

impl<'de> Visitor<'de> for IdsVisitor {
    type Value = IdsOfData;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the data of a gateway payload")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IdsOfData, A::Error> {
        let mut ids = IdsOfData::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "guild_id" => {
                    ids.guild_id = map
                        .next_value::<Option<Cow<'de, str>>>()?
                        .and_then(|id| id.parse().ok())
                }
                "id" => ids.id = map.next_value::<IdOrOther>()?.0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(ids)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<IdsOfData, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(IdsOfData::default())
    }

    fn visit_unit<E>(self) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<IdsOfData, E> {
        Ok(IdsOfData::default())
    }
}

/// An `id` that may be anything: only events of guilds promise a snowflake there.
struct IdOrOther(Option<u64>);

impl<'de> Deserialize<'de> for IdOrOther {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'text> {
            Text(#[serde(borrow)] Cow<'text, str>),
            Other(IgnoredAny),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(id) => id.parse().ok(),
            Either::Other(_) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Frame> {
        Frame::parse(text.to_owned()).expect("a payload")
    }

    #[test]
    fn routing_reads_name_guild_and_sequence() {
        let frame =
            parse(r#"{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"id":"5","guild_id":"42","nested":{"guild_id":"1"}}}"#)
                .expect("a dispatch");
        assert_eq!(
            (frame.name.as_str(), frame.guild, frame.sequence),
            ("MESSAGE_CREATE", Some(GuildId(42)), 7)
        );
    }

    #[test]
    fn the_order_of_keys_does_not_matter_and_inner_ones_do_not_count() {
        let frame = parse(r#"{"op":0,"d":{"s":7,"op":3,"t":"X","guild_id":"9"},"s":2,"t":"TYPING_START"}"#)
            .expect("a dispatch");
        assert_eq!(
            (frame.name.as_str(), frame.guild, frame.sequence),
            ("TYPING_START", Some(GuildId(9)), 2)
        );
    }

    #[test]
    fn a_guilds_own_events_carry_its_id_as_their_own() {
        let frame = parse(r#"{"t":"GUILD_CREATE","s":2,"op":0,"d":{"id":"42","name":"g"}}"#).expect("a dispatch");
        assert_eq!(frame.guild, Some(GuildId(42)));
    }

    #[test]
    fn an_event_outside_of_guilds_has_none() {
        assert_eq!(
            parse(r#"{"t":"MESSAGE_CREATE","s":3,"op":0,"d":{"id":"5"}}"#)
                .expect("a dispatch")
                .guild,
            None
        );
        assert_eq!(
            parse(r#"{"t":"X","s":3,"op":0,"d":{"id":{"deep":1},"guild_id":null}}"#)
                .expect("a dispatch")
                .guild,
            None
        );
        assert_eq!(
            parse(r#"{"t":"X","s":3,"op":0,"d":[1,2]}"#).expect("a dispatch").guild,
            None
        );
    }

    #[test]
    fn what_is_no_dispatch_is_left_out() {
        for text in [
            r#"{"op":11}"#,
            r#"{"op":9,"d":false,"s":null,"t":null}"#,
            r#"{"op":10,"d":{"heartbeat_interval":1}}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn bad_frames_say_what_is_wrong() {
        let not_json = Frame::parse("<html>".into()).expect_err("not JSON").to_string();
        assert!(not_json.contains("6 bytes"), "{not_json}");
        let without = Frame::parse(r#"{"op":0,"t":"X","d":{}}"#.into())
            .expect_err("no s")
            .to_string();
        assert!(without.contains("`s`"), "{without}");
        let nameless = Frame::parse(r#"{"op":0,"s":1,"d":{}}"#.into())
            .expect_err("no t")
            .to_string();
        assert!(nameless.contains("`t`"), "{nameless}");
    }

    #[test]
    fn a_message_of_a_megabyte_is_a_message() {
        let text = format!(
            r#"{{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{{"content":"{}","guild_id":"1"}}}}"#,
            "x".repeat(1 << 20)
        );
        assert_eq!(parse(&text).expect("a dispatch").guild, Some(GuildId(1)));
    }
}
