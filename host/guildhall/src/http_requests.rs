//! Plugins' requests to other hosts: which hosts each may ask is what it was granted, looked up when the request leaves.

use crate::configuration::HttpRequests;
use anyhow::{Context, Result};
use guildhall_discord::{HttpConfig, HttpExchange};
use guildhall_engine::PluginRegistry;
use guildhall_gateway::GuildHost;
use guildhall_model::{Action, GuildId, HttpResponse, Outcome};
use guildhall_outbound::{Failure, Outbound, Request};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct PluginRequests {
    registry: Arc<PluginRegistry<GuildHost>>,
    outbound: Outbound,
}

/// How the dispatcher has requests carried out.
pub(crate) fn http_config(
    configuration: &HttpRequests,
    registry: Arc<PluginRegistry<GuildHost>>,
) -> Result<HttpConfig> {
    if !configuration.development_addresses.is_empty() {
        let hosts: Vec<_> = configuration.development_addresses.keys().collect();
        tracing::warn!(
            ?hosts,
            "http_requests.development_addresses is set: plugins reach private addresses under these names"
        );
    }
    let outbound = Outbound::new(&configuration.outbound()).context("http_requests")?;
    Ok(HttpConfig {
        exchange: Arc::new(PluginRequests { registry, outbound }),
        concurrency: configuration.concurrent,
        per_plugin: configuration.concurrent_per_plugin,
    })
}

impl HttpExchange for PluginRequests {
    fn exchange<'request>(
        &'request self,
        guild: GuildId,
        plugin: &'request str,
        request: &'request Action,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'request>> {
        Box::pin(async move {
            let started = Instant::now();
            let answer = self.ask(plugin, request).await;
            let result = match &answer {
                Ok(_) => "answered",
                Err(Failure::Refused(_)) => "refused",
                Err(Failure::NoAnswer(_)) => "failed",
            };
            metrics::counter!("guildhall_plugin_requests_total", "plugin" => plugin.to_owned(), "result" => result)
                .increment(1);
            metrics::histogram!("guildhall_plugin_request_seconds").record(started.elapsed());
            match answer {
                Ok(response) => Outcome::HttpResponse(response),
                Err(Failure::Refused(reason)) => {
                    tracing::warn!(%guild, plugin, reason, "a plugin's HTTP request was refused");
                    Outcome::Failed(reason)
                }
                Err(Failure::NoAnswer(reason)) => {
                    tracing::info!(%guild, plugin, reason, "a plugin's HTTP request has no answer");
                    Outcome::Failed(reason)
                }
            }
        })
    }
}

impl PluginRequests {
    async fn ask(&self, plugin: &str, request: &Action) -> Result<HttpResponse, Failure> {
        let Action::HttpRequest {
            method,
            url,
            headers,
            body,
            timeout_ms,
        } = request
        else {
            return Err(Failure::Refused("this action is no HTTP request".into()));
        };
        let current = self.registry.current();
        let Some(deployment) = current.deployments.iter().find(|known| known.id() == plugin) else {
            return Err(Failure::Refused("the plugin does not run any more".into()));
        };
        // While an update is tried, either version may have asked.
        let hosts = deployment.versions.iter().flat_map(|version| version.http_hosts());
        let hosts: BTreeSet<_> = hosts.cloned().collect();
        let request = Request {
            method: *method,
            url,
            headers,
            body,
            timeout: Duration::from_millis((*timeout_ms).into()),
        };
        self.outbound.send(&hosts, &request).await
    }
}
