//! One shard's gateway session: connects, resumes, and hands every dispatch on. twilight speaks the protocol; whether to
//! resume, from where, and how long to wait after a failure is decided here, with a new twilight shard for every
//! connection.
//!
//! Frames are handed on through a bounded queue. When it is full the socket is not read; were that to last longer than a
//! heartbeat, Discord ends the connection and the session is resumed: nothing is lost.

use crate::frame::Frame;
use crate::identify::IdentifyPace;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use twilight_gateway::error::ReceiveMessageErrorType;
use twilight_gateway::{CloseFrame, ConfigBuilder, Message, Session, Shard, ShardId};
use twilight_model::gateway::Intents;

/// Frames between the socket and the router.
const QUEUE: usize = 1024;
/// Pauses between connections that came to nothing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the closing handshake may take.
const CLOSING: Duration = Duration::from_secs(3);

/// What a session needs.
pub struct SessionConfig {
    /// The bot's token.
    pub token: String,
    /// The shard's number.
    pub shard: u32,
    /// Shards in all.
    pub shard_count: u32,
    /// What the session asks for.
    pub intents: Intents,
    /// Where to connect; a session's own address is preferred when it is resumed.
    pub gateway: String,
    /// A session to go on with.
    pub resume: Option<ResumePoint>,
    /// When to IDENTIFY.
    pub pace: IdentifyPace,
    /// Least and most seconds to wait after Discord declared a session invalid; Discord asks for 1 to 5.
    pub invalid_session_pause: (Duration, Duration),
}

/// Everything that another process needs to go on with a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Discord's id of the session.
    pub session: Arc<str>,
    /// The last sequence that need not come again.
    pub sequence: u64,
    /// The session's own address.
    pub resume_url: String,
}

/// How a session ended.
#[derive(Debug)]
pub enum SessionEnd {
    /// It was told to stop; Discord keeps the session for some minutes.
    Stopped(Option<ResumePoint>),
    /// Discord will not have it, and trying again would change nothing.
    Refused {
        /// Discord's close code.
        code: u16,
        /// What to change.
        fix: &'static str,
    },
}

/// Takes what a session receives.
pub trait FrameSink: Send + Sync + 'static {
    /// A dispatch was read; it is taken when those before it are.
    fn received(&self, _frame: &Frame) {}
    /// Takes a dispatch. May wait: then the socket is not read.
    fn accept(&self, session: &Arc<str>, frame: Frame) -> impl Future<Output = ()> + Send;
    /// The session is new, or was resumed.
    fn connected(&self, shard: u32, point: &ResumePoint);
    /// The connection is gone; it comes back.
    fn disconnected(&self, shard: u32);
}

