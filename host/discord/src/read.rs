//! Discord's objects as JSON values, read as the host reads them from REST.

use crate::decode;
use guildhall_model::{AuditLogEntry, Channel, Member, Message};
use serde_json::Value;

/// A message.
pub fn message(json: &Value) -> serde_json::Result<Message> {
    decode::message(json.to_string().as_bytes())
}

/// A channel or thread.
pub fn channel(json: &Value) -> serde_json::Result<Channel> {
    decode::channel(json.to_string().as_bytes())
}

/// A member.
pub fn member(json: &Value) -> serde_json::Result<Member> {
    decode::member(json.to_string().as_bytes())
}

/// The entries of an audit log.
pub fn audit_log(json: &Value) -> serde_json::Result<Vec<AuditLogEntry>> {
    decode::audit_log(json.to_string().as_bytes())
}
