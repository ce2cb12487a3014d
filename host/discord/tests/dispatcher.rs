//! Actions on their way to a simulation of Discord that limits and fails as Discord does.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_discord::{Dispatcher, DispatcherConfig, FlagExchange, HttpConfig, HttpExchange, Report, Rest, Settled};
use guildhall_model::{
    Action, ChannelId, GuildId, HttpMethod, MessageBody, MessageId, MessageLink, OutboxEntry, Outcome, Permission,
    SubmittedAction, TextFile, UserId,
};
use guildhall_sim::{RestFault, SimConfig, Simulation};
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const BOUND: Duration = Duration::from_secs(20);

struct Sending {
    simulation: Simulation,
    dispatcher: Dispatcher,
    reports: UnboundedReceiver<Report>,
    guild: GuildId,
    general: ChannelId,
    people: Vec<u64>,
    flags: Arc<Flagged>,
    next: i64,
}

/// Takes flags from the second try on.
#[derive(Default)]
struct Flagged(Mutex<Vec<(GuildId, UserId, String)>>);

impl FlagExchange for Flagged {
    fn flag<'flag>(
        &'flag self,
        guild: GuildId,
        user: UserId,
        reason: &'flag str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'flag>> {
        let mut tried = self.0.lock().unwrap();
        tried.push((guild, user, reason.to_owned()));
        let taken = if tried.len() > 1 { Ok(()) } else { Err("away".into()) };
        Box::pin(std::future::ready(taken))
    }
}

/// A host that never answers.
struct Silent;

impl HttpExchange for Silent {
    fn exchange<'request>(
        &'request self,
        _guild: GuildId,
        _plugin: &'request str,
        _request: &'request Action,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'request>> {
        Box::pin(std::future::pending())
    }
}

async fn sending(change: impl FnOnce(&mut SimConfig), per_second: Option<u32>) -> Sending {
    let mut config = SimConfig {
        global_limit: None,
        route_limits: false,
        ..SimConfig::default()
    };
    change(&mut config);
    let simulation = Simulation::start(config).await.unwrap();
    let rest = Rest::new(&simulation.token(), Some(&simulation.address().to_string())).unwrap();
    let (sender, reports) = unbounded_channel();
    let flags = Arc::new(Flagged::default());
    let limits = DispatcherConfig {
        flags: flags.clone(),
        global_per_second: per_second.and_then(NonZeroU32::new),
        concurrency: NonZeroUsize::new(1).unwrap(),
        permission: Permission::default(),
        http: HttpConfig {
            exchange: Arc::new(Silent),
            concurrency: NonZeroUsize::MIN,
            per_plugin: NonZeroUsize::MIN,
        },
    };
    let guild = simulation.guild_ids()[0];
    Sending {
        dispatcher: Dispatcher::start(Arc::new(rest), sender, limits),
        reports,
        guild: GuildId(guild),
        general: ChannelId(simulation.channel_id(guild, "general").unwrap()),
        people: simulation.people(guild),
        simulation,
        flags,
        next: 0,
    }
}

impl Sending {
    fn entry(&mut self, action: Action) -> OutboxEntry {
        self.next += 1;
        let submitted = SubmittedAction {
            action,
            reason: None,
            token: Some(self.next.to_string()),
        };
        OutboxEntry {
            id: self.next,
            plugin: "p".into(),
            committed_at: 1_700_000_000_000,
            submitted,
            nonce: format!("n{}", self.next),
            trace: Default::default(),
        }
    }

    fn message(&mut self, content: &str) -> OutboxEntry {
        let body = MessageBody {
            content: Some(content.into()),
            ..MessageBody::default()
        };
        self.entry(Action::SendMessage {
            channel: self.general,
            body,
        })
    }

    async fn settled(&mut self) -> Settled {
        let report = tokio::time::timeout(BOUND, self.reports.recv()).await;
        match report.expect("it is settled") {
            Some(Report::Settled(settled)) => settled,
            other => panic!("not settled: {other:?}"),
        }
    }

