//! What the loaded plugins need of Discord: intents and commands. Both follow the plugins while the pod runs.

use guildhall_discord::{Intents, Rest, intents_for};
use guildhall_engine::PluginRegistry;
use guildhall_gateway::GuildHost;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Time between two looks at the plugins.
const LOOK: Duration = Duration::from_millis(500);

/// The intents for the plugins that run now.
pub(crate) fn intents(registry: &PluginRegistry<GuildHost>) -> Intents {
    let events: BTreeSet<_> = registry
        .current()
        .plugins
        .iter()
        .flat_map(|plugin| plugin.description().events.clone())
        .collect();
    intents_for(&events)
}

/// Tells Discord the plugins' commands, and the sessions their intents, now and whenever the plugins change.
pub(crate) async fn follow(registry: Arc<PluginRegistry<GuildHost>>, rest: Arc<Rest>, wanted: watch::Sender<Intents>) {
    let mut known = None;
    let mut told = None;
    loop {
        let generation = registry.generation();
        if known != Some(generation) {
            wanted.send_replace(intents(&registry));
            let commands = commands(&registry);
            if told.as_ref() != Some(&commands) {
                match rest.set_commands(&commands).await {
                    Ok(()) => {
                        tracing::info!(commands = commands.len(), "Discord knows the plugins' commands");
                        told = Some(commands);
                    }
                    Err(error) => {
                        tracing::error!(%error, "Discord did not take the plugins' commands; it is asked again");
                        tokio::time::sleep(LOOK * 20).await;
                        continue;
                    }
                }
            }
            known = Some(generation);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The engine has checked that each is a JSON object.
fn commands(registry: &PluginRegistry<GuildHost>) -> Vec<serde_json::Value> {
    let current = registry.current();
    let commands = current.plugins.iter().flat_map(|plugin| &plugin.description().commands);
    commands
        .filter_map(|command| serde_json::from_str(command).ok())
        .collect()
}
