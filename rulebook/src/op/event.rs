//! What is done for an event, if its filters let it: `deploy: {branches: [main], do: ...}`. It has no key of its own.

use cla_runtime::js::Value;
use cla_runtime::output::OutputStream;

use crate::shown::shown;
use crate::tree::{
    Action, Block, Filter, Op, OpResult, Planned, Planner, Runner, Scope, Values, Walk,
};

/// An event's filters, and what is done if each of them fits.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) filters: Vec<Filter>,
    pub(super) body: Block,
}

impl Action for Event {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        for filter in &self.filters {
            if let Some(why) = refusal(filter, runner, scope)? {
                let line = format!("{}: nothing is done: {why}", self.name);
                runner.print(OutputStream::Stderr, line)?;
                return Ok(runner.undefined());
            }
        }
        runner.block(&self.body, scope)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        for filter in &self.filters {
            filter.fitting.iter().for_each(|data| walk.data(data));
        }
        walk.block(&self.body);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::block(planner.block(&self.body));
        let filters = self.filters.iter().map(|filter| {
            let fitting = filter.fitting.iter().map(|data| planner.text(data));
            format!(
                "{}: {}",
                filter.name,
                fitting.collect::<Vec<_>>().join(", ")
            )
        });
        planned.what = Some(filters.collect::<Vec<_>>().join("; "));
        planned
    }

    fn is_named(&self) -> bool {
        true
    }
}

/// Why a filter does not let the event through.
fn refusal<'js>(
    filter: &Filter,
    runner: &dyn Runner<'js>,
    scope: &Scope<'js>,
) -> OpResult<'js, Option<String>> {
    let mut found = None;
    for name in names(&filter.name) {
        let value = runner.js(scope.vars.get::<_, Value<'js>>(name))?;
        if !value.is_undefined() {
            found = Some((name, value));
            break;
        }
    }
    let Some((name, value)) = found else {
        let mut known = names(&filter.name);
        known.truncate(2);
        return Ok(Some(format!("{} is not set", known.join(", or "))));
    };
    let values = match value.as_array() {
        Some(items) => runner.js(items.iter::<Value<'js>>().collect::<Result<Vec<_>, _>>())?,
        None => vec![value.clone()],
    };
    let mut texts = Vec::with_capacity(values.len());
    for value in &values {
        texts.push(runner.js(shown(value))?);
    }
    for fitting in &filter.fitting {
        let pattern = runner.text(fitting, scope)?;
        for text in &texts {
            runner.checkpoint()?;
            if fits(&pattern, text) {
                return Ok(None);
            }
        }
    }
    Ok(Some(format!("{name} is {}", texts.join(", "))))
}

/// The variables that a filter may mean: its own name, and that for one of several.
fn names(filter: &str) -> Vec<&str> {
    let singular = ["es", "s"]
        .iter()
        .filter_map(|end| filter.strip_suffix(end));
    std::iter::once(filter)
        .chain(singular.filter(|name| !name.is_empty()))
        .collect()
}

/// Whether a text fits a pattern: `*` stands for any text without a slash, `**` and `.*` for any text.
fn fits(pattern: &str, text: &str) -> bool {
    pattern == text || fast_glob::glob_match(pattern.replace(".*", "**"), text)
}

#[cfg(test)]
mod tests {
    use super::{fits, names};

    #[test]
    fn a_pattern_stands_for_texts() {
        for (pattern, text) in [
            ("main", "main"),
            ("feature/*", "feature/login"),
            ("feature/.*", "feature/login/form"),
            ("feature/**", "feature/login/form"),
            ("{main,next}", "next"),
            ("[main", "[main"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("main", "maine"),
            ("feature/*", "feature/login/form"),
            ("feature/*", "hotfix/login"),
            ("Main", "main"),
            ("", "main"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_filter_means_one_of_several() {
        assert_eq!(names("branches"), ["branches", "branch", "branche"]);
        assert_eq!(names("environments"), ["environments", "environment"]);
        assert_eq!(names("category"), ["category"]);
        assert_eq!(names("s"), ["s"]);
    }
}
