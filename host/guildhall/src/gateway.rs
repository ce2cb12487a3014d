//! The gateway role: a pod of a fleet. It registers, follows the assignments, and hands everything over when it is
//! asked to end.

use crate::configuration::Configuration;
use crate::flags::Flags;
use crate::host::Host;
use crate::replication::{durability, replicate};
use crate::volume::{self, IDENTITY};
use crate::{needs, observability};
use anyhow::{Context, Result, bail};
use guildhall_discord::Dispatcher;
use guildhall_fleet::{AssignmentView, Grant, Lease, Listener, Patience, Registration, follow};
use guildhall_gateway::Router;
use guildhall_model::Permission;
use guildhall_pod::{
    Delivery, DeliveryConfig, GuildFiles, Internal, Loads, Membership, Owned, Ownership, Peers, ShardConfig, Shards,
};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A guild's file is sent within this time.
const PATIENCE: Patience = Patience {
    body: Duration::from_secs(60),
    closing: Duration::ZERO,
};
/// Between two looks at whether everything is handed over.
const LOOK: Duration = Duration::from_millis(50);

/// `guildhall gateway`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A TOML file; docs/configuration.md lists its keys.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Runs until SIGTERM or Ctrl-C, then hands everything over. Ends with an error when the pod's guilds were given to
/// others: a supervisor starts it again.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let configuration = Configuration::load(arguments.config.as_deref(), &serde_json::json!({}))?;
    configuration.check_pod()?;
    configuration.check_token()?;
    if configuration.cluster.pod.is_empty() {
        bail!("cluster.pod is empty: give this pod a name that no other one of the fleet has");
    }
    let stop = CancellationToken::new();
    tokio::spawn(observability::cancel_on_signal(stop.clone()));
    serve(configuration, stop).await
}

