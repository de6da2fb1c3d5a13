//! The step `features`: the crates build, and do what they say, without the features that a host may switch off.
//!
//! Each selection of packages is resolved alone, so a crate that forgets to ask for what it needs of a dependency does
//! not build here. (In the whole workspace another crate asks for it.) Two selections at most share what is compiled of a
//! dependency, which is why they are few.

use anyhow::{Result, ensure};

use crate::cargo;
use crate::process::Log;
use crate::test::{Counts, Outcome, STEP_LIMIT};

/// What is built, without a warning.
const CHECKED: &[&[&str]] = &[
    &["cla-semaphore"],
    &["cla-semaphore", "sqlite"],
    &["cla-stdlib", "http,typescript"],
    &["cla-stdlib", "redis,typescript"],
];

/// Runtime, library and rulebooks without any feature: what is built for these tests is not checked once more.
const TESTED: [&str; 5] = [
    "test",
    "--package=cla-features",
    "--features=without",
    "--test=without",
    "--locked",
];

/// What a package without default features, or with these alone, does not depend on.
const ABSENT: &[(&str, &str, &str)] = &[
    ("cla-runtime", "", "oxc"),
    ("cla-runtime", "typescript", "oxc_resolver"),
    ("cla-runtime", "packages", "oxc"),
    ("cla-stdlib", "redis,typescript", "reqwest"),
    ("cla-stdlib", "http,typescript", "redis"),
    ("cla-stdlib", "http,typescript", "cla-intl"),
    ("cla-rulebook", "", "oxc"),
    ("cla-rulebook", "", "reqwest"),
];

/// The most crates below `cla-semaphore` without features.
const SEMAPHORE_ALONE: usize = 24;

/// Builds and tests them.
pub(crate) fn check(log: &mut Log) -> Result<Outcome> {
    let alone = dependencies(log, "cla-semaphore", "")?;
    let foreign = alone
        .iter()
        .filter(|name| !name.starts_with("cla-"))
        .count();
    ensure!(
        foreign <= SEMAPHORE_ALONE,
        "semaphores alone need {foreign} crates, {SEMAPHORE_ALONE} at most: {}",
        alone.join(" ")
    );
    for (package, features, absent) in ABSENT {
        ensure!(
            dependencies(log, package, features)?
                .iter()
                .all(|name| name != absent),
            "{package} with the features {features:?} depends on {absent}"
        );
    }
    for selection in CHECKED {
        let mut check = cargo();
        check.args([
            "clippy",
            "--locked",
            "--no-default-features",
            "--package",
            selection[0],
        ]);
        if let Some(features) = selection.get(1) {
            check.args(["--features", features]);
        }
        log.run(check.args(["--", "-D", "warnings"]), STEP_LIMIT)?;
    }
    let before = log.text().len();
    log.run(cargo().args(TESTED), STEP_LIMIT)?;
    let text = log.text();
    let text = text.get(before..).unwrap_or_default();
    ensure!(
        !text.lines().any(|line| line.starts_with("warning")),
        "the crates without features build with warnings"
    );
    let passed = Counts::read(text).passed;
    ensure!(passed > 0, "no test of the crates without features ran");
    Ok(Outcome {
        said: format!(
            "{} selections, {passed} tests; semaphores alone need {foreign} crates",
            CHECKED.len() + 1
        ),
        passed,
    })
}

/// The names of the crates that a package is built with, its own one included; build scripts and tests apart.
fn dependencies(log: &mut Log, package: &str, features: &str) -> Result<Vec<String>> {
    let mut tree = cargo();
    tree.args([
        "tree",
        "--locked",
        "--edges=normal",
        "--prefix=none",
        "--no-dedupe",
        "--format={p}",
    ])
    .args([
        "--no-default-features",
        "--package",
        package,
        "--features",
        features,
    ]);
    let printed = log.capture(&mut tree, STEP_LIMIT)?.printed;
    // Cargo's own messages are among them.
    let package_of = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        rest.starts_with('v').then(|| name.to_owned())
    };
    let mut names: Vec<String> = printed.lines().filter_map(package_of).collect();
    names.sort();
    names.dedup();
    ensure!(
        names.iter().any(|name| name == package),
        "`cargo tree` does not know {package}:\n{printed}"
    );
    Ok(names)
}
