//! The JSON Schema of rulebooks, by which editors complete, explain and check them while they are written.
//!
//! Everything is made from three tables: [`top_keys`], the [ops](crate::op::OPS), [`beside`]. The tests hold them to what
//! [`parse`](crate::parse) reads. Where the parser leaves a value to the run, the schema refuses what no run accepts,
//! such as the format `xls`.
//!
//! # Unknown ops
//!
//! A call of a def looks like an op, and which defs there are stands in the file, where a schema cannot see it. So a map
//! of an op is one schema with all known keys as `properties` (editors complete these, and check their values wherever
//! they stand), and a key that is not known is taken for a call. Misspelt keys are found all the same, beside a
//! known op: each known op has an entry in `dependencies` with the `propertyNames` that may stand beside it. One
//! schema per op in a `oneOf` would say the same, but then an editor cannot know which of thirty
//! schemas was meant, and marks the whole op instead of the key that is wrong. What remains for `cla check`
//! is a misspelt op that stands alone, or beside nothing but attributes.
//!
//! Types are distinguished by `type` with several names, not by `anyOf`, for the same reason: all other keywords concern one
//! type only, and errors stay where they are.

use serde_json::{Map, Value as Json, json};

#[cfg(test)]
mod odd;
pub(crate) mod parts;
mod sections;
#[cfg(test)]
mod tests;

use self::parts::{TEMPLATE, VARIABLE, any, described, map, reference, short};
use crate::inputs::InputKind;
use crate::op::OPS;
use crate::parse::TOP_KEYS;
use crate::tree::{ATTRIBUTES, Description};

/// `deploy.hosts[0].name`
const PATH: &str = r"(?!\d)[\p{L}\p{M}\p{N}_$]+(\[\d+\])*(\.[\p{L}\p{M}\p{N}_$]+(\[\d+\])*)*";

/// `[build ${app}]` behind the name of an op.
const LABEL: &str = r" \[.*\]";

/// See [`cla_runtime::duration`].
const LONGEST_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

/// The JSON Schema of rulebooks, in draft 7, which most editors know best.
///
/// `cla types --schema` prints it. It refuses nothing that a run would accept, but cannot see everything that
/// [`check`](crate::check) does: neither which functions a rulebook defines, nor what is wrong with its JavaScript.
///
/// Beside the standard's keywords it has `markdownDescription` and `patternErrorMessage`, for what editors show.
///
/// ```
/// let schema = cla_rulebook::rulebook_schema();
/// assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
/// assert!(schema["properties"]["do"]["description"].is_string());
/// ```
#[must_use]
pub fn rulebook_schema() -> Json {
    let described = |keys: Vec<Key>| -> Map<String, Json> {
        let one = |key: Key| (key.name.to_owned(), key.described());
        keys.into_iter().map(one).collect()
    };
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rulebook",
        "description": "A rule of cla: a tree of ops, or a list of them.",
        "type": ["object", "array"],
        "items": reference("op"),
        "properties": described(top_keys()),
        "patternProperties": {"^x-": {"description": "A place for what anchors name: nothing reads it."}},
        "additionalProperties": sections::section(),
        // Something must be there to run. As `anyOf`, editors would offer each of its branches.
        "if": {
            "type": "object",
            "not": {"anyOf": [
                {"required": ["do"]},
                {"required": ["on"], "properties": {"on": {"minProperties": 1}}},
                {"required": ["def"], "properties": {"def": {"minProperties": 1, "minItems": 1}}},
                // What is done for an event, as a section of its own.
                {"not": {"propertyNames": {"anyOf": [{"enum": TOP_KEYS}, {"pattern": "^x-"}]}}},
            ]},
        },
        "then": {"required": ["do"]},
        "definitions": {
            "block": block(),
            "op": {
                "description": "An op, or a shell command.",
                "type": ["object", "string"],
                "allOf": [reference("keys")],
            },
            "event": sections::event(),
            "keys": keys(),
            "branch": branch(),
            "text": {"type": ["string", "number", "boolean"]},
            "duration": duration(),
            "limit": limit(),
            "format": {
                "anyOf": [
                    {"enum": ["json", "yaml", "yml", "text", "csv", "ini", "properties", "toml", "xml"]},
                    {"type": "string", "pattern": TEMPLATE},
                ],
            },
            "import": import(),
        },
    })
}

