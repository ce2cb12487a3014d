//! Whether what a plugin says of itself can be accepted.

use guildhall_model::{PluginDescription, SettingsChange, check_host_pattern, check_plugin_id};

/// Bytes of a topic.
const TOPIC_BYTES: usize = 100;

/// Says what is wrong, with the value, and what would be right.
pub(crate) fn check(description: &PluginDescription) -> Result<(), String> {
    check_plugin_id(&description.id)?;
    if let Err(error) = semver::Version::parse(&description.version) {
        return Err(format!(
            "version {:?} is not a semantic version ({error}); write it as 1.2.3",
            description.version
        ));
    }
    check_numbers("migration", description.migrations.iter().map(|step| step.version))?;
    check_numbers(
        "settings migration",
        description.settings_migrations.iter().map(|step| step.version),
    )?;
    for change in description.settings_migrations.iter().flat_map(|step| &step.changes) {
        match change {
            SettingsChange::Move { from, to } => check_pointer(from).and_then(|()| check_pointer(to))?,
            SettingsChange::Remove(place) => check_pointer(place)?,
        }
    }
    for timer in &description.timers {
        if timer.every_seconds == 0 {
            return Err(format!("timer {:?} fires every 0 seconds; the least is 1", timer.name));
        }
    }
    for command in &description.commands {
        if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(command) {
            return Err(format!("a command is not a JSON object: {error}"));
        }
    }
    for topic in &description.emits {
        if topic.is_empty() || topic.len() > TOPIC_BYTES || topic.contains(['*', '\n']) {
            return Err(format!(
                "topic {topic:?} cannot be emitted; a topic is a line of 1 to {TOPIC_BYTES} bytes without `*`"
            ));
        }
    }
    description
        .http_hosts
        .iter()
        .try_for_each(|host| check_host_pattern(host))
}

fn check_numbers(what: &str, versions: impl Iterator<Item = u32>) -> Result<(), String> {
    for (version, expected) in versions.zip(1..) {
        if version != expected {
            return Err(format!(
                "{what} {version} stands where {expected} is due; number them from 1 without gaps"
            ));
        }
    }
    Ok(())
}

/// A JSON Pointer (RFC 6901) to something within the settings.
fn check_pointer(pointer: &str) -> Result<(), String> {
    let mut tildes = pointer.split('~').skip(1);
    if pointer.starts_with('/') && tildes.all(|escaped| escaped.starts_with(['0', '1'])) {
        return Ok(());
    }
    Err(format!(
        "{pointer:?} is no JSON Pointer to a setting; write `/strikes/limit`, with `~1` for `/` and `~0` for `~`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall_model::{Migration, RecurringTimer, SettingsMigration};
    use std::collections::BTreeSet;

    fn described(change: impl FnOnce(&mut PluginDescription)) -> Result<(), String> {
        let mut description = PluginDescription {
            id: "spam-guard".into(),
            version: "1.2.3".into(),
            events: BTreeSet::new(),
            commands: vec![r#"{"name":"report"}"#.into()],
            settings_schema: "{}".into(),
            settings_migrations: Vec::new(),
            capabilities: BTreeSet::new(),
            migrations: vec![Migration {
                version: 1,
                sql: String::new(),
            }],
            timers: Vec::new(),
            topics: BTreeSet::new(),
            emits: BTreeSet::from(["spam-guard.seen".into()]),
            readable_plugins: BTreeSet::new(),
            http_hosts: BTreeSet::from(["*.example.org".into()]),
        };
        change(&mut description);
        check(&description)
    }

    #[test]
    fn a_sound_description_is_taken() {
        assert_eq!(described(|_| {}), Ok(()));
    }

    #[test]
    fn a_wrong_one_is_refused_with_the_value_and_what_would_be_right() {
        let refused = |change: fn(&mut PluginDescription), parts: [&str; 2]| {
            let reason = described(change).expect_err("it is wrong");
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        };
        refused(|wrong| wrong.id = "Spam".into(), ["\"Spam\"", "lower-case"]);
        refused(|wrong| wrong.id = "guildhall".into(), ["guildhall", "reserved"]);
        refused(|wrong| wrong.version = "1".into(), ["\"1\"", "1.2.3"]);
        refused(|wrong| wrong.migrations[0].version = 2, ["migration 2", "from 1"]);
        refused(|wrong| wrong.commands[0] = "report".into(), ["command", "JSON"]);
        refused(
            |wrong| {
                wrong.timers = vec![RecurringTimer {
                    name: "tick".into(),
                    every_seconds: 0,
                }]
            },
            ["\"tick\"", "least is 1"],
        );
        refused(
            |wrong| wrong.emits = BTreeSet::from(["a*".into()]),
            ["\"a*\"", "without `*`"],
        );
        refused(
            |wrong| wrong.http_hosts = BTreeSet::from(["https://example.org".into()]),
            ["https://example.org", "`example.org`"],
        );
    }

    #[test]
    fn settings_migrations_are_numbered_and_point_into_the_settings() {
        let with = |version, changes: Vec<SettingsChange>| {
            described(|description| description.settings_migrations = vec![SettingsMigration { version, changes }])
        };
        let moved = |from: &str, to: &str| SettingsChange::Move {
            from: from.into(),
            to: to.into(),
        };
        let sound = vec![
            moved("/limit", "/strikes/a~1b~0"),
            SettingsChange::Remove("/old/0".into()),
        ];
        assert_eq!(with(1, sound.clone()), Ok(()));
        let reason = with(2, sound).expect_err("numbered from 2");
        assert!(reason.contains("settings migration 2"), "{reason}");
        for wrong in [
            moved("limit", "/a"),
            moved("/a", ""),
            SettingsChange::Remove("/a~2".into()),
        ] {
            let reason = with(1, vec![wrong.clone()]).expect_err("no pointer");
            assert!(reason.contains("JSON Pointer"), "{wrong:?}: {reason}");
        }
    }
}
