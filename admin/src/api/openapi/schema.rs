//! How the JSON of semaphores looks, for the description: the types themselves are in crates that know no HTTP.
#![allow(dead_code, reason = "these types are described, and never made")]

use std::borrow::Cow;

use cla_runtime::semaphore::SemaphoreName;
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One semaphore, with everybody at it.
#[derive(ToSchema)]
pub(crate) struct Semaphore {
    name: String,
    #[schema(value_type = SlotsJson)]
    slots: Value,
    /// An administrator's number of slots is in force.
    pinned: bool,
    /// How many slots are taken.
    busy: u64,
    /// How many wait.
    waiting: u64,
    /// Busy ones in order of start, then the line, then those that ended a moment ago.
    requests: Vec<Request>,
    /// What the configuration of the service says of it; only where semaphores are shown or listed.
    declared: Option<Declared>,
    /// The requests that wait for longer than the declaration allows.
    overdue: Option<Vec<String>>,
    /// The requests that are busy for longer than the declaration allows.
    overheld: Option<Vec<String>>,
}

/// What the configuration says of a semaphore. Lengths of time are seconds.
#[derive(ToSchema)]
pub(crate) struct Declared {
    /// The file that says it.
    by: String,
    #[schema(value_type = Option<SlotsJson>, required)]
    slots: Option<Value>,
    #[schema(required)]
    description: Option<String>,
    labels: std::collections::BTreeMap<String, String>,
    /// How long a lease over HTTP lives by default.
    #[schema(required)]
    ttl: Option<f64>,
    /// A request that waits longer is overdue.
    #[schema(required)]
    alert_after: Option<f64>,
    /// A request that is busy for longer is overheld.
    #[schema(required)]
    alert_held_after: Option<f64>,
}

/// One request. Times are seconds since the Unix epoch, lengths of time are seconds.
#[derive(ToSchema)]
pub(crate) struct Request {
    id: String,
    status: Status,
    /// Let through by an administrator: it takes no slot.
    granted: bool,
    #[schema(required)]
    who: Option<String>,
    #[schema(required)]
    run: Option<String>,
    #[schema(required)]
    host: Option<String>,
    #[schema(required)]
    pid: Option<u32>,
    /// Place in line, from 1.
    #[schema(required)]
    place: Option<u64>,
    priority: i32,
    /// The id of the slot that it takes.
    #[schema(required)]
    slot: Option<String>,
    /// Fencing token.
    #[schema(required)]
    token: Option<u64>,
    requested_at: f64,
    #[schema(required)]
    started_at: Option<f64>,
    #[schema(required)]
    expires_at: Option<f64>,
    waited: f64,
    #[schema(required)]
    ran: Option<f64>,
    #[schema(required)]
    ended_at: Option<f64>,
    /// Which administrator granted, cancelled, moved or ended it last.
    #[schema(required)]
    by: Option<Actor>,
    /// Since when its run does not answer; only while that is so.
    #[schema(required)]
    unresponsive_since: Option<f64>,
}

/// Who gives a command.
#[derive(ToSchema)]
pub(crate) struct Actor {
    login: String,
    #[schema(required)]
    host: Option<String>,
    /// `panel`, `api`, `sem`, `top`, `repl`, or a rule.
    program: String,
}

/// A command that changed something.
#[derive(ToSchema)]
pub(super) struct AuditEntry {
    sequence: u64,
    at: f64,
    #[schema(required)]
    actor: Option<Actor>,
    command: String,
    semaphore: String,
    #[schema(required)]
    request: Option<String>,
    #[schema(required)]
    who: Option<String>,
    #[schema(required)]
    before: Option<AuditState>,
    #[schema(required)]
    after: Option<AuditState>,
    /// How many requests it granted, cancelled, moved or ended.
    hits: u64,
}

/// A semaphore right before or after a command.
#[derive(ToSchema)]
struct AuditState {
    #[schema(value_type = SlotsJson)]
    slots: Value,
    pinned: bool,
    busy: u64,
    waiting: u64,
    #[schema(required)]
    place: Option<u64>,
}

