//! The kinds of values of the protocol, as the scripts use them.

use redis::Value;

pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        other => text(other)?.parse().ok(),
    }
}

pub(super) fn natural(value: &Value) -> Option<u64> {
    integer(value).and_then(|number| u64::try_from(number).ok())
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}

pub(super) fn array(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) | Value::Set(values) => Some(values),
        _ => None,
    }
}

/// The texts of a list; none if it is no list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    array(value).unwrap_or_default().iter().filter_map(text)
}

/// Members and scores, which come as pairs or as a flat list.
pub(super) fn scored(answer: &Value) -> Vec<(&str, u64)> {
    let values = array(answer).unwrap_or_default();
    let flat: Vec<&Value> = values
        .iter()
        .flat_map(|value| array(value).unwrap_or(std::slice::from_ref(value)))
        .collect();
    let score = |value: &Value| match value {
        Value::Double(score) => Some(*score as u64),
        other => natural(other),
    };
    flat.chunks_exact(2)
        .filter_map(|pair| Some((text(pair[0])?, score(pair[1])?)))
        .collect()
}
