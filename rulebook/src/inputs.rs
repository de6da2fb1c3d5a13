//! What a rulebook wants to be given when it is run: its `inputs`, read and checked.
//!
//! An input is a variable whose value the stash brings along. What is declared of it is data, without templates: a program
//! or a person that is about to run the rulebook sees it before anything runs.

use cla_runtime::internal::{LineEnds, SyntaxProblem, nearest};
use cla_runtime::{RuleError, Script};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::extension::EXTENSIONS;
use crate::yaml::{self, Node, Place, Text, Yaml};

/// The keys of one input.
pub(super) const KEYS: [&str; 5] = ["type", "description", "default", "required", "choices"];

/// Something that a rulebook is given when it is run.
///
/// See [`rulebook_inputs`] for an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Input {
    /// The name of the variable, and of the value in the stash.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What its value must be; `None` if it may be anything.
    #[serde(rename = "type")]
    pub kind: Option<InputKind>,
    /// Its value if it is not given; `None` if it then has none.
    pub default: Option<Json>,
    /// Whether it must be given, because there is no default.
    pub required: bool,
    /// The values that it may have; `None` if all.
    pub choices: Option<Vec<Json>>,
    /// Where it is declared.
    #[serde(skip)]
    pub(crate) at: Place,
}

/// What the value of an input must be.
///
/// See [`rulebook_inputs`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A text.
    String,
    /// A number.
    Number,
    /// A number without a fraction.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Several values.
    List,
    /// Values with names.
    Map,
}

/// An input that a run was not given as it must be.
///
/// See [`give_inputs`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct InputError {
    /// The name of the input.
    pub input: String,
    /// What is wrong, for people.
    pub message: String,
    pub(crate) at: Place,
}

impl InputKind {
    pub(super) const ALL: [Self; 6] = [
        Self::String,
        Self::Number,
        Self::Integer,
        Self::Boolean,
        Self::List,
        Self::Map,
    ];

    /// Its name in rulebooks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::List => "list",
            Self::Map => "map",
        }
    }

    fn fits(self, value: &Json) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::Boolean => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
        }
    }
}

impl Input {
    /// Whether a value may be given; else what it must be.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn accepts(&self, value: &Json) -> Result<(), InputError> {
        if let Some(choices) = &self.choices
            && !choices.iter().any(|choice| is_same(choice, value))
        {
            let choices: Vec<String> = choices.iter().map(shown).collect();
            let choices = choices.join(", ");
            return Err(self.error(&format!("must be one of {choices}, not {}", shown(value))));
        }
        match self.kind {
            Some(kind) if !kind.fits(value) => {
                let hint = match (kind, value) {
                    (InputKind::String, Json::Number(_) | Json::Bool(_)) => format!(
                        ": write it in quotes; in a shell, --stash '{}=\"{value}\"'",
                        self.name
                    ),
                    _ => String::new(),
                };
                let kind = kind.as_str();
                let a = if kind == "integer" { "an" } else { "a" };
                Err(self.error(&format!("must be {a} {kind}, not {}{hint}", shown(value))))
            }
            _ => Ok(()),
        }
    }

    fn error(&self, what: &str) -> InputError {
        InputError {
            input: self.name.clone(),
            message: format!("the input {:?} {what}", self.name),
            at: self.at,
        }
    }
}

/// Checks what a rulebook is given, and fills in the defaults of what it is not. `is_event` says that it is run for an
/// event: what an event brings is not asked for, so nothing is missing.
///
/// # Errors
///
/// The first input that is missing or wrong.
///
/// ```
/// let text = "inputs: {env: {choices: [test, prod], required: true}, copies: {type: integer, default: 1}}\ndo: []";
/// let inputs = cla_rulebook::rulebook_inputs("deploy.yml", text)?;
/// let mut stash = serde_json::Map::from_iter([("env".to_owned(), "test".into())]);
/// cla_rulebook::give_inputs(&inputs, &mut stash, false)?;
/// assert_eq!(stash["copies"], 1);
///
/// stash["env"] = "tset".into();
/// let error = cla_rulebook::give_inputs(&inputs, &mut stash, false).unwrap_err();
/// assert_eq!(error.input, "env");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn give_inputs(
    inputs: &[Input],
    stash: &mut Map<String, Json>,
    is_event: bool,
) -> Result<(), InputError> {
    let missing: Vec<&Input> = inputs
        .iter()
        .filter(|input| !stash.contains_key(&input.name))
        .collect();
    // A misspelt name would be passed over in silence, and the default be used instead.
    let undeclared = |name: &&String| !inputs.iter().any(|input| input.name == **name);
    for name in stash.keys().filter(undeclared) {
        let names = missing.iter().map(|input| input.name.as_str());
        if let Some(near) = nearest(name, names) {
            let at = missing.iter().find(|input| input.name == near);
            return Err(InputError {
                input: near.to_owned(),
                message: format!("there is no input {name:?}; did you mean {near}?"),
                at: at.map_or(yaml::START, |input| input.at),
            });
        }
    }
    for input in inputs {
        match (stash.get(&input.name), &input.default) {
            (Some(value), _) => input.accepts(value)?,
            (None, Some(default)) => {
                stash.insert(input.name.clone(), default.clone());
            }
            (None, None) if input.required && !is_event => {
                let mut what = "is required".to_owned();
                if let Some(about) = &input.description {
                    what.push_str(&format!(" ({})", about.trim()));
                }
                return Err(input.error(&what));
            }
            (None, None) => {
                stash.insert(input.name.clone(), Json::Null);
            }
        }
    }
    Ok(())
}