    fn routes(&self) -> Vec<String> {
        self.simulation
            .journal()
            .into_iter()
            .filter(|entry| entry.status < 300)
            .map(|entry| entry.route)
            .collect()
    }
}

#[tokio::test]
async fn moderation_leaves_before_logging_and_a_channels_order_is_kept() {
    let mut sending = sending(|_| {}, None).await;
    let user = UserId(sending.people[4]);
    let entries = vec![
        sending.message("one"),
        sending.message("two"),
        sending.entry(Action::Ban {
            user,
            delete_message_seconds: 0,
        }),
        sending.entry(Action::Unban { user }),
    ];
    sending.dispatcher.submit(sending.guild, entries);
    for _ in 0..4 {
        sending.settled().await;
    }
    let journal = sending.simulation.journal();
    assert_eq!(sending.routes(), ["ban", "unban", "send-message", "send-message"]);
    assert_eq!(
        (&journal[2].body["content"], &journal[3].body["content"]),
        (&"one".into(), &"two".into())
    );
}

#[tokio::test]
async fn a_flag_goes_to_the_exchange_until_it_is_taken_and_holds_nothing_up() {
    let mut sending = sending(|_| {}, None).await;
    let user = UserId(sending.people[4]);
    let reason = "spam".to_owned();
    let entries = vec![sending.entry(Action::FlagUser { user, reason }), sending.message("one")];
    sending.dispatcher.submit(sending.guild, entries);
    let first = sending.settled().await;
    assert_eq!(first.id, 2, "the message does not wait");
    let flagged = sending.settled().await;
    assert_eq!((flagged.id, flagged.outcome), (1, Outcome::Done));
    let tried = sending.flags.0.lock().unwrap().clone();
    assert_eq!(tried, vec![(sending.guild, user, "spam".to_owned()); 2]);
    assert_eq!(sending.routes(), ["send-message"]);
}

#[tokio::test]
async fn a_host_that_does_not_answer_holds_up_nothing_and_no_handoff() {
    let mut sending = sending(|_| {}, None).await;
    let request = Action::HttpRequest {
        method: HttpMethod::Get,
        url: "https://example.org/".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: 10_000,
    };
    let entries = vec![
        sending.entry(request.clone()),
        sending.entry(request),
        sending.message("one"),
    ];
    sending.dispatcher.submit(sending.guild, entries);
    assert_eq!(sending.settled().await.id, 3);
    assert_eq!(sending.dispatcher.unsettled(), 2);
    let released = async {
        match sending.reports.recv().await {
            Some(Report::Released(done)) => done.send(()).expect("somebody waits"),
            other => panic!("{other:?}"),
        }
    };
    tokio::join!(sending.dispatcher.release(sending.guild), released);
    assert_eq!(sending.dispatcher.unsettled(), 0, "they stay in the outbox");
}