/// A key that means something, in a rulebook or in an op.
struct Key {
    name: &'static str,
    about: &'static str,
    /// A whole rulebook, as short as can be.
    example: &'static str,
    value: Json,
}

impl Key {
    fn new(name: &'static str, about: &'static str, example: &'static str, value: Json) -> Self {
        Self {
            name,
            about,
            example,
            value,
        }
    }

    /// The schema of its value, with what editors show. Standing beside a `$ref`, validators ignore the latter, and
    /// editors do not.
    fn described(self) -> Json {
        let mut schema = self.value;
        schema["description"] = self.about.into();
        let markdown = format!("{}\n\n```yaml\n{}\n```", self.about, self.example);
        schema["markdownDescription"] = markdown.into();
        schema
    }
}

/// An op, and what goes with it.
struct Op {
    key: Key,
    /// Keys that stand beside this one, but for the attributes.
    companions: &'static [&'static str],
    needs: Option<Json>,
    assigned: Option<Json>,
}

impl Op {
    fn of(op: &Description) -> Self {
        let schema = (op.schema)();
        Self {
            key: Key::new(op.name, op.about, op.example, schema.value),
            companions: op.companions,
            needs: schema.needs,
            assigned: schema.assigned,
        }
    }
}

// ---- the tables

fn top_keys() -> Vec<Key> {
    vec![
        Key::new(
            "name",
            "What the rulebook is called.",
            "name: Deploy\ndo: []",
            json!({"type": "string"}),
        ),
        Key::new(
            "description",
            "What the rulebook is for.",
            "description: Brings the shop to its servers.\ndo: []",
            json!({"type": "string"}),
        ),
        Key::new(
            "concurrency",
            "Runs with the same key go one after the other. `cancel: waiting`: a newcomer takes the place of the run that \
            waits for the key; `cancel: running`: also of the one that goes on.",
            "vars: {env: prod}\nconcurrency: {key: 'deploy-${env}', cancel: waiting}\ndo:\n  - shell: make deploy",
            concurrency(),
        ),
        Key::new(
            "inputs",
            "What the rulebook is given when it is run, by `--stash` or a form: variables with a type, a default, choices.",
            "inputs:\n  env: {choices: [test, prod], default: test, description: Where to}\n  version: {type: string, required: true}\ndo:\n  - echo: ${version} goes to ${env}",
            inputs(),
        ),
        Key::new(
            "secrets",
            "Secrets that are variables here. A run without one ends before its first op; wherever they are printed, they are masked.",
            "secrets: [TOKEN]\ndo:\n  - shell: {run: [curl, -H, 'Authorization: Bearer ${TOKEN}', https://example.com/]}",
            json!({
                "type": ["array", "string", "null"],
                "pattern": VARIABLE,
                "items": {"type": "string", "pattern": VARIABLE},
            }),
        ),
        Key::new(
            "vars",
            "Variables and their first values: a map, or a list of maps. What the stash brings along counts more.",
            "vars: {env: prod}\ndo:\n  - echo: deploying to ${env}",
            json!({"type": ["object", "array", "null"], "items": {"type": "object"}}),
        ),
        Key::new(
            "def",
            "Functions, which are called as if they were ops. They see their arguments and nothing else.",
            "def:\n  greet (who, greeting = hello):\n    - echo: ${greeting} ${who}\ndo:\n  - greet: world",
            sections::definitions(),
        ),
        Key::new(
            "on",
            "What is done for which event: `cla run --event NAME`. A section `on NAME` at the top says the same.",
            "on:\n  pushed:\n    branches: [main, 'release/*']\n    do:\n      - echo: pushed to ${branch}",
            json!({
                "type": "object",
                "propertyNames": {"pattern": r"\S"},
                "additionalProperties": reference("event"),
            }),
        ),
        Key::new(
            "do",
            "What the rulebook does: ops, one after the other.",
            "do:\n  - echo: hello",
            reference("block"),
        ),
        Key::new(
            "import",
            "Rulebooks and modules whose functions are used here.",
            "import:\n  - ./hosts.yml\n  - {from: ./prices.js, as: prices}\ndo: []",
            reference("import"),
        ),
    ]
}

