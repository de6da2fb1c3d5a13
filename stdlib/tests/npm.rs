//! Packages that many programs use: each is imported by a rule, and does what the beginning of its README shows.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cla_runtime::{RunOptions, Script};
use serde_json::Value;

/// What the table of the documentation says of a package that does what it should.
const WORKS: &str = "works";

/// A package, a rule that uses it, and the value of that.
struct Case {
    package: &'static str,
    rule: String,
    wanted: Value,
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages");
    assert!(
        folder.join("node_modules/zod").is_dir(),
        "the npm packages are missing: run `npm ci` in {}, or `cargo xtask test`, which does",
        folder.display()
    );
    folder.canonicalize().unwrap()
}

fn cases() -> Vec<Case> {
    let text = include_str!("packages/cases.txt");
    let parts = text.split("\n== ").skip(1);
    let cases = parts.map(|part| {
        let (package, rest) = part.split_once('\n').unwrap();
        let (rule, wanted) = rest.split_once("\n-- ").unwrap();
        Case {
            package,
            rule: rule.to_owned(),
            wanted: serde_json::from_str(wanted)
                .unwrap_or_else(|error| panic!("{package}: {error}")),
        }
    });
    cases.collect()
}

fn version(folder: &Path, package: &str) -> String {
    let path = folder
        .join("node_modules")
        .join(package)
        .join("package.json");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    manifest["version"].as_str().unwrap().to_owned()
}

/// The table in the documentation: the version of each package, and what is said of it.
fn documented() -> BTreeMap<String, (String, String)> {
    let text = include_str!("../../docs/packages.md");
    let table = text
        .split_once("| package | version | in a rule |")
        .unwrap()
        .1;
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
    });
    let rows = cells.map(|mut cells| {
        let mut cell = || cells.next().unwrap();
        (cell(), (cell(), cell()))
    });
    rows.collect()
}

#[test]
fn each_package_does_what_its_readme_shows() {
    let folder = folder();
    let engine = support::engine();
    let mut said = documented();
    let mut wrong = Vec::new();
    for Case {
        package,
        rule,
        wanted,
    } in cases()
    {
        let script = Script::new(format!("{package}.mjs"), rule).in_folder(&folder);
        let value = support::run_script(&engine, script, RunOptions::new()).value;
        let problem = match &value {
            Ok(value) if *value == wanted => None,
            Ok(value) => Some(format!("gives {value}, not {wanted}")),
            Err(error) => Some(error.clone()),
        };
        let Some((of, in_a_rule)) = said.remove(package) else {
            wrong.push(format!("{package} is not in the table of docs/packages.md"));
            continue;
        };
        let version = version(&folder, package);
        if of != version {
            wrong.push(format!(
                "{package}: docs/packages.md has version {of}, installed is {version}"
            ));
        }
        match problem {
            Some(problem) if in_a_rule == WORKS => wrong.push(format!("{package}: {problem}")),
            None if in_a_rule != WORKS => wrong.push(format!(
                "{package} works, and docs/packages.md says {in_a_rule:?}"
            )),
            _ => {}
        }
    }
    wrong.extend(
        said.into_keys()
            .map(|package| format!("{package} is in docs/packages.md alone")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn packages_can_be_required_as_well() {
    let folder = folder();
    let names: Vec<&str> = cases().iter().map(|case| case.package).collect();
    let said = documented();
    let works = |name: &&str| {
        said.get(*name)
            .is_some_and(|(_, in_a_rule)| in_a_rule == WORKS)
    };
    let names: Vec<&str> = names.into_iter().filter(works).collect();
    // One of them has no entry but a folder of it.
    let rule = format!(
        "const failed = {{}};
         for (const name of {}) {{
             const entry = name === 'csv-parse' ? 'csv-parse/sync' : name;
             try {{ if (require(entry) == null) failed[name] = 'is nothing' }} catch (error) {{ failed[name] = String(error) }}
         }}
         failed",
        serde_json::to_string(&names).unwrap()
    );
    let script = Script::new("all.js", rule).in_folder(&folder);
    let failed = support::run_script(&support::engine(), script, RunOptions::new()).value;
    assert_eq!(failed.unwrap(), serde_json::json!({}));
}
