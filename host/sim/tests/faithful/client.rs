//! A gateway client and a REST client that know nothing but the protocol.

use futures_util::{SinkExt, StreamExt};
use guildhall_sim::{SimConfig, Simulation};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const BOUND: Duration = Duration::from_secs(10);
/// GUILDS, GUILD_MEMBERS, GUILD_MODERATION, GUILD_MESSAGES, reactions, MESSAGE_CONTENT.
pub(crate) const INTENTS: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 9 | 1 << 10 | 1 << 15;

pub(crate) async fn simulation(change: impl FnOnce(&mut SimConfig)) -> Simulation {
    let mut config = SimConfig {
        identify_period_ms: 0,
        ..SimConfig::default()
    };
    change(&mut config);
    Simulation::start(config).await.unwrap()
}

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The texts as they came.
    pub(crate) last_text: String,
}

/// What a client received.
#[derive(Debug)]
pub(crate) enum Received {
    Payload(Value),
    Closed(Option<u16>),
}

impl Client {
    /// Connects and takes HELLO.
    pub(crate) async fn connect(simulation: &Simulation) -> Self {
        let mut client = Self::connect_raw(simulation, "").await;
        let hello = client.payload().await;
        assert_eq!(hello["op"], 10);
        client
    }

    pub(crate) async fn connect_raw(simulation: &Simulation, query: &str) -> Self {
        let url = format!("{}/?v=10&encoding=json{query}", simulation.gateway_url());
        let (socket, _) = connect_async(url).await.unwrap();
        Self {
            socket,
            last_text: String::new(),
        }
    }

    /// Connects, identifies, and takes READY and a GUILD_CREATE per guild; answers READY's data.
    pub(crate) async fn identified(simulation: &Simulation) -> (Self, Value) {
        let mut client = Self::connect(simulation).await;
        client.identify(simulation, INTENTS, (0, 1)).await;
        let ready = client.dispatch("READY").await;
        for _ in 0..ready["d"]["guilds"].as_array().unwrap().len() {
            client.dispatch("GUILD_CREATE").await;
        }
        (client, ready["d"].clone())
    }

    pub(crate) async fn identify(&mut self, simulation: &Simulation, intents: u64, shard: (u32, u32)) {
        let token = simulation.token();
        self.send(json!({ "op": 2, "d": { "token": token, "intents": intents, "properties": {}, "shard": [shard.0, shard.1] } })).await;
    }

    pub(crate) async fn resume(simulation: &Simulation, session: &Value, seq: u64) -> Self {
        let mut client = Self::connect(simulation).await;
        let token = simulation.token();
        client
            .send(json!({ "op": 6, "d": { "token": token, "session_id": session, "seq": seq } }))
            .await;
        client
    }

    pub(crate) async fn send(&mut self, payload: Value) {
        self.send_text(&payload.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    pub(crate) async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(BOUND, self.socket.next())
            .await
            .expect("something comes")
            .and_then(Result::ok)
    }

    pub(crate) async fn receive(&mut self) -> Received {
        loop {
            match self.message().await {
                Some(Message::Text(text)) => {
                    self.last_text = text.as_str().to_owned();
                    return Received::Payload(serde_json::from_str(&self.last_text).unwrap());
                }
                Some(Message::Close(frame)) => return Received::Closed(frame.map(|frame| frame.code.into())),
                None => return Received::Closed(None),
                Some(_) => {}
            }
        }
    }

    pub(crate) async fn payload(&mut self) -> Value {
        match self.receive().await {
            Received::Payload(payload) => payload,
            closed @ Received::Closed(_) => panic!("{closed:?} instead of a payload"),
        }
    }

    /// The next payload, which must be this dispatch.
    pub(crate) async fn dispatch(&mut self, name: &str) -> Value {
        let payload = self.payload().await;
        assert_eq!((&payload["op"], &payload["t"]), (&json!(0), &json!(name)), "{payload}");
        payload
    }

    /// The code that the simulation closes with.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Received::Closed(code) = self.receive().await {
                return code;
            }
        }
    }
}

/// An answer of REST.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn request(simulation: &Simulation, method: &str, path: &str, body: Value) -> Answer {
    request_as(simulation, &format!("Bot {}", simulation.token()), method, path, body)
        .await
        .unwrap()
}

pub(crate) async fn request_as(
    simulation: &Simulation,
    authorization: &str,
    method: &str,
    path: &str,
    body: Value,
) -> reqwest::Result<Answer> {
    let url = format!("http://{}/api/v10/{path}", simulation.address());
    let mut request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .header("authorization", authorization)
        .header("x-audit-log-reason", "because%20%C3%A4");
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, body })
}
