//! `cla/task`.

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

const IMPORTS: &str = "
    import { Task } from 'cla/task';
    import { TimeSpan } from 'cla/time-span';
    const soon = TimeSpan.fromMilliseconds(5);
    const never = TimeSpan.fromHours(1);
    const log = [];
    const note = (entry) => { log.push(entry); return entry; };
";

/// The value that a rule exports which has these things.
#[track_caller]
fn value(body: &str) -> Value {
    support::value(&format!("{IMPORTS}{body}"))
}

/// The same, which must not take as long as `never`.
#[track_caller]
fn prompt(body: &str) -> Value {
    let started = Instant::now();
    let value = value(body);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "a timer kept the run alive"
    );
    value
}

#[test]
fn nothing_happens_before_it_is_awaited() {
    let body = "
        const task = new Task(async () => { note('ran'); return 42; });
        await Task.delay(soon);
        note('waited');
        note(await task);
        export default log;
    ";
    assert_eq!(value(body), json!(["waited", "ran", 42]));
}

#[test]
fn a_second_await_does_not_run_it_again() {
    let body = "
        const task = new Task(() => note('ran'));
        await task; await task; await Promise.all([task, task]);
        export default log;
    ";
    assert_eq!(value(body), json!(["ran"]));
}

#[test]
fn detached_it_runs_by_itself() {
    let body = "
        const task = new Task(async () => { await Task.delay(soon); note('2'); });
        note('1');
        task.detach();
        note('after');
        await task;
        export default log;
    ";
    assert_eq!(value(body), json!(["1", "after", "2"]));
}

#[test]
fn what_a_detached_task_throws_fails_the_run() {
    let ran = support::run("require('cla/task').Task.reject(new Error('nobody saw it')).detach()");
    let error = ran.value.unwrap_err();
    assert!(error.contains("nobody saw it"), "{error}");
}

#[test]
fn it_is_made_of_a_function_an_object_or_another_task() {
    let body = "
        export default [
            await new Task(() => 1),
            await new Task(async () => 2),
            await new Task({ three: 3, invoke() { return this.three; } }),
            await new Task(new Task(() => 4)),
        ];
    ";
    assert_eq!(value(body), json!([1, 2, 3, 4]));
}

#[test]
fn what_it_throws_is_what_awaiting_it_throws() {
    let body = "
        const fails = new Task(() => { throw new RangeError('no') });
        try { await fails } catch (error) { note(String(error)) }
        await fails.then(() => note('value'), (error) => note(error.name));
        export default log;
    ";
    assert_eq!(value(body), json!(["RangeError: no", "RangeError"]));
}

#[test]
fn middlewares_are_around_it_the_first_outermost() {
    let body = "
        const around = (name) => async (args, next) => { note(`${name}(${args.length}`); const v = await next(...args); note(`${name})`); return v + 1; };
        const task = new Task(() => { note('work'); return 1; }, around('a'));
        const piped = task.pipe([around('b'), { invoke: (args, next) => around('c')(args, next) }]);
        note(await piped);
        export default log;
    ";
    assert_eq!(
        value(body),
        json!(["b(0", "c(0", "a(0", "work", "a)", "c)", "b)", 4])
    );
}

#[test]
fn piping_leaves_the_task_as_it_was_and_does_its_work_anew() {
    let body = "
        let runs = 0;
        const task = new Task(() => ++runs);
        const twice = task.pipe(async (args, next) => [await next(), await next()]);
        export default [await task, await twice, await task, await task.pipe((args, next) => next())];
    ";
    assert_eq!(value(body), json!([1, [2, 3], 1, 4]));
}

#[test]
fn a_middleware_may_leave_the_work_undone() {
    let body = "
        const task = new Task(() => note('ran')).pipe(() => 'instead');
        export default [await task, log];
    ";
    assert_eq!(value(body), json!(["instead", []]));
}

