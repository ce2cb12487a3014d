//! A scenario as it is written.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What it shows, in one sentence.
    pub about: String,
    /// Plugins that are called; none for that of the directory.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// A recording that happens before the steps, beside the scenario's file.
    pub(crate) recording: Option<PathBuf>,
    /// Which of its guilds; the first is 0.
    #[serde(default)]
    pub(crate) recorded_guild: usize,
    pub(crate) start: Option<String>,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, toml::Value>,
    pub(crate) common: Option<Common>,
    #[serde(default)]
    pub(crate) people: BTreeMap<String, PersonOptions>,
    pub(crate) bot_permissions: Option<u64>,
    /// Channels that only roles with the permission for all see.
    #[serde(default)]
    pub(crate) private: Vec<String>,
    pub(crate) rows: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) step: Vec<Step>,
}

impl Story {
    /// Reads it; the error names what is wrong and where.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("this is no scenario")
    }

    /// Reads a scenario's file.
    pub fn read(file: &Path) -> Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
        let mut story = Self::parse(&text).with_context(|| shown.to_string())?;
        if let Some(recording) = &mut story.recording {
            *recording = file.with_file_name(&*recording);
        }
        Ok(story)
    }
}

/// The settings that all plugins share, by names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Common {
    /// `false`: nothing is set.
    Unset(bool),
    Set(CommonNames),
}

impl Default for Common {
    fn default() -> Self {
        Self::Set(CommonNames::default())
    }
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CommonNames {
    pub(crate) moderator_role: Option<String>,
    pub(crate) restricted_role: Option<String>,
    pub(crate) log_channel: Option<String>,
    pub(crate) deletion_log_channel: Option<String>,
    pub(crate) quorum: Option<u32>,
    pub(crate) shares_flags: bool,
}

impl Default for CommonNames {
    fn default() -> Self {
        Self {
            moderator_role: Some("staff".into()),
            restricted_role: Some("restricted".into()),
            log_channel: Some("mod-log".into()),
            deletion_log_channel: Some("deletion-log".into()),
            quorum: None,
            shares_flags: false,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonOptions {
    pub(crate) account_age: Option<String>,
    pub(crate) joined: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) bot: bool,
}

/// One step. What is not given stays out of the text, too.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) after: Option<String>,
    pub(crate) message: Option<Message>,
    pub(crate) edit: Option<Edit>,
    pub(crate) embed: Option<LinkEmbed>,
    pub(crate) delete: Option<Delete>,
    pub(crate) delete_bulk: Option<DeleteBulk>,
    pub(crate) react: Option<React>,
    pub(crate) unreact: Option<React>,
    pub(crate) join: Option<String>,
    pub(crate) leave: Option<String>,
    pub(crate) ban: Option<String>,
    pub(crate) unban: Option<String>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) roles: Option<Roles>,
    pub(crate) automod: Option<Automod>,
    pub(crate) audit: Option<Audit>,
    pub(crate) command: Option<Command>,
    pub(crate) click: Option<Click>,
    pub(crate) submit: Option<Submit>,
    pub(crate) guild_create: Option<bool>,
    pub(crate) flagged: Option<Flagged>,
    pub(crate) refuse: Option<Refuse>,
    pub(crate) delete_channel: Option<String>,
    pub(crate) delete_role: Option<String>,
}

macro_rules! part {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty),* $(,)? })*) => {
        $(
            #[derive(Debug, Deserialize, Serialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $name { $($(#[$attribute])* pub(crate) $field: $kind),* }
        )*
    };
}

part! {
    Message {
        by: String, #[serde(rename = "in")] place: String, text: Option<String>, id: Option<String>,
        #[serde(default)] mentions: Vec<String>,
        #[serde(default)] mention_roles: Vec<String>,
        #[serde(default)] attachments: Vec<String>,
        #[serde(default)] embeds: Vec<BTreeMap<String, String>>,
        #[serde(default)] stickers: Vec<String>,
        reply_to: Option<String>, forwards: Option<Forwards>, poll: Option<Poll>, everyone: Option<bool>,
        kind: Option<u8>, webhook: Option<bool>,
    }
    Forwards { text: String, #[serde(default)] attachments: Vec<String> }
    Poll { question: String, answers: Vec<String> }
    Edit { message: String, text: String }
    LinkEmbed { message: String, title: String }
    Delete { message: String }
    DeleteBulk { messages: Vec<String> }
    React { by: String, message: String, emoji: String }
    Timeout { user: String, #[serde(rename = "for")] lasts: Option<String> }
    Roles { user: String, roles: Vec<String> }
    Automod {
        user: String, #[serde(rename = "in")] place: String, content: String, rule: Option<u64>, keyword: Option<String>,
        action: Option<u8>, message: Option<String>,
    }
    Audit {
        action: u16, by: Option<String>, target: Option<String>, reason: Option<String>, changes: Option<String>,
        options: Option<String>,
    }
    Command {
        by: String, #[serde(rename = "in")] place: Option<String>, name: String, subcommand: Option<String>,
        #[serde(default)] options: BTreeMap<String, toml::Value>,
        message: Option<String>, user: Option<String>,
    }
    Click {
        by: String, custom_id: String, message: Option<String>, #[serde(rename = "in")] place: Option<String>,
        #[serde(default)] values: Vec<String>,
    }
    Submit { by: String, custom_id: String, #[serde(rename = "in")] place: Option<String>, fields: BTreeMap<String, String> }
    Flagged { user: String, guilds: u32 }
    Refuse { action: String, status: u16, code: u32, message: String, times: Option<u32> }
}
