//! A server that speaks as Redis does, until it answers one command with more than anybody can take.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// No flood is longer, in bytes.
const LONGEST: usize = 2 * 1024 * 1024 * 1024;

/// With what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Says that a text of 2 GB follows, and sends nothing of it.
    Announced,
    /// Says so, and sends it.
    Text,
    /// A billion elements.
    Elements,
    /// A million texts, none of which is long.
    Texts,
    /// A line without an end.
    Line,
    /// Lists in lists without an end.
    Nested,
    /// The answer, and then a message of 2 GB to a channel.
    Message,
    /// The answer, and then short messages without an end.
    Messages,
}

impl Flood {
    /// Those that are in place of an answer.
    pub const ANSWERS: [Self; 6] = [
        Self::Announced,
        Self::Text,
        Self::Elements,
        Self::Texts,
        Self::Line,
        Self::Nested,
    ];

    fn start(self) -> &'static str {
        match self {
            Self::Announced | Self::Text => "$2147483648\r\n",
            Self::Elements => "*1000000000\r\n",
            Self::Texts => "*1000000\r\n",
            Self::Line => "+",
            Self::Nested | Self::Messages => "",
            Self::Message => ">3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$2147483648\r\n",
        }
    }

    /// What follows, again and again.
    fn rest(self) -> String {
        match self {
            Self::Announced => String::new(),
            Self::Text | Self::Line | Self::Message => "x".repeat(64 * 1024),
            Self::Elements => ":1\r\n".repeat(1000),
            Self::Texts => format!("$1000\r\n{}\r\n", "x".repeat(1000)).repeat(60),
            Self::Nested => "*1\r\n".repeat(1000),
            Self::Messages => ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n".repeat(2000),
        }
    }
}

/// The server. It ends with its value.
pub struct Flooding {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    port: u16,
    command: &'static str,
    flood: Flood,
    connections: AtomicUsize,
    sent: AtomicUsize,
    ended: AtomicBool,
}

impl Flooding {
    /// A server that answers `command` with a flood, and everything else as Redis would.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(command: &'static str, flood: Flood) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            port,
            command,
            flood,
            connections: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || {
                    // It ends with the connection, which the client closes.
                    let _ = shared.serve(&stream);
                });
            }
        });
        Self {
            port,
            shared,
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many connections there were until now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many bytes of floods were sent until now.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flooding {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let (mut reader, mut writer) = (BufReader::new(stream), stream);
        loop {
            let words = command(&mut reader)?;
            let word = words.first().map(String::as_str).unwrap_or_default();
            if word == self.command {
                if matches!(self.flood, Flood::Message | Flood::Messages) {
                    writer.write_all(self.answer(&words).as_bytes())?;
                }
                self.pour(writer)?;
            } else {
                writer.write_all(self.answer(&words).as_bytes())?;
            }
        }
    }

    fn pour(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.write_all(self.flood.start().as_bytes())?;
        let rest = self.flood.rest();
        let mut sent = 0;
        while !rest.is_empty() && sent < LONGEST && !self.ended.load(Ordering::Relaxed) {
            stream.write_all(rest.as_bytes())?;
            sent += rest.len();
            self.sent.fetch_add(rest.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn answer(&self, words: &[String]) -> String {
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let text = |text: &str| format!("${}\r\n{text}\r\n", text.len());
        match word(0) {
            "HELLO" => format!("%1\r\n{}:3\r\n", text("proto")),
            "CLIENT" | "SELECT" | "AUTH" | "READONLY" => "+OK\r\n".to_owned(),
            "PING" => "+PONG\r\n".to_owned(),
            "PUBLISH" => ":1\r\n".to_owned(),
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                let kind = word(0).to_ascii_lowercase();
                let channels = words.iter().skip(1).zip(1..);
                channels
                    .map(|(name, at)| format!(">3\r\n{}{}:{at}\r\n", text(&kind), text(name)))
                    .collect()
            }
            "CLUSTER" => format!(
                "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n{}:{}\r\n{}",
                text("127.0.0.1"),
                self.port,
                text("0123456789012345678901234567890123456789")
            ),
            // The first script that a store runs asks for the mark of its data.
            "EVAL" => format!("*2\r\n{}:0\r\n", text("mark")),
            other => format!("-ERR unknown command '{other}'\r\n"),
        }
    }
}

/// The words of the next command.
fn command(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<String>> {
    let count = length(reader)?;
    (0..count)
        .map(|_| {
            let mut word = vec![0; length(reader)? + 2];
            reader.read_exact(&mut word)?;
            word.truncate(word.len() - 2);
            Ok(String::from_utf8_lossy(&word).into_owned())
        })
        .collect()
}

fn length(reader: &mut BufReader<&TcpStream>) -> io::Result<usize> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.get(1..)
        .and_then(|number| number.trim_end().parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