#[tokio::test]
async fn threads_channels_files_and_direct_messages_are_made_as_discord_wants_them() {
    let mut sending = sending(|_| {}, None).await;
    let (channel, user) = (sending.general, UserId(sending.people[4]));
    let body = MessageBody {
        content: Some("hello".into()),
        ..MessageBody::default()
    };
    let with_file = MessageBody {
        files: vec![TextFile {
            name: "a.txt".into(),
            text: "line\r\n--line".into(),
        }],
        ..MessageBody::default()
    };
    let create = Action::CreateChannel {
        name: "trap".into(),
        parent: None,
        topic: Some("stay out".into()),
        only_for: None,
    };
    let thread = Action::CreateThread {
        channel,
        message: None,
        name: "about".into(),
        private: true,
        auto_archive_minutes: 60,
    };
    let entries = vec![
        sending.entry(create),
        sending.entry(thread),
        sending.entry(Action::SendDirectMessage { user, body }),
        sending.entry(Action::SendMessage {
            channel,
            body: with_file,
        }),
    ];
    sending.dispatcher.submit(sending.guild, entries);
    let mut outcomes = std::collections::BTreeMap::new();
    for _ in 0..4 {
        let settled = sending.settled().await;
        outcomes.insert(settled.id, settled.outcome);
    }
    let (Outcome::Channel(made), Outcome::Channel(thread)) = (&outcomes[&1], &outcomes[&2]) else {
        panic!("{outcomes:?}");
    };
    assert_eq!((made.name.as_str(), thread.kind), ("trap", 12));
    let (Outcome::Message(direct), Outcome::Message(message)) = (&outcomes[&3], &outcomes[&4]) else {
        panic!("{outcomes:?}");
    };
    assert_eq!(direct.content, "hello");
    assert_eq!(message.attachments[0].filename, "a.txt");
    let journal = sending.simulation.journal();
    let sent = journal.iter().rfind(|entry| entry.route == "send-message").unwrap();
    assert_eq!(sent.body["attachments"][0]["text"], "line\r\n--line");

    let (thread, message) = (thread.id, message.id);
    let forward = MessageBody {
        forward: Some(MessageLink { channel, message }),
        ..MessageBody::default()
    };
    let close = Action::EditThread {
        thread,
        archived: Some(true),
        locked: Some(true),
        name: None,
    };
    let entries = vec![
        sending.entry(Action::SendMessage { channel, body: forward }),
        sending.entry(Action::RemoveThreadMember { thread, user }),
        sending.entry(close),
        sending.entry(Action::FetchMessages {
            channel,
            before: None,
            limit: 5,
        }),
    ];
    sending.dispatcher.submit(sending.guild, entries);
    let mut fetched = Vec::new();
    for _ in 0..4 {
        match sending.settled().await.outcome {
            Outcome::Refused(refusal) => panic!("{refusal:?}"),
            Outcome::Messages(messages) => fetched = messages,
            _ => {}
        }
    }
    assert!(fetched.iter().any(|found| found.id == message));
}

#[tokio::test]
async fn what_was_asked_for_comes_back() {
    let mut sending = sending(|_| {}, None).await;
    let user = UserId(sending.people[4]);
    let thread = Action::CreateThread {
        channel: sending.general,
        message: None,
        name: "a thread".into(),
        private: true,
        auto_archive_minutes: 60,
    };
    let entries = vec![
        sending.entry(thread),
        sending.entry(Action::FetchMember { user }),
        sending.entry(Action::FetchAuditLog {
            action: None,
            executor: None,
            limit: 5,
        }),
        sending.entry(Action::Kick { user: UserId(1) }),
        sending.message("hello"),
    ];
    sending.dispatcher.submit(sending.guild, entries);
    for _ in 0..5 {
        match (sending.settled().await.outcome, sending.next) {
            (Outcome::Channel(channel), _) => assert_eq!((channel.name.as_str(), channel.kind), ("a thread", 12)),
            (Outcome::Member(member), _) => assert_eq!(member.user.id, user),
            (Outcome::AuditLog(entries), _) => assert!(entries.len() <= 1),
            (Outcome::Message(message), _) => assert_eq!(message.content, "hello"),
            // The member is not there, which is what a kick is for.
            (outcome, _) => assert_eq!(outcome, Outcome::Done),
        }
    }
}