/// The inputs that a script declares, if it is a rulebook. Other rules declare none. A [file](Script::file) is not read
/// yet, so nothing is known of it.
///
/// ```
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::Script;
///
/// let script = Script::rulebook("deploy", "inputs: {env: {default: test}}\ndo: []");
/// assert_eq!(cla_rulebook::inputs(&script)?[0].name, "env");
/// # Ok::<(), cla_runtime::RuleError>(())
/// ```
///
/// # Errors
///
/// The rulebook is no YAML, or one of its inputs is wrong.
pub fn inputs(script: &Script) -> Result<Vec<Input>, RuleError> {
    match script.text() {
        Some((name, text)) if script.is_in(&EXTENSIONS) => rulebook_inputs(name, text),
        _ => Ok(Vec::new()),
    }
}

/// The inputs that a rulebook declares, in its order. Reads nothing but the text, and only that part of it.
///
/// ```
/// use cla_rulebook::{InputKind, rulebook_inputs};
///
/// let text = "inputs:
///   env: {description: Where to, choices: [test, prod], required: true}
///   copies: {type: integer, default: 1}
/// do: []";
/// let inputs = rulebook_inputs("deploy.yml", text)?;
/// assert_eq!((inputs[0].name.as_str(), inputs[0].required), ("env", true));
/// assert_eq!(inputs[0].description.as_deref(), Some("Where to"));
/// assert_eq!((inputs[1].kind, &inputs[1].default), (Some(InputKind::Integer), &Some(1.into())));
/// # Ok::<(), cla_runtime::RuleError>(())
/// ```
///
/// # Errors
///
/// It is no YAML, or an input is wrong.
pub fn rulebook_inputs(name: &str, text: &str) -> Result<Vec<Input>, RuleError> {
    let wrong = |problems| RuleError::from_problems(name, text, LineEnds::Plain, problems);
    let root = yaml::read(text, &mut || false).map_err(|problem| wrong(vec![problem]))?;
    let Yaml::Map(entries) = &root.value else {
        return Ok(Vec::new());
    };
    let Some((_, node)) = entries.iter().find(|(key, _)| key.text == "inputs") else {
        return Ok(Vec::new());
    };
    let mut problems = Vec::new();
    let inputs = read(node, &mut problems);
    match problems.is_empty() {
        true => Ok(inputs),
        false => Err(wrong(problems)),
    }
}

/// Reads what stands under `inputs`.
pub(super) fn read(node: &Node, problems: &mut Vec<SyntaxProblem>) -> Vec<Input> {
    let entries = match &node.value {
        Yaml::Map(entries) => entries,
        Yaml::Null => return Vec::new(),
        _ => {
            let help = Some("inputs:\n  env: {type: string, default: test}".to_owned());
            problems.push(node.at.problem("inputs must be a map of names", help));
            return Vec::new();
        }
    };
    let inputs = entries.iter();
    inputs
        .filter_map(|(name, node)| one(name, node, problems))
        .collect()
}