#[test]
fn a_condition_decides_whether_middlewares_are_there() {
    let body = "
        const task = new Task(() => 1);
        const more = async (args, next) => (await next()) + 1;
        const later = () => { note('asked'); return true };
        const unused = task.pipeWhen(later, more);
        export default [
            await task.pipeWhen(true, more), await task.pipeWhen(false, more), await task.pipeWhen(async () => true, more),
            await task.pipeWhen(new Task(() => false), more), log,
        ];
    ";
    assert_eq!(value(body), json!([2, 1, 2, 1, []]));
}

#[test]
fn a_delay_takes_its_time_each_time_that_its_work_is_done() {
    let body = "
        const started = Date.now();
        const time = TimeSpan.fromMilliseconds(30);
        await Task.delay(time).pipe(async (args, next) => { await next(); await next(); });
        export default Date.now() - started >= 58;
    ";
    assert_eq!(value(body), true);
}

#[test]
fn all_gives_every_value_or_the_first_error() {
    let body = "
        export default [
            await Task.all([Task.delay(soon).pipe(async (a, next) => { await next(); return 'slow' }), new Task(() => 'quick'), 3, Promise.resolve(4)]),
            await Task.all([]),
            await Task.all(new Set([new Task(() => 1)])),
            await Task.all([Task.delay(never), Task.reject('no')]).then(() => 'value', (reason) => reason),
        ];
    ";
    assert_eq!(
        prompt(body),
        json!([["slow", "quick", 3, 4], [], [1], "no"])
    );
}

#[test]
fn race_gives_what_ends_first_and_stops_the_timers_of_the_others() {
    let body = "
        export default [
            await Task.race([Task.delay(never), new Task(() => 'first')]),
            await Task.race([Task.delay(never), Task.reject('no')]).then(() => 'value', (reason) => reason),
            await Task.race([Task.all([Task.delay(never), Task.race([Task.delay(never)])]), Promise.resolve('nested')]),
        ];
    ";
    assert_eq!(prompt(body), json!(["first", "no", "nested"]));
}

#[test]
fn who_still_waits_for_a_delay_that_lost_a_race_gets_it() {
    let body = "
        const delay = Task.delay(TimeSpan.fromMilliseconds(30));
        const started = Date.now();
        await Task.race([delay, new Task(() => 'first')]);
        await delay;
        const waited = Date.now() - started;
        const both = Task.delay(soon);
        both.then(() => note('kept'));
        await Task.race([both, 1]);
        await Task.delay(TimeSpan.fromMilliseconds(30));
        export default [waited >= 28, log];
    ";
    assert_eq!(prompt(body), json!([true, ["kept"]]));
}

#[test]
fn any_gives_the_first_value_or_all_errors() {
    let body = "
        export default [
            await Task.any([Task.reject('no'), Task.delay(never), new Task(() => 'value')]),
            await Task.any([Task.reject('a'), Task.reject('b')]).then(null, (error) => [error.name, error.errors]),
            await Task.any([]).then(null, (error) => error.errors),
        ];
    ";
    assert_eq!(
        prompt(body),
        json!(["value", ["AggregateError", ["a", "b"]], []])
    );
}

#[test]
fn all_settled_tells_how_each_ended() {
    let body = "export default await Task.allSettled([new Task(() => 1), Task.reject('no'), 3]);";
    assert_eq!(
        value(body),
        json!([
            { "status": "fulfilled", "value": 1 },
            { "status": "rejected", "reason": "no" },
            { "status": "fulfilled", "value": 3 },
        ])
    );
}

#[test]
fn what_is_made_of_several_is_lazy_too() {
    let body = "
        const tasks = () => [new Task(() => note('ran'))];
        Task.all(tasks()); Task.race(tasks()); Task.any(tasks()); Task.allSettled(tasks());
        Task.resolve(1); Task.reject('never thrown'); Task.delay(never); Task.fromCallback(() => note('called'));
        await Task.delay(soon);
        export default log;
    ";
    assert_eq!(prompt(body), json!([]));
}

