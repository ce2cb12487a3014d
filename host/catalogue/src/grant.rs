//! What a plugin wants, and what of it an operator has granted: the same words for both.

use guildhall_model::{ANY_TOPIC, Capability, EventKind, PluginDescription, names_host};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Rights, by kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Actions that it may submit.
    pub capabilities: BTreeSet<Capability>,
    /// Events that it is told of.
    pub events: BTreeSet<EventKind>,
    /// Names of commands that it has at Discord.
    pub commands: BTreeSet<String>,
    /// Topics of the signals that it receives.
    pub topics: BTreeSet<String>,
    /// Topics of the signals that it emits.
    pub emits: BTreeSet<String>,
    /// Other plugins whose tables it reads.
    pub readable_plugins: BTreeSet<String>,
    /// Hosts that it asks over HTTPS.
    pub http_hosts: BTreeSet<String>,
}

impl Grant {
    /// Everything that a plugin wants.
    pub fn wanted_by(description: &PluginDescription) -> Self {
        Self {
            capabilities: description.capabilities.clone(),
            events: description.events.clone(),
            commands: description.commands.iter().map(|json| command_name(json)).collect(),
            topics: description.topics.clone(),
            emits: description.emits.clone(),
            readable_plugins: description.readable_plugins.clone(),
            http_hosts: description.http_hosts.clone(),
        }
    }

    /// The description with nothing in it that is not granted: what the host goes by.
    pub fn narrow(&self, mut description: PluginDescription) -> PluginDescription {
        description
            .capabilities
            .retain(|capability| self.capabilities.contains(capability));
        description.events.retain(|event| self.events.contains(event));
        description
            .commands
            .retain(|json| self.commands.contains(&command_name(json)));
        description.topics.retain(|topic| self.topics.contains(topic));
        description.emits.retain(|topic| self.has(&Right::Emit(topic.clone())));
        description
            .readable_plugins
            .retain(|plugin| self.readable_plugins.contains(plugin));
        description
            .http_hosts
            .retain(|host| self.has(&Right::Host(host.clone())));
        description
    }

    /// Whether the right is in it, or something wider is.
    pub fn has(&self, right: &Right) -> bool {
        match right {
            Right::Capability(capability) => self.capabilities.contains(capability),
            Right::Event(event) => self.events.contains(event),
            Right::Command(name) => self.commands.contains(name),
            Right::Topic(topic) => self.topics.contains(topic),
            Right::Emit(topic) => self.emits.contains(topic) || self.emits.contains(ANY_TOPIC),
            Right::Read(plugin) => self.readable_plugins.contains(plugin),
            Right::Host(host) => self.http_hosts.contains(host) || names_host(&self.http_hosts, host),
        }
    }

    /// One by one.
    pub fn rights(&self) -> BTreeSet<Right> {
        let text = |texts: &BTreeSet<String>, right: fn(String) -> Right| -> Vec<Right> {
            texts.iter().cloned().map(right).collect()
        };
        let mut rights: BTreeSet<Right> = self.capabilities.iter().copied().map(Right::Capability).collect();
        rights.extend(self.events.iter().copied().map(Right::Event));
        rights.extend(text(&self.commands, Right::Command));
        rights.extend(text(&self.topics, Right::Topic));
        rights.extend(text(&self.emits, Right::Emit));
        rights.extend(text(&self.readable_plugins, Right::Read));
        rights.extend(text(&self.http_hosts, Right::Host));
        rights
    }

