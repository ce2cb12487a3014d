//! A session's bad moments, against a simulation of Discord: each of twilight's traps has its test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_discord::{
    Frame, FrameSink, IdentifyPace, Intents, Rest, ResumePoint, SessionConfig, SessionEnd, run_session,
};
use guildhall_sim::{SimConfig, Simulation};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BOUND: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Collected {
    /// Name and sequence of every dispatch.
    frames: Mutex<Vec<(String, u64)>>,
    connected: AtomicUsize,
}

impl FrameSink for Collected {
    async fn accept(&self, _: &Arc<str>, frame: Frame) {
        self.frames.lock().unwrap().push((frame.name, frame.sequence));
    }
    fn connected(&self, _: u32, _: &ResumePoint) {
        self.connected.fetch_add(1, Ordering::SeqCst);
    }
    fn disconnected(&self, _: u32) {}
}

struct Running {
    simulation: Simulation,
    sink: Arc<Collected>,
    stop: CancellationToken,
    session: JoinHandle<SessionEnd>,
}

async fn simulation() -> Simulation {
    let config = SimConfig {
        guilds: 1,
        identify_period_ms: 0,
        ..SimConfig::default()
    };
    Simulation::start(config).await.unwrap()
}

async fn run(simulation: Simulation, resume: Option<ResumePoint>) -> Running {
    let rest = Rest::new(&simulation.token(), Some(&simulation.address().to_string())).unwrap();
    let information = rest.gateway_information().await.unwrap();
    let config = SessionConfig {
        token: simulation.token(),
        shard: 0,
        shard_count: 1,
        intents: Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::MESSAGE_CONTENT,
        gateway: information.url.clone(),
        resume,
        pace: IdentifyPace::with_period(&information.session_start_limit, Duration::ZERO),
        invalid_session_pause: (Duration::from_millis(20), Duration::from_millis(50)),
    };
    let (sink, stop) = (Arc::new(Collected::default()), CancellationToken::new());
    let session = tokio::spawn(run_session(config, sink.clone(), stop.clone()));
    let running = Running {
        simulation,
        sink,
        stop,
        session,
    };
    running
        .wait("the connection", |running| {
            running.sink.connected.load(Ordering::SeqCst) >= 1
        })
        .await;
    running
}