#[tokio::test]
async fn a_failing_discord_is_asked_again_and_a_refusal_is_handed_back() {
    let mut sending = sending(|_| {}, None).await;
    sending.simulation.rest_fault(RestFault {
        status: 503,
        count: 2,
        ..RestFault::default()
    });
    let entry = sending.message("in the end");
    sending.dispatcher.submit(sending.guild, vec![entry]);
    assert!(matches!(sending.settled().await.outcome, Outcome::Message(_)));
    assert_eq!(
        sending
            .simulation
            .journal()
            .iter()
            .filter(|entry| entry.status == 503)
            .count(),
        2
    );

    let too_long = sending.message(&"x".repeat(2001));
    sending.dispatcher.submit(sending.guild, vec![too_long]);
    match sending.settled().await.outcome {
        Outcome::Refused(refusal) => assert_eq!((refusal.status, refusal.code), (400, 50_035)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_there_once() {
    let mut sending = sending(|_| {}, None).await;
    sending.simulation.rest_fault(RestFault {
        status: 0,
        after_applying: true,
        ..RestFault::default()
    });
    let entry = sending.message("once");
    sending.dispatcher.submit(sending.guild, vec![entry]);
    assert!(matches!(sending.settled().await.outcome, Outcome::Message(_)));
    let applied = sending
        .simulation
        .journal()
        .into_iter()
        .filter(|entry| entry.applied)
        .count();
    assert_eq!(applied, 1);
}

#[tokio::test]
async fn a_deletion_of_what_is_gone_is_done() {
    let mut sending = sending(|_| {}, None).await;
    let entry = sending.entry(Action::DeleteMessages {
        channel: sending.general,
        messages: vec![MessageId(1)],
    });
    sending.dispatcher.submit(sending.guild, vec![entry]);
    assert_eq!(sending.settled().await.outcome, Outcome::Done);
}

#[tokio::test]
async fn retry_after_is_obeyed_and_holds_no_other_channel_back() {
    let mut sending = sending(|_| {}, None).await;
    let wait = Duration::from_millis(700);
    sending.simulation.rest_fault(RestFault {
        status: 429,
        retry_after_ms: 700,
        path_contains: "messages".into(),
        ..RestFault::default()
    });
    let user = UserId(sending.people[4]);
    let (message, kick) = (sending.message("later"), sending.entry(Action::Kick { user }));
    let started = Instant::now();
    sending.dispatcher.submit(sending.guild, vec![message]);
    let limited = sending
        .simulation
        .wait_until(BOUND, |simulation| simulation.stats().rate_limited == 1)
        .await;
    assert!(limited);
    sending.dispatcher.submit(sending.guild, vec![kick]);
    assert_eq!(sending.settled().await.id, 2, "the kick did not wait");
    assert_eq!(sending.settled().await.id, 1);
    assert!(started.elapsed() >= wait);
}

#[tokio::test]
async fn limits_are_kept_before_discord_has_to_refuse() {
    let mut sending = sending(
        |config| {
            config.global_limit = Some(50);
            config.route_limits = true;
        },
        Some(45),
    )
    .await;
    let messages: Vec<_> = (0..8).map(|number| sending.message(&number.to_string())).collect();
    let kicks: Vec<_> = (0..60)
        .map(|number| {
            sending.entry(Action::Kick {
                user: UserId(number + 1),
            })
        })
        .collect();
    sending.dispatcher.submit(sending.guild, messages);
    sending.dispatcher.submit(sending.guild, kicks);
    for _ in 0..68 {
        sending.settled().await;
    }
    // The first answer of a route names its bucket: until then nothing is known of it.
    assert!(
        sending.simulation.stats().rate_limited <= 1,
        "{:?}",
        sending.simulation.stats()
    );
}

#[tokio::test]
async fn a_token_that_is_refused_stops_everything() {
    let mut sending = sending(|_| {}, None).await;
    sending.simulation.rest_fault(RestFault {
        status: 401,
        count: 1000,
        ..RestFault::default()
    });
    let entries = (0..5).map(|number| sending.message(&number.to_string())).collect();
    sending.dispatcher.submit(sending.guild, entries);
    assert!(
        sending
            .simulation
            .wait_until(BOUND, |simulation| simulation.stats().requests == 1)
            .await
    );
    assert_eq!(
        sending.dispatcher.drain(Duration::from_millis(300)).await,
        5,
        "they stay in the outbox"
    );
    assert_eq!(
        sending.simulation.stats().requests,
        1,
        "no request more than one counts against the bot"
    );
}
