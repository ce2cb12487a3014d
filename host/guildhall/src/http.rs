//! The HTTP role: a stateless pod for everybody outside of the cluster. It follows the assignments, and forwards.

use crate::configuration::Configuration;
use crate::observability;
use anyhow::{Context, Result, bail};
use guildhall_discord::HttpClient;
use guildhall_fleet::{AssignmentView, Listener, Patience, follow};
use guildhall_http::{DiscordUsers, Http, Interactions, Login, Owners, PublicKey};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A request may be held for a guild that moves, and is still answered at the end.
const PATIENCE: Patience = Patience {
    body: Duration::from_secs(60),
    closing: Duration::from_secs(20),
};
/// Deferred interactions that have no owner yet get so long at the end.
const FINISH: Duration = Duration::from_secs(20);

/// `guildhall http`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file; docs/configuration.md lists its keys.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let configuration = Configuration::load(arguments.config.as_deref(), &serde_json::json!({}))?;
    let (cluster, settings) = (&configuration.cluster, &configuration.http);
    let stop = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(stop.clone()));
    let metrics = observability::collect_metrics()?;
    let _traces = observability::export_traces(&configuration.tracing, &format!("http at {}", settings.listen))?;

    let client = cluster.client()?;
    let view = Arc::new(AssignmentView::default());
    let interactions = if settings.public_key.is_empty() {
        tracing::warn!("http.public_key is empty: interactions are not served");
        None
    } else {
        let key = PublicKey::parse(&settings.public_key).context("http.public_key")?;
        Some(Arc::new(Interactions::new(key)))
    };
    if settings.application_id.is_empty() || settings.client_secret.is_empty() {
        bail!(
            "nobody can sign in: set http.application_id, and DISCORD_CLIENT_SECRET to the application's OAuth2 secret"
        );
    }
    let discord = match &configuration.discord.rest {
        Some(plain_http) => format!("http://{plain_http}"),
        None => "https://discord.com".to_owned(),
    };
    let http = HttpClient::new()
        .map_err(anyhow::Error::msg)
        .context("TLS cannot be set up")?;
    let login = Login::new(
        http.clone(),
        &discord,
        &settings.url,
        &settings.application_id,
        &settings.client_secret,
    )
    .context("http.url")?;
    let router = guildhall_http::router(Http {
        owners: Owners::new(view.clone(), client.clone(), cluster.secret()?)?,
        interactions: interactions.clone(),
        login: Arc::new(login),
        users: Arc::new(DiscordUsers::new(http, &discord)),
        keys: settings.session_keys()?,
    });
    let listener = Listener::bind(settings.listen)
        .with_context(|| format!("http.listen = \"{}\": the address cannot be used", settings.listen))?;
    tracing::info!(address = %listener.address(), "the portal, the API and interactions are served");

    let known = view.revision();
    let readiness = Arc::new(move || (*known.borrow() == 0).then(|| "the assignments are not known yet".to_owned()));
    observability::serve(configuration.listen, metrics, readiness, CancellationToken::new()).await?;
    // Past the end of intake, deferred interactions still look for owners.
    let following = view.clone();
    tokio::spawn(async move { follow(&following, &client, None, CancellationToken::new()).await });
    listener
        .serve(router, PATIENCE, stop)
        .await
        .context("the listener ended")?;
    if let Some(interactions) = interactions
        && tokio::time::timeout(FINISH, interactions.finish()).await.is_err()
    {
        tracing::error!("deferred interactions found no owner before the end");
    }
    Ok(())
}
