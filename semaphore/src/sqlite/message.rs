//! What goes through the named pipe of a session: that there is something to look at, or a whole admission.
//!
//! # The decision
//!
//! A session that is admitted would have to read a handful of pages to learn what the other process knows already. So that
//! process sends the admission itself, once its transaction is committed, and the session answers its caller without a look
//! at the file. Nothing is written into the file for it but the request's own row.
//!
//! A message says only what stands in the file, so one that is lost does no harm: the session also looks by itself
//! ([`OpenFile::news`](super::worker)). One that should not be there does none either:
//!
//! * It carries the *secret* of the session, which is made with the session's row. A process that still writes to a file that
//!   was replaced knows only the secrets of that one, even where a session of the new file has the same number.
//! * It carries the id of the request, which is used once. A message for a request that was answered, that was given up, or
//!   that never was, finds none that waits. So one that comes twice, or late, is ignored.
//! * Only processes that may write the store's file may write the pipe.
//!
//! The system writes up to 512 bytes into a pipe whole or not at all, so messages of several processes do not mix.

use super::transitions::Admission;
use crate::id::RequestId;
use crate::sqlite::clock::Moment;

/// There is something to look at. All that versions before this one send and understand.
pub(super) const LOOK: u8 = b'.';
/// There is something to look at, and so many requests were admitted that they are not sent one by one.
const MANY: u8 = b'*';
/// Begins an admission.
const ADMITTED: u8 = b'A';
/// Its bytes: the kind, the secret, the request, three numbers, the flags.
const LENGTH: usize = 1 + 16 + 16 + 3 * 8 + 1;
/// A flag: by an administrator, outside the slots.
const GRANTED: u8 = 1;
/// A flag: the permit has a TTL.
const HAS_DEADLINE: u8 = 2;

/// What lets a session know that a message is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Secret(u128);

impl Secret {
    pub(super) fn new() -> Self {
        // Random bits of the same source.
        Self(RequestId::unique().as_u128())
    }

    pub(super) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

/// The admission of a request of another session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) secret: Secret,
    pub(super) request: RequestId,
    pub(super) admission: Admission,
    /// The session has to wake up when the permit expires.
    pub(super) has_deadline: bool,
}

impl Message {
    fn to_bytes(self) -> [u8; LENGTH] {
        let Admission {
            token,
            requested,
            started,
            granted,
        } = self.admission;
        let mut bytes = [0; LENGTH];
        bytes[0] = ADMITTED;
        bytes[1..17].copy_from_slice(&self.secret.to_bytes());
        bytes[17..33].copy_from_slice(&self.request.as_u128().to_le_bytes());
        bytes[33..41].copy_from_slice(&token.to_le_bytes());
        bytes[41..49].copy_from_slice(&requested.0.to_le_bytes());
        bytes[49..57].copy_from_slice(&started.0.to_le_bytes());
        bytes[57] =
            if granted { GRANTED } else { 0 } | if self.has_deadline { HAS_DEADLINE } else { 0 };
        bytes
    }

    /// The message at the beginning of `bytes`, and what follows it.
    fn split_from(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&kind, rest) = bytes.split_first()?;
        let (secret, rest) = rest.split_first_chunk()?;
        let (request, rest) = rest.split_first_chunk()?;
        let (token, rest) = rest.split_first_chunk()?;
        let (requested, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (&flags, rest) = rest.split_first()?;
        let message = Self {
            secret: Secret::from_bytes(*secret),
            request: RequestId::from_u128(u128::from_le_bytes(*request)),
            admission: Admission {
                token: u64::from_le_bytes(*token),
                requested: Moment(i64::from_le_bytes(*requested)),
                started: Moment(i64::from_le_bytes(*started)),
                granted: flags & GRANTED != 0,
            },
            has_deadline: flags & HAS_DEADLINE != 0,
        };
        (kind == ADMITTED).then_some((message, rest))
    }
}

/// What is written into the pipe of one session, at once.
pub(super) fn written(messages: &[Message]) -> Vec<u8> {
    /// So many fit into what a system writes whole.
    const MOST: usize = 512 / LENGTH;
    if messages.len() > MOST {
        return vec![MANY];
    }
    messages
        .iter()
        .flat_map(|message| message.to_bytes())
        .collect()
}

/// What has come through the pipe.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// There is something to look at.
    pub(super) look: bool,
    /// Messages may be missing: there were many, the pipe was full, or something else has written into it.
    pub(super) is_incomplete: bool,
}

impl Received {
    /// Reads all that has come.
    pub(super) fn of(mut bytes: &[u8]) -> Self {
        let mut received = Self::default();
        while let Some(&kind) = bytes.first() {
            if let Some((message, rest)) = Message::split_from(bytes) {
                received.messages.push(message);
                bytes = rest;
                continue;
            }
            received.look = true;
            received.is_incomplete |= kind != LOOK;
            bytes = &bytes[1..];
        }
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(request: u128) -> Message {
        Message {
            secret: Secret(7),
            request: RequestId::from_u128(request),
            admission: Admission {
                token: 3,
                requested: Moment(40),
                started: Moment(50),
                granted: true,
            },
            has_deadline: true,
        }
    }

    fn requests(received: &Received) -> Vec<u128> {
        let messages = received.messages.iter();
        messages.map(|message| message.request.as_u128()).collect()
    }

    #[test]
    fn a_message_comes_as_it_was_sent() {
        let received = Received::of(&message(9).to_bytes());
        assert!(!received.look && !received.is_incomplete);
        let [read] = received.messages[..] else {
            panic!("{received:?}")
        };
        assert_eq!(read.secret, Secret(7));
        assert_eq!(read.request, RequestId::from_u128(9));
        assert_eq!((read.admission.token, read.has_deadline), (3, true));
        assert_eq!(
            (read.admission.requested, read.admission.started),
            (Moment(40), Moment(50))
        );
        assert!(read.admission.granted);
    }

    #[test]
    fn what_came_together_is_told_apart() {
        let mut bytes = vec![LOOK];
        bytes.extend(message(1).to_bytes());
        bytes.extend([LOOK, LOOK]);
        bytes.extend(message(2).to_bytes());
        let received = Received::of(&bytes);
        assert_eq!(requests(&received), [1, 2]);
        assert!(received.look && !received.is_incomplete);
    }

    #[test]
    fn a_crowd_that_is_admitted_at_once_is_looked_up() {
        let few: Vec<Message> = (0..8).map(message).collect();
        let received = Received::of(&written(&few));
        assert_eq!(requests(&received), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(!received.look);
        let many: Vec<Message> = (0..9).map(message).collect();
        let received = Received::of(&written(&many));
        assert!(received.messages.is_empty() && received.look && received.is_incomplete);
    }

    #[test]
    fn what_is_no_message_is_a_reason_to_look_at_the_file() {
        for bytes in [&b"hello"[..], b"A", &message(1).to_bytes()[..40], &[0; 300]] {
            let received = Received::of(bytes);
            assert!(received.messages.is_empty(), "{bytes:?}");
            assert!(received.look && received.is_incomplete, "{bytes:?}");
        }
        let mut bytes = b"who knows".to_vec();
        bytes.extend(message(1).to_bytes());
        let received = Received::of(&bytes);
        assert_eq!(requests(&received), [1], "what follows is still read");
        assert!(received.is_incomplete);
    }
}