fn one(name: &Text, node: &Node, problems: &mut Vec<SyntaxProblem>) -> Option<Input> {
    let mut wrong = |at: Place, message: String, help: Option<String>| {
        problems.push(at.problem(message, help));
    };
    let is_variable = crate::template::is_path(&name.text) && !name.text.contains(['.', '[']);
    if !is_variable {
        let message = format!("{:?} is no name for a variable", name.text);
        wrong(name.at, message, None);
        return None;
    }
    let mut input = Input {
        name: name.text.clone(),
        description: None,
        kind: None,
        default: None,
        required: false,
        choices: None,
        at: name.at,
    };
    let entries = match &node.value {
        Yaml::Map(entries) => entries.as_slice(),
        // Declared, and nothing is said of it.
        Yaml::Null => &[],
        other => {
            let message = format!(
                "an input is a map with {}, not {}",
                KEYS.join(", "),
                other.kind()
            );
            let help = format!("{}: {{default: ...}}", name.text);
            wrong(node.at, message, Some(help));
            return None;
        }
    };
    let mut default_at = None;
    for (key, node) in entries {
        match (key.text.as_str(), &node.value) {
            ("type", Yaml::Text(kind)) => {
                let known = InputKind::ALL.into_iter();
                input.kind = known.clone().find(|one| one.as_str() == kind.text);
                if input.kind.is_none() {
                    let names: Vec<&str> = known.map(InputKind::as_str).collect();
                    let help = match nearest(&kind.text, names.iter().copied()) {
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("types are {}", names.join(", ")),
                    };
                    wrong(
                        node.at,
                        format!("there is no type {:?}", kind.text),
                        Some(help),
                    );
                }
            }
            ("description", Yaml::Text(about)) => input.description = Some(about.text.clone()),
            ("required", Yaml::Bool(required)) => input.required = *required,
            ("default", _) => {
                default_at = Some(node.at);
                input.default = Some(plain(node));
            }
            ("choices", Yaml::List(choices)) if !choices.is_empty() => {
                input.choices = Some(choices.iter().map(plain).collect());
            }
            ("type", _) => wrong(node.at, "the type must be a text".to_owned(), None),
            ("description", _) => wrong(node.at, "the description must be a text".to_owned(), None),
            ("required", _) => wrong(node.at, "required is true or false".to_owned(), None),
            ("choices", _) => {
                wrong(
                    node.at,
                    "choices must be a list with values".to_owned(),
                    None,
                );
            }
            (other, _) => {
                let help = match nearest(other, KEYS) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("an input has {}", KEYS.join(", ")),
                };
                wrong(key.at, format!("an input has no {other:?}"), Some(help));
            }
        }
    }
    // A number is one here also where it would not come back as it was written, if a number is what is wanted.
    if matches!(input.kind, Some(InputKind::Number | InputKind::Integer)) {
        for (key, node) in entries {
            match (key.text.as_str(), &node.value) {
                ("default", _) => {
                    if let Some(number) = node.number() {
                        input.default = Some(yaml::json_number(number));
                    }
                }
                ("choices", Yaml::List(choices)) => {
                    let number = |node: &Node| node.number().map(yaml::json_number);
                    let choices = choices
                        .iter()
                        .map(|node| number(node).unwrap_or_else(|| plain(node)));
                    input.choices = Some(choices.collect());
                }
                _ => {}
            }
        }
    }
    if let Some(kind) = input.kind
        && let Some(choice) = input.choices.iter().flatten().find(|one| !kind.fits(one))
    {
        let message = format!("the choice {} is no {}", shown(choice), kind.as_str());
        wrong(name.at, message, None);
    }
    if let (Some(default), Some(at)) = (&input.default, default_at) {
        // Nothing at all is a default, too: the variable is there, and empty.
        if !default.is_null()
            && let Err(error) = input.accepts(default)
        {
            let message = format!("the default of {}", error.message.replacen("the ", "", 1));
            wrong(at, message, None);
        }
        input.required = false;
    }
    Some(input)
}

/// A value as it stands there, without looking for templates in it.
fn plain(node: &Node) -> Json {
    match &node.value {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => (*value).into(),
        Yaml::Number(value) => yaml::json_number(*value),
        Yaml::Text(text) => text.text.clone().into(),
        Yaml::List(items) => items.iter().map(plain).collect(),
        Yaml::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.text.clone(), plain(node)))
            .collect(),
    }
}

