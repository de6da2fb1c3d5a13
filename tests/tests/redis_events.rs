//! `cla/redis` and `cla/event-bus/redis`: events between rules, through a real server.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, RunHandle, RunOptions, Script};
use cla_tests::output::Printed;
use cla_tests::redis::{Cluster, Server, Watched, eventually};
use serde_json::{Value, json};

/// What a rule gets in front of it; `URL` is replaced.
const IMPORTS: &str = "
    import Redis, { RedisError } from 'cla/redis';
    import { RedisPubSubEventBusAdapter } from 'cla/event-bus/redis';
    import { EventBus } from 'cla/event-bus';
    import { Namespace } from 'cla/namespace';
    import { Serde } from 'cla/serde';
    import { SuperJsonSerdeAdapter } from 'cla/serde/super-json';
    import { Task } from 'cla/task';
    import { TimeSpan } from 'cla/time-span';
    import * as sem from 'cla/sem';
    import * as util from 'cla/util';
    const serde = new Serde(new SuperJsonSerdeAdapter());
    const client = new Redis('URL');
    const adapter = new RedisPubSubEventBusAdapter({ client, serde });
    const bus = new EventBus({ adapter });
    const other = () => new EventBus({ adapter: new RedisPubSubEventBusAdapter({ client, serde }) });
    const log = [];
    const note = (event) => { log.push(event.n); };
    const failure = async (task) => { try { await task; } catch (error) { return error; } };
";

/// A run, and what it prints.
struct Started {
    handle: RunHandle,
    output: Arc<Printed>,
}

impl Started {
    fn printed(&self) -> String {
        self.output.text()
    }

    fn until_it_prints(&self, text: &str) {
        eventually(text, || self.printed().contains(text));
    }

