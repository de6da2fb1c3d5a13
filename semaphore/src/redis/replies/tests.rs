#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use proptest::prelude::*;
use redis::parse_redis_value;

use super::*;

const MIB: u64 = 1024 * 1024;

/// What becomes of these bytes when they come at once; and it must become of them, however they are cut.
#[track_caller]
fn fed(limit: u64, bytes: &[u8]) -> Result<(), ReplyError> {
    let mut whole = Replies::new(limit);
    let outcome = whole.feed(bytes).map_err(|refusal| refusal.error);
    let mut single = Replies::new(limit);
    let by_bytes = bytes
        .iter()
        .try_for_each(|byte| single.feed(&[*byte]))
        .map_err(|refusal| refusal.error);
    assert_eq!(by_bytes.is_ok(), outcome.is_ok(), "{bytes:?}");
    outcome
}

#[track_caller]
fn refused(limit: u64, bytes: &[u8]) -> String {
    fed(limit, bytes).unwrap_err().to_string()
}

fn is_between(replies: &Replies) -> bool {
    replies.missing.is_empty() && matches!(replies.place, Place::Kind)
}

#[test]
fn two_gigabytes_are_refused_before_they_come() {
    let said = "a reply of 2,147,483,648 bytes is longer than the limit of 64 MiB";
    for header in [
        "$2147483648\r\n",
        "=2147483648\r\n",
        "!2147483648\r\n",
        ">3\r\n+message\r\n$1\r\nc\r\n$2147483647\r\n",
    ] {
        let refusal = refused(64 * MIB, header.as_bytes());
        // With `message` and its end of line, a few bytes more.
        let rest = "bytes is longer than the limit of 64 MiB";
        assert!(
            refusal == said || header.starts_with('>') && refusal.ends_with(rest),
            "{refusal}"
        );
    }
}

#[test]
fn elements_count_before_they_come() {
    let said = "a reply of 1,000,000,001 values needs more memory than the limit of 64 MiB";
    for header in ["*1000000000\r\n", "~1000000000\r\n", ">1000000000\r\n"] {
        assert_eq!(refused(64 * MIB, header.as_bytes()), said);
    }
    assert!(fed(64 * MIB, b"%9223372036854775807\r\n").is_err());
    assert!(fed(64 * MIB, b"|9223372036854775807\r\n").is_err());
}

#[test]
fn many_small_parts_add_up() {
    let mut bytes = b"*1000\r\n".to_vec();
    for _ in 0..1000 {
        bytes.extend_from_slice(b"$1024\r\n");
        bytes.extend_from_slice(&[b'x'; 1024]);
        bytes.extend_from_slice(b"\r\n");
    }
    assert_eq!(fed(MIB + 1001 * ELEMENT, &bytes), Ok(()));
    assert_eq!(fed(1000 * 1024 + 1001 * ELEMENT, &bytes), Ok(()));
    assert_eq!(
        fed(1000 * 1024 + 1001 * ELEMENT - 1, &bytes),
        Err(ReplyError::TooMany {
            values: 1001,
            limit: 1000 * 1024 + 1001 * ELEMENT - 1
        })
    );
    // The next reply counts from nothing.
    let twice = [bytes.as_slice(), &bytes].concat();
    assert_eq!(fed(MIB + 1001 * ELEMENT, &twice), Ok(()));
}

#[test]
fn nesting_and_lines_have_limits_of_their_own() {
    let nested = |depth: usize| [b"*1\r\n".repeat(depth), b"+x\r\n".to_vec()].concat();
    assert_eq!(fed(MIB, &nested(DEEPEST)), Ok(()));
    assert_eq!(fed(MIB, &nested(DEEPEST + 1)), Err(ReplyError::TooDeep));
    let line = |length: usize| format!("+{}\r\n", "x".repeat(length));
    assert_eq!(fed(MIB, line(LONGEST_LINE - 2).as_bytes()), Ok(()));
    assert_eq!(
        refused(MIB, line(LONGEST_LINE).as_bytes()),
        "a line of a reply is longer than the limit of 64 KiB"
    );
    // One that never ends.
    assert!(fed(MIB, &vec![b'+'; LONGEST_LINE + 2]).is_err());
    assert!(fed(MIB, &[b"*".as_slice(), &[b'1'; 100]].concat()).is_err());
}

#[test]
fn what_is_in_front_of_a_refused_reply_still_counts() {
    let mut replies = Replies::new(MIB);
    let refusal = replies.feed(b"+OK\r\n:1\r\n$9999999\r\n").unwrap_err();
    assert!(refusal.accepted >= b"+OK\r\n:1\r\n".len());
    assert!(refusal.accepted < b"+OK\r\n:1\r\n$9999999\r\n".len());
}

#[test]
fn other_protocols_are_told_apart() {
    for other in [
        "HTTP/1.1 400 Bad Request\r\n",
        "\u{15}\u{3}\u{1}",
        "220 mail ESMTP\r\n",
        "$x\r\n",
        "$?\r\n",
        "$3\r\nabcd\r\n",
        "%-1\r\n",
        "=-1\r\n",
    ] {
        assert_eq!(fed(MIB, other.as_bytes()), Err(ReplyError::Malformed));
    }
}

#[test]
fn amounts_are_easy_to_read() {
    assert_eq!(amount(16 * MIB), "16 MiB");
    assert_eq!(amount(1536), "1,536 bytes");
    assert_eq!(amount(1536 * 1024), "1,536 KiB");
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(1_234_567), "1,234,567");
}

