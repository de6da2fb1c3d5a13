//! What is not as it should be with the server, for those who are to know it without asking `cla doctor`. It is asked
//! behind all else, once for each connection that a store makes first, and only if a caller wants to hear it.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Call, ReplyTo, Session};
use crate::redis::diagnose;
use crate::redis::wire::{Facts, Payload, Reply};

/// Holders lose their permits when nothing gets through for two thirds of the lease. Networks and servers pause for a
/// second now and then.
const SHORT_LEASE: Duration = Duration::from_secs(2);
/// An answer that takes more than this part of the lease leaves no room for a pause.
const PART_OF_LEASE: u32 = 10;

/// What is known so far.
pub(super) struct Caution {
    answer: oneshot::Sender<Vec<String>>,
    /// What `INFO` said, once that was answered.
    facts: Option<Facts>,
    slowest: Duration,
}

impl Session {
    /// A caller wants to hear it.
    pub(super) fn caution(&mut self, answer: oneshot::Sender<Vec<String>>) {
        self.cautions.push(answer);
        if self.is_up() {
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
            self.ask_caution(Payload::Facts, caution);
        }
    }

    fn ask_caution(&mut self, payload: Payload, caution: Caution) {
        self.send(Call::new(payload, ReplyTo::Caution(Box::new(caution))));
    }

    /// The server has answered, or refused to.
    pub(super) fn cautioned(&mut self, mut caution: Caution, sent: Instant, reply: Option<Reply>) {
        if !self.is_up() {
            return;
        }
        caution.slowest = caution
            .slowest
            .max(self.now.saturating_duration_since(sent));
        if let Some(facts) = &caution.facts {
            let save_points = match reply {
                Some(Reply::SavePoints(save_points)) => save_points,
                _ => None,
            };
            let cautions = self.all_cautions(facts, save_points.as_deref(), caution.slowest);
            let _ = caution.answer.send(cautions);
        } else {
            caution.facts = Some(match reply {
                Some(Reply::Facts(facts)) => facts,
                _ => Facts::default(),
            });
            self.ask_caution(Payload::SavePoints, caution);
        }
    }

    fn all_cautions(
        &self,
        facts: &Facts,
        save_points: Option<&str>,
        slowest: Duration,
    ) -> Vec<String> {
        let mut cautions: Vec<String> = diagnose::evicts(facts).into_iter().collect();
        if facts.get("aof_enabled") == Some("0") && save_points == Some("") {
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
