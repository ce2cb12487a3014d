//! The pod's place in the fleet: it registers, and renews its lease.

use guildhall_fleet::{ConfigClient, FleetError, Grant, GuildLoad, Heartbeat, Lease, Load, Registration};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Between two attempts while the config service is away.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long a name may belong to another: to a process of this pod that died with its volume, it does until its
/// lease ends.
const OCCUPIED: Duration = Duration::from_secs(20);

/// Why a pod is no member, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The registration was refused.
    #[error("the fleet does not take this pod up: {0}")]
    Refused(FleetError),
    /// Its guilds belong to others now.
    #[error("the lease has ended, and the guilds of this pod belong to others; start it again to take it up anew")]
    Ended,
}

/// A registered pod.
#[derive(Debug)]
pub struct Membership {
    client: ConfigClient,
    name: String,
    lease: Lease,
    grant: watch::Sender<Grant>,
}

impl Membership {
    /// Registers; waits while the config service is away, and while a process that died still has the name.
    pub async fn join(
        client: ConfigClient,
        registration: &Registration,
        lease: Lease,
    ) -> Result<Self, MembershipError> {
        let begin = Instant::now();
        loop {
            let sent = Instant::now();
            match client.register(registration).await {
                Ok(grant) => {
                    lease.renew(sent, Duration::from_millis(grant.lease_ms), grant.incarnation);
                    tracing::info!(
                        pod = registration.name,
                        incarnation = grant.incarnation,
                        "taken up into the fleet"
                    );
                    return Ok(Self {
                        client,
                        name: registration.name.clone(),
                        lease,
                        grant: watch::channel(grant).0,
                    });
                }
                Err(occupied) if occupied.code() == Some("name_taken") && begin.elapsed() < OCCUPIED => {
                    tracing::info!(
                        pod = registration.name,
                        "waiting for the end of the lease that has this name"
                    );
                }
                Err(refused @ FleetError::Refused { .. }) => return Err(MembershipError::Refused(refused)),
                Err(error) => tracing::warn!(%error, "the pod cannot register yet"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Renews the lease until it is told to stop, or the lease is gone for good.
    pub async fn keep(
        &self,
        load: impl Fn() -> (Load, Vec<GuildLoad>),
        stop: CancellationToken,
    ) -> Result<(), MembershipError> {
        let lasts = Duration::from_millis(self.grant.borrow().lease_ms);
        let mut beat = tokio::time::interval((lasts * 3 / 10).max(Duration::from_millis(50)));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = beat.tick() => {}
            }
            let (load, guilds) = load();
            let heartbeat = Heartbeat {
                incarnation: self.lease.incarnation(),
                load,
                guilds,
            };
            let sent = Instant::now();
            match self.client.heartbeat(&self.name, &heartbeat).await {
                Ok(grant) => {
                    self.lease
                        .renew(sent, Duration::from_millis(grant.lease_ms), grant.incarnation);
                    self.grant.send_replace(grant);
                }
                Err(FleetError::Refused { .. }) => {
                    self.lease.end();
                    return Err(MembershipError::Ended);
                }
                Err(error) => {
                    let valid = self.lease.is_valid();
                    tracing::warn!(%error, valid, "the lease was not renewed");
                }
            }
            metrics::gauge!("guildhall_lease_valid").set(f64::from(u8::from(self.lease.is_valid())));
        }
    }

    /// Asks for everything to be moved away.
    pub async fn drain(&self) -> Result<(), FleetError> {
        self.client.drain(&self.name).await.map(drop)
    }

    /// The pod has stopped; what it still owns goes to others at once.
    pub async fn leave(&self) -> Result<(), FleetError> {
        self.lease.end();
        self.client.leave(&self.name, self.lease.incarnation()).await.map(drop)
    }

    /// What was granted last: this pod's state, and its share of the bot's requests.
    pub fn grant(&self) -> watch::Receiver<Grant> {
        self.grant.subscribe()
    }
}