/// A reply as a server writes it, and how much memory it takes.
#[derive(Clone, Debug)]
enum Reply {
    Line(u8, String),
    Text(u8, Vec<u8>),
    Nothing(u8),
    Several(u8, Vec<Reply>),
}

impl Reply {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Line(kind, text) => {
                out.push(*kind);
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Text(kind, text) => {
                out.push(*kind);
                out.extend_from_slice(format!("{}\r\n", text.len()).as_bytes());
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Self::Nothing(kind) => {
                out.push(*kind);
                out.extend_from_slice(b"-1\r\n");
            }
            Self::Several(kind, elements) => {
                let length = match kind {
                    b'%' | b'|' => elements.len() / 2,
                    _ => elements.len(),
                };
                out.push(*kind);
                out.extend_from_slice(format!("{length}\r\n").as_bytes());
                for element in elements {
                    element.write(out);
                }
            }
        }
    }

    /// Without its own element.
    fn memory(&self) -> u64 {
        match self {
            Self::Line(_, text) => text.len() as u64 + 2,
            Self::Text(_, text) => text.len() as u64,
            Self::Nothing(_) => 0,
            Self::Several(_, elements) => elements
                .iter()
                .map(|element| ELEMENT + element.memory())
                .sum(),
        }
    }
}

fn reply() -> impl Strategy<Value = Reply> {
    let text = prop::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        "[ -~\n]{0,20}".prop_map(|text| Reply::Line(b'+', text)),
        "[A-Z]{1,9} [ -~]{0,20}".prop_map(|text| Reply::Line(b'-', text)),
        any::<i64>().prop_map(|number| Reply::Line(b':', number.to_string())),
        any::<i32>().prop_map(|number| Reply::Line(b',', format!("{number}.5"))),
        Just(Reply::Line(b'_', String::new())),
        any::<bool>().prop_map(|yes| Reply::Line(b'#', if yes { "t" } else { "f" }.to_owned())),
        "[1-9][0-9]{20,30}".prop_map(|number| Reply::Line(b'(', number)),
        text.prop_map(|text| Reply::Text(b'$', text)),
        // What looks like headers is text here.
        Just(Reply::Text(b'$', b"\r\n$999999999\r\n*9\r\n".to_vec())),
        "txt:[ -~]{0,20}".prop_map(|text| Reply::Text(b'=', text.into_bytes())),
        "ERR [ -~]{0,20}".prop_map(|text| Reply::Text(b'!', text.into_bytes())),
        prop_oneof![Just(b'$'), Just(b'*')].prop_map(Reply::Nothing),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let some = prop::collection::vec(inner, 0..6);
        (some, 0..5_u8).prop_map(|(mut elements, kind)| match kind {
            0 => Reply::Several(b'*', elements),
            1 => Reply::Several(b'~', elements),
            2 => {
                elements.truncate(elements.len() / 2 * 2);
                Reply::Several(b'%', elements)
            }
            3 => {
                elements.truncate(elements.len() / 2 * 2);
                elements.push(Reply::Line(b'+', "x".to_owned()));
                Reply::Several(b'|', elements)
            }
            _ => {
                elements.insert(0, Reply::Text(b'$', b"message".to_vec()));
                Reply::Several(b'>', elements)
            }
        })
    })
}

/// Cuts `bytes` at these places, as far as there are such.
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

proptest! {
    #[test]
    fn a_reply_is_refused_exactly_when_it_is_over_the_limit(
        replies in prop::collection::vec(reply(), 1..4),
        limit in 0..4000_u64,
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        for reply in &replies {
            reply.write(&mut bytes);
        }
        let mut followed = Replies::new(limit);
        let outcome = pieces(&bytes, &cuts)
            .into_iter()
            .try_for_each(|piece| followed.feed(piece));
        let most = replies.iter().map(|reply| ELEMENT + reply.memory()).max().unwrap_or(0);
        prop_assert_eq!(outcome.is_ok(), most <= limit, "{} of {}", most, limit);
    }

    #[test]
    fn replies_end_where_the_client_library_says(reply in reply()) {
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        let mut followed = Replies::new(MIB);
        for at in 0..bytes.len() {
            prop_assert_eq!(is_between(&followed), at == 0, "at {}", at);
            // It reads nothing of what is incomplete.
            prop_assert!(parse_redis_value(&bytes[..at]).is_err());
            followed.feed(&bytes[at..=at]).unwrap();
        }
        prop_assert!(is_between(&followed));
        prop_assert!(parse_redis_value(&bytes).is_ok());
    }

    /// What the client library reads is read here, and ends at the same place.
    #[test]
    fn arbitrary_bytes_are_read_alike(bytes in "[-+:$*%~|>=!_#,(0-3a\r\n]{0,24}") {
        let bytes = bytes.as_bytes();
        let mut followed = Replies::new(MIB);
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate() {
            if followed.feed(&[*byte]).is_err() {
                break;
            }
            if is_between(&followed) {
                end = Some(at + 1);
                break;
            }
        }
        let first = (1..=bytes.len()).find(|at| parse_redis_value(&bytes[..*at]).is_ok());
        if let Some(first) = first {
            prop_assert_eq!(end, Some(first));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut followed = Replies::new(1000);
        let _ = pieces(&bytes, &cuts)
            .into_iter()
            .try_for_each(|piece| followed.feed(piece));
    }
}
