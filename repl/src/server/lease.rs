//! A slot that was taken over HTTP: kept alive while its process lives, and given back.

use std::time::{Duration, Instant, SystemTime};

use cla_runtime::semaphore::{
    BoxFuture, RefreshError, ReleaseError, RequestId, SemaphoreName, StorePermit, Ttl,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::client::{Client, Refusal};

/// How long a slot stays with a process that has vanished. A live holder renews the lease much more often.
pub(super) const TTL: Duration = Duration::from_secs(30);

/// How often the holder renews its lease, and learns whether it still has the slot.
const BEAT: Duration = Duration::from_secs(5);

/// What `acquire` answers.
#[derive(Debug, Deserialize)]
pub(super) struct Given {
    lease: String,
    request: RequestId,
    token: u64,
    granted: bool,
    waited: f64,
    ttl: f64,
}

/// Whether the slot is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Yes,
    /// Its TTL passed, or an administrator took it.
    Taken,
    /// The server could not be reached for longer than the lease.
    OutOfReach,
}

/// One permit.
pub(super) struct RemoteLease {
    client: Client,
    name: SemaphoreName,
    given: Given,
    /// As the caller counts it.
    waited: Duration,
    since: Instant,
    started: SystemTime,
    held: watch::Receiver<Held>,
    beat: AbortHandle,
    is_over: bool,
}

impl RemoteLease {
    /// Keeps a lease alive. A permit with a TTL ends with its TTL.
    pub(super) fn new(
        client: Client,
        name: SemaphoreName,
        given: Given,
        waited: Duration,
        ttl: Option<Ttl>,
    ) -> Self {
        let (sender, held) = watch::channel(Held::Yes);
        let holder = Holder {
            client: client.clone(),
            name: name.clone(),
            lease: given.lease.clone(),
            request: given.request,
            until: Instant::now() + Duration::try_from_secs_f64(given.ttl).unwrap_or(TTL),
            keeps: ttl.is_none(),
        };
        let beat = tokio::spawn(async move {
            sender.send_replace(holder.hold().await);
        });
        Self {
            client,
            name,
            waited: waited.max(Duration::try_from_secs_f64(given.waited).unwrap_or_default()),
            given,
            since: Instant::now(),
            started: SystemTime::now(),
            held,
            beat: beat.abort_handle(),
            is_over: false,
        }
    }

    fn lost(&self) -> RefreshError {
        RefreshError::Lost {
            name: self.name.clone(),
        }
    }
}

/// Keeps a slot for as long as it is held.
struct Holder {
    client: Client,
    name: SemaphoreName,
    lease: String,
    request: RequestId,
    /// When the lease ends, unless it is renewed.
    until: Instant,
    /// Whether the slot is kept until it is released.
    keeps: bool,
}

impl Holder {
    /// Ends when the slot is lost, and says how.
    async fn hold(mut self) -> Held {
        loop {
            let now = Instant::now();
            if now >= self.until {
                return if self.keeps {
                    Held::OutOfReach
                } else {
                    Held::Taken
                };
            }
            tokio::time::sleep(BEAT.min(self.until - now)).await;
            let asked = Instant::now();
            match self.beat().await {
                Ok(true) if self.keeps => self.until = asked + TTL,
                Ok(true) => {}
                Ok(false) => return Held::Taken,
                // The next renewal may reach the server.
                Err(_) => {}
            }
        }
    }

    /// Renews the lease, and learns whether the slot is still held.
    async fn beat(&self) -> Result<bool, Refusal> {
        if self.keeps {
            let path = ["semaphores", self.name.as_str(), "refresh"];
            let body = json!({"lease": self.lease, "ttl": TTL.as_secs_f64()});
            let refreshed = self
                .client
                .post::<Value>(&path, &body, Duration::ZERO)
                .await;
            return match refreshed {
                Ok(_) => Ok(true),
                Err(Refusal::Problem { status: 410, .. }) => Ok(false),
                Err(other) => Err(other),
            };
        }
        #[derive(Deserialize)]
        struct Row {
            status: String,
        }
        let id = self.request.to_string();
        let row = self.client.get::<Row>(&["requests", &id], &[]).await;
        match row {
            Ok(row) => Ok(row.status == "busy"),
            Err(refusal) if refusal.is("unknown-request") => Ok(false),
            Err(other) => Err(other),
        }
    }
}

impl StorePermit for RemoteLease {
    fn id(&self) -> RequestId {
        self.given.request
    }

    fn token(&self) -> u64 {
        self.given.token
    }

    fn waited(&self) -> Duration {
        self.waited
    }

    fn started_at(&self) -> SystemTime {
        self.started
    }

    fn held(&self) -> Duration {
        self.since.elapsed()
    }

    fn granted(&self) -> bool {
        self.given.granted
    }

    fn is_lost(&self) -> bool {
        *self.held.borrow() != Held::Yes
    }

    fn lease_passed(&self) -> bool {
        *self.held.borrow() == Held::OutOfReach
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        let mut held = self.held.clone();
        Box::pin(async move {
            let known = held.wait_for(|held| *held != Held::Yes).await.is_ok();
            if !known {
                // The task was aborted: the slot was given back.
                std::future::pending::<()>().await;
            }
        })
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            let path = ["semaphores", self.name.as_str(), "refresh"];
            let body = json!({"lease": self.given.lease, "ttl": ttl.duration().as_secs_f64()});
            let refreshed = self
                .client
                .post::<Value>(&path, &body, Duration::ZERO)
                .await;
            match refreshed {
                Ok(_) => Ok(()),
                Err(Refusal::Problem { status: 410, .. }) => Err(self.lost()),
                Err(other) => Err(self.client.failed(other).into()),
            }
        })
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        self.is_over = true;
        self.beat.abort();
        Box::pin(async move {
            let name = self.name.clone();
            if self.is_lost() {
                return Err(ReleaseError::Lost { name });
            }
            match give_back(&self.client, &name, &self.given.lease).await {
                Ok(()) => Ok(()),
                Err(Refusal::Problem { status: 410, .. }) => Err(ReleaseError::Lost { name }),
                Err(other) => Err(self.client.failed(other).into()),
            }
        })
    }

    fn leave(mut self: Box<Self>) {
        // The lease of the server ends by itself.
        self.is_over = true;
        self.beat.abort();
    }
}

impl Drop for RemoteLease {
    fn drop(&mut self) {
        self.beat.abort();
        if self.is_over {
            return;
        }
        let (client, name) = (self.client.clone(), self.name.clone());
        let lease = self.given.lease.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // If the server does not get it, the lease ends by itself.
                let _ = give_back(&client, &name, &lease).await;
            });
        }
    }
}

async fn give_back(client: &Client, name: &SemaphoreName, lease: &str) -> Result<(), Refusal> {
    let path = ["semaphores", name.as_str(), "release"];
    let body = json!({ "lease": lease });
    client.post::<Value>(&path, &body, Duration::ZERO).await?;
    Ok(())
}
