//! Alerts as POST requests to a server of the host's choice: [`Webhook`].
//!
//! The service never waits for that server: alerts go into a bounded queue, and a task of its own sends one after the other.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use tokio::sync::mpsc;

use super::Alert;
use crate::outgoing;

/// The time limit of one attempt.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many attempts an alert gets in all.
const ATTEMPTS: u32 = 5;

/// The pause before the second attempt. Each further one is four times as long: 0.5 s, 2 s, 8 s, 32 s.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The most alerts that wait to be sent; further ones are dropped, and counted.
const QUEUE: usize = 1000;

/// A server that is sent each alert, as JSON, by POST.
///
/// ```
/// use cla_admin::{Admin, Webhook};
/// use cla_runtime::semaphore::Semaphores;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let webhook: Webhook = "https://example.com/alerts".parse()?;
/// let admin = Admin::builder(Semaphores::memory()).alert_webhook(webhook).build()?;
/// assert!(admin.ready().await);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook(Url);

/// A text is no address of a webhook.
///
/// ```
/// use cla_admin::Webhook;
///
/// let error = "ftp://example.com".parse::<Webhook>().unwrap_err();
/// assert!(error.to_string().ends_with("it begins with ftp:"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook is a URL such as https://example.com/alerts, by https or http: {0}")]
pub struct WebhookError(String);

impl FromStr for Webhook {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, WebhookError> {
        let url = Url::parse(text).map_err(|error| WebhookError(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookError(format!("it begins with {}:", url.scheme())));
        }
        Ok(Self(url))
    }
}

/// Sends alerts, for as long as it lives.
pub(super) struct Deliveries {
    queue: mpsc::Sender<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Deliveries {
    pub(super) fn begin(webhook: Webhook) -> io::Result<Self> {
        let client = outgoing::client()?;
        let (queue, mut alerts) = mpsc::channel::<Vec<u8>>(QUEUE);
        let counts = Arc::new(Counts::default());
        let task_counts = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Some(body) = alerts.recv().await {
                let count = match deliver(&client, &webhook.0, body).await {
                    Ok(()) => &task_counts.sent,
                    Err(error) => {
                        // The path and the query may be a secret.
                        let host = webhook.0.host_str().unwrap_or_default();
                        tracing::error!(host, error, "an alert could not be sent");
                        &task_counts.failed
                    }
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self { queue, counts })
    }

    /// Puts an alert into the queue. Does not wait.
    pub(super) fn send(&self, alert: &Alert) {
        let Ok(body) = serde_json::to_vec(alert) else {
            return;
        };
        if self.queue.try_send(body).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::error!("an alert is not sent: too many wait to be sent");
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let Counts {
            sent,
            failed,
            dropped,
        } = &*self.counts;
        [("sent", sent), ("failed", failed), ("dropped", dropped)]
            .map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
            .to_vec()
    }
}

/// Sends one alert, again and again if need be. The error says what was wrong the last time.
async fn deliver(client: &Client, url: &Url, body: Vec<u8>) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(PATIENCE)
            .body(body.clone());
        let wrong = match request.send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => format!("the answer is {}", answer.status()),
            Err(error) => outgoing::reason(error),
        };
        if attempt == ATTEMPTS {
            return Err(wrong);
        }
        tracing::warn!(attempt, error = wrong, "an alert is sent again");
        tokio::time::sleep(pause).await;
        pause *= 4;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Webhook;

    #[test]
    fn a_webhook_is_a_url_by_http_or_https() {
        for url in ["https://example.com/x?token=1", "http://127.0.0.1:1"] {
            assert!(url.parse::<Webhook>().is_ok(), "{url}");
        }
        for wrong in ["", "example.com", "ftp://example.com", "file:///etc/passwd"] {
            assert!(wrong.parse::<Webhook>().is_err(), "{wrong}");
        }
    }
}
