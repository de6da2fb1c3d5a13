//! A plain HTTP client for tests, which can also be rude.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Folder, Running};

/// One answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `cla serve` that runs.
pub struct Service {
    pub running: Running,
    pub address: String,
    pub link: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A client with these headers in every request.
#[derive(Clone)]
pub struct Client {
    pub address: String,
    pub headers: Vec<(String, String)>,
}

/// Events as they come.
pub struct Stream {
    lines: BufReader<TcpStream>,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct SentEvent {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Service {
    /// Starts `cla serve` in the folder, at a free port, with more arguments.
    pub fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::listening(folder, "127.0.0.1:0", arguments)
    }

    /// Starts it at this address.
    pub fn at(folder: &Folder, address: &str) -> Self {
        Self::listening(folder, address, &[])
    }

    fn listening(folder: &Folder, address: &str, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--json", "--listen", address];
        all.extend(arguments);
        let mut running = folder.start(&all);
        let line = running.stdout_line();
        let started: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| started[name].as_str().unwrap().to_owned();
        Self {
            address: text("address").trim_start_matches("http://").to_owned(),
            link: text("link"),
            running,
        }
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        Client {
            address: self.address.clone(),
            headers: vec![("Host".to_owned(), self.address.clone())],
        }
    }

    /// A client with a new token of this role, and of what else the arguments say.
    pub fn client(&self, folder: &Folder, role: &str, arguments: &[&str]) -> Client {
        let mut all = vec!["token", "create", "--role", role];
        all.extend(arguments);
        let ended = folder.cla(&all);
        self.stranger().with(
            "Authorization",
            &format!("Bearer {}", ended.printed().trim()),
        )
    }
}

impl Client {
    /// The same client, with one more header, or another one in its place.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| known != name);
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request, without reading the answer.
    pub fn send(&self, method: &str, path: &str, body: Option<&str>) -> TcpStream {
        let mut stream = self.connect();
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            let named = self.headers.iter().any(|(name, _)| name == "Content-Type");
            if !named {
                text.push_str("Content-Type: application/json\r\n");
            }
            text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        } else if method == "GET" {
            text.push_str("\r\n");
        } else {
            text.push_str("Content-Length: 0\r\n\r\n");
        }
        // A server that refuses a large body may not read it all.
        let _ = stream.write_all(text.as_bytes());
        stream
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        Answer::read(self.send(method, path, body))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(&body.to_string()))
    }

    /// The events from now on.
    pub fn events(&self, query: &str) -> Stream {
        let stream = self.send("GET", &format!("/api/v1/events{query}"), None);
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        Stream { lines }
    }
}

impl Stream {
    /// The next event, heart-beats passed over; `None` at the end.
    pub fn next(&mut self) -> Option<SentEvent> {
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(value) = line.strip_prefix("id: ") {
                id = value.to_owned();
            } else if let Some(value) = line.strip_prefix("event: ") {
                name = value.to_owned();
            } else if let Some(value) = line.strip_prefix("data: ") {
                data = value.to_owned();
            } else if line.is_empty() && !data.is_empty() {
                let data = serde_json::from_str(&data).unwrap();
                return Some(SentEvent { id, name, data });
            }
            // All else: the lengths of chunks, `retry`, heart-beats.
        }
    }

    /// The next event that is so.
    pub fn until(&mut self, is_so: impl Fn(&SentEvent) -> bool) -> SentEvent {
        let start = Instant::now();
        let mut others = Vec::new();
        loop {
            let event = self.next().expect("the stream goes on");
            if is_so(&event) {
                return event;
            }
            others.push(format!("{} {}", event.id, event.data));
            assert!(
                start.elapsed() < PATIENCE,
                "it never comes; what came: {others:#?}"
            );
        }
    }
}

impl Answer {
    pub fn read(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("no answer: {line:?}"));
        let status = status.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut bytes = Vec::new();
        // One that cuts the connection off afterwards has answered all the same.
        let _ = reader.read_to_end(&mut bytes);
        Self {
            status,
            headers,
            body: String::from_utf8(bytes).unwrap(),
        }
    }

    /// The body as JSON, of a request that was carried out.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The problem's type, of a request that was refused with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        let kind = problem["type"].as_str().unwrap();
        kind.strip_prefix("urn:cla:problem:").unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        let found = all.find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}