/// Whether two values are the same: 3 is 3.0.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// A value in a message, and not too long for it.
fn shown(value: &Json) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use serde_json::json;

    use super::*;

    fn declared(inputs: &str) -> Vec<Input> {
        rulebook_inputs("a.yml", &format!("inputs: {inputs}\ndo: []")).unwrap()
    }

    fn given(inputs: &str, stash: &Json) -> Result<Json, String> {
        let mut stash = stash.as_object().unwrap().clone();
        match give_inputs(&declared(inputs), &mut stash, false) {
            Ok(()) => Ok(stash.into()),
            Err(error) => Err(error.message),
        }
    }

    #[test]
    fn what_is_declared_is_data() {
        let inputs = declared("{env: {type: string, default: '${x}', description: Where to}, n: }");
        assert_eq!(
            serde_json::to_value(&inputs).unwrap(),
            json!([
                {"name": "env", "description": "Where to", "type": "string", "default": "${x}", "required": false, "choices": null},
                {"name": "n", "description": null, "type": null, "default": null, "required": false, "choices": null},
            ])
        );
        assert_eq!(rulebook_inputs("a.yml", "- echo: hi").unwrap(), []);
        assert_eq!(rulebook_inputs("a.yml", "inputs:\ndo: []").unwrap(), []);
    }

    #[test]
    fn what_is_missing_is_asked_for_or_has_its_default() {
        let inputs = "{env: {required: true, description: Where to}, n: {type: integer, default: 2}, note: }";
        assert_eq!(
            given(inputs, &json!({"env": "test"})),
            Ok(json!({"env": "test", "n": 2, "note": null}))
        );
        assert_eq!(
            given(inputs, &json!({})),
            Err("the input \"env\" is required (Where to)".to_owned())
        );
        // What an event brings is not asked for.
        let mut stash = Map::new();
        give_inputs(&declared(inputs), &mut stash, true).unwrap();
        assert_eq!(
            Json::from(stash),
            json!({"env": null, "n": 2, "note": null})
        );
    }

    #[test]
    fn what_is_given_is_of_its_type_and_among_the_choices() {
        for (kind, right, wrong) in [
            ("string", json!("a"), json!(1.5)),
            ("number", json!(1.5), json!("1")),
            ("integer", json!(3.0), json!(1.5)),
            ("boolean", json!(false), json!("no")),
            ("list", json!([1]), json!({"a": 1})),
            ("map", json!({"a": 1}), json!([1])),
        ] {
            let inputs = format!("{{x: {{type: {kind}}}}}");
            assert_eq!(
                given(&inputs, &json!({"x": right})),
                Ok(json!({"x": right}))
            );
            let error = given(&inputs, &json!({"x": wrong})).unwrap_err();
            assert!(
                error.contains(kind) && error.contains(&wrong.to_string()),
                "{error}"
            );
        }
        let inputs = "{n: {choices: [1, 2]}}";
        assert_eq!(given(inputs, &json!({"n": 2.0})), Ok(json!({"n": 2.0})));
        assert_eq!(
            given(inputs, &json!({"n": 3})),
            Err("the input \"n\" must be one of 1, 2, not 3".to_owned())
        );
    }

    #[test]
    fn a_misspelt_name_is_no_reason_to_use_the_default() {
        let inputs = "{env: {default: test}}";
        assert_eq!(
            given(inputs, &json!({"evn": "prod"})),
            Err("there is no input \"evn\"; did you mean env?".to_owned())
        );
        // What is far from any name is data as ever, and so is what is beside the input itself.
        assert_eq!(
            given(inputs, &json!({"host": "a", "env": "b", "evn": 1})),
            Ok(json!({"host": "a", "env": "b", "evn": 1}))
        );
    }

    #[test]
    fn what_is_wrong_with_a_declaration_is_said_with_its_place() {
        for (inputs, message, line) in [
            ("[env]", "inputs must be a map of names", 1),
            ("{a.b: {}}", "\"a.b\" is no name for a variable", 1),
            ("{a: 5}", "an input is a map", 1),
            ("\n  a:\n    typ: string", "an input has no \"typ\"", 3),
            ("\n  a: {type: text}", "there is no type \"text\"", 2),
            ("\n  a: {type: 5}", "the type must be a text", 2),
            ("{a: {required: maybe}}", "required is true or false", 1),
            (
                "{a: {choices: []}}",
                "choices must be a list with values",
                1,
            ),
            (
                "{a: {type: number, choices: [x]}}",
                "the choice \"x\" is no number",
                1,
            ),
            (
                "{a: {type: number, default: x}}",
                "the default of input \"a\" must be a number",
                1,
            ),
            (
                "{a: {choices: [x], default: y}}",
                "the default of input \"a\" must be one of",
                1,
            ),
        ] {
            let text = format!("inputs: {inputs}\ndo: []");
            let error = rulebook_inputs("a.yml", &text).unwrap_err();
            assert!(
                error.message.contains(message),
                "{inputs}: {}",
                error.message
            );
            assert_eq!(error.location.unwrap().line, line, "{inputs}");
        }
    }
}