/// Where a request is in its life.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Status {
    Waiting,
    Busy,
    Done,
    Cancelled,
    Expired,
    Killed,
    TimedOut,
    Released,
    Left,
}

/// A request, and the semaphore where it is.
#[derive(ToSchema)]
pub(super) struct Row {
    semaphore: String,
    #[schema(inline)]
    #[serde(flatten)]
    request: Request,
}

/// A run, with its report when it has ended.
#[derive(ToSchema)]
pub(super) struct Run {
    #[serde(flatten)]
    record: crate::runs::Record,
    /// As `cla run --json` prints it.
    #[schema(value_type = Option<Object>, required)]
    report: Option<Value>,
}

/// Why a request was refused (RFC 9457).
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Stable: `urn:cla:problem:unknown-semaphore`.
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    /// The input of the rule that is missing or wrong (`wrong-input`); no other problem has it.
    #[schema(required = false)]
    input: Option<String>,
}

/// What a rulebook is given when it is run.
#[derive(ToSchema)]
pub(crate) struct Input {
    /// Its name in the stash.
    name: String,
    description: Option<String>,
    /// What its value must be; `null` for anything.
    r#type: Option<InputType>,
    /// Its value if none is given.
    default: Value,
    /// Whether a value must be given.
    required: bool,
    /// The values that it may have; `null` for all.
    choices: Option<Vec<Value>>,
}

/// What the value of an input must be.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum InputType {
    String,
    Number,
    Integer,
    Boolean,
    List,
    Map,
}

/// A number of slots, or `unlimited`.
pub(crate) struct SlotsJson;

/// A number of slots, or a word: `unlimited`, `+N`, `-N`, `default`.
pub(crate) struct SlotsChangeJson;

/// A place from 1, or a word: `up`, `down`, `first`, `last`.
pub(crate) struct PlaceJson;

/// A number of seconds, or a text such as `250ms` or `1h30m`.
pub(crate) struct LengthJson;

/// The name of a semaphore.
pub(crate) struct NameJson;

/// The id of a request or a run.
pub(crate) struct IdJson;

/// Whether to wait, or how long.
pub(crate) struct WaitJson;

/// A length of time as a text; the service understands a little more.
const LENGTH: &str = "^([0-9]{1,6}(ms|s|m|h|d)|[0-9]{1,4}h[0-9]{1,2}m)$";

/// The longest length of time: a hundred years, in seconds.
const LONGEST: f64 = 3_153_600_000.0;

/// What names of semaphores are.
pub(super) fn name() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(SemaphoreName::MAX_BYTES))
        .pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"))
}

/// What ids are.
pub(super) fn id() -> ObjectBuilder {
    let digits = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(digits))
}

/// A number, or a text.
fn number_or_text(number: Type, least: i32, most: f64, pattern: &str) -> OneOfBuilder {
    let number = ObjectBuilder::new()
        .schema_type(number)
        .minimum(Some(least))
        .maximum(Some(most));
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern));
    OneOfBuilder::new().item(number).item(text)
}

fn wait() -> OneOfBuilder {
    let whether = ObjectBuilder::new().schema_type(Type::Boolean);
    number_or_text(Type::Number, 0, LONGEST, LENGTH).item(whether)
}

macro_rules! schemas {
    ($($type:ident, $name:literal, $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )*};
}

schemas! {
    NameJson, "Name", name();
    IdJson, "Id", id();
    WaitJson, "Wait", wait();
    SlotsJson, "Slots", number_or_text(Type::Integer, 0, f64::from(u32::MAX), "^unlimited$");
    SlotsChangeJson, "SlotsChange", number_or_text(
        Type::Integer,
        -1,
        f64::from(u32::MAX),
        "^(unlimited|inf|∞|default|[0-9]{1,9}|[+-][0-9]{0,9})$",
    );
    PlaceJson, "Place", number_or_text(
        Type::Integer,
        1,
        f64::from(u32::MAX),
        "^(up|down|first|last|[1-9][0-9]{0,8})$",
    );
    LengthJson, "Length", number_or_text(Type::Number, 0, LONGEST, LENGTH);
}
