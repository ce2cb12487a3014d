//! The scalar values of Discord's JSON.

use guildhall_model::UnixMilliseconds;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use twilight_model::util::Timestamp;

/// A snowflake: a string in most places, a number in some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Snowflake(pub(crate) u64);

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SnowflakeVisitor;
        impl Visitor<'_> for SnowflakeVisitor {
            type Value = Snowflake;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a snowflake")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Snowflake, E> {
                text.parse()
                    .map(Snowflake)
                    .map_err(|_| E::custom(format_args!("{text:?} is not a snowflake")))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Snowflake, E> {
                Ok(Snowflake(number))
            }
        }
        deserializer.deserialize_any(SnowflakeVisitor)
    }
}

/// Permission bits: a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bits(pub(crate) u64);

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Snowflake::deserialize(deserializer).map(|Snowflake(bits)| Self(bits))
    }
}

/// An ISO 8601 timestamp, as milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moment(pub(crate) UnixMilliseconds);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl Visitor<'_> for MomentVisitor {
            type Value = Moment;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an ISO 8601 timestamp")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                let timestamp = Timestamp::parse(text)
                    .map_err(|error| E::custom(format_args!("{text:?} is not a timestamp: {error}")))?;
                Ok(Moment(u64::try_from(timestamp.as_micros() / 1000).unwrap_or(0)))
            }
        }
        deserializer.deserialize_str(MomentVisitor)
    }
}
