//! The events of `GET /api/v1/events` (Server-Sent Events).

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{Event, EventHub};
use reqwest::Method;
use tokio::sync::watch;

use super::client::{Client, Refusal, open};

/// The first pause before a stream that has ended is opened again.
const RETRY: Duration = Duration::from_millis(250);

/// The longest such pause.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// A stream without any sign of life for this long has ended.
const SILENCE: Duration = Duration::from_secs(45);

/// The longest event.
const LONGEST_LINE: usize = 16 << 20;

/// How the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// No subscriber has asked for it.
    Unwanted,
    /// It is being opened: what is asked now could come before it.
    Opening,
    /// It brings all events from now on. Or it cannot be opened, and the next request says why.
    Settled,
}

/// Passes events on until the task is aborted. A lost connection is opened again, and goes on where it ended.
pub(super) async fn follow(
    client: Client,
    hub: Arc<EventHub<Event>>,
    state: watch::Sender<Stream>,
) {
    let mut reader = Reader::default();
    let mut pause = RETRY;
    loop {
        let ended = listen(&client, &hub, &state, &mut reader).await;
        if reader.has_begun() {
            // Events until it is open again come then, or a reset.
            pause = RETRY;
        }
        if ended.is_err() {
            hub.gap();
        }
        state.send_replace(Stream::Settled);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_RETRY);
    }
}

async fn listen(
    client: &Client,
    hub: &EventHub<Event>,
    state: &watch::Sender<Stream>,
    reader: &mut Reader,
) -> Result<(), Refusal> {
    let mut request = client.request(Method::GET, &["events"]);
    if !reader.last.is_empty() {
        request = request.header("Last-Event-ID", &reader.last);
    }
    reader.begin();
    let mut response = open(request).await?;
    loop {
        let chunk = tokio::time::timeout(SILENCE, response.chunk()).await;
        let Ok(Ok(Some(chunk))) = chunk else {
            return Ok(());
        };
        for said in reader.take(&chunk) {
            match said {
                Said::Hello => {
                    state.send_replace(Stream::Settled);
                }
                Said::Transition(event) => hub.emit(*event),
                Said::Reset => hub.gap(),
            }
        }
        if reader.line.len() > LONGEST_LINE {
            return Ok(());
        }
    }
}

/// What an event says.
#[derive(Debug)]
enum Said {
    Hello,
    Transition(Box<Event>),
    Reset,
}

/// Reads events from pieces of text, wherever these are cut.
#[derive(Debug, Default)]
struct Reader {
    /// The id of the last event, with which a later stream goes on.
    last: String,
    /// What there is of the line that is not yet whole.
    line: Vec<u8>,
    name: String,
    content: String,
    begun: bool,
}

impl Reader {
    fn begin(&mut self) {
        self.line.clear();
        self.name.clear();
        self.content.clear();
        self.begun = false;
    }

    /// Whether the last stream has said anything.
    const fn has_begun(&self) -> bool {
        self.begun
    }

    fn take(&mut self, piece: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            said.extend(self.line_ends(&String::from_utf8_lossy(&line)));
        }
        said
    }

    fn line_ends(&mut self, line: &str) -> Option<Said> {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return self.event_ends();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.last),
            "event" => value.clone_into(&mut self.name),
            "data" => self.content.push_str(value),
            // Heart-beats, and how soon to connect again.
            _ => {}
        }
        None
    }

    fn event_ends(&mut self) -> Option<Said> {
        let name = std::mem::take(&mut self.name);
        let content = std::mem::take(&mut self.content);
        match name.as_str() {
            "hello" => {
                self.begun = true;
                Some(Said::Hello)
            }
            // An event that cannot be read is one that was missed.
            "transition" => Some(match serde_json::from_str(&content) {
                Ok(event) => Said::Transition(Box::new(event)),
                Err(_) => Said::Reset,
            }),
            "reset" => Some(Said::Reset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "retry: 500\n\nid: a-1\nevent: hello\ndata: {}\n\n:\n\nid: a-2\nevent: transition\ndata: \
        {\"kind\":\"queued\",\"semaphore\":\"x\",\"request\":null,\"who\":null,\"run\":null,\"busy\":1,\"waiting\":2,\
        \"slots\":1,\"at\":1.0}\n\nid: a-3\nevent: reset\ndata: {}\n\n";

    #[test]
    fn events_are_read_wherever_the_pieces_are_cut() {
        for length in 1..TEXT.len() {
            let mut reader = Reader::default();
            let pieces = TEXT.as_bytes().chunks(length);
            let said: Vec<Said> = pieces.flat_map(|piece| reader.take(piece)).collect();
            let [Said::Hello, Said::Transition(event), Said::Reset] = &said[..] else {
                panic!("{said:?}");
            };
            assert_eq!((event.busy, event.waiting), (1, 2));
            assert_eq!(reader.last, "a-3");
        }
    }
}