impl Running {
    async fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let there = self.simulation.wait_until(BOUND, |_| holds(self)).await;
        assert!(
            there,
            "{what} never came: {:?}, {:?}",
            self.simulation.stats(),
            self.sink.frames.lock().unwrap()
        );
    }

    fn say(&self) {
        let guild = self.simulation.guild_ids()[0];
        let channel = self.simulation.channel_id(guild, "general").unwrap();
        self.simulation
            .send_message(guild, channel, self.simulation.people(guild)[3], "hello");
    }

    fn messages(&self) -> Vec<u64> {
        let frames = self.sink.frames.lock().unwrap();
        frames
            .iter()
            .filter(|(name, _)| name == "MESSAGE_CREATE")
            .map(|(_, sequence)| *sequence)
            .collect()
    }

    async fn says(&self, times: usize) {
        let before = self.messages().len();
        for _ in 0..times {
            self.say();
        }
        self.wait("the messages", |running| running.messages().len() >= before + times)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_so_that_the_next_process_can_resume_it() {
    let running = run(simulation().await, None).await;
    running.says(2).await;
    running.stop.cancel();
    let SessionEnd::Stopped(Some(point)) = running.session.await.unwrap() else {
        panic!("it was told to stop")
    };
    // READY, one GUILD_CREATE, two messages.
    assert_eq!(point.sequence, 4);
    let guild = running.simulation.guild_ids()[0];
    let channel = running.simulation.channel_id(guild, "general").unwrap();
    running
        .simulation
        .send_message(guild, channel, running.simulation.people(guild)[3], "in between");

    let resumed = run(running.simulation, Some(ResumePoint { sequence: 3, ..point })).await;
    resumed.wait("the replay", |running| running.messages() == [4, 5]).await;
    assert_eq!(
        (
            resumed.simulation.stats().identifies,
            resumed.simulation.stats().resumes
        ),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sequence_is_read_from_the_top_of_the_frame_and_not_from_within() {
    let running = run(simulation().await, None).await;
    running.says(3).await;
    // In another order of keys, with an inner `s` that twilight takes for the sequence.
    running
        .simulation
        .send_raw(r#"{"op":0,"d":{"s":1,"op":3,"guild_id":"1"},"s":5,"t":"TYPING_START"}"#);
    running
        .wait("the frame", |running| {
            running
                .sink
                .frames
                .lock()
                .unwrap()
                .iter()
                .any(|(name, _)| name == "TYPING_START")
        })
        .await;
    running.simulation.drop_connections();
    running
        .wait("the resume", |running| running.simulation.stats().resumes == 1)
        .await;
    running.says(1).await;
    assert_eq!(
        running.messages(),
        [3, 4, 5, 7],
        "nothing was replayed: the session went on from 5"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_without_a_sequence_says_that_the_session_goes_on() {
    let running = run(simulation().await, None).await;
    running
        .simulation
        .send_raw(r#"{"t":"RESUMED","s":null,"op":0,"d":{"_trace":[]}}"#);
    running
        .wait("the sign", |running| running.sink.connected.load(Ordering::SeqCst) == 2)
        .await;
    running.says(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_that_discord_refuses_is_given_up_and_not_repeated() {
    let running = run(simulation().await, None).await;
    running.stop.cancel();
    let SessionEnd::Stopped(Some(point)) = running.session.await.unwrap() else {
        panic!("it was told to stop")
    };
    let again = run(
        running.simulation,
        Some(ResumePoint {
            sequence: 1000,
            ..point
        }),
    )
    .await;
    let stats = again.simulation.stats();
    assert_eq!(
        (stats.identifies, stats.resumes),
        (2, 0),
        "one new session, after no more than two tries"
    );
    again.says(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_timed_out_is_followed_by_a_new_one() {
    let running = run(simulation().await, None).await;
    running.simulation.close_connections(4009);
    running
        .wait("the new session", |running| {
            running.sink.connected.load(Ordering::SeqCst) == 2
        })
        .await;
    assert_eq!(running.simulation.stats().identifies, 2);
    running.says(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_session_is_resumed_or_replaced_once() {
    let running = run(simulation().await, None).await;
    running.simulation.invalidate_sessions(true);
    running
        .wait("the resume", |running| running.simulation.stats().resumes == 1)
        .await;
    running.simulation.invalidate_sessions(false);
    running
        .wait("the new session", |running| running.simulation.stats().identifies == 2)
        .await;
    running.says(1).await;
    assert_eq!(running.simulation.stats().identifies, 2, "and not one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_lose_a_connection_ends_in_a_resume() {
    let running = run(simulation().await, None).await;
    running.says(1).await;
    for (round, lose) in (1..).zip([
        (|simulation| simulation.drop_connections()) as fn(&Simulation),
        |simulation| simulation.request_reconnect(),
        |simulation| simulation.close_connections(4000),
        |simulation| {
            simulation.reconnect_before_hello(1);
            simulation.drop_connections();
        },
    ]) {
        lose(&running.simulation);
        running
            .wait("the resume", |running| running.simulation.stats().resumes >= round)
            .await;
        running.says(1).await;
    }
    let messages = running.messages();
    assert_eq!(messages.len(), 5, "each once: {messages:?}");
    assert_eq!(running.simulation.stats().identifies, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_session_with_what_to_change() {
    let running = run(simulation().await, None).await;
    running.simulation.close_connections(4014);
    match running.session.await.unwrap() {
        SessionEnd::Refused { code, fix } => {
            assert_eq!(code, 4014);
            assert!(fix.contains("developer portal"), "{fix}");
        }
        stopped @ SessionEnd::Stopped(_) => panic!("{stopped:?}"),
    }
}