/// twilight's TLS needs one, chosen once a process.
pub(crate) fn choose_crypto_provider() {
    // An error says that one was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Runs a shard's session until it is told to stop or Discord refuses it.
pub async fn run_session<S: FrameSink>(config: SessionConfig, sink: Arc<S>, stop: CancellationToken) -> SessionEnd {
    choose_crypto_provider();
    // A series that begins with its first event hides that event from whoever watches it grow.
    metrics::counter!("guildhall_gateway_reconnects_total").increment(0);
    metrics::counter!("guildhall_gateway_lost_sessions_total").increment(0);
    let (frames, mut queue) = mpsc::channel::<(Arc<str>, Frame)>(QUEUE);
    let taking = sink.clone();
    let taker = tokio::spawn(async move {
        while let Some((session, frame)) = queue.recv().await {
            taking.accept(&session, frame).await;
        }
    });
    let mut connection = Connection {
        resume: config.resume.clone(),
        config,
        sink,
        frames,
        failures: 0,
    };
    let end = loop {
        match connection.run(&stop).await {
            ControlFlow::Continue(pause) => {
                let pause = pause.unwrap_or_else(|| connection.backoff());
                tokio::select! {
                    () = stop.cancelled() => break SessionEnd::Stopped(connection.resume.clone()),
                    () = tokio::time::sleep(pause) => {}
                }
                metrics::counter!("guildhall_gateway_reconnects_total").increment(1);
            }
            ControlFlow::Break(end) => break end,
        }
    };
    drop(connection);
    if taker.await.is_err_and(|error| error.is_panic()) {
        tracing::error!("handing frames on ended by a panic");
    }
    end
}

struct Connection<S> {
    config: SessionConfig,
    sink: Arc<S>,
    frames: mpsc::Sender<(Arc<str>, Frame)>,
    /// The session, with the sequence of the last dispatch that was read here. twilight's own is never used: it takes
    /// the first `"s":` in a frame for the sequence.
    resume: Option<ResumePoint>,
    /// Connections in a row that came to nothing.
    failures: u32,
}

/// What a text asks of the connection.
enum Asked {
    Nothing,
    /// A connection begins.
    Hello,
    /// Discord wants another connection.
    Reconnect,
    /// Discord ended the session; the flag says whether it can be resumed.
    Invalid(bool),
}

impl<S: FrameSink> Connection<S> {
    /// One connection. Goes on with the pause before the next one, or with the usual backoff.
    async fn run(&mut self, stop: &CancellationToken) -> ControlFlow<SessionEnd, Option<Duration>> {
        let mut shard = self.shard();
        let (mut greeted, mut unreadable) = (false, 0);
        let next = loop {
            let item = tokio::select! {
                biased;
                () = stop.cancelled() => return ControlFlow::Break(self.close(shard).await),
                item = shard.next() => item,
            };
            let text = match item {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => break self.closed(frame.map(|frame| frame.code)),
                Some(Err(error)) => match error.kind() {
                    // twilight could not read it; that does not mean that we cannot.
                    ReceiveMessageErrorType::Deserializing { event } => event.clone(),
                    _ => {
                        tracing::warn!(shard = self.config.shard, error = %describe(&error), "the gateway connection failed");
                        break ControlFlow::Continue(None);
                    }
                },
                None => break ControlFlow::Continue(None),
            };
            match self.read(text).await {
                Ok(Asked::Nothing) => {}
                // twilight has connected again by itself, and would resume from its own sequence at the next poll.
                Ok(Asked::Hello) if greeted => break ControlFlow::Continue(Some(Duration::ZERO)),
                Ok(Asked::Hello) => greeted = true,
                Ok(Asked::Reconnect) => {
                    tracing::info!(shard = self.config.shard, "Discord asks for another connection");
                    self.leave(shard).await;
                    break ControlFlow::Continue(Some(Duration::ZERO));
                }
                Ok(Asked::Invalid(resumable)) => break self.invalid(resumable),
                Err(()) => {
                    unreadable += 1;
                    if unreadable == 100 {
                        tracing::error!(
                            shard = self.config.shard,
                            "100 unreadable frames on one connection: another one is tried"
                        );
                        break ControlFlow::Continue(None);
                    }
                }
            }
        };
        self.sink.disconnected(self.config.shard);
        next
    }

    fn shard(&self) -> Shard<IdentifyPace> {
        let mut builder = ConfigBuilder::new(self.config.token.clone(), self.config.intents)
            .proxy_url(self.config.gateway.clone())
            .queue(self.config.pace.clone());
        if let Some(point) = &self.resume {
            metrics::counter!("guildhall_gateway_resumes_total").increment(1);
            builder = builder
                .session(Session::new(point.sequence, point.session.to_string()))
                .resume_url(point.resume_url.clone());
        }
        Shard::with_config(
            ShardId::new(self.config.shard, self.config.shard_count),
            builder.build(),
        )
    }

    async fn read(&mut self, text: String) -> Result<Asked, ()> {
        metrics::counter!("guildhall_gateway_frames_total").increment(1);
        // Short: the payloads that are no dispatches.
        let control = (text.len() < 256).then(|| text.clone());
        let frame = match Frame::parse(text) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(control.map_or(Asked::Nothing, |text| asked(&text))),
            Err(error) => {
                // Some servers send RESUMED without a sequence: it says all the same that the session goes on.
                if control.is_some_and(|text| text.contains("\"RESUMED\"")) {
                    self.resumed();
                    return Ok(Asked::Nothing);
                }
                metrics::counter!("guildhall_gateway_bad_frames_total").increment(1);
                tracing::warn!(shard = self.config.shard, %error, "a frame was left out");
                return Err(());
            }
        };
        match frame.name.as_str() {
            "READY" => self.ready(&frame),
            "RESUMED" => self.resumed(),
            _ => {}
        }
        let Some(point) = &mut self.resume else {
            tracing::warn!(shard = self.config.shard, event = %frame.name, "a dispatch came before READY and was left out");
            return Err(());
        };
        point.sequence = point.sequence.max(frame.sequence);
        let session = point.session.clone();
        self.sink.received(&frame);
        // The taker ends only after this sender is gone.
        let _ = self.frames.send((session, frame)).await;
        Ok(Asked::Nothing)
    }

    fn ready(&mut self, frame: &Frame) {
        #[derive(Deserialize)]
        struct Dispatch {
            d: Ready,
        }
        #[derive(Deserialize)]
        struct Ready {
            session_id: String,
            resume_gateway_url: String,
        }
        match serde_json::from_str::<Dispatch>(&frame.text) {
            Ok(Dispatch {
                d: Ready {
                    session_id,
                    resume_gateway_url,
                },
            }) => {
                tracing::info!(
                    shard = self.config.shard,
                    session = abbreviated(&session_id),
                    "a new session is ready"
                );
                self.resume = Some(ResumePoint {
                    session: session_id.into(),
                    sequence: frame.sequence,
                    resume_url: resume_gateway_url,
                });
                self.is_up();
            }
            Err(error) => tracing::error!(shard = self.config.shard, %error, "READY has not the documented shape"),
        }
    }

    fn resumed(&mut self) {
        if let Some(point) = &self.resume {
            tracing::info!(
                shard = self.config.shard,
                session = abbreviated(&point.session),
                sequence = point.sequence,
                "the session is resumed"
            );
        }
        self.is_up();
    }

    fn is_up(&mut self) {
        self.failures = 0;
        if let Some(point) = &self.resume {
            self.sink.connected(self.config.shard, point);
        }
    }

    fn closed(&mut self, code: Option<u16>) -> ControlFlow<SessionEnd, Option<Duration>> {
        tracing::info!(shard = self.config.shard, ?code, "the gateway connection is closed");
        match code {
            Some(code) if let Some(fix) = refusal(code) => {
                return ControlFlow::Break(SessionEnd::Refused { code, fix });
            }
            // Invalid sequence, session timed out, not authenticated: twilight would try the same again for ever.
            Some(4003 | 4007 | 4009) => self.forget(),
            _ => {}
        }
        ControlFlow::Continue(None)
    }

    fn invalid(&mut self, resumable: bool) -> ControlFlow<SessionEnd, Option<Duration>> {
        tracing::warn!(
            shard = self.config.shard,
            resumable,
            "Discord declared the session invalid"
        );
        if !resumable {
            self.forget();
        }
        let (least, most) = self.config.invalid_session_pause;
        ControlFlow::Continue(Some(rand::random_range(least..=most.max(least))))
    }

    /// The session is over; events between its end and the next READY are not replayed.
    fn forget(&mut self) {
        if let Some(point) = self.resume.take() {
            tracing::warn!(
                shard = self.config.shard,
                session = abbreviated(&point.session),
                "the session is lost; a new one begins, and events in between are not replayed"
            );
            metrics::counter!("guildhall_gateway_lost_sessions_total").increment(1);
        }
    }

    fn backoff(&mut self) -> Duration {
        let pause = SHORTEST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        // The first connection after one that worked comes at once.
        if self.failures == 1 {
            Duration::ZERO
        } else {
            pause.min(LONGEST_PAUSE).mul_f64(rand::random_range(0.5..=1.0))
        }
    }

    /// Closes so that Discord keeps the session (any code but 1000 and 1001), and takes what is still under way.
    async fn close(&mut self, mut shard: Shard<IdentifyPace>) -> SessionEnd {
        shard.close(CloseFrame::RESUME);
        let rest = async {
            while let Some(item) = shard.next().await {
                match item {
                    // twilight connects again when the socket ended without a word.
                    Ok(Message::Text(text)) if text.contains("\"heartbeat_interval\"") => return,
                    Ok(Message::Text(text)) => drop(self.read(text).await),
                    Ok(Message::Close(_)) | Err(_) => return,
                }
            }
        };
        if tokio::time::timeout(CLOSING, rest).await.is_err() {
            tracing::warn!(
                shard = self.config.shard,
                "Discord did not answer the closing handshake"
            );
        }
        self.sink.disconnected(self.config.shard);
        SessionEnd::Stopped(self.resume.clone())
    }

    async fn leave(&mut self, shard: Shard<IdentifyPace>) {
        drop(self.close(shard).await);
    }
}

