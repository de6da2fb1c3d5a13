//! Which files of a folder an op is about: `include` and `exclude`.

use cla_stdlib::internal::archive::Choice;
use serde_json::{Value as Json, json};

use crate::filter::words;
use crate::tree::{Data, OpResult, Parser, Runner, Scope, Values, Walk};
use crate::yaml::Node;

/// Regular expressions, as they are written.
#[derive(Debug)]
pub(super) struct Patterns {
    include: Option<Data>,
    exclude: Option<Data>,
}

/// The schema of one text, or several.
pub(super) fn list_of_texts() -> Json {
    json!({"type": ["string", "array"], "items": {"type": "string"}})
}

impl Patterns {
    /// Notes what is no pattern, as far as it is known.
    pub(super) fn read(
        parser: &mut dyn Parser,
        argument: &Node,
        include: Option<Data>,
        exclude: Option<Data>,
    ) -> Self {
        for (name, patterns) in [("include", &include), ("exclude", &exclude)] {
            let known = match patterns {
                None => continue,
                Some(patterns) => literals(patterns),
            };
            let problem = match known {
                Some(known) => Choice::new(&known, &[]).err(),
                None => Some("it is a regular expression, or a list of them".to_owned()),
            };
            if let Some(problem) = problem {
                parser.problem(argument.at, format!("{name}: {problem}"));
            }
        }
        Self { include, exclude }
    }

    pub(super) fn choice<'js>(
        &self,
        runner: &dyn Runner<'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Choice> {
        let texts = |patterns: &Option<Data>| match patterns {
            Some(patterns) => {
                let value = runner.value(patterns, scope)?;
                runner.js(words(&value))
            }
            None => Ok(Vec::new()),
        };
        let (include, exclude) = (texts(&self.include)?, texts(&self.exclude)?);
        Choice::new(&include, &exclude).map_err(|problem| runner.throw(&problem))
    }

    pub(super) fn check<'a>(&'a self, walk: &mut dyn Walk<'a>) {
        walk.parts([self.include.as_ref(), self.exclude.as_ref(), None]);
    }
}

/// The patterns without holes. `None`: they are no texts.
fn literals(patterns: &Data) -> Option<Vec<String>> {
    let items = match patterns {
        Data::List(items) => items.as_slice(),
        _ => std::slice::from_ref(patterns),
    };
    let mut texts = Vec::new();
    for item in items {
        let Data::Text(template) = item else {
            return None;
        };
        texts.extend(template.literal().map(str::to_owned));
    }
    Some(texts)
}
