//! A database for a test of its own, in one server for all.

use guildhall_config::{Database, Service, ServiceConfig};
use guildhall_fleet::{Grant, HandedOver, Heartbeat, Registration};
use guildhall_harness::Postgres;
use guildhall_model::GuildId;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// Statics are not dropped: the last test to end takes the server with it.
static SERVER: LazyLock<Mutex<(u32, Option<Postgres>)>> = LazyLock::new(|| Mutex::new((0, None)));
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A fresh database in the shared server.
pub(crate) struct TestDatabase {
    pub(crate) address: String,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let mut server = SERVER.lock().expect("no test panics with it");
        server.0 -= 1;
        if server.0 == 0 {
            server.1 = None;
        }
    }
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        let address = {
            let mut server = SERVER.lock().expect("no test panics with it");
            server.0 += 1;
            server
                .1
                .get_or_insert_with(|| Postgres::start().expect("a PostgreSQL"))
                .address()
        };
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database");
        Self {
            address: format!("{}/{name}", address.trim_end_matches("/postgres")),
        }
    }

    pub(crate) async fn service(&self, lease: Duration) -> Service {
        let database = Database::open(&self.address, 4).await.expect("a database");
        Service::new(
            database,
            ServiceConfig {
                lease,
                ..ServiceConfig::default()
            },
        )
    }
}

pub(crate) fn registration(name: &str, capacity: u32) -> Registration {
    Registration {
        name: name.into(),
        identity: format!("volume of {name}"),
        url: format!("http://127.0.0.1:1/{name}"),
        capacity,
        build: "test".into(),
    }
}

pub(crate) async fn register(service: &Service, name: &str, capacity: u32) -> Grant {
    service
        .register(&registration(name, capacity))
        .await
        .expect("it is taken up")
}

pub(crate) async fn beat(service: &Service, name: &str, grant: &Grant) {
    let heartbeat = Heartbeat {
        incarnation: grant.incarnation,
        ..Heartbeat::default()
    };
    service.heartbeat(name, &heartbeat).await.expect("the lease holds");
}

pub(crate) fn handed_over(pod: &str, grant: &Grant, epoch: i64) -> HandedOver {
    HandedOver {
        pod: pod.into(),
        incarnation: grant.incarnation,
        epoch,
        position: None,
    }
}

/// A guild's id as Discord makes them.
pub(crate) fn guild(number: u64) -> GuildId {
    GuildId((number + 1) << 22)
}
