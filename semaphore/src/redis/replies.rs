//! Follows what a server sends, and refuses a reply as soon as it is known to be too large.
//!
//! The client library makes room for all that a server announces: for 2 GB, 2 GB of memory. It has no limit of its own, and there
//! is none in the protocol. So every byte passes through [`Replies`] first. It reads the headers of RESP2 and RESP3 and
//! counts what the client library will keep of a reply: the bytes of its texts, and one [`Value`] for each of its
//! elements. A header that announces more than the limit is refused before anything that belongs to it has come.
//!
//! It is pure: it knows slices of bytes, cut anywhere, and no socket. Bodies are skipped by their length; only headers
//! and lines are looked at. It must find the ends of replies where the client library does, or a length would be taken
//! for text and text for a length. So what the client library does not read is refused here, too.

use std::io;

use redis::Value;

/// What an element of a reply takes in memory, in bytes, beside its text.
const ELEMENT: u64 = size_of::<Value>() as u64;

/// Replies may nest so deeply. The client library reads them recursively, and gives up at 100 levels; no command of
/// Redis answers with more than ten.
const DEEPEST: usize = 32;

/// A line may be so long, in bytes. The client library looks through a line from its beginning whenever more of it comes,
/// so a longer one would cost time that grows with its square. Lines are states, numbers and error messages.
const LONGEST_LINE: usize = 64 * 1024;

/// A header is no longer: a sign, 19 digits and the end of the line, with some room.
const LONGEST_HEADER: usize = 32;

/// Why a reply of a server was refused. The connection is closed then: what follows cannot be understood.
///
/// ```
/// use cla_semaphore::ReplyError;
///
/// // What a server gets that answers with more than `RedisUrl::connect` was told to take.
/// let error = ReplyError::TooLong { bytes: 2_000_000, limit: 1_048_576 };
/// assert!(error.to_string().contains("is longer than the limit of"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Its texts are longer than the limit.
    #[error(
        "a reply of {} bytes is longer than the limit of {}",
        grouped(*bytes),
        amount(*limit)
    )]
    TooLong {
        /// How long they are, as far as they were announced.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Its elements need more memory than the limit.
    #[error(
        "a reply of {} values needs more memory than the limit of {}",
        grouped(*values),
        amount(*limit)
    )]
    TooMany {
        /// How many there are, as far as they were announced.
        values: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Its elements nest too deeply.
    #[error("a reply is nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// One of its lines is too long.
    #[error("a line of a reply is longer than the limit of {}", amount(LONGEST_LINE as u64))]
    LongLine,
    /// It is no reply of a Redis server.
    #[error("what comes is not in the protocol of Redis")]
    Malformed,
}

impl From<ReplyError> for io::Error {
    fn from(error: ReplyError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// A refused reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// How many of the bytes belong to what is in front of what is refused.
    pub(super) accepted: usize,
    pub(super) error: ReplyError,
}

/// Where in a reply the bytes are that come next.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The byte that says what kind of value follows.
    Kind,
    /// A line whose text is the value. How long it is until now.
    Line { length: usize, after_cr: bool },
    /// The line that says how long the value is.
    Header {
        kind: Kind,
        text: [u8; LONGEST_HEADER],
        length: usize,
    },
    /// A text of which so many bytes are missing.
    Body { missing: u64 },
    /// The end of the line after a text.
    BodyEnd { after_cr: bool },
}

/// What has a length in front of it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `$`: a text, or nothing.
    Text,
    /// `!`, `=`: a text.
    Blob,
    /// `*`, `~`: elements, or nothing.
    List,
    /// `>`: elements.
    Push,
    /// `%`: pairs.
    Map,
    /// `|`: pairs, and then the value to which they belong.
    Attribute,
}

/// The replies of one connection.
#[derive(Debug)]
pub(super) struct Replies {
    /// In bytes of memory for one reply.
    limit: u64,
    place: Place,
    /// How many values are missing at each level of the reply, the outermost first. None is 0.
    missing: Vec<u64>,
    /// Of the reply until now, with what is announced.
    bytes: u64,
    values: u64,
}

impl Replies {
    /// Each reply may take so many bytes of memory.
    pub(super) const fn new(limit: u64) -> Self {
        Self {
            limit,
            place: Place::Kind,
            missing: Vec::new(),
            bytes: 0,
            values: 0,
        }
    }

