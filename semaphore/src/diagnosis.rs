//! How a store is doing, for the administrator who asks: [`Diagnosis`].

use serde::{Deserialize, Serialize};

/// What [`Semaphores::diagnose`](crate::Semaphores::diagnose) finds. Durations are seconds.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let semaphores = cla_semaphore::Semaphores::memory();
/// let _permit = semaphores.get("db")?.acquire().await?;
/// let diagnosis = semaphores.diagnose().await?;
/// assert!(diagnosis.store.starts_with("memory:"));
/// for fact in &diagnosis.facts {
///     println!("{}: {}", fact.name, fact.value);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The store's URL, without a password.
    pub store: String,
    /// What is worth knowing of it, such as its version and its mode, in the order in which to show it.
    pub facts: Vec<Fact>,
    /// How long it took to answer, in the median of a few questions.
    pub latency: f64,
    /// The processes that are known to it.
    pub clients: Vec<ClientView>,
}

/// One thing that is worth knowing of a store.
///
/// See [`Diagnosis`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What: `redis`, `mode`, `file`.
    pub name: String,
    /// `7.0.15`, `cluster of 3`, `/home/me/.local/state/cla/semaphores.db`.
    pub value: String,
}

/// One process (strictly: one open store of a process) that shares the semaphores.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let semaphores = cla_semaphore::Semaphores::memory();
/// let _permit = semaphores.get("db")?.acquire().await?;
/// let clients = semaphores.diagnose().await?.clients;
/// assert!(clients[0].alive);
/// assert_eq!((clients[0].busy, clients[0].waiting), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientView {
    /// What the store calls it.
    pub id: String,
    /// The machine it runs on.
    pub host: Option<String>,
    /// Its process id.
    pub pid: Option<u32>,
    /// Whether it lives, as far as the store can see. What it holds and waits for is freed when it does
    /// not.
    pub alive: bool,
    /// When its lease ends, in seconds from now; negative if it ended. `None`: it needs none.
    pub lease_left: Option<f64>,
    /// How many requests of it are busy.
    pub busy: usize,
    /// How many wait.
    pub waiting: usize,
}

impl Diagnosis {
    /// A diagnosis without facts or clients.
    #[must_use]
    pub fn new(store: impl Into<String>, latency: std::time::Duration) -> Self {
        Self {
            store: store.into(),
            facts: Vec::new(),
            latency: latency.as_secs_f64(),
            clients: Vec::new(),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push(Fact {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Sets the clients.
    #[must_use]
    pub fn clients(mut self, clients: Vec<ClientView>) -> Self {
        self.clients = clients;
        self
    }
}
