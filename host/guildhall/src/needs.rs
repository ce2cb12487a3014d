//! What the loaded plugins need of Discord: intents and commands. Both follow the plugins while the pod runs.

use guildhall_discord::{Intents, Rest, RestError, intents_for};
use guildhall_engine::PluginRegistry;
use guildhall_gateway::{GuildHost, PluginCommand, commands_of};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Time between two looks at the plugins.
const LOOK: Duration = Duration::from_millis(500);

/// The intents for the plugins that run now, those that are tried included.
pub(crate) fn intents(registry: &PluginRegistry<GuildHost>) -> Intents {
    intents_for(&registry.current().events)
}

/// Tells Discord the plugins' commands, and the sessions their intents, now and whenever the plugins change.
pub(crate) async fn follow(registry: Arc<PluginRegistry<GuildHost>>, rest: Arc<Rest>, wanted: watch::Sender<Intents>) {
    let mut known = None;
    let mut told = None;
    loop {
        let generation = registry.generation();
        if known != Some(generation) {
            wanted.send_replace(intents(&registry));
            let plugins = registry.current();
            let commands = commands_of(plugins.plugins.iter().map(|plugin| plugin.description()));
            if told.as_ref() != Some(&commands) {
                if let Err(error) = tell(&rest, &commands).await {
                    tracing::error!(%error, "Discord did not take the plugins' commands; it is asked again");
                    tokio::time::sleep(LOOK * 20).await;
                    continue;
                }
                told = Some(commands);
            }
            known = Some(generation);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Makes the commands at Discord those that are wanted. What it refuses for good is not asked for again until the plugins
/// change.
async fn tell(rest: &Rest, commands: &[PluginCommand]) -> Result<(), RestError> {
    let wanted: Vec<_> = commands
        .iter()
        .filter(|command| command.taken_by.is_none())
        .map(|command| &command.command)
        .collect();
    let changes = rest.set_commands(&wanted).await?;
    for command in commands {
        let (plugin, (_, name)) = (&command.plugin, command.key());
        if let Some(taken_by) = &command.taken_by {
            tracing::warn!(
                plugin,
                command = name,
                taken_by,
                "a plugin's command is left out: another plugin has one of this name"
            );
        } else if let Some((_, refusal)) = changes.refused.iter().find(|(key, _)| *key == command.key()) {
            let (code, reason) = (refusal.code, &refusal.message);
            tracing::error!(
                plugin,
                command = name,
                code,
                reason,
                "Discord refuses a plugin's command"
            );
        }
    }
    let (refused, registered) = (changes.refused.len(), wanted.len() - changes.refused.len());
    for (state, count) in [
        ("registered", registered),
        ("left_out", commands.len() - wanted.len()),
        ("refused", refused),
    ] {
        metrics::gauge!("guildhall_commands", "state" => state).set(count as f64);
    }
    let (created, edited, deleted) = (changes.created, changes.edited, changes.deleted);
    tracing::info!(
        commands = registered,
        created,
        edited,
        deleted,
        "Discord knows the plugins' commands"
    );
    Ok(())
}
