//! A fleet of real processes: what a guild sees of a planned move, of forwarding, of a dead pod; how fast many guilds are
//! rebalanced, and how fast a change reaches every watcher.

use crate::figure::Figure;
use anyhow::{Context, Result, ensure};
use guildhall_config::{Changes, Database, Service, ServiceConfig};
use guildhall_fleet::{
    AssignmentState, AssignmentView, ClusterSecret, ConfigClient, GuildLoad, Heartbeat, Load, Registration, follow,
};
use guildhall_harness::{Fleet, FleetOptions, Postgres};
use guildhall_model::GuildId;
use guildhall_sim::{LoadConfig, SimConfig, Simulation};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Longer than anything that is measured here should take.
const BOUND: Duration = Duration::from_secs(120);
const MOVES: usize = 100;
const MOVED_BYTES: usize = 5_000_000;
const REBALANCED: usize = 1000;
const REBALANCED_BYTES: usize = 200_000;
const WATCHERS: usize = 50;
const WATCHED: u64 = 10_000;

/// What can be measured alone.
pub(crate) const PARTS: &[&str] = &["moves", "rebalance", "failover", "watch", "http"];

/// Measures and prints: one part, or all.
pub(crate) fn run(binary: &Path, plugins: &Path, part: Option<&str>, print: impl Fn(&Figure)) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    runtime.block_on(async {
        let mut sums = Vec::new();
        if wanted("moves") {
            sums.push(one_guild(binary, plugins, &print).await?);
        }
        if wanted("rebalance") {
            sums.push(rebalance(binary, plugins, &print).await?);
        }
        if wanted("failover") {
            sums.push(failover(binary, plugins, &print).await?);
        }
        if !sums.is_empty() {
            let lost: u64 = sums.iter().map(|(lost, _)| lost).sum();
            let duplicated: u64 = sums.iter().map(|(_, duplicated)| duplicated).sum();
            print(&figure("fleet.lost", lost as f64, "events"));
            print(&figure("fleet.duplicated", duplicated as f64, "events"));
        }
        if wanted("watch") {
            watchers(&print).await?;
        }
        if wanted("http") {
            let options = FleetOptions {
                http_pods: 2,
                plugins: ["honeypot", "tally"]
                    .map(|name| plugins.join(format!("{name}.wasm")))
                    .into(),
                ..options(binary, plugins, Vec::new())
            };
            crate::fleet_http::run(simulation(50).await?, options, &print).await?;
        }
        Ok(())
    })
}

pub(crate) fn figure(name: &str, value: f64, unit: &'static str) -> Figure {
    Figure {
        name: name.into(),
        value,
        unit,
        baseline: None,
    }
}

pub(crate) async fn simulation(guilds: usize) -> Result<Simulation> {
    Simulation::start(SimConfig {
        guilds,
        identify_period_ms: 0,
        global_limit: None,
        route_limits: false,
        compression: false,
        messages_kept: 64,
        ..SimConfig::default()
    })
    .await
}

pub(crate) fn options(binary: &Path, plugins: &Path, seeded: Vec<(u64, usize)>) -> FleetOptions {
    let plugin = |name: &str| -> PathBuf { plugins.join(format!("{name}.wasm")) };
    FleetOptions {
        binary: binary.to_owned(),
        plugins: vec![plugin("probe"), plugin("tally")],
        config_replicas: 2,
        gateways: 2,
        http_pods: 0,
        nginx: false,
        proxied: false,
        traces: None,
        lease_ms: 10_000,
        shards: 1,
        requests_per_second: 100_000,
        seeded,
        replicas: None,
    }
}

