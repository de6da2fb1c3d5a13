//! Faults on purpose: many processes take slots in one store while others of them are killed and stopped, connections are cut,
//! servers die, files and keys go away. A witness outside of the store says whether the promises held.
//!
//! - [`worker`] is one of the processes. It writes down what it asked for, got and gave back, and when.
//! - [`faults`] is the plan: which fault comes when, all from one seed.
//! - [`history`] is the checker: it reads what the workers wrote, and knows nothing of the store.
//!
//! Without arguments it is a test: twenty seconds for each store. `cargo xtask chaos` gives it arguments.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod history;
#[cfg(unix)]
mod scene;
#[cfg(unix)]
mod worker;

#[cfg(not(unix))]
fn main() {
    println!("faults are made on unix only: processes are stopped and killed by signals");
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    use std::time::Duration;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == worker::WORKER
    {
        worker::work(rest);
        return ExitCode::SUCCESS;
    }
    // `cargo test -- --list` asks every test program for the names of its tests.
    if arguments.iter().any(|argument| argument == "--list") {
        println!("chaos: test");
        return ExitCode::SUCCESS;
    }
    history::sees_faults();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).cloned().unwrap_or_default())
    };
    let seed = option("--seed").map(|seed| seed.parse().expect("--seed: a whole number"));
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let minutes =
        option("--minutes").map(|minutes| minutes.parse::<f64>().expect("--minutes: a number"));
    let length = minutes.map_or(Duration::from_secs(20), |minutes| {
        Duration::from_secs_f64(minutes * 60.0)
    });
    let stores = match option("--store").as_deref() {
        None | Some("all") => scene::Kind::IN_TESTS.to_vec(),
        Some(name) => vec![scene::Kind::of(name)],
    };
    let mut held = true;
    for kind in stores {
        let report = scene::play(kind, length, seed);
        print!("{report}");
        held &= report.violations.is_empty();
    }
    if held {
        ExitCode::SUCCESS
    } else {
        println!("again: cargo xtask chaos --seed {seed}");
        ExitCode::FAILURE
    }
}
