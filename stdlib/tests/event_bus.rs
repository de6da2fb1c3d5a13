//! `cla/event-bus`.

mod support;

use serde_json::{Value, json};

const IMPORTS: &str = "
    import { EventBus } from 'cla/event-bus';
    import { MemoryEventBusAdapter } from 'cla/event-bus/memory';
    import { Namespace } from 'cla/namespace';
    import { Task } from 'cla/task';
    import { TimeSpan } from 'cla/time-span';
    const adapter = new MemoryEventBusAdapter();
    const bus = new EventBus({ adapter });
    const log = [];
    const note = (event) => { log.push(event); };
";

/// The value that a rule exports which has these things.
#[track_caller]
fn value(body: &str) -> Value {
    support::value(&format!("{IMPORTS}{body}"))
}

#[test]
fn a_listener_is_told_each_event_with_its_name() {
    let body = "
        await bus.addListener('add', note);
        await bus.dispatch('add', { a: 5, b: 6 });
        await bus.dispatch('other', { a: 7 });
        await bus.dispatch('add', { a: 8 });
        export default log;
    ";
    assert_eq!(
        value(body),
        json!([{ "a": 5, "b": 6, "type": "add" }, { "a": 8, "type": "add" }])
    );
}

#[test]
fn nothing_happens_before_it_is_awaited() {
    let body = "
        const listening = bus.addListener('add', note), dispatching = bus.dispatch('add', { n: 1 });
        await dispatching;
        await listening;
        await bus.dispatch('add', { n: 2 });
        export default log.map(({ n }) => n);
    ";
    assert_eq!(value(body), json!([2]));
}

#[test]
fn a_listener_is_called_once_per_event_however_often_it_was_added() {
    let body = "
        await bus.addListener('add', note); await bus.addListener('add', note);
        await bus.dispatch('add', {});
        export default log.length;
    ";
    assert_eq!(value(body), 1);
}

#[test]
fn a_removed_listener_hears_nothing_and_removing_another_is_fine() {
    let body = "
        await bus.removeListener('add', note);
        await bus.addListener(['add', 'sub'], note);
        await bus.removeListener('add', note);
        await bus.dispatch('add', {}); await bus.dispatch('sub', {});
        await bus.removeListener(['add', 'sub'], note);
        await bus.dispatch('sub', {});
        export default log.map(({ type }) => type);
    ";
    assert_eq!(value(body), json!(["sub"]));
}

#[test]
fn one_listener_can_listen_to_several_events() {
    let body = "
        await bus.addListener(['add', 'sub'], note);
        await bus.dispatch('sub', {}); await bus.dispatch('add', {});
        export default log.map(({ type }) => type);
    ";
    assert_eq!(value(body), json!(["sub", "add"]));
}

#[test]
fn an_object_can_listen() {
    let body = "
        class Listener { count = 0; invoke(event) { this.count += event.n; } }
        const listener = new Listener();
        await bus.addListener('add', listener);
        await bus.dispatch('add', { n: 2 }); await bus.dispatch('add', { n: 3 });
        export default listener.count;
    ";
    assert_eq!(value(body), 5);
}

#[test]
fn who_listens_once_hears_one_event() {
    let body = "
        await bus.listenOnce('add', note);
        await bus.dispatch('add', { n: 1 }); await bus.dispatch('add', { n: 2 });
        await bus.listenOnce('add', note); await bus.removeListener('add', note);
        await bus.dispatch('add', { n: 3 });
        export default log.map(({ n }) => n);
    ";
    assert_eq!(value(body), json!([1]));
}

#[test]
fn who_listens_once_hears_one_event_even_if_it_dispatches_the_next() {
    let body = "
        await bus.listenOnce('add', (event) => { note(event); bus.dispatch('add', { n: event.n + 1 }).detach(); });
        await bus.dispatch('add', { n: 1 });
        await Task.delay(TimeSpan.fromMilliseconds(2));
        export default log.map(({ n }) => n);
    ";
    assert_eq!(value(body), json!([1]));
}

#[test]
fn a_subscription_ends_with_the_function_that_it_gave() {
    let body = "
        const unsubscribe = await bus.subscribe(['add', 'sub'], note);
        await bus.dispatch('add', { n: 1 });
        await unsubscribe();
        await bus.dispatch('sub', { n: 2 });
        const never = await bus.subscribeOnce('add', note);
        await never();
        await bus.dispatch('add', { n: 3 });
        await bus.subscribeOnce('add', note);
        await bus.dispatch('add', { n: 4 }); await bus.dispatch('add', { n: 5 });
        export default log.map(({ n }) => n);
    ";
    assert_eq!(value(body), json!([1, 4]));
}