fn asked(text: &str) -> Asked {
    #[derive(Deserialize)]
    struct Control {
        op: u8,
        #[serde(default)]
        d: serde_json::Value,
    }
    match serde_json::from_str(text) {
        Ok(Control { op: 10, .. }) => Asked::Hello,
        Ok(Control { op: 7, .. }) => Asked::Reconnect,
        Ok(Control { op: 9, d }) => Asked::Invalid(d.as_bool().unwrap_or(false)),
        _ => Asked::Nothing,
    }
}

/// What to change when Discord closes with this code; none for codes after which a connection may succeed
/// (Discord, Opcodes and Status Codes, Gateway Close Event Codes).
fn refusal(code: u16) -> Option<&'static str> {
    Some(match code {
        4004 => "the bot's token is not valid; set DISCORD_TOKEN to the one in the developer portal",
        4010 => "the shard number is not valid; check discord.shards",
        4011 => "the bot is in too many guilds for one shard; raise discord.shards, or leave it out",
        4012 => "Discord no longer offers this gateway version; update Guildhall",
        4013 => "the intents are not valid; update Guildhall",
        4014 => {
            "the bot may not use a privileged intent; grant Server Members and Message Content in the developer portal"
        }
        _ => return None,
    })
}

/// A session id is as good as a password to the bot's events.
fn abbreviated(session: &str) -> &str {
    &session[..session.floor_char_boundary(6)]
}

fn describe(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
