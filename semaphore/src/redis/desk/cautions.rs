//! What is not as it should be with the server, for those who are to know it without asking `cla doctor`. It is asked
//! behind all else, once for each connection that a store makes first, and only if somebody wants to hear it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;
use tokio::sync::oneshot;

use super::{Call, Driver, Link, Purpose, What};
use crate::redis::diagnose;

/// Holders lose their permits when nothing gets through for two thirds of the lease. Networks and servers pause for a
/// second now and then.
const SHORT_LEASE: Duration = Duration::from_secs(2);
/// An answer that takes more than this part of the lease leaves no room for a pause.
const PART_OF_LEASE: u32 = 10;

/// What is known so far.
pub(super) struct Caution {
    answer: oneshot::Sender<Vec<String>>,
    /// What `INFO` said, once that was answered.
    facts: Option<BTreeMap<String, String>>,
    slowest: Duration,
}

impl Driver {
    /// Somebody wants to hear it.
    pub(super) fn caution(&mut self, answer: oneshot::Sender<Vec<String>>) {
        self.cautions.push(answer);
        if matches!(self.link, Link::Up { .. }) {
            self.ask_cautions();
        }
    }

    /// There is a connection.
    pub(super) fn ask_cautions(&mut self) {
        for answer in std::mem::take(&mut self.cautions) {
            let caution = Caution {
                answer,
                facts: None,
                slowest: Duration::ZERO,
            };
            self.ask_caution(&["INFO"], caution);
        }
    }

    fn ask_caution(&mut self, words: &[&str], caution: Caution) {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        self.send(Call {
            what: What::Plain(Arc::new(command)),
            purpose: Purpose::Caution(Box::new(caution)),
        });
    }

    /// The server has answered, or refused to.
    pub(super) fn cautioned(&mut self, mut caution: Caution, sent: Instant, said: Option<&Value>) {
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        caution.slowest = caution.slowest.max(sent.elapsed());
        if let Some(facts) = &caution.facts {
            let save_points = said.and_then(diagnose::save_points);
            let cautions = self.all_cautions(facts, save_points.as_deref(), caution.slowest);
            let _ = caution.answer.send(cautions);
        } else {
            caution.facts = Some(
                said.map(|said| diagnose::read_facts(said).0)
                    .unwrap_or_default(),
            );
            self.ask_caution(&["CONFIG", "GET", "save"], caution);
        }
    }

    fn all_cautions(
        &self,
        facts: &BTreeMap<String, String>,
        save_points: Option<&str>,
        slowest: Duration,
    ) -> Vec<String> {
        let mut cautions: Vec<String> = diagnose::evicts(facts).into_iter().collect();
        if facts.get("aof_enabled").is_some_and(|on| on == "0") && save_points == Some("") {
            cautions.push(
                "it keeps nothing on disk: a restart loses all semaphores, with their history and what administrators set"
                    .to_owned(),
            );
        }
        let lease = self.settings.lease;
        if lease < SHORT_LEASE || slowest * PART_OF_LEASE > lease {
            let most = lease * 2 / 3;
            cautions.push(format!(
                "with a lease of {lease:?}, holders lose their slots when the network or the server pauses for {most:?}"
            ));
        }
        cautions
    }
}