#[test]
fn an_event_can_be_awaited() {
    let body = "
        (async () => { await Task.delay(TimeSpan.fromMilliseconds(2)); await bus.dispatch('add', { a: 30 }); await bus.dispatch('add', { a: 31 }); })();
        export default await bus.asPromise('add');
    ";
    assert_eq!(value(body), json!({ "a": 30, "type": "add" }));
}

#[test]
fn who_stops_waiting_for_an_event_does_not_listen_any_more() {
    let body = "
        let listeners = 0;
        const counting = { addListener: (...a) => { listeners += 1; return adapter.addListener(...a) }, removeListener: (...a) => { listeners -= 1; return adapter.removeListener(...a) }, dispatch: (...a) => adapter.dispatch(...a) };
        const counted = new EventBus({ adapter: counting });
        const event = counted.asPromise('add');
        await Task.race([event, Task.delay(TimeSpan.fromMilliseconds(2))]);
        await Task.delay(TimeSpan.fromMilliseconds(2));
        const before = listeners;
        Promise.resolve().then(() => counted.dispatch('add', { n: 1 }));
        export default [before, (await event).n, listeners];
    ";
    assert_eq!(value(body), json!([0, 1, 0]));
}

#[test]
fn what_a_listener_throws_keeps_no_other_from_being_told() {
    let body = "
        await bus.addListener('add', () => { throw new Error('at once') });
        await bus.addListener('add', async () => { throw new Error('later') });
        await bus.addListener('add', note);
        await bus.dispatch('add', {});
        export default log.length;
    ";
    let ran = support::run(&format!("{IMPORTS}{body}"));
    assert_eq!(ran.value, Ok(json!(1)));
    for message in [
        "a listener of \"add\" failed: Error: at once",
        "failed: Error: later",
    ] {
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}

#[test]
fn namespaces_keep_buses_on_the_same_adapter_apart() {
    let body = "
        const a = new EventBus({ adapter, namespace: new Namespace('a') });
        const b = new EventBus({ adapter, namespace: new Namespace(['b', 'c']) });
        const again = new EventBus({ adapter, namespace: new Namespace('a') });
        for (const [name, one] of Object.entries({ a, b, again, bus })) await one.addListener('test', ({ from }) => note(`${from} to ${name}`));
        await a.dispatch('test', { from: 'a' }); await b.dispatch('test', { from: 'b' }); await bus.dispatch('test', { from: 'bus' });
        export default log;
    ";
    assert_eq!(
        value(body),
        json!(["a to a", "a to again", "b to b", "bus to bus"])
    );
}

#[test]
fn a_bus_without_an_adapter_says_what_is_missing() {
    let error = support::run("new (require('cla/event-bus').EventBus)({})")
        .value
        .unwrap_err();
    assert!(
        error.contains("`adapter` is missing; try new MemoryEventBusAdapter()"),
        "{error}"
    );
}

#[test]
fn what_is_added_while_an_event_is_told_hears_the_next_one() {
    let body = "
        await bus.addListener('add', () => { adapter.addListener('add', note) });
        await bus.dispatch('add', { n: 1 });
        const first = log.length;
        await bus.dispatch('add', { n: 2 });
        export default [first, log.map(({ n }) => n)];
    ";
    assert_eq!(value(body), json!([0, [2]]));
}

#[test]
fn thirty_thousand_events_and_listeners_leave_the_rules_memory_where_it_was() {
    let memory = |count: u32| {
        let ran = support::run(&format!(
            "{IMPORTS} for (let i = 0; i < {count}; i++) {{ await bus.listenOnce('add', () => {{}}); await bus.dispatch('add', {{}}); }}
             export default 'done';"
        ));
        assert_eq!(ran.value, Ok(json!("done")));
        ran.memory
    };
    let (few, many) = (memory(1_000), memory(30_000));
    assert!(many <= few + 64 * 1024, "from {few} to {many} bytes");
}

#[test]
fn what_cannot_be_called_does_not_listen() {
    let body = "export default await bus.addListener('add', 'print').then(() => 'added', String)";
    assert_eq!(
        value(body),
        "TypeError: EventBus: a listener must be a function, or an object with a method `invoke`"
    );
}
