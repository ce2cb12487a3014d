//! The contract's generated types from and to the host's words, and what an earlier version says in others; no logic but what
//! the contract promises of an action's shape.

mod action;
mod description;
mod event;
mod http;
pub(crate) mod v0_1;

pub(crate) use action::{check_action, text_bytes};
pub(crate) use http::host_of;