#[test]
fn a_function_can_be_wrapped_and_a_callback_awaited() {
    let body = "
        const add = Task.wrapFn(async (a, b) => a + b);
        const later = Task.fromCallback((resolve) => { setTimeout(() => resolve('called'), 1) });
        const failed = (callback) => Task.fromCallback(callback).then(null, String);
        export default [
            await add(1, 2), await later, await Task.resolve(), await Task.resolve(7),
            await failed((_, reject) => reject('rejected')),
            await failed(() => { throw 'thrown' }),
            await failed(async () => { throw 'thrown later' }),
        ];
    ";
    assert_eq!(
        value(body),
        json!([3, "called", null, 7, "rejected", "thrown", "thrown later"])
    );
}

#[test]
fn what_a_callback_returns_is_called_when_it_is_over() {
    let body = "
        const source = (name, end) => Task.fromCallback((resolve) => { note(`${name} on`); end(resolve); return () => note(`${name} off`); });
        await source('a', (resolve) => resolve());
        await source('b', (resolve) => setTimeout(resolve, 1));
        await Task.race([source('c', () => {}), Task.delay(soon)]);
        export default log;
    ";
    assert_eq!(
        value(body),
        json!(["a on", "a off", "b on", "b off", "c on", "c off"])
    );
}

#[test]
fn a_callback_that_awaits_its_own_task_is_not_called_again() {
    let body = "
        const task = Task.fromCallback((resolve) => { note('called'); task.then((value) => note(value)); setTimeout(() => resolve('value'), 1); });
        note(await task);
        export default log;
    ";
    assert_eq!(value(body), json!(["called", "value", "value"]));
}

#[test]
fn a_million_small_tasks_leave_the_rules_memory_where_it_was() {
    let memory = |count: u32| {
        let ran = support::run(&format!(
            "{IMPORTS} let sum = 0;
             for (let i = 0; i < {count}; i++) sum += await new Task(() => 1).pipe((args, next) => next());
             export default sum;"
        ));
        assert_eq!(ran.value, Ok(json!(count)));
        ran.memory
    };
    let (few, million) = (memory(1_000), memory(1_000_000));
    assert!(million <= few + 64 * 1024, "from {few} to {million} bytes");
}

#[test]
fn a_hundred_thousand_races_leave_no_timers() {
    let memory = |count: u32| {
        let ran = support::run(&format!(
            "{IMPORTS} for (let i = 0; i < {count}; i++) await Task.race([Task.delay(never), i]); export default 'done';"
        ));
        assert_eq!(ran.value, Ok(json!("done")));
        ran.memory
    };
    let (few, many) = (memory(1_000), memory(100_000));
    assert!(many <= few + 64 * 1024, "from {few} to {many} bytes");
}

#[test]
fn what_is_no_work_no_middleware_and_no_length_of_time_is_refused_at_once() {
    let body = "
        const failed = (call) => { try { call(); return 'accepted' } catch (error) { return String(error) } };
        export default [
            () => new Task(), () => new Task(5), () => Task.resolve(1).pipe('retry'), () => Task.wrapFn({}), () => Task.fromCallback(),
            () => Task.delay(1000), () => Task.delay('5s'),
        ].map(failed);
    ";
    let work = "TypeError: Task: the work must be a function, an object with a method `invoke`, or another task";
    let callable = "must be a function, or an object with a method `invoke`";
    let time =
        "TypeError: a length of time must be a TimeSpan, such as TimeSpan.fromSeconds(1), not";
    assert_eq!(
        value(body),
        json!([
            work,
            work,
            format!("TypeError: Task: a middleware {callable}"),
            format!("TypeError: Task.wrapFn: the function {callable}"),
            format!("TypeError: Task.fromCallback: the callback {callable}"),
            format!("{time} 1000"),
            format!("{time} \"5s\""),
        ])
    );
}
