//! Where `cargo xtask plugins` puts the components that it builds.

use std::path::PathBuf;

/// Every plugin of the moderation suite, by its component's name.
pub const SUITE: [&str; 13] = [
    "activity",
    "automod_log",
    "escalation",
    "force_ban",
    "honeypot",
    "message_log",
    "mod_actions",
    "mod_log",
    "onboarding",
    "reaction_roles_channel",
    "report",
    "spam_guard",
    "tickets",
];

/// A built component; panics where it was not built, as a test that needs it cannot go on.
pub fn built_plugin(name: &str) -> PathBuf {
    let wasm = target_directory().join("plugins").join(format!("{name}.wasm"));
    assert!(
        wasm.exists(),
        "{} is not there; `cargo xtask test` builds it",
        wasm.display()
    );
    wasm
}

/// Where cargo puts what it builds.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    )
}
