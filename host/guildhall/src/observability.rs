//! What people and Prometheus see of a running pod: logs, health, readiness, metrics.

use crate::configuration::Tracing;
use anyhow::{Context, Result};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use guildhall_fleet::{Listener, Patience};
use guildhall_trace::Exporter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Probes send no body, and are answered at once.
const PATIENCE: Patience = Patience {
    body: std::time::Duration::from_secs(1),
    closing: std::time::Duration::from_secs(1),
};

/// Answers why the pod is not ready; none when it is.
pub(crate) type Readiness = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Logs to standard error: `GUILDHALL_LOG` filters (without it as the command sees fit), `GUILDHALL_LOG_FORMAT=json` makes lines of JSON.
pub(crate) fn log_to_stderr(unless_asked: &str) {
    // The client of registries writes tokens into its debug lines.
    const NEVER: &str = "oci_client=warn";
    let wanted = std::env::var("GUILDHALL_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(format!("{wanted},{NEVER}"));
    let filter = match filter {
        Ok(filter) if !wanted.is_empty() => filter,
        _ => EnvFilter::new(format!("{unless_asked},{NEVER}")),
    };
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var("GUILDHALL_LOG_FORMAT").is_ok_and(|format| format == "json") {
        logs.json().init();
    } else {
        logs.init();
    }
}

/// Exports traces where a collector is configured, in the name of this pod, until the value is dropped.
pub(crate) fn export_traces(tracing: &Tracing, instance: &str) -> Result<Option<Exporter>> {
    let Some(endpoint) = &tracing.endpoint else {
        return Ok(None);
    };
    // Its client blocks, and must not be made on a thread of the async runtime.
    let exporter = std::thread::scope(|scope| {
        scope
            .spawn(|| guildhall_trace::export(endpoint, tracing.sample, instance))
            .join()
    });
    let exporter = exporter.map_err(|_| anyhow::anyhow!("the exporter of traces cannot be started"))?;
    Ok(Some(exporter.context("tracing.endpoint")?))
}

/// Collects the process's metrics from now on.
pub(crate) fn collect_metrics() -> Result<PrometheusHandle> {
    exporter()?.install_recorder().context("metrics cannot be collected")
}

/// Histograms have buckets: those of many pods can be added up.
fn exporter() -> Result<PrometheusBuilder> {
    // From a transaction to a request that is held for an owner, or a guild that is restored.
    const SECONDS: &[f64] = &[
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    const EVENTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
    // Whatever plugins observe.
    const VALUES: &[f64] = &[
        0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4, 1e5, 1e6,
    ];
    use metrics_exporter_prometheus::Matcher::{Full, Suffix};
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(Suffix("_seconds".into()), SECONDS)?
        .set_buckets_for_metric(Full("guildhall_batch_events".into()), EVENTS)?
        .set_buckets_for_metric(Full("guildhall_plugin_value".into()), VALUES)?)
}

/// Serves `/healthz`, `/readyz` and `/metrics` until it is told to stop; answers the address.
pub(crate) async fn serve(
    listen: SocketAddr,
    metrics: PrometheusHandle,
    readiness: Readiness,
    stop: CancellationToken,
) -> Result<SocketAddr> {
    serve_with(Router::new(), listen, metrics, readiness, stop).await
}

/// The same, and what the role has besides.
pub(crate) async fn serve_with(
    more: Router,
    listen: SocketAddr,
    metrics: PrometheusHandle,
    readiness: Readiness,
    stop: CancellationToken,
) -> Result<SocketAddr> {
    let ready = move || async move {
        match readiness() {
            None => (StatusCode::OK, "ready\n".to_owned()),
            Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        }
    };
    let upkeep = metrics.clone();
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || async move { metrics.render() }))
        .merge(more);
    let listener = Listener::bind(listen)
        .with_context(|| format!("listen = \"{listen}\": the address cannot be used; is another pod running there?"))?;
    let address = listener.address();
    tokio::spawn(async move {
        if let Err(error) = listener.serve(app, PATIENCE, stop).await {
            tracing::error!(%error, "the health endpoint ended");
        }
    });
    tokio::spawn(async move {
        // Histograms grow until they are drained, scraped or not.
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(address)
}

/// Cancels when the process is asked to end: SIGTERM, or Ctrl-C.
pub(crate) async fn cancel_on_signal(stop: CancellationToken) {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be listened for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: intake ends, what is under way is finished");
    stop.cancel();
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_alerted_on_can_be_added_up_and_begins_at_zero() {
        let recorder = super::exporter().expect("the buckets are right").build_recorder();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("guildhall_some_seconds").record(0.3);
            metrics::counter!("guildhall_some_total").increment(0);
        });
        let rendered = recorder.handle().render();
        assert!(
            rendered.contains("guildhall_some_seconds_bucket{le=\"0.5\"} 1"),
            "{rendered}"
        );
        assert!(rendered.contains("guildhall_some_total 0"), "{rendered}");
    }
}
