//! Finds the programs that a step needs beyond the Rust toolchain, and installs those that are missing.
//!
//! Nothing is ever skipped for want of a program: what cannot be installed is an error that says what to install.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Log;

/// Long enough for a package manager on a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A program that some step runs.
pub(crate) struct Tool {
    program: &'static str,
    /// What makes it print its version.
    version: &'static str,
    /// The lowest major version that will do.
    at_least: u32,
    /// Debian's package.
    apt: &'static str,
    /// Homebrew's formula.
    brew: &'static str,
    /// Where to get it by hand.
    site: &'static str,
}

/// Node.js: runs npm, the TypeScript compiler's launcher, and the JavaScript peers of the benchmarks.
pub(crate) const NODE: Tool = Tool {
    program: "node",
    version: "--version",
    at_least: 18,
    apt: "nodejs",
    brew: "node",
    site: "https://nodejs.org",
};

/// npm: fetches the TypeScript compiler and the JavaScript peers.
pub(crate) const NPM: Tool = Tool {
    program: "npm",
    version: "--version",
    at_least: 8,
    apt: "npm",
    brew: "node",
    site: "https://nodejs.org",
};

/// Python: runs what compares the HTTP interface with its description.
const PYTHON: Tool = Tool {
    program: "python3",
    version: "--version",
    at_least: 3,
    apt: "python3-venv",
    brew: "python",
    site: "https://www.python.org",
};

/// A Redis server: the tests of the store on one start their own. A Valkey server is as good.
const REDIS: Tool = Tool {
    program: "redis-server",
    version: "--version",
    at_least: 6,
    apt: "redis-server",
    brew: "redis",
    site: "https://redis.io",
};

/// The same, by its other name, and a relative: the store is tested on it as well.
pub(crate) const VALKEY: Tool = Tool {
    program: "valkey-server",
    version: "--version",
    at_least: 7,
    apt: "valkey-server",
    brew: "valkey",
    site: "https://valkey.io",
};

/// Another relative.
pub(crate) const KEYDB: Tool = Tool {
    program: "keydb-server",
    version: "--version",
    at_least: 6,
    apt: "keydb",
    brew: "keydb",
    site: "https://keydb.dev",
};

/// Makes sure that there is a Redis or a Valkey server.
///
/// # Errors
/// As [`need`].
pub(crate) fn need_redis(log: &mut Log) -> Result<()> {
    if VALKEY.missing().is_none() {
        return Ok(());
    }
    need(&[&REDIS], log)
}

/// Makes the certificates of the tests over TLS.
pub(crate) const OPENSSL: Tool = Tool {
    program: "openssl",
    // The one that its old releases and LibreSSL understand, too.
    version: "version",
    at_least: 1,
    apt: "openssl",
    brew: "openssl",
    site: "https://www.openssl.org",
};

/// Gives a program another clock, for what must not depend on it.
pub(crate) const FAKETIME: Tool = Tool {
    program: "faketime",
    version: "--version",
    at_least: 0,
    apt: "faketime",
    brew: "libfaketime",
    site: "https://github.com/wolfcw/libfaketime",
};

/// A file system in FUSE: the store in a file must know such a one. Only Linux has it.
pub(crate) const BINDFS: Tool = Tool {
    program: "bindfs",
    version: "--version",
    at_least: 1,
    apt: "bindfs",
    brew: "bindfs",
    site: "https://bindfs.org",
};

/// The browser in which the tests of the panel click.
pub(crate) const CHROMIUM: Tool = Tool {
    program: "chromium",
    version: "--version",
    at_least: 120,
    apt: "chromium",
    brew: "chromium",
    site: "https://www.chromium.org",
};

/// Steers that browser.
pub(crate) const CHROMEDRIVER: Tool = Tool {
    program: "chromedriver",
    version: "--version",
    at_least: 120,
    apt: "chromium-driver",
    brew: "chromedriver",
    site: "https://www.chromium.org",
};

enum Found {
    Yes,
    TooOld(String),
    No,
}

impl Tool {
    /// A command that runs this program.
    pub(crate) fn command(&self) -> Command {
        // npm is a script on Windows, which only its full name starts.
        if cfg!(windows) && self.program == "npm" {
            Command::new("npm.cmd")
        } else {
            Command::new(self.program)
        }
    }

    fn find(&self) -> Found {
        let output = self
            .command()
            .arg(self.version)
            .stderr(Stdio::null())
            .output();
        let Ok(output) = output else {
            return Found::No;
        };
        if !output.status.success() {
            return Found::No;
        }
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match major(&version) {
            Some(major) if major >= self.at_least => Found::Yes,
            _ => Found::TooOld(version),
        }
    }

    fn missing(&self) -> Option<String> {
        match self.find() {
            Found::Yes => None,
            Found::TooOld(version) => Some(format!(
                "`{}` {} or newer (found {version})",
                self.program, self.at_least
            )),
            Found::No => Some(format!("`{}` {} or newer", self.program, self.at_least)),
        }
    }
}

/// Makes sure that every one of `tools` is there, installing what is not with the system's package manager.
///
/// # Errors
/// Says what to install, and how, when there is no package manager that we may use or when it did not help.
pub(crate) fn need(tools: &[&Tool], log: &mut Log) -> Result<()> {
    let missing: Vec<&Tool> = tools
        .iter()
        .filter(|tool| tool.missing().is_some())
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let installed = install(&missing, log);
    let still: Vec<String> = missing.iter().filter_map(|tool| tool.missing()).collect();
    if still.is_empty() {
        return Ok(());
    }
    let advice = format!(
        "please install {} from {}",
        still.join(" and "),
        missing[0].site
    );
    match installed {
        Ok(()) => bail!("{advice}: what the package manager offers is too old"),
        Err(error) => bail!("{advice}: it could not be done here ({error:#})"),
    }
}