pub(crate) async fn wait(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + BOUND;
    while !is_so().await {
        ensure!(Instant::now() < deadline, "{what}: not within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Messages that are not in their guild's file, and those that are there twice.
pub(crate) async fn lost_and_duplicated(simulation: &Simulation, fleet: &Fleet) -> Result<(u64, u64)> {
    let messages = simulation.stats().events.get("MESSAGE_CREATE").copied().unwrap_or(0);
    // What is missing after the bound is lost.
    let tally = match fleet.wait_tally(messages).await {
        Ok(tally) => tally,
        Err(_) => fleet.tally().await?,
    };
    Ok((messages.saturating_sub(tally.messages), tally.repeated))
}

/// A message every 5 ms in every guild's turn, each answered by an action.
async fn steady_probes(simulation: &Simulation, count: u64) -> Result<()> {
    let load = LoadConfig {
        events_per_second: Some(200),
        events: count,
        probe_every: 1,
        uniform: true,
        reactions: 0,
        edits: 0,
        deletions: 0,
        joins: 0,
        raid_every: 0,
        seed: count,
    };
    simulation.run_load(load).await;
    wait("every probe is answered", async || simulation.latencies().waiting == 0).await
}

async fn move_and_wait(client: &ConfigClient, guild: GuildId, to: &str) -> Result<()> {
    client.move_guild(guild, to).await?;
    wait("the guild is there", async || {
        let now = client.guild(guild).await;
        now.is_ok_and(|now| now.state == AssignmentState::Active && now.pod.as_deref() == Some(to))
    })
    .await
}

/// Forwarding, and the pause of a planned move, as the guild sees both: from its message to the action about it.
async fn one_guild(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<(u64, u64)> {
    let simulation = simulation(1).await?;
    let id = simulation.guild_ids()[0];
    let fleet = Fleet::start(options(binary, plugins, vec![(id, MOVED_BYTES)]), &simulation).await?;
    let client = fleet.client()?;
    let guild = GuildId(id);
    wait("the guild is assigned", async || client.guild(guild).await.is_ok()).await?;
    let session = client.overview().await?.shards[0]
        .pod
        .clone()
        .context("a pod holds the session")?;
    let other = if session == "gateway-0" {
        "gateway-1"
    } else {
        "gateway-0"
    };
    let mut medians = Vec::new();
    for pod in [other, session.as_str(), other] {
        if client.guild(guild).await?.pod.as_deref() != Some(pod) {
            move_and_wait(&client, guild, pod).await?;
        }
        simulation.reset_latencies();
        steady_probes(&simulation, 400).await?;
        medians.push(simulation.latencies().p50_ms);
    }
    // The first stay only warms up.
    print(&Figure {
        baseline: Some(medians[1]),
        ..figure("fleet.event_forwarded_p50_ms", medians[2], "ms")
    });
    print(&figure("fleet.event_forward_ms", medians[2] - medians[1], "ms"));

    let mut pauses = Vec::new();
    for round in 0..MOVES {
        let to = if round % 2 == 0 { session.as_str() } else { other };
        simulation.reset_latencies();
        let (moved, probed) = tokio::join!(move_and_wait(&client, guild, to), steady_probes(&simulation, 40));
        moved?;
        probed?;
        // The longest wait of any message around the move.
        pauses.push(simulation.latencies().max_ms);
    }
    pauses.sort_by(f64::total_cmp);
    print(&figure("fleet.move_pause_p50_ms", pauses[MOVES / 2], "ms"));
    print(&figure("fleet.move_pause_p99_ms", pauses[MOVES * 99 / 100 - 1], "ms"));
    lost_and_duplicated(&simulation, &fleet).await
}

/// A third pod comes, and takes a third of a thousand guilds while events flow.
async fn rebalance(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<(u64, u64)> {
    let simulation = simulation(REBALANCED).await?;
    let seeded = simulation
        .guild_ids()
        .into_iter()
        .map(|guild| (guild, REBALANCED_BYTES));
    let mut fleet = Fleet::start(options(binary, plugins, seeded.collect()), &simulation).await?;
    let client = fleet.client()?;
    wait("all guilds are assigned", async || {
        client
            .assignments(None, 10_000)
            .await
            .is_ok_and(|page| page.guilds.len() == REBALANCED)
    })
    .await?;
    let load = simulation.run_load(LoadConfig {
        events_per_second: Some(500),
        events: 10_000,
        uniform: true,
        ..LoadConfig::default()
    });
    let moves = async {
        // What guilds cost is known when their pods have told it.
        wait("the pods have told their guilds' bytes", async || {
            let told = client.overview().await.map(|overview| overview.pods);
            told.is_ok_and(|pods| {
                let bytes: i64 = pods.iter().map(|pod| pod.load.bytes).sum();
                bytes >= (REBALANCED * REBALANCED_BYTES) as i64
            })
        })
        .await?;
        fleet.start_gateway("gateway-2")?;
        fleet.wait_ready("gateway-2").await?;
        let started = Instant::now();
        let planned = client.rebalance(false).await?;
        ensure!(
            planned.len() > REBALANCED / 10,
            "only {} moves are planned",
            planned.len()
        );
        wait("the third pod has its share", async || {
            let Ok(page) = client.assignments(None, 10_000).await else {
                return false;
            };
            let there = page
                .guilds
                .iter()
                .filter(|guild| guild.pod.as_deref() == Some("gateway-2"));
            there.count() >= planned.len()
        })
        .await?;
        Ok((started.elapsed(), planned.len()))
    };
    let (_, outcome) = tokio::join!(load, moves);
    let (took, moved) = outcome?;
    print(&figure("fleet.rebalance_1000_s", took.as_secs_f64(), "s"));
    print(&figure("fleet.rebalance_1000_moves", moved as f64, "guilds"));
    lost_and_duplicated(&simulation, &fleet).await
}

/// From a pod's death until events of all guilds, its own included, are answered again.
async fn failover(binary: &Path, plugins: &Path, print: &impl Fn(&Figure)) -> Result<(u64, u64)> {
    let simulation = simulation(50).await?;
    let mut fleet = Fleet::start(options(binary, plugins, Vec::new()), &simulation).await?;
    let client = fleet.client()?;
    wait("all guilds are assigned", async || {
        client
            .assignments(None, 100)
            .await
            .is_ok_and(|page| page.guilds.len() == 50)
    })
    .await?;
    let victim = client.overview().await?.shards[0]
        .pod
        .clone()
        .context("a pod holds the session")?;
    steady_probes(&simulation, 100).await?;
    let killed = Instant::now();
    fleet.kill(&victim)?;
    simulation.reset_latencies();
    // Nothing reaches any guild before the session is resumed: the first answer is the new holder's.
    steady_probes(&simulation, 50).await?;
    print(&figure("fleet.failover_s", killed.elapsed().as_secs_f64(), "s"));
    lost_and_duplicated(&simulation, &fleet).await
}

/// A change of one assignment among many, until the last of many watchers knows it.
async fn watchers(print: &impl Fn(&Figure)) -> Result<()> {
    let postgres = Postgres::start()?;
    let database = Database::open(&postgres.address(), 1).await?;
    let stop = CancellationToken::new();
    let changes = Changes::start(database.clone(), stop.clone()).await?;
    let service = Service::new(database, ServiceConfig::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, service.router(changes)).into_future());
    let secret = ClusterSecret::parse("the-secret-of-a-benchmark")?;
    let client = ConfigClient::new(std::slice::from_ref(&url), secret);
    for pod in 0..WATCHERS {
        service
            .register(&Registration {
                name: format!("pod-{pod}"),
                identity: format!("{pod}"),
                url: url.clone(),
                capacity: 1000,
                build: "bench".into(),
            })
            .await?;
    }
    for guild in 0..WATCHED {
        service.assign(GuildId((guild + 1) << 22)).await?;
    }
    let started = Instant::now();
    let page = client.assignments(None, 10_000).await?;
    ensure!(page.guilds.len() as u64 == WATCHED, "{} assignments", page.guilds.len());
    print(&figure(
        "fleet.assignments_10000_ms",
        started.elapsed().as_secs_f64() * 1000.0,
        "ms",
    ));
    let mut views = Vec::new();
    for _ in 0..WATCHERS {
        let view = Arc::new(AssignmentView::default());
        let (following, followed, until) = (view.clone(), client.clone(), stop.clone());
        tokio::spawn(async move { follow(&following, &followed, None, until).await });
        views.push(view);
    }
    let last = GuildId(WATCHED << 22);
    wait("every watcher has loaded", async || {
        views.iter().all(|view| view.guild(last).is_some())
    })
    .await?;
    // One change that all have seen says that their watches run.
    service.assign(GuildId((WATCHED + 1) << 22)).await?;
    let warm = GuildId((WATCHED + 1) << 22);
    wait("every watcher watches", async || {
        views.iter().all(|view| view.guild(warm).is_some())
    })
    .await?;
    let mut slowest = 0.0_f64;
    for round in 0..20 {
        let guild = GuildId((WATCHED + 2 + round) << 22);
        let started = Instant::now();
        service.assign(guild).await?;
        for view in &views {
            let mut revision = view.revision();
            while view.guild(guild).is_none() {
                tokio::time::timeout(BOUND, revision.changed()).await??;
            }
        }
        slowest = slowest.max(started.elapsed().as_secs_f64());
    }
    print(&figure("fleet.watch_s", slowest, "s"));
    print(&figure(
        "fleet.postgres_cpu_percent",
        postgres_load(&service, &postgres).await?,
        "%",
    ));
    stop.cancel();
    Ok(())
}

/// What all pods' heartbeats cost PostgreSQL, in hundredths of one core.
async fn postgres_load(service: &Service, postgres: &Postgres) -> Result<f64> {
    const MEASURED: Duration = Duration::from_secs(6);
    const BEAT: Duration = Duration::from_secs(3);
    let (started, before) = (Instant::now(), postgres.cpu_seconds()?);
    let guilds: Vec<_> = (0..WATCHED / WATCHERS as u64)
        .map(|guild| GuildLoad {
            guild: GuildId((guild + 1) << 22),
            events_per_second: 1.0,
            bytes: 200_000,
        })
        .collect();
    let mut beat = 0;
    while started.elapsed() < MEASURED {
        tokio::time::sleep_until((started + BEAT * beat / WATCHERS as u32).into()).await;
        let heartbeat = Heartbeat {
            incarnation: 1,
            load: Load::default(),
            guilds: guilds.clone(),
        };
        let pod = beat as usize % WATCHERS;
        service.heartbeat(&format!("pod-{pod}"), &heartbeat).await?;
        beat += 1;
    }
    Ok((postgres.cpu_seconds()? - before) / started.elapsed().as_secs_f64() * 100.0)
}
