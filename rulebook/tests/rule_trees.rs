//! Random rulebooks: whatever ends an op, no permit leaks, and nothing runs in a region without its slot. And
//! texts that are no rulebooks: an error, never a panic.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use cla_runtime::{Engine, HostModule, RunOptions, Script};
use cla_tests::output::Discarded;
use futures_util::FutureExt;
use proptest::prelude::*;

/// An op of a random tree.
#[derive(Clone, Debug)]
enum Tree {
    Sleep,
    Fail,
    Return,
    Block(Vec<Tree>),
    /// A region of one of a few semaphores: `s0` has one slot, `s1` two, and so on.
    Region(u8, Vec<Tree>),
    Fork(bool, Vec<Tree>),
    Try(Vec<Tree>, bool, bool),
    Limited(Vec<Tree>),
    Retried(Vec<Tree>),
    Call,
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => Just(Tree::Sleep),
        1 => Just(Tree::Fail),
        1 => Just(Tree::Return),
        1 => Just(Tree::Call),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let trees = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            trees().prop_map(Tree::Block),
            (0..3_u8, trees()).prop_map(|(name, ops)| Tree::Region(name, ops)),
            (any::<bool>(), trees()).prop_map(|(leave, ops)| Tree::Fork(leave, ops)),
            (trees(), any::<bool>(), any::<bool>())
                .prop_map(|(ops, catch, finally)| Tree::Try(ops, catch, finally)),
            trees().prop_map(Tree::Limited),
            trees().prop_map(Tree::Retried),
        ]
    })
}

/// The tree as YAML in flow style.
fn write(tree: &Tree, text: &mut String) {
    let list = |ops: &[Tree], text: &mut String| {
        text.push('[');
        for op in ops {
            write(op, text);
            text.push_str(", ");
        }
        text.push(']');
    };
    match tree {
        Tree::Sleep => text.push_str("{sleep: 0.5ms}"),
        Tree::Fail => text.push_str("{fail: broken}"),
        Tree::Return => text.push_str("{return: 1}"),
        Tree::Call => text.push_str("{helper: }"),
        Tree::Block(ops) => {
            text.push_str("{do: ");
            list(ops, text);
            text.push('}');
        }
        Tree::Region(name, ops) => {
            // No wait is for ever: two forks may take them in opposite orders. What enters also notes that it did, in
            // one step, for it may be stopped between any two.
            let (slots, seen) = (name + 1, format!("seen{}", text.len()));
            let _ = write!(
                text,
                "{{semaphore: {{key: s{name}, slots: {slots}, timeout: 20ms}}, do: [{{try: \
                 [{{do: \"stash.{seen} = require('test/door').enter({name})\"}}, {{do: "
            );
            list(ops, text);
            let _ = write!(
                text,
                "}}], finally: [{{do: \"if (stash.{seen}) {{ {seen} = false; \
                 require('test/door').leave({name}) }}\"}}]}}]}}"
            );
        }
        Tree::Fork(leave, ops) => {
            let how = if *leave { "leave" } else { "wait" };
            let _ = write!(text, "{{parallel: {how}, do: ");
            list(ops, text);
            text.push('}');
        }
        Tree::Try(ops, catch, finally) => {
            text.push_str("{try: ");
            list(ops, text);
            if *catch || !*finally {
                text.push_str(", catch: [{sleep: 0}]");
            }
            if *finally {
                text.push_str(", finally: [{sleep: 0}]");
            }
            text.push('}');
        }
        Tree::Limited(ops) => {
            text.push_str("{timeout: 2ms, do: ");
            list(ops, text);
            text.push('}');
        }
        Tree::Retried(ops) => {
            text.push_str("{on_error: {retry: 1}, do: ");
            list(ops, text);
            text.push('}');
        }
    }
}

/// Of each region, how many are in it, and the most that were.
type Witness = Arc<Mutex<HashMap<u8, (i32, i32)>>>;

