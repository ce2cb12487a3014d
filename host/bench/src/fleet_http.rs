//! What somebody outside waits for: the guilds' API and interactions through an HTTP pod, at a steady rate; and the API
//! asked of the owner directly, as the baseline of what forwarding adds.

use crate::figure::Figure;
use anyhow::{Context, Result, ensure};
use guildhall_fleet::EPOCH;
use guildhall_harness::{Fleet, FleetOptions, Visitor};
use guildhall_sim::Simulation;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const PER_SECOND: u32 = 500;
const REQUESTS: u32 = 5_000;
/// Guilds that are asked about, each by its owner.
const ASKED: usize = 20;

/// Milliseconds, sorted.
struct Latencies(Vec<f64>);

impl Latencies {
    fn percentile(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

/// Starts a request every `1 / PER_SECOND`, whether or not those before are answered; a latency counts from when the
/// request was due.
async fn steadily<F: Future<Output = Result<()>> + Send + 'static>(request: impl Fn(usize) -> F) -> Result<Latencies> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..REQUESTS {
        let due = started + Duration::from_secs(1) * number / PER_SECOND;
        tokio::time::sleep_until(due.into()).await;
        let request = request(number as usize);
        running.spawn(async move {
            request.await?;
            anyhow::Ok(due.elapsed().as_secs_f64() * 1000.0)
        });
    }
    let mut latencies = Vec::new();
    while let Some(finished) = running.join_next().await {
        latencies.push(finished??);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(Latencies(latencies))
}

/// Measures and prints.
pub(crate) async fn run(simulation: Simulation, options: FleetOptions, print: &impl Fn(&Figure)) -> Result<()> {
    let simulation = Arc::new(simulation);
    let fleet = Fleet::start(options, &simulation).await?;
    let client = fleet.client()?;
    let guilds: Vec<u64> = simulation.guild_ids().into_iter().take(ASKED).collect();
    let mut asked = Vec::new();
    for guild in &guilds {
        let assignment = client.assign(guildhall_model::GuildId(*guild)).await?;
        let visitor = fleet
            .visitor(simulation.owner(*guild).context("a guild has an owner")?)
            .await?;
        asked.push((visitor, format!("/api/guilds/{guild}"), assignment));
    }
    let asked: Arc<[(Visitor, String, _)]> = asked.into();
    let get = |number: usize| {
        let asked = asked.clone();
        async move {
            let (visitor, path, _) = &asked[number % asked.len()];
            let answer = visitor.get(path).await?;
            ensure!(answer.status().is_success(), "{path}: {}", answer.status());
            answer.bytes().await?;
            Ok(())
        }
    };
    // The first round opens connections and files.
    steadily(get).await?;
    let forwarded = steadily(get).await?;

    let pods = client.overview().await?.pods;
    let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build()?;
    let secret = fleet.secret().to_owned();
    let direct = |number: usize| {
        let (_, _, assignment) = &asked[number % asked.len()];
        let pod = pods.iter().find(|pod| Some(&pod.name) == assignment.pod.as_ref());
        let url = pod.map(|pod| pod.url.clone()).unwrap_or_default();
        let request = http
            .get(format!("{url}/internal/v1/guilds/{}/api", assignment.guild))
            .bearer_auth(&secret)
            .header(EPOCH, assignment.epoch);
        async move {
            let answer = request.send().await?.error_for_status()?;
            answer.bytes().await?;
            Ok(())
        }
    };
    let direct = steadily(direct).await?;

    let url = format!("{}/interactions", fleet.public()[0]);
    let poster = reqwest::Client::builder().no_proxy().build()?;
    let both = |number: usize| {
        let (get, poster, url, simulation) = (get(number), poster.clone(), url.clone(), simulation.clone());
        let guild = guilds[number % guilds.len()];
        async move {
            if number.is_multiple_of(2) {
                return get.await;
            }
            let member = simulation.people(guild)[1];
            let channel = simulation.channel_id(guild, "general").context("a channel")?;
            let command = json!({ "id": "1", "name": "honeypot-setup", "options": [] });
            let signed = simulation.signed_interaction((guild, channel, member), 2, &command);
            let request = signed
                .headers
                .into_iter()
                .fold(poster.post(url), |request, (name, value)| request.header(name, value));
            let answer = request.body(signed.body).send().await?.error_for_status()?;
            let answer: serde_json::Value = answer.json().await?;
            ensure!(answer["type"] == 4, "an interaction was deferred: {answer}");
            Ok(())
        }
    };
    let both = steadily(both).await?;
    let figure = |name: &str, value: f64, baseline: Option<f64>| Figure {
        name: name.into(),
        value,
        unit: "ms",
        baseline,
    };
    print(&figure(
        "fleet.http_p50_ms",
        forwarded.percentile(0.5),
        Some(direct.percentile(0.5)),
    ));
    print(&figure(
        "fleet.forward_overhead_ms",
        forwarded.percentile(0.5) - direct.percentile(0.5),
        None,
    ));
    print(&figure("fleet.http_p95_ms", both.percentile(0.95), None));
    print(&figure("fleet.http_p99_ms", both.percentile(0.99), None));
    Ok(())
}
