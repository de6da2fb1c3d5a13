//! How the server is doing, for the administrator who asks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::driver::DriverHandle;
use super::unique_text;
use super::url::Topology;
use super::wire::{Facts, Share, Shown, query};
use crate::diagnosis::{ClientView, Diagnosis};
use crate::display::printable;
use crate::error::StoreError;
use crate::name::SemaphoreName;

/// The round trip is the median of so many questions.
const PINGS: usize = 5;

pub(super) async fn diagnose(
    driver: &DriverHandle,
    take: Result<(), String>,
    shown: &[Shown],
    damaged: &[SemaphoreName],
) -> Result<Diagnosis, StoreError> {
    let mut took = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let asked = Instant::now();
        driver.ask(query::ping()).await?;
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    let facts = facts(driver).await?;
    let fact = |name: &str| facts.get(name).unwrap_or_default();
    let settings = &driver.settings;
    let (kind, version) = match facts.get("valkey_version") {
        Some(version) => ("valkey", version),
        None if facts.is_empty() => ("redis", "does not say (its user may not use INFO)"),
        None => ("redis", fact("redis_version")),
    };
    let mode = match &settings.url.topology {
        Topology::Standalone(_) | Topology::Unix(_) => match fact("role") {
            "slave" => "standalone, a replica".to_owned(),
            _ => "standalone".to_owned(),
        },
        Topology::Cluster(_) => format!("cluster of {}", facts.nodes),
        Topology::Sentinel { service, .. } => format!("master {service} of Sentinels"),
    };
    let mut diagnosis = Diagnosis::new(settings.url.to_string(), median(&took))
        .fact(kind, version)
        .fact("mode", mode)
        .fact("prefix", settings.url.prefix.as_str())
        .fact("lease", format!("{:?}", settings.lease))
        .fact("semaphores", shown.len().to_string())
        .fact("memory", fact("used_memory_human"))
        .fact(
            "a take",
            match take {
                Ok(()) => "works".to_owned(),
                Err(why) => format!("does not work: {why}"),
            },
        );
    for name in damaged {
        let name = printable(name.as_str());
        diagnosis = diagnosis.fact(
            "warning",
            format!(
                "{name} cannot be read, as something else wrote into its keys; `cla sem forget` or `purge` removes it"
            ),
        );
    }
    if let Some(evicts) = evicts(&facts) {
        diagnosis = diagnosis.fact("warning", evicts);
    }
    let snapshots = driver.ask(query::saves()).await.ok().flatten();
    let persistence = match (fact("aof_enabled"), snapshots.as_deref()) {
        ("1", _) => "append-only file",
        (_, Some("")) => {
            "none: a restart loses all semaphores; holders and waiters come back by themselves"
        }
        _ => "snapshots: a restart loses what came after the last one",
    };
    Ok(diagnosis
        .fact("persistence", persistence)
        .clients(clients(shown)))
}

/// Tries what a take needs, and says what is refused.
pub(super) async fn probe(driver: &DriverHandle) -> Result<Result<(), String>, StoreError> {
    let names = &driver.settings.names;
    let refused = driver.ask(query::probe(names, &unique_text())).await?;
    Ok(match refused.as_slice() {
        [] => Ok(()),
        [one] => Err(printable(one).into_owned()),
        [first, ..] => Err(format!(
            "{} ({} commands are refused)",
            printable(first),
            refused.len()
        )),
    })
}

/// What the server says of itself.
async fn facts(driver: &DriverHandle) -> Result<Facts, StoreError> {
    match driver.ask(query::facts()).await {
        // The user may have no right to ask that; what is known without it is shown.
        Err(StoreError::Failed { .. }) => Ok(Facts::unknown()),
        facts => facts,
    }
}

/// That the server may remove keys of ours, if it may.
pub(super) fn evicts(facts: &Facts) -> Option<String> {
    let fact = |name: &str| facts.get(name).unwrap_or_default();
    let policy = fact("maxmemory_policy");
    let evicts = !policy.is_empty() && policy != "noeviction" && fact("maxmemory") != "0";
    evicts.then(|| {
        format!(
            "the server evicts keys when its memory is full (maxmemory-policy {policy}): semaphores may be lost; use \
             noeviction"
        )
    })
}

fn median(took: &[Duration]) -> Duration {
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn clients(shown: &[Shown]) -> Vec<ClientView> {
    let mut sessions: BTreeMap<&str, Share> = BTreeMap::new();
    for (session, share) in shown.iter().flat_map(|shown| &shown.shares) {
        let sum = sessions.entry(session).or_default();
        sum.left = sum.left.max(share.left);
        sum.busy += share.busy;
        sum.waiting += share.waiting;
    }
    sessions
        .into_iter()
        .map(|(session, share)| {
            let mut parts = session.rsplitn(3, '/');
            let (_, pid, host) = (parts.next(), parts.next(), parts.next());
            ClientView {
                id: session.to_owned(),
                host: host.filter(|host| !host.is_empty()).map(str::to_owned),
                pid: pid.and_then(|pid| pid.parse().ok()),
                alive: share.left.is_some_and(|left| left > 0),
                lease_left: share.left.map(|left| left as f64 / 1e6),
                busy: share.busy,
                waiting: share.waiting,
            }
        })
        .collect()
}
