//! The step `msrv`: which Rust the workspace needs, and whether that is what is tested.
//!
//! The oldest Rust is `rust-version` in Cargo.toml. With that very compiler, all other steps prove it. With a newer one, two
//! things are left that can be checked: no dependency asks for more, and clippy (`incompatible_msrv`) refuses what the
//! standard library has had for a shorter time.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;
use crate::process::Log;
use crate::test::{Outcome, STEP_LIMIT};

/// `1.95` or `1.95.0`, as numbers.
type Version = (u64, u64, u64);

/// Compares the compiler, and what the dependencies need, with what Cargo.toml says.
pub(crate) fn check(log: &mut Log) -> Result<Outcome> {
    let metadata = log.capture(
        cargo().args(["metadata", "--format-version=1", "--locked"]),
        STEP_LIMIT,
    )?;
    let json = metadata.printed.lines().find(|line| line.starts_with('{'));
    let metadata: Value =
        serde_json::from_str(json.unwrap_or_default()).context("`cargo metadata` gave no JSON")?;
    let packages = metadata["packages"]
        .as_array()
        .context("there are no packages")?;
    let needed = |package: &Value| package["rust_version"].as_str().and_then(version);
    let own: Vec<_> = packages
        .iter()
        .filter(|package| package["source"].is_null())
        .collect();
    let oldest = own.first().and_then(|package| needed(package));
    let oldest = oldest.context("Cargo.toml states no rust-version")?;
    for package in &own {
        ensure!(
            needed(package) == Some(oldest),
            "{} has a rust-version of its own",
            package["name"]
        );
    }
    for package in packages {
        ensure!(
            needed(package).is_none_or(|version| version <= oldest),
            "{} {} needs Rust {}, and Cargo.toml says {}",
            package["name"],
            package["version"],
            package["rust_version"],
            shown(oldest)
        );
    }
    let rustc = log
        .capture(Command::new("rustc").arg("--version"), STEP_LIMIT)?
        .printed;
    let compiler = rustc.split(' ').nth(1).and_then(version);
    let compiler = compiler.with_context(|| format!("`rustc --version` says {rustc:?}"))?;
    ensure!(
        compiler >= oldest,
        "this is Rust {}; {} is needed",
        shown(compiler),
        shown(oldest)
    );
    let is_tested = (compiler.0, compiler.1) == (oldest.0, oldest.1);
    Ok(Outcome {
        said: match is_tested {
            true => format!("Rust {}, the oldest that is supported", shown(oldest)),
            false => format!(
                "the oldest Rust is {}, and NOT TESTED: this is {}",
                shown(oldest),
                shown(compiler)
            ),
        },
        passed: 0,
    })
}

fn version(text: &str) -> Option<Version> {
    // A compiler of tomorrow is `1.99.0-nightly`.
    let numbers = text.trim().split('-').next()?;
    let mut numbers = numbers.split('.').map(str::parse);
    let mut next = || numbers.next().map_or(Some(0), Result::ok);
    Some((next()?, next()?, next()?))
}

fn shown((major, minor, _): Version) -> String {
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_have_two_or_three_numbers() {
        assert_eq!(version("1.95"), Some((1, 95, 0)));
        assert_eq!(version("1.95.2"), Some((1, 95, 2)));
        assert_eq!(version("1.99.0-nightly"), Some((1, 99, 0)));
        assert_eq!(version("nightly"), None);
        assert!(version("1.100") > version("1.95"));
    }
}