fn concurrency() -> Json {
    let key = json!({"type": "string", "minLength": 1, "pattern": "\\S"});
    json!({"anyOf": [
        key,
        {
            "type": "object",
            "required": ["key"],
            "additionalProperties": false,
            "properties": {
                "key": {
                    "description": "Runs with this key go one after the other.",
                    "type": "string",
                    "minLength": 1,
                    "pattern": "\\S",
                },
                "cancel": {
                    "description": "Whose place a newcomer takes.",
                    "enum": ["none", "waiting", "running"],
                    "default": "none",
                },
            },
        },
    ]})
}

fn ops() -> Vec<Op> {
    OPS.ops.iter().map(|op| Op::of(op)).collect()
}

/// What stands beside an op: the attributes, and the companions that are no ops of their own.
fn beside() -> Vec<Key> {
    vec![
        Key::new(
            "name",
            "What the op is called in errors, in traces and for administrators.",
            "- name: deploy ${env}\n  shell: make deploy",
            json!({"type": "string"}),
        ),
        Key::new(
            "when",
            "The op is done only if this condition holds: JavaScript, or a value.",
            "- when: branch === \"main\"\n  echo: building",
            any(),
        ),
        Key::new(
            "semaphore",
            "The semaphore that is held while the op and its children run: its name, or a map with `key`. While all slots \
            are busy, others wait: first come, first served.",
            "- semaphore: prod-db\n  shell: make migrate\n- semaphore: {key: 'deploy-${env}', slots: 2, timeout: 5m}\n  shell: make deploy",
            semaphore(),
        ),
        Key::new(
            "timeout",
            "How long the op may take, not counting the wait for its semaphore. Then it fails.",
            "- timeout: 10m\n  shell: make all",
            reference("limit"),
        ),
        Key::new(
            "parallel",
            "Forks the op. `wait`: the enclosing block ends when the fork has ended. `leave`: the block does not wait for it. \
            With `foreach` and `matrix`, a number: so many turns run beside each other.",
            "- parallel: wait\n  shell: make docs\n- shell: make all",
            json!({"anyOf": [
                {"enum": ["wait", "leave"]},
                {"type": "integer", "minimum": 1, "maximum": 1000},
            ]}),
        ),
        Key::new(
            "message",
            "What is wrong if the condition of `assert` does not hold.",
            "- assert: free > 1\n  message: only ${free} GB are free",
            any(),
        ),
        Key::new(
            "every",
            "The pause between two turns of `until`.",
            "- until: count >= 3\n  every: 10ms\n  do: count++",
            reference("duration"),
        ),
        Key::new(
            "on_error",
            "What is done if the op fails: `fail`, `ignore`, or {retry: N}.",
            "- on_error: {retry: 3, delay: 1s, backoff: 2}\n  shell: curl -f https://example.com/",
            on_error(),
        ),
        Key::new(
            "register",
            "The variable, or part of one, that gets the op's result. `name = op` says the same.",
            "- register: listing\n  shell: ls",
            json!({
                "type": "string",
                "pattern": format!("^{PATH}$|{TEMPLATE}"),
                "patternErrorMessage": "This must name a variable, or a part of one.",
            }),
        ),
        Key::new(
            "then",
            "What is done if the condition of `if` or `elsif` holds.",
            "- if: n > 1\n  then: [echo: many]",
            reference("block"),
        ),
        Key::new(
            "catch",
            "What is done if something in `try` fails: `error_message` says why, `error` is what was thrown.",
            "- try: [fail: no]\n  catch: [echo: '${error_message}']",
            reference("block"),
        ),
        Key::new(
            "finally",
            "What is done in the end, after success and after failure.",
            "- try: [fail: no]\n  finally: [echo: done]",
            reference("block"),
        ),
    ]
}

// ---- what they are made of

