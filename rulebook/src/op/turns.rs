//! The turns of loops: one after the other, or some beside each other.

use std::sync::Arc;

use cla_runtime::js::{Array, Value};

use super::block::Do;
use crate::tree::{
    Abort, Block, OnError, Op, OpResult, Parser, Runner, Scope, Turns, Values, Walk,
};
use crate::yaml::Node;

/// The most turns that run beside each other.
const MOST_AT_ONCE: f64 = 1_000.0;

/// One turn. `false`: it was the last one.
pub(super) fn turn<'js>(
    runner: &dyn Runner<'js>,
    body: &Block,
    scope: &Scope<'js>,
) -> OpResult<'js, bool> {
    match runner.ops(body, scope) {
        Ok(_) | Err(Abort::Continue) => Ok(true),
        Err(Abort::Break) => Ok(false),
        Err(abort) => Err(abort),
    }
}

/// What a loop does for each item.
#[derive(Debug)]
pub(super) struct Body {
    /// The variable that has the item.
    pub(super) variable: String,
    pub(super) block: Block,
    /// How many turns run at once, and the op that each of them is.
    parallel: Option<(usize, Arc<Op>)>,
}

impl Body {
    /// Reads the ops of a loop, and how many turns run at once.
    pub(super) fn read(
        parser: &mut dyn Parser,
        variable: String,
        body: &Node,
        parallel: Option<&Node>,
    ) -> Self {
        let most = parallel.and_then(|node| {
            let most = node.number();
            let fitting =
                most.filter(|most| (1.0..=MOST_AT_ONCE).contains(most) && most.fract() == 0.0);
            if fitting.is_none() {
                let message = "how many turns run at once is a whole number from 1 to 1000";
                parser.problem(node.at, message);
            }
            fitting
        });
        let block = match parallel {
            Some(_) => parser.apart(body),
            None => parser.turn(body),
        };
        let parallel = most.map(|most| {
            let op = Op {
                at: body.at,
                kind: "do".to_owned(),
                name: None,
                when: None,
                semaphore: None,
                timeout: None,
                parallel: None,
                on_error: OnError::Fail,
                register: None,
                action: Box::new(Do(Arc::clone(&block))),
            };
            (most as usize, Arc::new(op))
        });
        Self {
            variable,
            block,
            parallel,
        }
    }

    /// Walks through its ops.
    pub(super) fn check<'a>(&'a self, walk: &mut dyn Walk<'a>) {
        match &self.parallel {
            Some((_, turn)) => walk.forked(&self.block, turn.at),
            None => walk.block(&self.block),
        }
    }

    /// How many turns run at once, for people.
    pub(super) fn at_once(&self) -> String {
        match &self.parallel {
            Some((most, _)) => format!(", {most} at once"),
            None => String::new(),
        }
    }

    /// Whether turns run beside each other.
    pub(super) fn is_parallel(&self) -> bool {
        self.parallel.is_some()
    }

    /// One turn after the other for as long as `next` has an item. The variable has its value from before at the end: the
    /// item of a loop around this one.
    pub(super) fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        scope: &Scope<'js>,
        mut next: impl FnMut() -> OpResult<'js, Option<Value<'js>>>,
    ) -> OpResult<'js, Value<'js>> {
        let variable = self.variable.as_str();
        self.keeping(runner, scope, || {
            while let Some(item) = next()? {
                runner.js(scope.vars.set(variable, item))?;
                if !turn(runner, &self.block, scope)? {
                    break;
                }
                runner.checkpoint()?;
            }
            Ok(runner.undefined())
        })
    }

    /// All turns, some beside each other; their results in the order of the items.
    pub(super) fn run_beside<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
        items: Vec<Value<'js>>,
    ) -> OpResult<'js, Value<'js>> {
        let Some((most, turn)) = &self.parallel else {
            let mut items = items.into_iter();
            return self.run(runner, scope, || Ok(items.next()));
        };
        let turns = Turns {
            items,
            variable: &self.variable,
            most: *most,
            wanted: op.register.is_some(),
        };
        self.keeping(runner, scope, || {
            let results = runner.turns(turn, &turns, scope)?;
            if !turns.wanted {
                return Ok(runner.undefined());
            }
            let list = runner.js(Array::new(runner.ctx().clone()))?;
            for (nth, result) in results.into_iter().enumerate() {
                runner.js(list.set(nth, result))?;
            }
            Ok(list.into_value())
        })
    }

    /// Gives the variable the value back that it has now, if it has one.
    fn keeping<'js, T>(
        &self,
        runner: &dyn Runner<'js>,
        scope: &Scope<'js>,
        work: impl FnOnce() -> OpResult<'js, T>,
    ) -> OpResult<'js, T> {
        let variable = self.variable.as_str();
        let before = match runner.js(scope.vars.contains_key(variable))? {
            true => Some(runner.js(scope.vars.get::<_, Value<'js>>(variable))?),
            false => None,
        };
        let result = work();
        if let Some(before) = before {
            runner.js(scope.vars.set(variable, before))?;
        }
        result
    }
}