/// Installs a program that not every system has, if this one does. The tests that need it say when they were not run.
pub(crate) fn want(tool: &Tool, log: &mut Log) {
    let is_offered = || !exists("apt-get") || succeeds("apt-cache", &["show", tool.apt]);
    if tool.missing().is_some() && is_offered() {
        let _ = need(&[tool], log);
    }
}

/// Makes sure that `cargo NAME` works, adding the rustup component of which it is part when it does not.
///
/// # Errors
/// Says what to install when there is no rustup or when it did not help.
pub(crate) fn need_component(subcommand: &str, component: &str, log: &mut Log) -> Result<()> {
    let works = || {
        crate::cargo()
            .args([subcommand, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if works() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", component]);
    let added = log.run(&mut rustup, INSTALL_LIMIT);
    if works() {
        return Ok(());
    }
    added.with_context(|| {
        format!(
            "`cargo {subcommand}` is needed: install it with `rustup component add {component}`"
        )
    })
}

fn install(tools: &[&Tool], log: &mut Log) -> Result<()> {
    if exists("apt-get") {
        let packages: Vec<&str> = tools.iter().map(|tool| tool.apt).collect();
        let rights: &[&str] = if prints("id", &["-u"], "0") {
            &[]
        } else if succeeds("sudo", &["-n", "true"]) {
            &["sudo", "-n"]
        } else {
            bail!(
                "as root: apt-get update && apt-get install {}",
                packages.join(" ")
            );
        };
        log.run(&mut apt_get(rights, &["update"]), INSTALL_LIMIT)?;
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(packages);
        log.run(&mut apt_get(rights, &arguments), INSTALL_LIMIT)
    } else if exists("brew") {
        let mut formulas: Vec<&str> = tools.iter().map(|tool| tool.brew).collect();
        formulas.dedup();
        let mut brew = Command::new("brew");
        brew.arg("install").args(formulas);
        log.run(&mut brew, INSTALL_LIMIT)
    } else {
        bail!("there is neither apt-get nor brew")
    }
}

fn apt_get(rights: &[&str], arguments: &[&str]) -> Command {
    // `env` carries the variable across sudo, which drops the environment.
    let mut words = rights.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(arguments);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn exists(program: &str) -> bool {
    succeeds(program, &["--version"])
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn prints(program: &str, arguments: &[&str], expected: &str) -> bool {
    Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == expected)
}

/// The major version in what a program prints for `--version`: 20 in `v20.11.1`, 15 in `psql (PostgreSQL) 15.18`.
fn major(version: &str) -> Option<u32> {
    let start = version.find(|c: char| c.is_ascii_digit())?;
    let digits = &version[start..];
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Installs the packages that `folder`'s package-lock.json pins, unless they are already there.
///
/// The lock file names versions and checksums but no registry, so the user's own npm configuration decides where
/// they come from.
pub(crate) fn npm_ci(folder: &std::path::Path, log: &mut Log) -> Result<()> {
    need(&[&NODE, &NPM], log)?;
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join("node_modules").join(".installed-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut npm = NPM.command();
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder);
    log.run(&mut npm, INSTALL_LIMIT)?;
    std::fs::write(&stamp, wanted)?;
    Ok(())
}

/// Installs a package of Python, of one version, into an environment of its own, unless it is there.
pub(crate) fn venv(folder: &std::path::Path, package: &str, log: &mut Log) -> Result<()> {
    let stamp = folder.join(".installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == package) {
        return Ok(());
    }
    need(&[&PYTHON], log)?;
    let advice = || {
        format!(
            "cannot install {package} into {}: Python's `venv` and `pip` are needed (Debian: apt-get install \
             python3-venv), and a network",
            folder.display()
        )
    };
    let mut venv = PYTHON.command();
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    if log.run(&mut venv, INSTALL_LIMIT).is_err() {
        // Debian has Python without what an environment needs: that is a package of its own.
        install(&[&PYTHON], log).with_context(advice)?;
        log.run(&mut venv, INSTALL_LIMIT).with_context(advice)?;
    }
    let mut pip = Command::new(folder.join("bin").join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", package]);
    log.run(&mut pip, INSTALL_LIMIT).with_context(advice)?;
    std::fs::write(&stamp, package)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_found_wherever_it_stands() {
        assert_eq!(major("v20.11.1"), Some(20));
        assert_eq!(major("psql (PostgreSQL) 15.18"), Some(15));
        assert_eq!(
            major("Redis server v=7.0.15 sha=00000000:0 bits=64"),
            Some(7)
        );
        assert_eq!(major("unknown"), None);
    }

    #[test]
    fn lock_files_name_no_registry() {
        for folder in [
            "tests/types",
            "stdlib/tests/superjson",
            "stdlib/tests/packages",
            "repl/tests/axe",
            "xtask/bench/node",
        ] {
            let lock = crate::root().join(folder).join("package-lock.json");
            let text = std::fs::read_to_string(&lock).expect("the lock file is committed");
            assert!(
                !text.contains("\"resolved\""),
                "{folder}/package-lock.json names a registry: \
                 run `npm install --package-lock-only --omit-lockfile-registry-resolved`"
            );
        }
    }
}
