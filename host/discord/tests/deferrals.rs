//! Interactions that no plugin answers in time, at a simulation that holds Discord's deadlines.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use guildhall_discord::{
    DeferralConfig, Deferrals, Dispatcher, DispatcherConfig, FlagExchange, Frame, HttpConfig, HttpExchange, Report,
    Rest, Settled,
};
use guildhall_model::{Action, GuildId, InteractionId, OutboxEntry, Outcome, Permission, SubmittedAction, UserId};
use guildhall_sim::{JournalEntry, RestFault, SimConfig, Simulation};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const BOUND: Duration = Duration::from_secs(20);
/// Discord, Interaction Types.
const COMMAND: u8 = 2;
const COMPONENT: u8 = 3;
const SUGGESTIONS: u8 = 4;
const MODAL: u8 = 5;

struct Nothing;

impl FlagExchange for Nothing {
    fn flag<'flag>(
        &'flag self,
        _guild: GuildId,
        _user: UserId,
        _reason: &'flag str,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'flag>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl HttpExchange for Nothing {
    fn exchange<'request>(
        &'request self,
        _guild: GuildId,
        _plugin: &'request str,
        _request: &'request Action,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'request>> {
        Box::pin(std::future::ready(Outcome::Done))
    }
}

struct Host {
    simulation: Simulation,
    dispatcher: Dispatcher,
    reports: UnboundedReceiver<Report>,
    deferrals: Deferrals,
    guild: u64,
    next: i64,
}

/// Defers after this time, and gives up after that.
async fn host(after: Duration, give_up: Duration) -> Host {
    let config = SimConfig {
        global_limit: None,
        route_limits: false,
        ..SimConfig::default()
    };
    let simulation = Simulation::start(config).await.unwrap();
    let rest = Arc::new(Rest::new(&simulation.token(), Some(&simulation.address().to_string())).unwrap());
    let (sender, reports) = unbounded_channel();
    let config = DispatcherConfig {
        global_per_second: None,
        concurrency: NonZeroUsize::new(4).unwrap(),
        permission: Permission::default(),
        flags: Arc::new(Nothing),
        http: HttpConfig {
            exchange: Arc::new(Nothing),
            concurrency: NonZeroUsize::MIN,
            per_plugin: NonZeroUsize::MIN,
        },
    };
    let deferring = DeferralConfig {
        give_up,
        ..DeferralConfig::new(Some(after), Permission::default())
    };
    Host {
        guild: simulation.guild_ids()[0],
        dispatcher: Dispatcher::start(rest.clone(), sender, config),
        deferrals: Deferrals::new(rest, deferring),
        reports,
        simulation,
        next: 0,
    }
}

impl Host {
    /// Somebody uses something; the host receives it.
    fn used(&self, kind: u8) -> Value {
        let (channel, user) = (
            self.simulation.channel_id(self.guild, "general").unwrap(),
            self.simulation.people(self.guild)[4],
        );
        let data = json!({ "name": "report", "custom_id": "x" });
        let interaction = self
            .simulation
            .dispatch_interaction(self.guild, channel, user, kind, &data);
        let text = json!({ "t": "INTERACTION_CREATE", "s": 1, "op": 0, "d": interaction }).to_string();
        self.deferrals
            .received(&Frame::parse(text).unwrap().unwrap(), Duration::ZERO);
        interaction
    }