/// A map that can be an op, and nothing of what else may stand there.
fn keys() -> Json {
    let ops = ops();
    let mut properties = Map::new();
    let mut assignments = Map::new();
    let mut dependencies = Map::new();
    let mut unassignable: Vec<&str> = Vec::new();

    assignments.insert(
        format!(r"^\s*{PATH}\s* =\s*:?\s*$"),
        json!({"description": "Sets a variable."}),
    );
    for op in ops {
        let name = op.key.name;
        match op.assigned {
            Some(mut value) => {
                value["description"] =
                    format!("{} The result is assigned to a variable.", op.key.about).into();
                assignments.insert(format!(r"^\s*{PATH}\s* =\s*{name}\s*({LABEL}\s*)?$"), value);
            }
            None => unassignable.push(name),
        }
        let mut fitting: Vec<&str> = vec![name];
        fitting.extend(op.companions);
        fitting.extend(ATTRIBUTES);
        match name {
            // Ops that are also companions.
            "do" => fitting.extend(["foreach", "matrix", "while", "until", "every"]),
            "elsif" | "else" => fitting.extend(["if", "then", "elsif", "else"]),
            _ => {}
        }
        fitting.sort_unstable();
        fitting.dedup();
        let mut rule = op.needs.unwrap_or_else(|| json!({}));
        rule["propertyNames"] = json!({"enum": fitting});
        if name == "do" {
            let labelled = format!(r"^(foreach|matrix|while|until)\s*{LABEL}\s*$");
            rule["propertyNames"] = json!({"anyOf": [{"enum": fitting}, {"pattern": labelled}]});
        }
        dependencies.insert(name.to_owned(), rule);
        if !["elsif", "else"].contains(&name) {
            assignments.insert(format!(r"^{name}\s*{LABEL}\s*$"), op.key.value.clone());
        }
        properties.insert(name.to_owned(), op.key.described());
    }
    for key in beside() {
        unassignable.push(key.name);
        properties.insert(key.name.to_owned(), key.described());
    }
    let then = json!({"anyOf": [{"required": ["if"]}, {"required": ["elsif"]}, labelled("if")]});
    dependencies.insert("then".to_owned(), then);
    for (companion, op) in [
        ("catch", "try"),
        ("finally", "try"),
        ("message", "assert"),
        ("every", "until"),
    ] {
        let either = json!({"anyOf": [{"required": [op]}, labelled(op)]});
        dependencies.insert(companion.to_owned(), either);
    }
    // A result goes to one variable only.
    let register = json!({"propertyNames": {"pattern": r"^(?![^\[]* =)"}});
    dependencies.insert("register".to_owned(), register);
    let unassignable = unassignable.join("|");
    assignments.insert(format!(r" =\s*({unassignable})\s*$"), false.into());
    assignments.insert(format!(r"^(?!\s*{PATH}\s* =)[^\[]* ="), false.into());

    json!({
        "properties": properties,
        "patternProperties": assignments,
        "additionalProperties": {"description": "A call of a function that `def` or `import` made known."},
        // Attributes alone do nothing.
        "not": {"type": "object", "propertyNames": {"enum": ATTRIBUTES}},
        "dependencies": dependencies,
    })
}

/// That a map has this op with a label.
fn labelled(op: &str) -> Json {
    let pattern = format!(r"^{op}\s*{LABEL}\s*$");
    json!({"not": {"propertyNames": {"not": {"pattern": pattern}}}})
}

fn block() -> Json {
    json!({
        "description": "Ops one after the other, one op, or JavaScript.",
        "type": ["array", "object", "string", "null"],
        "items": reference("op"),
        "allOf": [reference("keys")],
    })
}

/// One of several conditions, in a list beside an `if`.
fn branch() -> Json {
    json!({
        "properties": {"if": any(), "then": reference("block")},
        "required": ["if", "then"],
        "additionalProperties": false,
    })
}

fn inputs() -> Json {
    let kinds: Vec<&str> = InputKind::ALL.into_iter().map(InputKind::as_str).collect();
    json!({
        "type": ["object", "null"],
        "propertyNames": {"pattern": VARIABLE},
        "additionalProperties": {
            "type": ["object", "null"],
            "properties": {
                "type": {
                    "description": "What its value must be. Without, anything.",
                    "enum": kinds,
                },
                "description": described("What it is for.", json!({"type": "string"})),
                "default": {"description": "Its value if none is given: data, without templates."},
                "required": {
                    "description": "Whether a value must be given. What has a default need not be.",
                    "type": "boolean",
                    "default": false,
                },
                "choices": {
                    "description": "The values that it may have.",
                    "type": "array",
                    "minItems": 1,
                },
            },
            "additionalProperties": false,
        },
    })
}