async fn serve(configuration: Configuration, stop: CancellationToken) -> Result<()> {
    let cluster = &configuration.cluster;
    let (name, client, secret) = (cluster.pod.clone(), cluster.client()?, cluster.secret()?);
    let metrics = observability::collect_metrics()?;
    let _traces = observability::export_traces(&configuration.tracing, &name)?;
    let _volume = volume::lock(&configuration.data)?;
    let lease = Lease::default();
    let holds = lease.clone();
    let replicas = configuration.replication.location()?;
    let permission = Permission::new(move || holds.is_valid());
    let flags = Flags::Fleet(client.clone());
    let host = Host::start(&configuration, permission, &[], replicas.as_ref(), flags).await?;
    let view = Arc::new(AssignmentView::default());
    let owned = Arc::new(Owned::default());
    let volumes = cluster.volumes.clone();
    let files = GuildFiles::new(&configuration.data, volumes, &name, configuration.store_limits())?;
    let peers = Peers::new(secret.clone())?;
    let loads = Arc::new(Loads::new(files.clone()));
    let background = CancellationToken::new();
    let durability = durability(&configuration, host.replicator.clone())?;
    let replicating = replicas
        .zip(durability.as_ref())
        .map(|(location, durability)| replicate(&configuration, &location, durability))
        .transpose()?;

    // Reachable before it registers: others may send at once.
    let listener = Listener::bind(cluster.listen)
        .with_context(|| format!("cluster.listen = \"{}\": the address cannot be used", cluster.listen))?;
    let url = cluster
        .url
        .clone()
        .unwrap_or_else(|| format!("http://{}", cluster.listen));
    let internal = guildhall_pod::router(
        Internal {
            pod: name.clone(),
            view: view.clone(),
            owned: owned.clone(),
            workers: host.workers.clone(),
            lease: lease.clone(),
            files: files.clone(),
            loads: loads.clone(),
            rest: host.rest.clone(),
            deferrals: host.deferrals.clone(),
            durability: durability.clone(),
        },
        secret,
    );
    // Past the end of intake others may still fetch what they need: it ends with the process.
    tokio::spawn(listener.serve(internal, PATIENCE, CancellationToken::new()));

    let registration = Registration {
        name: name.clone(),
        identity: identity(&configuration.data)?,
        url,
        capacity: cluster.capacity.get(),
        build: env!("CARGO_PKG_VERSION").into(),
    };
    let membership = Arc::new(Membership::join(client.clone(), &registration, lease.clone()).await?);
    let (following, followed, until) = (view.clone(), client.clone(), background.clone());
    tokio::spawn(async move { follow(&following, &followed, None, until).await });

    let delivery = Delivery::new(DeliveryConfig {
        pod: name.clone(),
        view: view.clone(),
        client: client.clone(),
        peers: peers.clone(),
        owned: owned.clone(),
        workers: host.workers.clone(),
        loads: loads.clone(),
        lease: lease.clone(),
        replicated: durability.is_some(),
    });
    if durability.is_some() {
        tokio::spawn(delivery.clone().confirm(background.clone()));
    }
    let ownership = Arc::new(Ownership {
        pod: name.clone(),
        view: view.clone(),
        owned,
        workers: host.workers.clone(),
        dispatcher: host.dispatcher.clone(),
        lease: lease.clone(),
        files,
        peers,
        client: client.clone(),
        loads: loads.clone(),
        durability,
        under_way: Mutex::default(),
    });
    tokio::spawn(ownership.clone().run(background.clone()));

    let (wanted, intents) = watch::channel(needs::intents(&host.registry));
    tokio::spawn(needs::follow(host.registry.clone(), host.rest.clone(), wanted));
    let shards = Arc::new(Shards::new(
        ShardConfig {
            pod: name,
            disk: format!("{} {}", registration.identity, guildhall_pod::boot_id()),
            token: configuration.discord.token.clone(),
            gateway: configuration
                .discord
                .gateway
                .clone()
                .unwrap_or_else(|| host.gateway.url.clone()),
            information: host.gateway.clone(),
            intents,
        },
        view.clone(),
        client,
        lease.clone(),
        Arc::new(Router::new(host.workers.clone(), Arc::new(delivery))),
        host.workers.committed().clone(),
    ));
    let (ready, standing) = (shards.clone(), lease.clone());
    let readiness = Arc::new(move || {
        if !standing.is_valid() {
            return Some("the pod has no valid lease".to_owned());
        }
        ready.not_ready()
    });
    let address = observability::serve(configuration.listen, metrics, readiness, CancellationToken::new()).await?;
    tracing::info!(%address, "health, readiness and metrics are served");

    let sessions_end = CancellationToken::new();
    let (running, until) = (shards.clone(), sessions_end.clone());
    let mut sessions = tokio::spawn(async move { running.run(until).await });
    tokio::spawn(follow_share(membership.grant(), host.dispatcher.clone()));
    let (waiting, workers) = (host.dispatcher.clone(), host.workers.clone());
    let beating = membership.keep(move || loads.take(waiting.unsettled(), &workers), background.clone());
    tokio::pin!(beating);
    tokio::select! {
        ended = &mut beating => {
            ended?;
            bail!("heartbeats ended");
        }
        ended = &mut sessions => {
            ended.context("the sessions ended by a panic")??;
            bail!("the sessions ended");
        }
        () = stop.cancelled() => {}
    }
    let bound = Duration::from_secs(configuration.cluster.hand_over_seconds);
    tokio::select! {
        ended = &mut beating => ended?,
        () = hand_over(&membership, &ownership, &shards, bound) => {}
    }
    sessions_end.cancel();
    sessions.await.context("the sessions ended by a panic")??;
    host.drain(Duration::from_secs(configuration.drain_seconds)).await;
    if let Some(replicating) = replicating {
        replicating.end().await;
    }
    background.cancel();
    if let Err(error) = membership.leave().await {
        tracing::warn!(%error, "the config service was not told; it finds out when the lease ends");
    }
    Ok(())
}

/// Waits until others have everything, within the bound.
async fn hand_over<D: guildhall_gateway::Destination>(
    membership: &Membership,
    ownership: &Ownership,
    shards: &Shards<D>,
    bound: Duration,
) {
    let deadline = Instant::now() + bound;
    while let Err(error) = membership.drain().await {
        tracing::warn!(%error, "the fleet cannot be asked to take over");
        if Instant::now() > deadline {
            return;
        }
        tokio::time::sleep(LOOK * 10).await;
    }
    while !(ownership.is_empty().await && shards.is_empty()) {
        if Instant::now() > deadline || !ownership.has_others() {
            tracing::warn!("not everything was handed over; it goes to others from this pod's volume");
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The bot's requests per second are shared by all pods.
async fn follow_share(mut grant: watch::Receiver<Grant>, dispatcher: Arc<Dispatcher>) {
    loop {
        let share = grant.borrow_and_update().requests_per_second;
        dispatcher.set_share(NonZeroU32::new(share).unwrap_or(NonZeroU32::MIN));
        if grant.changed().await.is_err() {
            return;
        }
    }
}

/// What the pod's volume is known by.
fn identity(data: &Path) -> Result<String> {
    let file = data.join(IDENTITY);
    if let Ok(known) = std::fs::read_to_string(&file) {
        return Ok(known.trim().to_owned());
    }
    let identity = format!("{:032x}", rand::random::<u128>());
    std::fs::write(&file, &identity).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(identity)
}