    async fn answer(&mut self, interaction: &Value, kind: u8, content: &str) -> Settled {
        self.next += 1;
        let action = Action::Respond {
            interaction: InteractionId(interaction["id"].as_str().unwrap().parse().unwrap()),
            token: interaction["token"].as_str().unwrap().into(),
            kind,
            data: json!({ "content": content }).to_string(),
        };
        let entry = OutboxEntry {
            id: self.next,
            plugin: "p".into(),
            committed_at: 0,
            submitted: SubmittedAction {
                action,
                reason: None,
                token: None,
            },
            nonce: String::new(),
            trace: Default::default(),
        };
        self.dispatcher.submit(GuildId(self.guild), vec![entry]);
        match tokio::time::timeout(BOUND, self.reports.recv()).await.unwrap() {
            Some(Report::Settled(settled)) => settled,
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, what: &str, count: usize) -> Vec<JournalEntry> {
        let there = self
            .simulation
            .wait_until(BOUND, |simulation| simulation.journal().len() >= count)
            .await;
        let told: Vec<_> = self.told();
        assert!(there, "{what}: {told:#?}");
        told
    }

    /// What was told Discord of interactions.
    fn told(&self) -> Vec<JournalEntry> {
        let journal = self.simulation.journal().into_iter();
        journal.filter(|entry| entry.method != "GET").collect()
    }

    fn routes(&self) -> Vec<(String, u16)> {
        self.told()
            .into_iter()
            .map(|entry| (entry.route, entry.status))
            .collect()
    }
}

const SOON: Duration = Duration::from_millis(50);
const NEVER: Duration = Duration::from_secs(600);

#[tokio::test]
async fn what_nobody_answers_is_deferred_and_the_answer_becomes_an_edit() {
    for kind in [COMMAND, MODAL] {
        let mut host = host(SOON, NEVER).await;
        let interaction = host.used(kind);
        let told = host.until("the deferral", 1).await;
        assert_eq!(told[0].body, json!({ "type": 5, "data": { "flags": 64 } }));
        // Whether Discord's word has come back is not seen from here: the answer has to be right in both cases.
        assert_eq!(host.answer(&interaction, 4, "here").await.outcome, Outcome::Done);
        let last = host.told().pop().unwrap();
        assert_eq!(
            (last.route.as_str(), &last.body["content"]),
            ("webhook-edit", &json!("here"))
        );
        assert_eq!(host.answer(&interaction, 4, "and more").await.outcome, Outcome::Done);
        assert_eq!(host.told().pop().unwrap().route, "webhook-edit");
    }
}

#[tokio::test]
async fn a_component_is_deferred_as_an_update_and_a_message_follows_beside_it() {
    let mut host = host(SOON, NEVER).await;
    let interaction = host.used(COMPONENT);
    assert_eq!(host.until("the deferral", 1).await[0].body, json!({ "type": 6 }));
    host.answer(&interaction, 4, "here").await;
    assert_eq!(host.told().pop().unwrap().route, "webhook-send");
    host.answer(&interaction, 7, "changed").await;
    assert_eq!(host.told().pop().unwrap().route, "webhook-edit");
}

#[tokio::test]
async fn what_is_answered_at_once_is_never_deferred() {
    let mut host = host(Duration::from_millis(300), Duration::from_millis(600)).await;
    let (first, second) = (host.used(COMMAND), host.used(COMMAND));
    host.answer(&first, 4, "here").await;
    // The other one is deferred after the first would have been, and given up after it.
    host.until("the other's end", 4).await;
    let of_first = |entry: &&JournalEntry| entry.path.contains(first["id"].as_str().unwrap());
    let told = host.told();
    assert_eq!(told.iter().filter(of_first).count(), 1, "{told:#?}");
    // A plugin that defers has time as it likes.
    host.answer(&second, 4, "late").await;
    assert_eq!(host.told().pop().unwrap().body["content"], "late");
}

#[tokio::test]
async fn a_deferral_of_the_plugins_own_is_its_own_to_answer() {
    let mut host = host(SOON, SOON * 2).await;
    let (own, other) = (host.used(COMMAND), host.used(COMMAND));
    host.answer(&own, 5, "").await;
    host.until("the other's end", 4).await;
    let of_own = |entry: &&JournalEntry| entry.path.contains(own["id"].as_str().unwrap());
    let told = host.told();
    assert!(
        told.iter()
            .filter(of_own)
            .all(|entry| entry.route == "interaction-callback"),
        "{told:#?}"
    );
    assert_eq!(
        host.answer(&other, 5, "").await.outcome,
        Outcome::Done,
        "it says nothing new"
    );
}

#[tokio::test]
async fn suggestions_are_not_deferred() {
    let host = host(SOON, NEVER).await;
    host.used(SUGGESTIONS);
    host.used(COMMAND);
    host.until("the command's deferral", 1).await;
    assert_eq!(host.routes(), [("interaction-callback".to_owned(), 204)]);
}

#[tokio::test]
async fn an_interaction_that_nothing_answers_is_told_so_in_the_end() {
    let mut host = host(SOON, SOON * 3).await;
    let command = host.used(COMMAND);
    // The bot's own application is asked for once.
    host.until("the end", 3).await;
    let last = host.told().pop().unwrap();
    assert_eq!(last.route, "webhook-edit");
    assert!(last.body["content"].as_str().unwrap().contains("try again"), "{last:?}");
    host.used(COMPONENT);
    host.until("the component's end", 5).await;
    let last = host.told().pop().unwrap();
    assert_eq!((last.route.as_str(), &last.body["flags"]), ("webhook-send", &json!(64)));
    host.answer(&command, 4, "after all").await;
    assert_eq!(host.told().pop().unwrap().body["content"], "after all");
}

#[tokio::test]
async fn a_modal_that_comes_too_late_is_no_silence() {
    let mut host = host(SOON, NEVER).await;
    let interaction = host.used(COMMAND);
    host.until("the deferral", 1).await;
    let deferred = host
        .simulation
        .wait_until(BOUND, |_| host.told().iter().any(|entry| entry.status == 204));
    assert!(deferred.await);
    host.answer(&interaction, 9, "").await;
    let last = host.told().pop().unwrap();
    assert_eq!(last.route, "webhook-edit", "{last:?}");
    assert!(last.body["content"].as_str().unwrap().contains("try again"), "{last:?}");
}

#[tokio::test]
async fn a_deferral_that_discord_fails_at_is_tried_again_and_a_race_is_no_loss() {
    let mut host = host(SOON, NEVER).await;
    // The deferral is taken, and its sender does not hear of it for a while.
    host.simulation.rest_fault(RestFault {
        status: 503,
        after_applying: true,
        path_contains: "callback".into(),
        ..RestFault::default()
    });
    let interaction = host.used(COMPONENT);
    host.until("the deferral", 1).await;
    assert_eq!(host.answer(&interaction, 4, "here").await.outcome, Outcome::Done);
    assert_eq!(
        host.told().pop().unwrap().route,
        "webhook-send",
        "not in the place of the message that was clicked"
    );
}