    #[track_caller]
    fn value(self) -> Value {
        let report = self.handle.wait();
        report.result.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Starts a rule on an engine of its own, as another process would.
fn start(url: &str, body: &str) -> Started {
    start_on(&engine(), url, body)
}

fn start_on(engine: &Engine, url: &str, body: &str) -> Started {
    let text = format!("{}{body}", IMPORTS.replace("URL", url));
    let output = Arc::<Printed>::default();
    let options = RunOptions::new().output(output.clone());
    let handle = engine.run(Script::new("rule.mjs", text), options);
    Started { handle, output }
}

fn engine() -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(2)
        .with(cla_stdlib::install)
        .build()
}

#[track_caller]
fn value(url: &str, body: &str) -> Value {
    start(url, body).value()
}

/// How many connections have subscribed to something, or to `channel`.
fn subscribers(server: &Server, channel: &str) -> usize {
    let answer = server.command(&["PUBSUB", "NUMSUB", channel]);
    let count = answer.trim_end().rsplit(':').next().unwrap();
    count.parse().unwrap()
}

/// How many connections there are, apart from the one that asks.
fn connections(server: &Server) -> usize {
    server.command(&["CLIENT", "LIST"]).matches("addr=").count() / 2 - 1
}

// ---- between rules

#[test]
fn an_event_reaches_listeners_in_every_process() {
    let server = Server::start();
    let listeners: Vec<Started> = (0..2)
        .map(|_| {
            start(
                &server.url(),
                "export default await bus.asPromise('deployed');",
            )
        })
        .collect();
    eventually("both listen", || subscribers(&server, "deployed") == 2);
    value(
        &server.url(),
        "await bus.dispatch('deployed', { server: 'web-1' });",
    );
    for listener in listeners {
        assert_eq!(
            listener.value(),
            json!({ "server": "web-1", "type": "deployed" })
        );
    }
}

#[test]
fn dates_maps_and_whatever_the_serde_knows_arrive_as_what_they_were() {
    let server = Server::start();
    let listener = start(
        &server.url(),
        "
        class Order {
            constructor(number) { this.number = number; }
            serialize() { return { number: this.number }; }
            static deserialize({ number }) { return new Order(number); }
        }
        serde.registerClass(Order);
        const { at, map, set, big, missing, order } = await bus.asPromise('things');
        export default [at instanceof Date, at.getTime(), map.get('a'), set.has(1), `${big}`, missing === undefined,
            order instanceof Order, order.number];
    ",
    );
    eventually("it listens", || subscribers(&server, "things") == 1);
    value(
        &server.url(),
        "
        class Order { serialize() { return { number: 7 }; } static deserialize() {} }
        serde.registerClass(Order);
        await bus.dispatch('things', { at: new Date(86_400_000), map: new Map([['a', 1]]), set: new Set([1]),
            big: 10n ** 20n, missing: undefined, order: new Order() });
    ",
    );
    assert_eq!(
        listener.value(),
        json!([
            true,
            86_400_000,
            1,
            true,
            "100000000000000000000",
            true,
            true,
            7
        ])
    );
}

#[test]
fn namespaces_keep_events_apart() {
    let server = Server::start();
    let body = "
        const [a, b] = ['a', 'b'].map((name) => new EventBus({ adapter, namespace: new Namespace(['@', name]) }));
        await a.addListener('add', ({ n }) => { log.push(`a${n}`); });
        await b.addListener('add', ({ n }) => { log.push(`b${n}`); });
        await bus.addListener('add', ({ n }) => { log.push(`none${n}`); });
        await a.dispatch('add', { n: 1 });
        await b.dispatch('add', { n: 2 });
        await bus.dispatch('add', { n: 3 });
        export default log;
    ";
    assert_eq!(value(&server.url(), body), json!(["a1", "b2", "none3"]));
}

#[test]
fn what_another_program_publishes_that_is_no_event_is_said_and_passed_over() {
    let server = Server::start();
    let listener = start(
        &server.url(),
        "export default (await bus.asPromise('add')).n;",
    );
    eventually("it listens", || subscribers(&server, "add") == 1);
    server.command(&["PUBLISH", "add", "no JSON"]);
    listener.until_it_prints("an event of \"add\" cannot be read");
    server.command(&["PUBLISH", "add", r#"{"json":{"n":4}}"#]);
    assert_eq!(listener.value(), 4);
}

// ---- within a rule

#[test]
fn a_listener_is_told_what_is_dispatched_after_it_before_the_dispatch_is_done() {
    let server = Server::start();
    let body = "
        await bus.addListener('add', note);
        for (let n = 0; n < 1000; n += 1) {
            await bus.dispatch('add', { n });
            if (log.length !== n + 1) throw new Error(`${n}: ${log.length}`);
        }
        await Promise.all(Array.from({ length: 1000 }, (_, n) => bus.dispatch('add', { n: 1000 + n })));
        export default log.every((n, at) => n === at) && log.length;
    ";
    assert_eq!(value(&server.url(), body), 2000);
}

/// The heart of the matter, a thousand times: who listens, dispatches and ends has heard it, whichever connection the
/// event went over.
#[test]
fn a_rule_hears_its_own_events_before_it_ends() {
    let server = Server::start();
    let engine = engine();
    for (at, sender) in ["bus", "other()"]
        .into_iter()
        .cycle()
        .take(1000)
        .enumerate()
    {
        let body = format!(
            "
            await bus.addListener('add{at}', note);
            {sender}.dispatch('add{at}', {{ n: 1 }}).detach();
            export default log;
        "
        );
        let heard = start_on(&engine, &server.url(), &body).value();
        assert_eq!(heard, json!([1]), "run {at}, by {sender}");
    }
}

#[test]
fn a_rule_that_only_listens_ends() {
    let server = Server::start();
    let body = "await bus.addListener('add', note); await other().addListener('add', note);";
    let start = Instant::now();
    value(&server.url(), body);
    assert!(start.elapsed() < Duration::from_secs(20), "{start:?}");
    eventually("nothing is open any more", || connections(&server) == 0);
}

#[test]
fn events_that_come_without_end_do_not_keep_a_rule_from_ending() {
    let server = Server::start();
    let sender = start(
        &server.url(),
        "for (;;) await Promise.all(Array.from({ length: 100 }, (_, n) => bus.dispatch('add', { n })));",
    );
    value(&server.url(), "await bus.addListener('add', note);");
    sender.handle.canceller().cancel();
    let error = sender.handle.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
}

#[test]
fn a_rule_that_waits_for_an_event_goes_on_however_it_waits() {
    let server = Server::start();
    for body in [
        "export default await bus.asPromise('go');",
        "bus.asPromise('go').then((event) => print(`got ${event.n}`));",
        "(async () => { print(`got ${(await bus.asPromise('go')).n}`); })();",
        "export default await new Promise((done) => bus.addListener('go', done).detach());",
    ] {
        let waiting = start(&server.url(), body);
        eventually("it listens", || subscribers(&server, "go") == 1);
        value(&server.url(), "await bus.dispatch('go', { n: 5 });");
        let output = Arc::clone(&waiting.output);
        let value = waiting.value();
        let printed = output.text();
        assert!(value["n"] == 5 || printed == "got 5\n", "{body}: {value}");
        eventually("nobody listens", || subscribers(&server, "go") == 0);
    }
}

#[test]
fn who_waits_no_longer_keeps_nothing_going() {
    let server = Server::start();
    let body = "
        const first = await Task.race([bus.asPromise('never'), new Task(async () => { await Task.delay(TimeSpan.fromMilliseconds(5)); return 'late'; })]);
        export default first;
    ";
    assert_eq!(value(&server.url(), body), "late");
}

#[test]
fn listeners_can_be_added_and_removed_and_added_again() {
    let server = Server::start();
    let body = "
        await bus.addListener('add', note);
        await bus.addListener('add', (event) => log.push(-event.n));
        await bus.dispatch('add', { n: 1 });
        await bus.removeListener('add', note);
        await bus.dispatch('add', { n: 2 });
        await bus.listenOnce('once', note);
        await bus.dispatch('once', { n: 3 }); await bus.dispatch('once', { n: 4 });
        const unsubscribe = await bus.subscribe(['x', 'y'], note);
        await bus.dispatch('x', { n: 5 });
        await unsubscribe();
        await bus.dispatch('y', { n: 6 });
        // Without waiting in between.
        await Promise.all([bus.addListener('z', note), bus.removeListener('z', note), bus.addListener('z', note)]);
        await bus.dispatch('z', { n: 7 });
        await bus.removeListener('z', () => {});
        export default log;
    ";
    assert_eq!(value(&server.url(), body), json!([1, -1, -2, 3, 5, 7]));
}

#[test]
fn a_rule_that_blocks_is_told_afterwards() {
    let (server, engine) = (Server::start(), engine());
    let body = "
        await bus.addListener('add', note);
        print('listens');
        while (!sem.show('sent')) util.sleep('10ms');
        log.push('slept');
        await null;
        export default log;
    ";
    let listener = start_on(&engine, &server.url(), body);
    listener.until_it_prints("listens");
    let body = "await bus.dispatch('add', { n: 1 }); sem.take('sent', () => {});";
    start_on(&engine, &server.url(), body).value();
    assert_eq!(listener.value(), json!(["slept", 1]));
}

// ---- connections

#[test]
fn one_connection_serves_an_adapter_and_is_closed_when_nobody_listens() {
    let server = Server::start();
    let body = "
        const unsubscribe = [];
        for (let n = 0; n < 10; n += 1) unsubscribe.push(await bus.subscribe(`event${n}`, note));
        await bus.dispatch('event3', { n: 3 });
        print('open');
        await bus.asPromise('close');
        for (const end of unsubscribe) await end();
        print('closed');
        await Task.delay(TimeSpan.fromMinutes(1));
    ";
    let listener = start(&server.url(), body);
    listener.until_it_prints("open");
    eventually("it listens", || subscribers(&server, "close") == 1);
    assert_eq!(connections(&server), 1);
    server.command(&["PUBLISH", "close", r#"{"json":{}}"#]);
    listener.until_it_prints("closed");
    assert_eq!(subscribers(&server, "event0"), 0);
    eventually("it is closed", || connections(&server) == 0);
    let start = Instant::now();
    listener.handle.canceller().cancel();
    listener.handle.wait();
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_client_opens_nothing_and_when_disconnected_lets_go_of_everything() {
    let server = Server::start();
    let listener = start(
        &server.url(),
        "
        client.duplicate();
        print('made');
        util.sleep('100ms');
        await bus.addListener('add', note);
        print('listens');
        await Task.delay(TimeSpan.fromMilliseconds(100));
        await client.quit();
        await bus.dispatch('add', { n: 1 });
        await bus.addListener('sub', note);
        await bus.dispatch('sub', { n: 2 });
        client.disconnect();
        export default log;
    ",
    );
    listener.until_it_prints("made");
    assert_eq!(connections(&server), 0);
    listener.until_it_prints("listens");
    assert_eq!(listener.value(), json!([2]));
    eventually("nothing is open", || connections(&server) == 0);
}

#[test]
fn a_run_that_is_stopped_closes_its_connections_at_once() {
    let server = Server::start();
    let listener = start(&server.url(), "await bus.asPromise('never');");
    eventually("it listens", || subscribers(&server, "never") == 1);
    listener.handle.canceller().cancel();
    let error = listener.handle.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    eventually("nothing is open", || connections(&server) == 0);
}

#[test]
fn a_lost_connection_is_made_again_and_listens_as_before() {
    let mut server = Server::start();
    let listener = start(
        &server.url(),
        "
        await bus.addListener(['a', 'b'], ({ type }) => { log.push(type); print(type); });
        await bus.asPromise('end');
        export default log;
    ",
    );
    let listens = |server: &Server| {
        ["a", "b", "end"]
            .iter()
            .all(|c| subscribers(server, c) == 1)
    };
    eventually("it listens", || listens(&server));
    server.cut();
    eventually("it listens again", || listens(&server));
    value(&server.url(), "await bus.dispatch('a', {});");
    listener.until_it_prints("a\n");
    server.kill();
    std::thread::sleep(Duration::from_millis(300));
    server.restart();
    eventually("it listens after a restart", || listens(&server));
    value(
        &server.url(),
        "await bus.dispatch('b', {}); await bus.dispatch('end', {});",
    );
    assert_eq!(listener.value(), json!(["a", "b"]));
}

#[test]
fn a_rule_can_dispatch_and_listen_as_soon_as_the_server_is_there() {
    let mut server = Server::start();
    server.kill();
    let early = start(
        &server.url(),
        "
        await bus.addListener('add', note);
        await bus.dispatch('add', { n: 1 });
        export default log;
    ",
    );
    std::thread::sleep(Duration::from_millis(200));
    server.restart();
    assert_eq!(early.value(), json!([1]));
}

// ---- trouble

#[test]
fn a_server_that_is_not_there_is_an_error_within_seconds() {
    let mut server = Server::start();
    server.kill();
    let body = "
        const [dispatched, listened, awaited] = await Promise.all([
            failure(bus.dispatch('add', {})), failure(bus.addListener('add', note)), failure(other().asPromise('add'))]);
        for (const error of [dispatched, listened, awaited]) if (!(error instanceof RedisError)) throw error;
        export default [dispatched.message, listened.message, awaited.message];
    ";
    let start = Instant::now();
    let messages = value(&server.url().replace("://", "://me:secret@"), body);
    assert!(start.elapsed() < Duration::from_secs(20), "{start:?}");
    let url = server.url().replace("://", "://me:***@");
    for (message, what) in
        messages
            .as_array()
            .unwrap()
            .iter()
            .zip(["dispatching", "listening", "listening"])
    {
        let message = message.as_str().unwrap();
        let expected = format!("{what}: {url} cannot be reached: ");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn a_server_that_stands_still_is_an_error_within_seconds_and_no_reason_not_to_end() {
    let server = Server::start();
    let listener = start(
        &server.url(),
        "
        await bus.addListener('add', note);
        print('listens');
        util.sleep('500ms');
        const begin = performance.now();
        const error = await failure(bus.dispatch('add', { n: 1 }));
        export default [error.message, performance.now() - begin];
    ",
    );
    listener.until_it_prints("listens");
    server.freeze();
    let outcome = listener.value();
    let message = outcome[0].as_str().unwrap();
    assert!(message.contains("does not answer"), "{message}");
    assert!(outcome[1].as_f64().unwrap() < 15_000.0, "{outcome}");
}

#[test]
fn what_the_server_refuses_is_an_error_at_once() {
    let server = Server::start();
    server.command(&[
        "ACL", "SETUSER", "mute", "on", ">mute", "+@all", "-publish", "&heard",
    ]);
    let start = Instant::now();
    let body = "export default (await failure(bus.dispatch('add', {}))).message;";
    let url = server.url().replace("://", "://mute:wrong@");
    let message = value(&url, body);
    let message = message.as_str().unwrap();
    assert!(message.contains("cannot be reached"), "{message}");
    assert!(!message.contains("wrong@"), "{message}");
    let body = "
        await bus.addListener('heard', note);
        export default [(await failure(bus.dispatch('heard', {}))).message, (await failure(bus.addListener('add', note))).message];
    ";
    let messages = value(&server.url().replace("://", "://mute:mute@"), body);
    for message in messages.as_array().unwrap() {
        let message = message.as_str().unwrap();
        assert!(message.contains("refused it: "), "{message}");
        assert!(message.to_lowercase().contains("perm"), "{message}");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{start:?}");
}

#[test]
fn an_event_that_cannot_become_text_is_an_error_of_the_dispatch() {
    let server = Server::start();
    let body = "
        const odd = new EventBus({ adapter: new RedisPubSubEventBusAdapter({ client,
            serde: { serialize: (value) => value, deserialize: (value) => value } }) });
        export default (await failure(odd.dispatch('add', {}))).message;
    ";
    let message = value(&server.url(), body);
    assert!(
        message.as_str().unwrap().contains("must make text"),
        "{message}"
    );
}

#[test]
fn settings_that_are_missing_are_told() {
    let body = "
        const thrown = (make) => { try { make(); } catch (error) { return `${error.name}: ${error.message}`; } };
        export default [
            thrown(() => new RedisPubSubEventBusAdapter()),
            thrown(() => new RedisPubSubEventBusAdapter({ client: {}, serde })),
            thrown(() => new RedisPubSubEventBusAdapter({ client })),
        ];
    ";
    let thrown = value("redis://127.0.0.1:1", body);
    for (text, part) in thrown
        .as_array()
        .unwrap()
        .iter()
        .zip(["`client`", "`client`", "`serde`"])
    {
        let text = text.as_str().unwrap();
        assert!(text.starts_with("TypeError: RedisPubSub"), "{text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn more_than_a_rule_gets_round_to_is_dropped_and_said() {
    let server = Server::start();
    // The server itself lets go of those who read too slowly; that is not what is looked at here.
    let limit = [
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "pubsub 0 0 0",
    ];
    assert_eq!(server.command(&limit).trim(), "+OK");
    let engine = engine();
    // It sends 48 events of a megabyte each while the other one is blocked.
    let sender = start_on(
        &engine,
        &server.url(),
        "
        const text = 'x'.repeat(1 << 20);
        await sem.take('gate', async () => {
            print('shut');
            while (!sem.show('gate').waiting) await Task.delay(TimeSpan.fromMilliseconds(1));
            for (let n = 0; n < 48; n += 1) await bus.dispatch('big', { text });
        });
    ",
    );
    sender.until_it_prints("shut");
    let listener = start_on(
        &engine,
        &server.url(),
        "
        let count = 0;
        await bus.addListener('big', () => { count += 1; });
        const end = bus.asPromise('end').then(() => {});
        await Task.delay(TimeSpan.fromMilliseconds(100));
        // They have all come by then.
        sem.take('gate', () => util.sleep('4s'));
        await end;
        export default count;
    ",
    );
    listener.until_it_prints(" events were dropped");
    value(&server.url(), "await bus.dispatch('end', {});");
    let output = Arc::clone(&listener.output);
    let told = listener.value().as_u64().unwrap();
    let printed = output.text();
    let dropped = printed
        .lines()
        .filter_map(|line| {
            line.strip_suffix(
                " events were dropped: the rule did not get round to so many that waited",
            )
        })
        .map(|count| count.parse::<u64>().unwrap());
    assert_eq!(told + dropped.sum::<u64>(), 48, "{printed}");
    // As many fit into the room; more if it was emptied meanwhile.
    assert!(told >= 31, "{told}");
    sender.value();
}

// ---- other kinds of servers

#[test]
fn events_go_through_a_cluster_from_node_to_node() {
    let cluster = Cluster::start();
    let urls: Vec<String> = cluster.nodes().iter().map(Server::url).collect();
    let listener = start(&urls[0], "export default await bus.asPromise('add');");
    eventually("it listens", || {
        subscribers(&cluster.nodes()[0], "add") == 1
    });
    value(&urls[2], "await bus.dispatch('add', { n: 1 });");
    assert_eq!(listener.value()["n"], 1);
    let body = "
        await bus.addListener('add', note); await bus.dispatch('add', { n: 2 }); export default log;
    ";
    assert_eq!(value(&cluster.url(), body), json!([2]));
}

#[test]
fn events_go_to_the_master_that_sentinels_name() {
    let watched = Watched::start();
    let body = "
        await bus.addListener('add', note); await bus.dispatch('add', { n: 3 }); export default log;
    ";
    assert_eq!(value(&watched.url(), body), json!([3]));
}