/// What tells the witness who comes and goes.
fn door(witness: &Witness) -> HostModule {
    let count = |step: i32| {
        let witness = Arc::clone(witness);
        move |(name,): (u8,)| {
            let mut inside = witness.lock().unwrap();
            let (now, most) = inside.entry(name).or_default();
            *now += step;
            *most = (*most).max(*now);
            Ok::<_, Infallible>(true)
        }
    };
    HostModule::new("test/door")
        .function("enter", count(1))
        .function("leave", count(-1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_tree_leaks_a_permit_or_runs_a_region_without_its_slot(
        ops in prop::collection::vec(tree(), 1..5),
        cancel_after in prop::option::of(0_u64..3_000),
    ) {
        let mut book = "{def: {helper: {do: [{semaphore: {key: s0, slots: 1, timeout: 20ms}, sleep: 0}]}}, do: ".to_owned();
        write(&Tree::Block(ops), &mut book);
        let book = book.replacen("do: {do: ", "do: ", 1);
        // The block's last brace is the rulebook's.
        let witness = Witness::default();
        let engine = Engine::builder().permissions(cla_tests::engine::permissions()).workers(2).with(cla_rulebook::install).module(door(&witness)).build();
        // What forks that are left complain of does not matter here.
        let options = RunOptions::new().output(Arc::new(Discarded));
        let handle = engine.run(Script::new("random.yml", book.as_str()), options);
        if let Some(micros) = cancel_after {
            std::thread::sleep(std::time::Duration::from_micros(micros));
            handle.cancel();
        }
        let report = handle.wait();
        if let Err(error) = &report.result {
            prop_assert!(error.kind != cla_runtime::error::ErrorKind::Syntax, "{}\n{book}", error.render(false));
            prop_assert!(error.kind != cla_runtime::error::ErrorKind::Panic, "{error}\n{book}");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(engine.idle());
        for view in engine.semaphores().list().now_or_never().unwrap().unwrap() {
            prop_assert_eq!((view.busy, view.waiting), (0, 0), "{}\n{}", view.name, book);
        }
        for (name, (now, most)) in &*witness.lock().unwrap() {
            prop_assert_eq!(*now, 0, "s{}\n{}", name, book);
            prop_assert!(*most <= i32::from(*name) + 1, "{most} in s{name}\n{book}");
        }
    }

    #[test]
    fn any_text_is_a_rulebook_or_an_error(text in "[a-z{}\\[\\]:,'\"|>&*!%$#\\-\n ]{0,200}") {
        let report = Engine::builder().permissions(cla_tests::engine::permissions()).workers(1).with(cla_rulebook::install).build()
            .run(Script::new("any.yml", text.replace("shell", "")), RunOptions::new().event("none"))
            .wait();
        let error = report.result.expect_err("there is no such event");
        prop_assert!(error.kind != cla_runtime::error::ErrorKind::Panic, "{error}");
    }

    #[test]
    fn any_template_is_one_or_an_error(text in "[a-c.\\[\\]0-9${}'\"` ]{0,40}") {
        let text = text.replace('\'', "''");
        let book = format!("do: [{{if: false, then: [{{echo: '{text}'}}]}}]");
        let report = Engine::builder().permissions(cla_tests::engine::permissions()).workers(1).with(cla_rulebook::install).build()
            .run(Script::new("any.yml", book), RunOptions::new())
            .wait();
        if let Err(error) = report.result {
            prop_assert!(error.kind == cla_runtime::error::ErrorKind::Syntax, "{error}");
        }
    }
}

#[test]
fn a_thousand_forks_queue_and_leave_nothing_behind() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let book = "
do:
  - foreach: '{{ Array.from({length: 1000}, (_, n) => n) }}'
    do: [{parallel: wait, semaphore: x, sleep: 0}]
";
    let report = engine
        .run(Script::new("many.yml", book), RunOptions::new())
        .wait();
    report.result.unwrap();
    assert!(engine.runs().is_empty());
    let views = engine.semaphores().list().now_or_never().unwrap().unwrap();
    assert_eq!((views[0].busy, views[0].waiting), (0, 0));
}