    /// What of this the other does not have.
    pub fn beyond(&self, other: &Grant) -> Grant {
        self.rights().into_iter().filter(|right| !other.has(right)).collect()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a right away; answers whether it was there.
    pub fn revoke(&mut self, right: &Right) -> bool {
        match right {
            Right::Capability(capability) => self.capabilities.remove(capability),
            Right::Event(event) => self.events.remove(event),
            Right::Command(name) => self.commands.remove(name),
            Right::Topic(topic) => self.topics.remove(topic),
            Right::Emit(topic) => self.emits.remove(topic),
            Right::Read(plugin) => self.readable_plugins.remove(plugin),
            Right::Host(host) => self.http_hosts.remove(host),
        }
    }
}

impl Extend<Right> for Grant {
    fn extend<T: IntoIterator<Item = Right>>(&mut self, rights: T) {
        for right in rights {
            match right {
                Right::Capability(capability) => self.capabilities.insert(capability),
                Right::Event(event) => self.events.insert(event),
                Right::Command(name) => self.commands.insert(name),
                Right::Topic(topic) => self.topics.insert(topic),
                Right::Emit(topic) => self.emits.insert(topic),
                Right::Read(plugin) => self.readable_plugins.insert(plugin),
                Right::Host(host) => self.http_hosts.insert(host),
            };
        }
    }
}

impl FromIterator<Right> for Grant {
    fn from_iter<T: IntoIterator<Item = Right>>(rights: T) -> Self {
        let mut grant = Self::default();
        grant.extend(rights);
        grant
    }
}

/// One right, as it is written on a command line: `ban-members`, `event:message-create`, `host:api.example.org`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Right {
    /// To submit a kind of action.
    Capability(Capability),
    /// To be told of a kind of event.
    Event(EventKind),
    /// To have a command of this name.
    Command(String),
    /// To receive signals of a topic.
    Topic(String),
    /// To emit signals of a topic.
    Emit(String),
    /// To read a plugin's tables.
    Read(String),
    /// To ask a host.
    Host(String),
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(capability) => capability.serialize(formatter),
            Self::Event(event) => {
                formatter.write_str("event:")?;
                event.serialize(formatter)
            }
            Self::Command(name) => write!(formatter, "command:{name}"),
            Self::Topic(topic) => write!(formatter, "topic:{topic}"),
            Self::Emit(topic) => write!(formatter, "emit:{topic}"),
            Self::Read(plugin) => write!(formatter, "read:{plugin}"),
            Self::Host(host) => write!(formatter, "host:{host}"),
        }
    }
}

/// A text that names no right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is no right; write a capability such as send-messages, or event:KIND, command:NAME, topic:NAME, emit:NAME, \
     read:PLUGIN, host:NAME"
)]
pub struct UnknownRight(pub String);

impl FromStr for Right {
    type Err = UnknownRight;

    fn from_str(text: &str) -> Result<Self, UnknownRight> {
        fn word<'a>(word: &'a str) -> StrDeserializer<'a, WordError> {
            word.into_deserializer()
        }
        let unknown = |_| UnknownRight(text.to_owned());
        let Some((kind, name)) = text.split_once(':') else {
            return Capability::deserialize(word(text))
                .map(Self::Capability)
                .map_err(unknown);
        };
        let owned = name.to_owned();
        match kind {
            "event" => EventKind::deserialize(word(name)).map(Self::Event).map_err(unknown),
            "command" => Ok(Self::Command(owned)),
            "topic" => Ok(Self::Topic(owned)),
            "emit" => Ok(Self::Emit(owned)),
            "read" => Ok(Self::Read(owned)),
            "host" => Ok(Self::Host(owned)),
            _ => Err(UnknownRight(text.to_owned())),
        }
    }
}

/// The engine takes no command that is not a JSON object; one without a name is refused by Discord.
fn command_name(json: &str) -> String {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    serde_json::from_str(json).map_or_else(|_| String::new(), |Named { name }| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read_as_they_are_written() {
        for text in [
            "ban-members",
            "event:message-create",
            "command:strikes",
            "topic:mod-log.entry",
            "emit:mod-log.entry",
            "read:mod-log",
            "host:*.example.org",
        ] {
            let right: Right = text.parse().expect("a right");
            assert_eq!(right.to_string(), text);
        }
        let unknown = "ban-everybody".parse::<Right>().expect_err("no right");
        assert!(unknown.to_string().contains("\"ban-everybody\""));
        assert!("event:moon".parse::<Right>().is_err());
        assert!("moon:event".parse::<Right>().is_err());
    }

    #[test]
    fn what_a_newer_version_wants_beyond_the_grant_is_told_by_kind() {
        let granted: Grant = [Right::Capability(Capability::SendMessages)].into_iter().collect();
        let mut wants = granted.clone();
        assert!(wants.beyond(&granted).is_empty());
        wants.extend([
            Right::Capability(Capability::BanMembers),
            Right::Host("example.org".into()),
        ]);
        let wider: Grant = [Right::Host("*.example.org".into())].into_iter().collect();
        assert!(wider.has(&Right::Host("api.example.org".into())));
        assert!(!wider.has(&Right::Host("example.org".into())));
        let beyond: Vec<_> = wants.beyond(&granted).rights().iter().map(Right::to_string).collect();
        assert_eq!(beyond, ["ban-members", "host:example.org"]);
        assert!(wants.revoke(&Right::Capability(Capability::BanMembers)));
        assert!(!wants.revoke(&Right::Capability(Capability::BanMembers)));
    }
}
