//! The form of what a rulebook is given: a field for each of its inputs.
//!
//! Fields say in `data-kind` how their text is a value; the script that starts the run reads them (`assets/inputs.js`), and
//! the service checks what it gets as it checks what any program sends.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_rulebook::{Input, InputKind};
use cla_runtime::semaphore::printable;
use maud::{Markup, html};
use serde_json::Value;

use crate::api::problem::Problem;
use crate::api::runs::OfRule;
use crate::service::Service;

/// `GET /panel/inputs`: the fields for a rule.
pub(crate) async fn fields(
    State(service): State<Arc<Service>>,
    wanted: Result<Query<OfRule>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let runs = service.runs.as_ref().ok_or_else(Problem::no_rules)?;
    // The run reports what is wrong with the rulebook.
    let inputs = runs.inputs(&wanted.rule).await.unwrap_or_default();
    Ok(html! {
        fieldset.given #run-now-inputs data-rule=(wanted.rule) hidden[inputs.is_empty()] {
            legend { "Inputs" }
            @for input in &inputs { (field(input)) }
        }
    })
}

/// The form while no inputs are known.
pub(super) fn none() -> Markup {
    html! { fieldset.given #run-now-inputs hidden {} }
}

fn field(input: &Input) -> Markup {
    let kind = input.kind.map_or("any", InputKind::as_str);
    let default = input.default.as_ref().filter(|value| !value.is_null());
    html! {
        label data-input=(input.name) {
            span {
                b { (printable(&input.name)) }
                @if input.required { " " span.needed { "required" } }
                @if let Some(about) = &input.description { " " (printable(about)) }
            }
            (control(input, kind, default))
        }
    }
}

/// What the value is entered in.
fn control(input: &Input, kind: &str, default: Option<&Value>) -> Markup {
    let truths = [Value::Bool(true), Value::Bool(false)];
    let choices = match (&input.choices, input.kind) {
        (Some(choices), _) => Some(choices.as_slice()),
        (None, Some(InputKind::Boolean)) => Some(truths.as_slice()),
        (None, _) => None,
    };
    if let Some(choices) = choices {
        return html! {
            select data-kind="choice" required[input.required] {
                // Nothing is chosen for the reader.
                @if default.is_none() { option value="" { @if input.required { "choose" } @else { "none" } } }
                @for choice in choices {
                    option value=(choice) selected[Some(choice) == default] { (printable(&text(choice))) }
                }
            }
        };
    }
    let default = default.map(text);
    match input.kind {
        Some(InputKind::Number | InputKind::Integer) => {
            let step = if kind == "integer" { "1" } else { "any" };
            html! { input type="number" data-kind=(kind) step=(step) value=[default] required[input.required]; }
        }
        Some(InputKind::List | InputKind::Map) => {
            let example = if kind == "list" {
                r#"["a", "b"]"#
            } else {
                r#"{"name": "value"}"#
            };
            html! {
                textarea data-kind=(kind) rows="2" placeholder={ "JSON, such as " (example) } spellcheck="false" required[input.required] {
                    (default.unwrap_or_default())
                }
            }
        }
        _ => html! {
            input type="text" data-kind=(kind) data-has-default=[default.is_some().then_some("yes")] value=[default.as_deref()]
                autocomplete="off" spellcheck="false" required[input.required];
        },
    }
}

/// A value as its field shows it: texts without quotes.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
