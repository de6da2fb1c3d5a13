//! What any op may carry.

use cla_runtime::internal::SemaphoreSpec;
use serde_json::Value as Json;

use super::BookParser;
use crate::template;
use crate::tree::{Data, OnError, Op, Parallel, Region};
use crate::yaml::{Node, Place, Yaml, json_number};

impl BookParser<'_> {
    pub(crate) fn attribute(&mut self, op: &mut Op, key: &str, node: &Node) {
        match key {
            "semaphore" => op.semaphore = self.region(node),
            "timeout" => op.timeout = Some(self.limit(node)),
            // How many turns of a loop run at once, which the loop has read.
            "parallel"
                if node.number().is_some() && ["foreach", "matrix"].contains(&op.kind.as_str()) => {
            }
            "parallel" if node.number().is_some() => {
                let message = "parallel is `wait` or `leave`; a number is for foreach and matrix";
                self.problem(node.at, message);
            }
            "parallel" => {
                op.parallel = match self.word(node).as_deref() {
                    Some("wait") => Some(Parallel::Wait),
                    Some("leave") => Some(Parallel::Leave),
                    _ => {
                        self.problem(node.at, "parallel is `wait` or `leave`");
                        None
                    }
                };
            }
            "on_error" => op.on_error = self.on_error(node),
            "name" => match &node.value {
                Yaml::Text(text) => op.name = Some(self.template(text)),
                _ => self.problem(node.at, "the name must be a text"),
            },
            "when" => op.when = Some(self.condition(node)),
            "register" => match &node.value {
                Yaml::Text(name) if op.register.is_none() => {
                    let register = self.template(name);
                    if register
                        .literal()
                        .is_some_and(|name| !template::is_path(name))
                    {
                        self.problem(node.at, format!("{:?} names no variable", name.text));
                    }
                    op.register = Some(register);
                }
                Yaml::Text(_) => self.problem(node.at, "the result goes to one variable only"),
                _ => self.problem(node.at, "register names a variable"),
            },
            _ => {}
        }
    }

    pub(crate) fn region(&mut self, node: &Node) -> Option<Region> {
        let mut region = Region {
            at: node.at,
            key: Data::Null,
            slots: None,
            timeout: None,
            ttl: None,
            priority: None,
        };
        let (mut places, mut misspelt) = (Vec::new(), false);
        match &node.value {
            Yaml::Text(_) => region.key = self.data(node),
            Yaml::Map(parts) => {
                for (key, part) in parts {
                    places.push((key.text.as_str(), part.at));
                    match key.text.as_str() {
                        "key" => {
                            if part.at.line == node.at.line {
                                region.at = part.at;
                            }
                            region.key = self.data(part);
                        }
                        "slots" => region.slots = Some(self.count(part)),
                        "timeout" => region.timeout = Some(self.duration(part)),
                        "ttl" => region.ttl = Some(self.limit(part)),
                        "priority" => region.priority = Some(self.count(part)),
                        _ => {
                            let known = ["key", "slots", "timeout", "ttl", "priority"];
                            self.unknown_key(key, "a semaphore", &known);
                            misspelt = true;
                        }
                    }
                }
            }
            _ => {}
        }
        if matches!(region.key, Data::Text(_)) {
            self.check_region(&region, &places);
            Some(region)
        } else {
            // One mistake is told once.
            if !misspelt {
                let message = "a semaphore is a name, or a map with `key`";
                self.problem(node.at, message);
            }
            None
        }
    }

    pub(crate) fn on_error(&mut self, node: &Node) -> OnError {
        match &node.value {
            Yaml::Text(text) if text.text == "fail" => OnError::Fail,
            Yaml::Text(text) if text.text == "ignore" => OnError::Ignore,
            Yaml::Map(parts) => {
                let (mut times, mut delay, mut backoff) = (None, None, 1.0);
                for (key, part) in parts {
                    match (key.text.as_str(), part.number()) {
                        ("retry", Some(n)) if n >= 1.0 && n.fract() == 0.0 && n < 1e6 => {
                            times = Some(n as u32);
                        }
                        ("delay", _) => delay = Some(self.duration(part)),
                        ("backoff", Some(factor)) if (1.0..=1000.0).contains(&factor) => {
                            backoff = factor;
                        }
                        ("retry", _) => self.problem(part.at, "retry is a whole number from 1"),
                        ("backoff", _) => self.problem(part.at, "backoff is a number from 1"),
                        _ => self.unknown_key(key, "on_error", &["retry", "delay", "backoff"]),
                    }
                }
                match times {
                    Some(times) => OnError::Retry {
                        times,
                        delay,
                        backoff,
                    },
                    None => {
                        self.problem(node.at, "on_error with a map has `retry`, how often");
                        OnError::Fail
                    }
                }
            }
            _ => {
                let message = "on_error is `fail`, `ignore` or {retry: N}";
                self.problem(node.at, message);
                OnError::Fail
            }
        }
    }

    /// Notes what no run accepts of what is known already.
    pub(super) fn check_region(&mut self, region: &Region, places: &[(&str, Place)]) {
        let known = |data: &Data| match data {
            Data::Number(number) => Some(json_number(*number)),
            Data::Text(template) => template.literal().map(Json::from),
            // A template may make anything of it; of the rest, nothing can be made.
            Data::Null => Some(Json::Null),
            Data::Bool(value) => Some((*value).into()),
            Data::List(_) => Some(Json::Array(Vec::new())),
            Data::Map(_) => Some(Json::Object(serde_json::Map::new())),
        };
        let parts = [
            ("key", Some(&region.key)),
            ("slots", region.slots.as_ref()),
            ("priority", region.priority.as_ref()),
        ];
        for (name, part) in parts {
            let Some(value) = part.and_then(known) else {
                continue;
            };
            let mut wanted = serde_json::Map::new();
            wanted.insert("key".to_owned(), "known later".into());
            wanted.insert(name.to_owned(), value);
            if let Err(problem) = SemaphoreSpec::read(&wanted.into()) {
                let place = places.iter().find(|(other, _)| *other == name);
                self.problem(place.map_or(region.at, |(_, at)| *at), problem);
            }
        }
    }

    /// A number, or a text that a template makes of it.
    fn count(&mut self, node: &Node) -> Data {
        match node.number() {
            Some(number) => Data::Number(number),
            None => self.data(node),
        }
    }

    /// A duration within which something can be done.
    pub(crate) fn limit(&mut self, node: &Node) -> Data {
        let data = self.duration(node);
        let is_none = match &data {
            Data::Number(seconds) => *seconds == 0.0,
            Data::Text(template) => template.literal().is_some_and(|text| {
                cla_runtime::duration::parse(text).is_ok_and(|limit| limit.is_zero())
            }),
            _ => false,
        };
        if is_none {
            self.problem(node.at, "this must be longer than nothing");
        }
        data
    }

    /// A duration; one without templates is looked at now.
    pub(crate) fn duration(&mut self, node: &Node) -> Data {
        let data = match node.number() {
            Some(seconds) => Data::Number(seconds),
            None => self.data(node),
        };
        let problem = match &data {
            Data::Number(seconds) => cla_runtime::duration::from_seconds(*seconds).err(),
            Data::Text(template) => template
                .literal()
                .and_then(|text| cla_runtime::duration::parse(text).err()),
            _ => Some("be a duration such as 30s"),
        };
        if let Some(problem) = problem {
            self.problem(node.at, format!("this must {problem}"));
        }
        data
    }
}
