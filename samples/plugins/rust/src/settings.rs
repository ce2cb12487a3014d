//! The settings of the guild.

use guildhall_sdk::{Context, Id, Member, SettingId};
use serde::Deserialize;

/// They fit the schema, and what is not set has its default: the host sees to both.
#[derive(Deserialize)]
pub struct Settings {
    pub keywords: Vec<String>,
    pub limit: u64,
    pub timeout_minutes: u64,
    pub forgive_hours: u64,
    log_channel: Option<SettingId>,
}

impl Settings {
    /// Where timeouts are noted: the plugin's own setting comes before the guild's.
    pub fn log_channel(&self, context: &Context) -> Option<Id> {
        self.log_channel
            .map(|SettingId(id)| id)
            .or(context.common().log_channel)
    }
}

/// Staff is never judged.
pub fn is_staff(context: &Context, member: &Member) -> bool {
    context
        .common()
        .moderator_role
        .is_some_and(|role| member.roles.contains(&role))
}
