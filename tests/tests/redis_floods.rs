//! A Redis server that sends more than anybody can take harms neither the process nor those who use other servers: stores
//! and rules hear of the limit.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "redis/common.rs"]
mod common;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RunOptions, Script};
use cla_tests::flood::{Flood, Flooding};
use cla_tests::output::Printed;
use cla_tests::redis::Server;
use common::{name, soon, store};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;

/// What the process may take for a store that hears too much: one reply up to the limit of 64 MiB, twice where buffers and
/// lists grow by doubling, and what is parsed of it.
const MOST_FOR_A_STORE: usize = 256 * MIB;

/// And for a rule, whose limit is 16 MiB.
const MOST_FOR_A_RULE: usize = 96 * MIB;

/// Nothing here takes longer, on a busy machine either: after four seconds, nobody waits for a server any more.
const LONGEST: Duration = Duration::from_secs(20);

/// Measures, one at a time, what something takes.
struct Measured {
    before: usize,
    since: Instant,
    _alone: MutexGuard<'static, ()>,
}

impl Measured {
    fn start() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        HEAP.reset_peak_usage();
        Self {
            before: HEAP.current_usage(),
            since: Instant::now(),
            _alone: alone,
        }
    }

    #[track_caller]
    fn check(&mut self, what: &str, most: usize) {
        let (took, peak) = (self.since.elapsed(), HEAP.peak_usage() - self.before);
        println!("{what}: {took:?}, {} KiB", peak / 1024);
        assert!(took < LONGEST, "{what} took {took:?}");
        assert!(peak < most, "{what} took {} MiB", peak / MIB);
        HEAP.reset_peak_usage();
        self.before = HEAP.current_usage();
        self.since = Instant::now();
    }
}

/// Whether an error says which limit it was.
fn names_the_limit(said: &str, limit: &str) -> bool {
    said.contains(&format!("limit of {limit}"))
        || said.contains("a line of a reply is longer than the limit of 64 KiB")
        || said.contains("a reply is nested deeper than 32 levels")
}

/// A server that does not itself close the connections to those who subscribe and are sent more than 32 MiB.
fn generous_server() -> Server {
    Server::with(&["--client-output-buffer-limit", "pubsub 0 0 0"])
}

/// So many MiB of text, as a server's script makes them.
fn many_x(mib: usize) -> String {
    format!("string.rep(string.rep('x', {MIB}), {mib})")
}

// ---- stores

