//! The contract's generated types from and to the host's words. One of these per supported contract version;
//! no logic but what the contract promises of an action's shape.

mod action;
mod description;
mod event;

pub(crate) use action::{check_action, text_bytes};
