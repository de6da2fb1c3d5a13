//! A rule that works at night, and a test of it that takes milliseconds.
//!
//! ```console
//! $ cargo run -p cla-examples --example virtual_time
//! 21:00 has the backup server, and hangs
//! 02:00 waits for the backup server
//! 03:00 attempt 1
//! 03:01 attempt 2
//! 03:03 attempt 3
//! it waited for 1h of a night of 6h
//! ```
//!
//! What to take from it:
//!
//! - The engine gets a [`TestClock`]. Sleeps, dates, time limits and semaphores of its rules follow it. The rules are those that
//!   run in production, and know nothing of it.
//! - [`TestClock::auto_at`] says which night it is. The clock stands still until the host waits for a run, so all rules begin at
//!   the same time; then it jumps from one moment at which something happens to the next.
//! - The same test takes the same course each time, so it may compare every line that is printed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cla_runtime::clock::TestClock;
use cla_runtime::output::OutputStream;
use cla_runtime::{Engine, Output, RunOptions, RunReport, Script};

/// Sleeps until two o'clock, takes the server for an hour at most, and tries until it works, with longer and longer pauses.
const NIGHTLY: &str = r#"
const sem = require("cla/sem"), { sleep } = require("cla/util");
const say = (text) => print(`${new Date().toISOString().slice(11, 16)} ${text}`);

const two = new Date();
two.setUTCHours(2, 0, 0, 0);
if (two < new Date()) two.setUTCDate(two.getUTCDate() + 1);
sleep((two - Date.now()) / 1000);

say("waits for the backup server");
sem.take("backup-server", { ttl: 3600 }, () => {
  for (let attempt = 1, pause = 60; ; attempt++, pause *= 2) {
    say(`attempt ${attempt}`);
    if (attempt === 3) return;
    sleep(pause);
  }
});
"#;

/// Takes the server and hangs. What it has taken is lost after six hours.
const HANGING: &str = r#"
const sem = require("cla/sem"), { sleep } = require("cla/util");
const say = (text) => print(`${new Date().toISOString().slice(11, 16)} ${text}`);

sem.take("backup-server", { ttl: 6 * 3600 }, () => {
  say("has the backup server, and hangs");
  sleep(24 * 3600);
});
"#;

/// Keeps the lines that rules print.
#[derive(Debug, Default)]
struct Lines(Mutex<String>);

impl Output for Lines {
    fn write(&self, _: OutputStream, text: &str) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push_str(text);
        }
    }
}

/// One night, from 21:00 on: what the rules print, and how the nightly one ended.
async fn night() -> (String, RunReport, Duration) {
    // The evening of 14 November 2023, UTC.
    let evening = SystemTime::UNIX_EPOCH + Duration::from_secs(1_699_995_600);
    let clock = TestClock::auto_at(evening);
    let engine = Engine::builder()
        .clock(&clock)
        .with(cla_stdlib::install)
        .build();
    let lines = Arc::new(Lines::default());
    let start = |name: &str, text: &str| {
        let options = RunOptions::new().output(lines.clone());
        engine.run(Script::javascript(name, text), options)
    };
    let hanging = start("hanging", HANGING);
    let nightly = start("nightly", NIGHTLY);

    let report = nightly.await;
    let passed = clock.elapsed();
    hanging.cancel();
    hanging.await;
    let printed = lines.0.lock().map(|lines| lines.clone());
    (printed.unwrap_or_default(), report, passed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (printed, report, passed) = night().await;
    print!("{printed}");
    let hours = |time: Duration| time.as_secs() / 3600;
    println!(
        "it waited for {}h of a night of {}h",
        hours(report.waited),
        hours(passed)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_nightly_rule_gets_the_server_when_the_one_that_hangs_has_lost_it() {
        let (printed, report, passed) = night().await;
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(
            lines,
            [
                "21:00 has the backup server, and hangs",
                "02:00 waits for the backup server",
                "03:00 attempt 1",
                "03:01 attempt 2",
                "03:03 attempt 3",
            ]
        );
        assert!(report.is_ok());
        assert_eq!(report.waited, Duration::from_secs(3600));
        assert_eq!(passed, Duration::from_secs(6 * 3600 + 3 * 60));
    }
}
