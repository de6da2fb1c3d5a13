//! What the server pushes: what became of requests of this session, and events.

use redis::{FromRedisValue, PushInfo, PushKind, Value};

use super::keys::Names;
use super::reply::Admission;
use super::rows;
use super::value::text;
use crate::cycle_json;
use crate::error::DeadlockLink;
use crate::event::Event;
use crate::id::RequestId;
use crate::view::Status;

/// What the server pushes.
#[derive(Debug)]
pub(crate) enum Push {
    /// A message to this session, about one of its requests.
    Message(RequestId, Message),
    /// Something happened to a semaphore.
    Event(Box<Event>),
    /// Something happened to a semaphore, and there is no subscriber any more.
    UnwantedEvent,
    /// The data-set id has changed, or all data is gone.
    DataSetChanged,
    /// The connection ended: the only one, or in a cluster one of several.
    Disconnected,
}

/// What a script says to the session of a request. The letters are those of `lua/lib.lua`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// It got a slot.
    Admitted(Admission),
    /// Its slot id holds a slot already, through the request `holder`.
    Shares {
        holder: RequestId,
        admission: Admission,
        /// How long that is still held, in microseconds, if it expires.
        left: Option<u64>,
    },
    /// Its permit now expires in so many microseconds.
    Deadline(u64),
    Ended(Status),
    /// An administrator moved it: its key and its class in the line.
    Moved {
        key: String,
        class: String,
    },
    /// It can never get a slot.
    Deadlocked(Vec<DeadlockLink>),
}

impl Push {
    /// `None`: nothing that concerns a store. `observed`: there is a subscriber of events.
    pub(crate) fn read(
        push: &PushInfo,
        names: &Names,
        channel: &str,
        observed: bool,
    ) -> Option<Self> {
        match push.kind {
            PushKind::Message => {
                let [to, message] = push.data.as_slice() else {
                    return None;
                };
                let (to, message) = (text(to)?, text(message)?);
                if to == channel {
                    let (id, message) = read_message(message)?;
                    return Some(Self::Message(id, message));
                }
                if observed {
                    Some(Self::Event(Box::new(rows::event(names, message)?)))
                } else {
                    Some(Self::UnwantedEvent)
                }
            }
            PushKind::Invalidate => Some(Self::DataSetChanged),
            PushKind::Disconnection => Some(Self::Disconnected),
            _ => None,
        }
    }
}

/// The channel and the text of a message. What is not UTF-8 in it is replaced.
pub(crate) fn published(fields: Vec<Value>) -> Option<(String, String)> {
    let mut fields = fields.into_iter();
    let mut text = || {
        let bytes = Vec::<u8>::from_redis_value(fields.next()?).ok()?;
        Some(
            String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    };
    Some((text()?, text()?))
}

/// `letter|request|...`
fn read_message(message: &str) -> Option<(RequestId, Message)> {
    let mut parts = message.split('|');
    let (letter, id) = (parts.next()?, rows::id(parts.next()?)?);
    let message = match letter {
        "a" => {
            let mut next = || parts.next()?.parse::<u64>().ok();
            Message::Admitted(Admission {
                token: next()?,
                requested: next()?,
                started: next()?,
                granted: next()? == 1,
                generation: next()?,
            })
        }
        "s" => {
            let holder = rows::id(parts.next()?)?;
            let numbers: Vec<i64> = parts.flat_map(str::parse).collect();
            let &[token, requested, started, granted, generation, left] = numbers.as_slice() else {
                return None;
            };
            Message::Shares {
                holder,
                admission: Admission {
                    token: token.unsigned_abs(),
                    requested: requested.unsigned_abs(),
                    started: started.unsigned_abs(),
                    granted: granted == 1,
                    generation: generation.unsigned_abs(),
                },
                left: u64::try_from(left).ok(),
            }
        }
        "d" => Message::Deadline(parts.next()?.parse().ok()?),
        "c" => Message::Ended(Status::Cancelled),
        "t" => Message::Ended(Status::TimedOut),
        "k" => Message::Ended(Status::Killed),
        "l" => Message::Ended(Status::Done),
        "m" => Message::Moved {
            key: parts.next()?.to_owned(),
            class: parts.next()?.to_owned(),
        },
        // Names may have bars in them.
        "x" => Message::Deadlocked(cycle_json::read(message.splitn(3, '|').nth(2)?)?),
        _ => return None,
    };
    Some((id, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0000000000000000000000000000002a";

    #[test]
    fn messages_of_scripts_are_read() {
        let admission = Admission {
            token: 1,
            requested: 2,
            started: 3,
            granted: true,
            generation: 4,
        };
        let read = |rest: &str| {
            let (letter, rest) = rest.split_at(1);
            read_message(&format!("{letter}|{ID}{rest}")).map(|(_, message)| message)
        };
        // Behind the generation come the slots, which do not matter here.
        let admitted = Message::Admitted(admission.clone());
        assert_eq!(read("a|1|2|3|1|4|1"), Some(admitted));
        let shares = |left| Message::Shares {
            holder: RequestId::from_u128(42),
            admission: admission.clone(),
            left,
        };
        assert_eq!(read(&format!("s|{ID}|1|2|3|1|4|-1")), Some(shares(None)));
        assert_eq!(read(&format!("s|{ID}|1|2|3|1|4|9")), Some(shares(Some(9))));
        assert_eq!(read("d|7"), Some(Message::Deadline(7)));
        assert_eq!(read("l"), Some(Message::Ended(Status::Done)));
        assert_eq!(read("a|1|2"), None);
        assert_eq!(read("z"), None);
        assert_eq!(read_message("a|short|1|2|3|1|4"), None);
    }
}
