//! Ids in settings. JSON's numbers lose the last digits of a snowflake in many tools, so they are texts.

use crate::Id;
use serde::{Deserialize, Deserializer};

/// A snowflake in settings: a text of digits, or a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SettingId(pub Id);

impl<'de> Deserialize<'de> for SettingId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(u64),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(id) => Ok(Self(id)),
            Written::Text(text) => text.parse().map(Self).map_err(|_| {
                serde::de::Error::custom(format_args!("{text:?} is not an id; write its digits in quotes"))
            }),
        }
    }
}