/// What a store says that asks such a server.
async fn listed(url: &str) -> String {
    soon(store(url).list()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_refuses_what_is_too_large_and_names_the_limit() {
    let mut measured = Measured::start();
    for flood in Flood::ANSWERS {
        let server = Flooding::start("SMEMBERS", flood);
        for scheme in ["redis", "redis-cluster"] {
            let said = listed(&format!("{scheme}://{}", server.address())).await;
            measured.check(&format!("{scheme}, {flood:?}"), MOST_FOR_A_STORE);
            assert!(names_the_limit(&said, "64 MiB"), "{flood:?}: {said}");
        }
        // Most is never sent.
        assert!(server.sent() < 2 * MOST_FOR_A_STORE, "{flood:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_while_it_connects() {
    let mut measured = Measured::start();
    for (scheme, tail, limit, commands) in [
        (
            "redis",
            "",
            "64 MiB",
            ["HELLO", "CLIENT", "SUBSCRIBE", "EVAL"].as_slice(),
        ),
        ("redis-cluster", "", "64 MiB", &["HELLO", "CLUSTER", "EVAL"]),
        ("redis-sentinel", "/prod", "64 KiB", &["SENTINEL"]),
    ] {
        let answers = commands.iter().map(|command| (*command, Flood::Text));
        let messages = [("SUBSCRIBE", Flood::Message)];
        let messages = messages.into_iter().filter(|_| scheme == "redis");
        for (command, flood) in answers.chain(messages) {
            let server = Flooding::start(command, flood);
            let said = listed(&format!("{scheme}://{}{tail}", server.address())).await;
            measured.check(&format!("{scheme}, {command}"), MOST_FOR_A_STORE);
            assert!(names_the_limit(&said, limit), "{scheme}, {command}: {said}");
        }
    }
}

/// The cluster's client makes the connection again, with pauses: without them, thousands in this time. A message that
/// comes while the store connects for the first time fails that instead, and the next question connects anew.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_large_do_not_keep_a_cluster_busy() {
    let mut measured = Measured::start();
    let server = Flooding::start("SUBSCRIBE", Flood::Message);
    let semaphores = store(&format!("redis-cluster://{}", server.address()));
    let asking = async {
        while server.connections() < 5 {
            let _ = soon(semaphores.list()).await;
        }
    };
    soon(asking).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let connections = server.connections();
    assert!(connections < 100, "{connections}");
    measured.check("messages to a cluster", MOST_FOR_A_STORE);
}

/// It has nothing else to do than to read them, and while it connects they take no more than there is room for.
#[tokio::test(flavor = "multi_thread")]
async fn messages_without_an_end_take_no_more_memory_than_there_is_room_for() {
    let mut measured = Measured::start();
    let server = Flooding::start("SUBSCRIBE", Flood::Messages);
    for scheme in ["redis", "redis-cluster"] {
        let said = listed(&format!("{scheme}://{}", server.address())).await;
        assert!(said.contains("does not answer"), "{said}");
        measured.check(&format!("messages, {scheme}"), MOST_FOR_A_STORE);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_certificates_that_never_ends_is_an_error() {
    let mut measured = Measured::start();
    let said = listed("rediss://127.0.0.1:1?ca=/dev/zero").await;
    assert!(said.contains("/dev/zero: it is no file"), "{said}");
    measured.check("ca=/dev/zero", MOST_FOR_A_RULE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_it_asks_for_is_not_there_and_it_says_why() {
    let mut measured = Measured::start();
    let server = Flooding::start("EVALSHA", Flood::Announced);
    let semaphores = store(&format!("redis://{}", server.address()));
    let said = soon(
        semaphores
            .semaphore(&name("x"))
            .acquire()
            .with(cla_semaphore::Request::new())
            .if_free(),
    )
    .await
    .unwrap_err()
    .to_string();
    measured.check("try_acquire", MOST_FOR_A_STORE);
    assert!(names_the_limit(&said, "64 MiB"), "{said}");
    // It tries again, in growing intervals.
    assert!(server.connections() < 100, "{}", server.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_on_with_a_server_of_which_one_answer_was_too_large() {
    let mut measured = Measured::start();
    let server = generous_server();
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    let held = soon(
        here.semaphore(&x)
            .acquire()
            .with(cla_semaphore::Request::new()),
    )
    .await
    .unwrap();
    // The names of all semaphores are in one set.
    let keys = server.command(&["KEYS", "cla:*"]);
    let set = keys
        .lines()
        .find(|key| server.command(&["TYPE", key]).starts_with("+set"))
        .unwrap()
        .to_owned();
    let script = format!("return redis.call('SADD', '{set}', {})", many_x(65));
    server.command(&["EVAL", &script, "0"]);
    let said = soon(there.list()).await.unwrap_err().to_string();
    assert!(names_the_limit(&said, "64 MiB"), "{said}");
    measured.check("a set of 65 MiB", MOST_FOR_A_STORE);
    // What is not too large is answered as ever, and what was held is.
    assert_eq!(soon(there.show(&x)).await.unwrap().unwrap().busy, 1);
    assert!(!held.is_lost());
    let remedy = format!("return redis.call('SREM', '{set}', {})", many_x(65));
    server.command(&["EVAL", &remedy, "0"]);
    assert_eq!(soon(there.list()).await.unwrap().len(), 1);
}

// ---- rules

/// What a rule gets in front of it; `URL` is replaced.
const IMPORTS: &str = "
    import Redis, { RedisError } from 'cla/redis';
    import { RedisPubSubEventBusAdapter } from 'cla/event-bus/redis';
    import { EventBus } from 'cla/event-bus';
    import { Serde } from 'cla/serde';
    import { SuperJsonSerdeAdapter } from 'cla/serde/super-json';
    const adapter = new RedisPubSubEventBusAdapter({
        client: new Redis('URL'), serde: new Serde(new SuperJsonSerdeAdapter()),
    });
    const bus = new EventBus({ adapter });
    const failure = async (task) => {
        try { await task; } catch (error) { return `${error instanceof RedisError}: ${error.message}`; }
    };
";

/// A rule on an engine of its own.
struct Rule {
    handle: cla_runtime::RunHandle,
    output: Arc<Printed>,
}

impl Rule {
    fn start(url: &str, memory: usize, body: &str) -> Self {
        let engine = Engine::builder()
            .permissions(cla_tests::engine::permissions())
            .workers(1)
            .with(cla_stdlib::install)
            .build();
        let text = format!("{}{body}", IMPORTS.replace("URL", url));
        let output = Arc::<Printed>::default();
        let limits = Limits::default().memory(memory).timeout(3 * LONGEST);
        let options = RunOptions::new().limits(limits).output(output.clone());
        let handle = engine.run(Script::new("rule.mjs", text), options);
        Self { handle, output }
    }

    fn until_it_prints(&self, text: &str) {
        self.output.wait_for(text);
    }

    /// What it gives, or with which error it fails.
    fn end(self) -> Result<String, (ErrorKind, String)> {
        match self.handle.wait().result {
            Ok(value) => Ok(value.as_str().unwrap_or_default().to_owned()),
            Err(error) => Err((error.kind, error.message)),
        }
    }
}

const USUAL: usize = 256 * MIB;

#[test]
fn a_rule_that_asks_for_something_gets_an_error_that_names_the_limit() {
    let mut measured = Measured::start();
    for (command, body) in [
        (
            "PUBLISH",
            "export default await failure(bus.dispatch('x', { n: 1 }));",
        ),
        (
            "PING",
            "export default await failure(bus.dispatch('x', { n: 1 }));",
        ),
        (
            "SUBSCRIBE",
            "export default await failure(bus.addListener('x', () => 1));",
        ),
        (
            "HELLO",
            "export default await failure(bus.addListener('x', () => 1));",
        ),
    ] {
        for flood in Flood::ANSWERS {
            let server = Flooding::start(command, flood);
            let said = Rule::start(&format!("redis://{}", server.address()), USUAL, body)
                .end()
                .unwrap();
            measured.check(&format!("{command}, {flood:?}"), MOST_FOR_A_RULE);
            assert!(said.starts_with("true: "), "{command}, {flood:?}: {said}");
            assert!(
                names_the_limit(&said, "16 MiB"),
                "{command}, {flood:?}: {said}"
            );
            assert_eq!(server.connections(), 1, "{command}, {flood:?}");
        }
    }
}

#[test]
fn a_rule_that_waits_for_an_event_fails_instead_of_waiting_for_ever() {
    let mut measured = Measured::start();
    let server = Flooding::start("SUBSCRIBE", Flood::Message);
    let url = format!("redis://{}", server.address());
    let (kind, said) = Rule::start(&url, USUAL, "export default await bus.asPromise('x');")
        .end()
        .unwrap_err();
    measured.check("a message of 2 GB", MOST_FOR_A_RULE);
    assert_eq!(kind, ErrorKind::Exception, "{said}");
    assert!(names_the_limit(&said, "16 MiB"), "{said}");
}

#[test]
fn an_event_of_128_mib_takes_no_memory_and_the_next_rule_listens_as_ever() {
    let mut measured = Measured::start();
    let server = generous_server();
    let listens = "
        const promise = bus.asPromise('x').then((event) => event);
        await bus.addListener('y', () => 1);
        print('listening');
        export default (await promise).text.length.toString();
    ";
    let publish = |length| {
        let text = many_x(length);
        let event = format!(r#"'{{"json":{{"type":"x","text":"'..{text}..'"}}}}'"#);
        let script = format!("return redis.call('PUBLISH', 'x', {event})");
        server.command(&["EVAL", &script, "0"]);
    };
    let rule = Rule::start(&server.url(), USUAL, listens);
    rule.until_it_prints("listening");
    publish(128);
    let (kind, said) = rule.end().unwrap_err();
    measured.check("an event of 128 MiB", MOST_FOR_A_RULE);
    assert_eq!(kind, ErrorKind::Exception, "{said}");
    assert!(names_the_limit(&said, "16 MiB"), "{said}");

    let rule = Rule::start(&server.url(), USUAL, listens);
    rule.until_it_prints("listening");
    publish(15);
    assert_eq!(rule.end().unwrap(), (15 * MIB).to_string());
}

#[test]
fn a_rule_with_little_memory_has_a_smaller_limit() {
    let server = Server::start();
    let rule = Rule::start(
        &server.url(),
        8 * MIB,
        "const promise = bus.asPromise('x').then((event) => event);
         await bus.addListener('y', () => 1);
         print('listening');
         await promise;",
    );
    rule.until_it_prints("listening");
    let script = format!("return redis.call('PUBLISH', 'x', {})", many_x(6));
    server.command(&["EVAL", &script, "0"]);
    let (kind, said) = rule.end().unwrap_err();
    assert_eq!(kind, ErrorKind::Exception, "{said}");
    assert!(said.contains("a reply of 6,291,4"), "{said}");
}
