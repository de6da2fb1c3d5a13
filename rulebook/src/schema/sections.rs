//! The sections of a rulebook: its functions, and what it does for which event.

use serde_json::{Value as Json, json};

use super::ops;
use super::parts::{VARIABLE, described, map, reference};
use crate::tree::ATTRIBUTES;

/// One name, or several.
fn names(about: &str) -> Json {
    json!({
        "description": about,
        "type": ["string", "array"],
        "pattern": VARIABLE,
        "items": {"type": "string", "pattern": VARIABLE},
    })
}

pub(super) fn definitions() -> Json {
    let ops = ops();
    let mut taken: Vec<&str> = ops.iter().map(|op| op.key.name).collect();
    taken.extend(ATTRIBUTES);
    taken.extend(["then", "catch", "finally"]);
    let argument = json!({
        "type": ["string", "object"],
        "pattern": VARIABLE,
        "propertyNames": {"pattern": VARIABLE},
    });
    let mut one = map(
        json!({
            "args": {
                "description": "The names of the arguments; those with a default in a map: [who, {greeting: hello}].",
                "type": ["array", "object"],
                "items": argument,
                "propertyNames": {"pattern": VARIABLE},
            },
            "required": names("The arguments that must be given."),
            "returning": names("What is in the map that the function returns."),
            "do": described("What the function does. `return` gives its value.", reference("block")),
            "description": {"description": "What the function is for."},
        }),
        &["do"],
    );
    one["type"] = json!(["object", "array"]);
    one["items"] = reference("op");
    let all = json!({
        "type": "object",
        "propertyNames": {
            "not": {"enum": taken},
            "pattern": r"^[^(]+(\(.*\)\s*)?$",
        },
        "additionalProperties": one,
    });
    let mut schema = all.clone();
    schema["type"] = json!(["object", "array"]);
    schema["items"] = all;
    schema
}

/// What is done for an event: a block, or a map of `do`, its attributes and filters.
pub(super) fn event() -> Json {
    let mut beside: Vec<&str> = vec!["do"];
    beside.extend(ATTRIBUTES);
    let others: Vec<&str> = ops()
        .iter()
        .map(|op| op.key.name)
        .filter(|name| !beside.contains(name))
        .collect();
    let any_op = json!({"anyOf": [{"enum": others}, {"pattern": " =| \\["}]});
    let has_filters = json!({
        "type": "object",
        "required": ["do"],
        "not": {"propertyNames": {"anyOf": [{"enum": beside}, any_op]}},
    });
    let mut properties: serde_json::Map<String, Json> = beside
        .iter()
        .map(|key| {
            (
                key.to_string(),
                json!({"$ref": format!("#/definitions/keys/properties/{key}")}),
            )
        })
        .collect();
    for op in others {
        properties.insert(op.to_owned(), false.into());
    }
    json!({
        "if": has_filters,
        "then": {
            "properties": properties,
            "additionalProperties": {
                "description": "A filter: the values of this variable for which the event is. * stands for any text.",
                "type": ["string", "number", "boolean", "array"],
                "items": {"type": ["string", "number", "boolean"]},
                "minItems": 1,
            },
        },
        "else": reference("block"),
    })
}

/// A section at the top that is none of the language: what is done for an event.
pub(super) fn section() -> Json {
    json!({
        "description": "What is done for this event: a list of ops, or a map with `do`.",
        "type": ["array", "object"],
        "required": ["do"],
        "allOf": [reference("event")],
    })
}
