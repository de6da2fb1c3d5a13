//! The page that shows what `/openapi.json` says, for people.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

use super::{Tab, page};
use crate::auth::Person;
use crate::service::Service;

/// How deep schemas are written out within one another. Each has a place of its own below, too.
const DEEPEST: usize = 4;

/// An operation of the description.
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    said: &'d Value,
}

/// `GET /docs`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
) -> Markup {
    let operations = operations(&service.openapi);
    let mut tags: Vec<&str> = Vec::new();
    for operation in &operations {
        if !tags.contains(&operation.tag()) {
            tags.push(operation.tag());
        }
    }
    let schemas = service.openapi["components"]["schemas"].as_object();
    let content = html! {
        div.docs #docs data-after=(service.live.id(service.live.newest())) tabindex="0" role="region" aria-label="The interface" {
            h1 { "The interface for programs" }
            p { (text(&service.openapi["info"]["description"])) }
            p {
                "Programs send " code { "Authorization: Bearer TOKEN" } ". The same for programs: "
                a href="/openapi.json" { "/openapi.json" } "."
            }
            @for tag in tags {
                h2 id={ "of-" (tag) } { (tag) }
                @for operation in operations.iter().filter(|operation| operation.tag() == tag) { (section(operation)) }
            }
            h2 { "Schemas" }
            @for (name, schema) in schemas.into_iter().flatten() {
                section.operation id={ "schema-" (name) } {
                    h3 { code { (name) } }
                    @if let Some(said) = schema["description"].as_str() { p { (said) } }
                    (fields(schema))
                }
            }
        }
    };
    page(&service, "Interface", Tab::Docs, Some(&person), &content)
}

impl Operation<'_> {
    fn tag(&self) -> &str {
        text(&self.said["tags"][0])
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn operations(described: &Value) -> Vec<Operation<'_>> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let paths = described["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| {
                let said = item.get(method)?;
                Some(Operation { method, path, said })
            })
        })
        .collect()
}

fn section(operation: &Operation<'_>) -> Markup {
    let said = operation.said;
    let parameters = said["parameters"].as_array();
    let body = &said["requestBody"]["content"]["application/json"]["schema"];
    html! {
        section.operation id=(text(&said["operationId"])) {
            h3 { span.method.{ "of-" (operation.method) } { (operation.method.to_uppercase()) } " " code { (operation.path) } }
            p { (text(&said["summary"])) ". " span.quiet { (text(&said["description"])) } }
            @if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
                table.fields {
                    caption { "Parameters" }
                    tbody {
                        @for parameter in parameters {
                            (field(text(&parameter["name"]), &parameter["schema"], text(&parameter["in"]), text(&parameter["description"])))
                        }
                    }
                }
            }
            @if !body.is_null() {
                p { "Body: " @if said["requestBody"]["required"] != true { span.quiet { "(may be absent) " } } code { (kind(body, 0)) } }
            }
            ul.answers {
                @for (status, answer) in said["responses"].as_object().into_iter().flatten() {
                    li {
                        b { (status) } " " (text(&answer["description"]))
                        @for (media, content) in answer["content"].as_object().into_iter().flatten() {
                            " " code { (kind(&content["schema"], 0)) } " " span.quiet { (media) }
                        }
                    }
                }
            }
        }
    }
}

/// The fields of an object, or what else the schema is.
fn fields(schema: &Value) -> Markup {
    let Some(properties) = schema["properties"].as_object() else {
        return html! { p { code { (kind(schema, 0)) } } };
    };
    let required = schema["required"].as_array();
    html! {
        table.fields {
            tbody {
                @for (name, property) in properties {
                    @let is_required = required.is_some_and(|names| names.iter().any(|known| known == name));
                    (field(name, property, if is_required { "required" } else { "" }, text(&property["description"])))
                }
            }
        }
    }
}

fn field(name: &str, schema: &Value, note: &str, description: &str) -> Markup {
    html! {
        tr {
            th scope="row" { code { (name) } }
            td { code { (kind(schema, 0)) } @if !note.is_empty() { " " span.quiet { (note) } } }
            td { (description) }
        }
    }
}

/// What a schema allows, in a line.
fn kind(schema: &Value, depth: usize) -> Markup {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or(name);
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    if depth > DEEPEST {
        return html! { "..." };
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(kinds) = schema[choice].as_array() {
            let between = if choice == "allOf" { " and " } else { " or " };
            return html! {
                @for (nth, one) in kinds.iter().enumerate() { @if nth > 0 { (between) } (kind(one, depth + 1)) }
            };
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return html! { @for (nth, value) in values.iter().enumerate() { @if nth > 0 { " or " } (value.to_string()) } };
    }
    if let Some(properties) = schema["properties"].as_object() {
        return html! {
            "{" @for (nth, (name, one)) in properties.iter().enumerate() { @if nth > 0 { ", " } (name) ": " (kind(one, depth + 1)) } "}"
        };
    }
    let mut kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        one => vec![text(one)],
    };
    if let Some(at) = kinds.iter().position(|kind| *kind == "array") {
        kinds.remove(at);
        return html! {
            "array of " (kind(&schema["items"], depth + 1))
            @for other in kinds { " or " (other) }
        };
    }
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| !kind.is_empty()).collect();
    html! {
        @if kinds.is_empty() { "anything" } @else { (kinds.join(" or ")) }
        @if let Some(pattern) = schema["pattern"].as_str() { " like " (pattern) }
    }
}
