//! Machines whose clocks are an hour apart share semaphores as if they were not: only the server's clock counts.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[path = "redis/common.rs"]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cla_semaphore::{Owner, Request, Status, Ttl};
use cla_tests::redis::Server;
use common::{acquire, name, soon, store, until_waiting};

/// What tells a program that it is one with another clock: the store.
const STORE: &str = "CLA_TEST_CLOCK_STORE";

/// Of the permit that it lets expire.
const TTL: Duration = Duration::from_millis(400);

fn epoch() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// Not a test by itself, but the program that has another clock: holds `x` until it is told, and then `y` until it
/// expires.
#[test]
fn a_program_with_another_clock() {
    let Ok(url) = std::env::var(STORE) else {
        return;
    };
    let semaphores = store(&url);
    let owner = || Request::new().owner(Owner::process("elsewhere"));
    let held = semaphores
        .semaphore(&name("x"))
        .acquire()
        .with(owner())
        .blocking()
        .unwrap();
    println!("\nholds {}", epoch());
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    assert!(!held.is_lost());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        held.release().await.unwrap();
        let ttl = Ttl::new(TTL).unwrap();
        let brief = semaphores
            .semaphore(&name("y"))
            .acquire()
            .with(owner().ttl(ttl))
            .await
            .unwrap();
        let started = Instant::now();
        brief.lost().await;
        println!("expired {}", started.elapsed().as_secs_f64());
    });
}

struct Elsewhere {
    process: Child,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Elsewhere {
    /// Its clock differs from ours by `offset`, as faketime(1) writes it.
    fn start(url: &str, offset: &str) -> Self {
        let mut process = Command::new("faketime")
            .args(["--exclude-monotonic", "-f", offset])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "a_program_with_another_clock", "--nocapture"])
            .env(STORE, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect(
                "this test needs faketime: install it (Debian: apt-get install faketime, Homebrew: brew install \
                 libfaketime), or run `cargo xtask test`, which does",
            );
        Self {
            orders: process.stdin.take().unwrap(),
            said: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// The number that it says after `word`.
    fn says(&mut self, word: &str) -> f64 {
        let lines = self.said.by_ref().lines().map_while(Result::ok);
        let line = lines.filter_map(|line| Some(line.strip_prefix(word)?.trim().parse().unwrap()));
        line.take(1).next().expect("it says so before it ends")
    }

    fn go_on(&mut self) {
        writeln!(self.orders).unwrap();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_an_hour_apart_make_no_difference() {
    let server = Server::start();
    let url = format!("{}?lease=1s", server.url());
    let here = store(&url);
    let x = name("x");
    let mut behind = Elsewhere::start(&url, "-1h");
    let clock = behind.says("holds");
    assert!((3500.0..3700.0).contains(&(epoch() - clock)), "{clock}");
    let mut ahead = Elsewhere::start(&url, "+1h");
    until_waiting(&here, &x, 1).await;
    let mine = acquire(&here, &x, Request::new());
    until_waiting(&here, &x, 2).await;

    // Three leases later nobody was taken for dead, and all times are the server's.
    let rows = soon(async {
        loop {
            let rows = here.show(&x).await.unwrap().unwrap().requests;
            if rows[0].ran.is_some_and(|ran| ran > 3.0) {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let status: Vec<Status> = rows.iter().map(|row| row.status).collect();
    assert_eq!(status, [Status::Busy, Status::Waiting, Status::Waiting]);
    assert!(rows.is_sorted_by(|a, b| a.requested_at < b.requested_at));
    assert!(
        rows.iter()
            .all(|row| (epoch() - row.requested_at).abs() < 60.0)
    );

    behind.go_on();
    let clock = ahead.says("holds");
    assert!((3500.0..3700.0).contains(&(clock - epoch())), "{clock}");
    // Each by its own stopwatch; neither early nor an hour late.
    assert!((TTL.as_secs_f64() * 0.9..60.0).contains(&behind.says("expired")));
    ahead.go_on();
    let mine = soon(mine).await.unwrap().unwrap();
    assert!(mine.waited() < Duration::from_secs(60));
    assert!((TTL.as_secs_f64() * 0.9..60.0).contains(&ahead.says("expired")));
    mine.release().await.unwrap();
}
