//! Hostile rules, each with its bounds, at three hosts: `cla run`, the prompt, and a program that embeds the engine.
//!
//! `README.md` beside this file says how to read a failure, how to add a row, and what the bounds mean.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[cfg(unix)]
mod bounds;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod corpus;
#[cfg(unix)]
mod embedding;
#[cfg(unix)]
mod leftovers;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod prompt;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod settings;
#[cfg(unix)]
mod summary;
#[cfg(unix)]
mod swap;

#[cfg(not(unix))]
fn main() {
    println!("hostile rules are run on unix only: their bounds are read from the process table");
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == [embedding::HOST] {
        embedding::serve();
        return std::process::ExitCode::SUCCESS;
    }
    // `cargo test -- --list` asks every test program for the names of its tests.
    if arguments.iter().any(|argument| argument == "--list") {
        println!("hostile: test");
        return std::process::ExitCode::SUCCESS;
    }
    suite::run(&arguments)
}

#[cfg(unix)]
mod suite {
    use std::process::ExitCode;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use crate::bounds::Machine;
    use crate::corpus::{Case, Host};
    use crate::settings::Settings;
    use crate::summary::{Outcome, Summary};
    use crate::{corpus, embedding, program, prompt, run};

    /// How many scripts are typed at a prompt, at most.
    const AT_PROMPT: usize = 64;

    /// Every case that is asked for, at every host that is asked for.
    pub(crate) fn run(arguments: &[String]) -> ExitCode {
        let settings = Settings::from_environment(arguments);
        let cases = corpus::read();
        let wanted: Vec<&Case> = cases
            .iter()
            .filter(|case| settings.wants(&case.id))
            .collect();
        if wanted.is_empty() {
            println!(
                "no hostile script has a name with {:?} in it",
                settings.only
            );
            // Another test was asked for by its name.
            return ExitCode::SUCCESS;
        }
        program::protect_this_machine();
        let program = program::find(&settings);
        let machine = Machine::measure(&program, settings.strict);
        println!(
            "{} hostile scripts of {}, {} at once, {}",
            wanted.len(),
            cases.len(),
            settings.lanes,
            machine
        );
        let began = Instant::now();
        let mut outcomes = Vec::new();
        if settings.host(Host::Run) {
            outcomes.extend(lanes(
                &settings,
                &at(&wanted, Host::Run, &settings),
                |(), case| run::run(&program, case, &machine, &settings),
            ));
        }
        if settings.host(Host::Embedding) {
            outcomes.extend(embedding::run(
                &at(&wanted, Host::Embedding, &settings),
                &machine,
                &settings,
            ));
        }
        if settings.host(Host::Prompt) {
            outcomes.extend(prompt::run(
                &program,
                &at(&wanted, Host::Prompt, &settings),
                &machine,
                &settings,
            ));
        }
        again_if_late(&mut outcomes, &wanted, |case, host| match host {
            Host::Run => run::run(&program, case, &machine, &settings),
            Host::Embedding => embedding::run(&[case], &machine, &settings).remove(0),
            Host::Prompt => prompt::run(&program, &[case], &machine, &settings).remove(0),
        });
        let summary = Summary::new(&outcomes, &program, began.elapsed());
        summary.print(&settings);
        if summary.held_all() || settings.only_looks {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// The cases for a host. Unless all is asked for, `cla run` and the embedding host share the corpus, and the prompt
    /// gets a selection.
    fn at<'a>(cases: &[&'a Case], host: Host, settings: &Settings) -> Vec<&'a Case> {
        let mut at: Vec<&Case> = cases.to_vec();
        at.retain(|case| case.hosts.contains(&host));
        if settings.whole {
            return at;
        }
        match host {
            Host::Run => {
                at.retain(|case| !case.hosts.contains(&Host::Embedding) || case.index % 2 == 0);
            }
            Host::Embedding => at.retain(|case| case.index % 2 == 1),
            Host::Prompt => {
                let step = at.len().div_ceil(AT_PROMPT).max(1);
                at = at.into_iter().step_by(step).collect();
            }
        }
        at
    }

    /// Several at once, each lane taking the next.
    ///
    /// A lane has a state of its own, such as a process that serves several cases.
    pub(crate) fn lanes<State: Default>(
        settings: &Settings,
        cases: &[&Case],
        one: impl Fn(&mut State, &Case) -> Outcome + Sync,
    ) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..settings.lanes.min(cases.len()) {
                scope.spawn(|| {
                    let mut state = State::default();
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = one(&mut state, case);
                        if settings.verbose {
                            println!("{}", outcome.line());
                        }
                        outcomes.lock().unwrap().push(outcome);
                    }
                });
            }
        });
        outcomes.into_inner().unwrap()
    }

    /// A case that broke nothing but bounds of time is tried again, alone: others may have used the processors. The best
    /// of three counts.
    ///
    /// Many such cases are no accident, and are not tried again.
    fn again_if_late(
        outcomes: &mut [Outcome],
        cases: &[&Case],
        one: impl Fn(&Case, Host) -> Outcome,
    ) {
        const ACCIDENTS: usize = 12;
        let late: Vec<&mut Outcome> = outcomes
            .iter_mut()
            .filter(|outcome| outcome.was_only_late())
            .collect();
        if late.len() > ACCIDENTS {
            return;
        }
        for outcome in late {
            let case = cases.iter().find(|case| case.id == outcome.id);
            for _ in 0..2 {
                if let Some(case) = case.filter(|_| outcome.was_only_late()) {
                    *outcome = one(case, outcome.host);
                }
            }
        }
    }
}