fn import() -> Json {
    let one = || {
        let mut one = short(
            &["string"],
            json!({
                "from": described("The file; or a folder of executable files.", json!({"type": "string"})),
                "path": described("The file or the folder: as `from`.", json!({"type": "string"})),
                "as": described("What its functions are called by: NAME.function.", json!({"type": "string"})),
                "into": described("What its functions are called by: NAME/function.", json!({"type": "string"})),
            }),
            &[],
        );
        one["if"] = json!({"type": "object"});
        one["then"] = json!({"anyOf": [{"required": ["from"]}, {"required": ["path"]}]});
        one
    };
    let mut schema = one();
    schema["type"] = json!(["string", "array", "object"]);
    schema["items"] = one();
    schema
}

fn semaphore() -> Json {
    let mut schema = short(
        &["string"],
        json!({
            "key": {
                "description": "The semaphore's name.",
                "type": "string",
                "minLength": 1,
            },
            "slots": {
                "description": "How many may be busy at once, if the semaphore is not there yet: a number, or unlimited.",
                "type": ["integer", "string"],
                "minimum": -1,
                "maximum": u32::MAX,
                "pattern": format!(r"^\s*(\d+|-1|∞|unlimited|Unlimited|UNLIMITED)\s*$|{TEMPLATE}"),
                "default": 1,
            },
            "timeout": described("How long to wait for a slot before the op fails.", reference("duration")),
            "ttl": described("How long the slot is held at most.", reference("limit")),
            "priority": {
                "description": "Higher ones are served first.",
                "type": ["integer", "string"],
                "minimum": i32::MIN,
                "maximum": i32::MAX,
                "pattern": TEMPLATE,
                "default": 0,
            },
        }),
        &["key"],
    );
    schema["minLength"] = 1.into();
    schema
}

fn on_error() -> Json {
    json!({
        "default": "fail",
        "anyOf": [
            {"enum": ["fail", "ignore"]},
            map(json!({
                "retry": {
                    "description": "How often the op is tried again.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 999_999,
                },
                "delay": described("How long to wait before.", reference("duration")),
                "backoff": {
                    "description": "How many times longer each wait is than the one before.",
                    "type": "number",
                    "minimum": 1,
                    "maximum": 1000,
                    "default": 1,
                },
            }), &["retry"]),
        ],
    })
}

/// A duration that is longer than nothing.
fn limit() -> Json {
    let mut limit = duration();
    if let Some(keywords) = limit.as_object_mut() {
        keywords.remove("minimum");
    }
    limit["exclusiveMinimum"] = 0.into();
    limit
}

/// As [`cla_runtime::duration`] reads them, from the largest unit to the smallest.
fn duration() -> Json {
    let fraction = r"([.,]\d{1,9})?";
    let unit = |names: &str, fraction: &str| format!(r"(\d+{fraction}\s*({names}),?\s*)?");
    let units = [
        unit("w|wks?|weeks?", ""),
        unit("d|days?", ""),
        format!(r"(\d+:\d+:\d+{fraction})?"),
        unit("h|hrs?|hours?", fraction),
        unit("m|mins?|minutes?", fraction),
        unit("s|secs?|seconds?", fraction),
        unit("ms|msecs?|millis?|milliseconds?", fraction),
        unit("[uµ]s|[uµ]secs?|micros?|microseconds?", fraction),
        unit("ns|nsecs?|nanos?|nanoseconds?", fraction),
    ];
    json!({
        "description": "A number of seconds, or a text with units: 250ms, 5m, 1h30m.",
        "type": ["string", "number"],
        "minimum": 0,
        "maximum": LONGEST_SECONDS,
        "pattern": format!(r"^\s*\+?\s*(?=\d){}$|{TEMPLATE}", units.concat()),
        "patternErrorMessage": "This must be a duration such as 250ms, 5m or 1h30m.",
    })
}