    /// Takes what comes next. After a refusal, nothing must follow.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let mut accepted = 0;
        while accepted < bytes.len() {
            match self.step(&bytes[accepted..]) {
                Ok(count) => accepted += count,
                Err(error) => return Err(Refusal { accepted, error }),
            }
        }
        Ok(())
    }

    /// Takes at least one of the bytes. Gives how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, ReplyError> {
        match &mut self.place {
            Place::Kind => {
                self.begin(bytes[0])?;
                Ok(1)
            }
            Place::Line { length, after_cr } => {
                let (count, ended) = line(bytes, after_cr);
                *length += count;
                if *length > LONGEST_LINE {
                    return Err(ReplyError::LongLine);
                }
                self.count(count as u64, 0)?;
                if ended {
                    self.end();
                }
                Ok(count)
            }
            Place::Header { kind, text, length } => {
                let mut after_cr = *length > 0 && text[*length - 1] == b'\r';
                let (count, ended) = line(bytes, &mut after_cr);
                let room = text.get_mut(*length..*length + count);
                room.ok_or(ReplyError::Malformed)?
                    .copy_from_slice(&bytes[..count]);
                *length += count;
                if ended {
                    let number = number(&text[..*length - 2])?;
                    let kind = *kind;
                    self.announced(kind, number)?;
                }
                Ok(count)
            }
            Place::Body { missing } => {
                let count = (bytes.len() as u64).min(*missing);
                *missing -= count;
                if *missing == 0 {
                    self.place = Place::BodyEnd { after_cr: false };
                }
                Ok(count as usize)
            }
            Place::BodyEnd { after_cr } => match (bytes[0], *after_cr) {
                (b'\r', false) => {
                    *after_cr = true;
                    Ok(1)
                }
                (b'\n', true) => {
                    self.end();
                    Ok(1)
                }
                _ => Err(ReplyError::Malformed),
            },
        }
    }

    /// A value begins.
    fn begin(&mut self, kind: u8) -> Result<(), ReplyError> {
        if self.missing.is_empty() {
            self.bytes = 0;
            self.values = 0;
            self.count(0, 1)?;
        }
        let kind = match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                self.place = Place::Line {
                    length: 0,
                    after_cr: false,
                };
                return Ok(());
            }
            b'$' => Kind::Text,
            b'!' | b'=' => Kind::Blob,
            b'*' | b'~' => Kind::List,
            b'>' => Kind::Push,
            b'%' => Kind::Map,
            b'|' => Kind::Attribute,
            _ => return Err(ReplyError::Malformed),
        };
        self.place = Place::Header {
            kind,
            text: [0; LONGEST_HEADER],
            length: 0,
        };
        Ok(())
    }

    /// The length of a value is known.
    fn announced(&mut self, kind: Kind, number: i64) -> Result<(), ReplyError> {
        let Ok(length) = u64::try_from(number) else {
            return match kind {
                Kind::Text | Kind::List | Kind::Push => {
                    self.end();
                    Ok(())
                }
                Kind::Blob | Kind::Map | Kind::Attribute => Err(ReplyError::Malformed),
            };
        };
        let elements = match kind {
            Kind::Text | Kind::Blob => {
                self.count(length, 0)?;
                self.place = match length {
                    0 => Place::BodyEnd { after_cr: false },
                    missing => Place::Body { missing },
                };
                return Ok(());
            }
            Kind::List | Kind::Push => length,
            Kind::Map => length.saturating_mul(2),
            Kind::Attribute => length.saturating_mul(2).saturating_add(1),
        };
        self.count(0, elements)?;
        if elements == 0 {
            self.end();
            return Ok(());
        }
        if self.missing.len() == DEEPEST {
            return Err(ReplyError::TooDeep);
        }
        self.missing.push(elements);
        self.place = Place::Kind;
        Ok(())
    }

    /// Counts what the reply takes.
    fn count(&mut self, bytes: u64, values: u64) -> Result<(), ReplyError> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.values = self.values.saturating_add(values);
        let memory = self.values.saturating_mul(ELEMENT);
        let (bytes, values, limit) = (self.bytes, self.values, self.limit);
        if bytes > limit {
            Err(ReplyError::TooLong { bytes, limit })
        } else if bytes.saturating_add(memory) > limit {
            Err(ReplyError::TooMany { values, limit })
        } else {
            Ok(())
        }
    }

    /// A value has ended, and with it each one whose last element it was.
    fn end(&mut self) {
        self.place = Place::Kind;
        while let Some(missing) = self.missing.last_mut() {
            *missing -= 1;
            if *missing > 0 {
                return;
            }
            self.missing.pop();
        }
    }
}

/// How many of the bytes belong to the line, and whether it ends with them. `after_cr`: the last byte before was `\r`.
fn line(bytes: &[u8], after_cr: &mut bool) -> (usize, bool) {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        let at = from + at;
        let cr = match at {
            0 => *after_cr,
            _ => bytes[at - 1] == b'\r',
        };
        if cr {
            return (at + 1, true);
        }
        from = at + 1;
    }
    *after_cr = bytes.last() == Some(&b'\r');
    (bytes.len(), false)
}

/// The number in a header, as the client library reads it.
fn number(header: &[u8]) -> Result<i64, ReplyError> {
    let text = std::str::from_utf8(header).map_err(|_| ReplyError::Malformed)?;
    text.trim().parse().map_err(|_| ReplyError::Malformed)
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount of memory in the largest unit that fits.
fn amount(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        MIB.. if bytes.is_multiple_of(MIB) => format!("{} MiB", grouped(bytes / MIB)),
        KIB.. if bytes.is_multiple_of(KIB) => format!("{} KiB", grouped(bytes / KIB)),
        _ => format!("{} bytes", grouped(bytes)),
    }
}

#[cfg(test)]
#[path = "replies/tests.rs"]
mod tests;
