//! `cla run --explain`: what rules may reach, within which limits, and who says so. Runs nothing.

use std::io::{self, Write};

use anstyle::Style;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::StoreUrl;
use serde::Serialize;

use super::{Args, sizes};
use crate::durations::short;
use crate::permissions::{Granted, Shown};
use crate::render::{Align, BOLD, Column, DIM, Line, Span, Table, YELLOW};

/// The same for programs.
#[derive(Serialize)]
struct Explained<'a> {
    files: Vec<String>,
    /// What says what rules may: `options`, `file`, `both`, `default`.
    permissions_by: &'static str,
    file: Option<String>,
    permissions: Vec<Shown>,
    /// The names of those that there are.
    secrets: Vec<&'a str>,
    missing_secrets: Vec<MissingSecret<'a>>,
    store: String,
    memory: usize,
    stack: usize,
    timeout: Option<f64>,
}

/// A secret that rules are to have, and that is not there.
#[derive(Serialize)]
struct MissingSecret<'a> {
    name: &'a str,
    why: &'a str,
}

pub(super) fn print(
    args: &Args,
    granted: &Granted,
    store: &StoreUrl,
    secrets: &Secrets,
) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let files = args.files.iter().map(|file| file.display().to_string());
    let files: Vec<String> = files.collect();
    if args.json {
        let explained = Explained {
            files,
            permissions_by: granted.origin.kind(),
            file: granted.origin.file().map(|file| file.display().to_string()),
            permissions: granted.shown(),
            secrets: secrets.names().collect(),
            missing_secrets: missing(secrets).collect(),
            store: store.to_string(),
            memory: args.memory,
            stack: args.stack,
            timeout: args.timeout.map(|timeout| timeout.as_secs_f64()),
        };
        writeln!(out, "{}", serde_json::to_string(&explained)?)?;
        return out.flush();
    }
    for line in lines(args, granted, store, secrets, &files) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn missing(secrets: &Secrets) -> impl Iterator<Item = MissingSecret<'_>> {
    let all = secrets.all_missing();
    all.map(|(name, why)| MissingSecret { name, why })
}

fn lines(
    args: &Args,
    granted: &Granted,
    store: &StoreUrl,
    secrets: &Secrets,
    files: &[String],
) -> Vec<Line> {
    let mut facts = Table::new([Column::new("", Align::Left), Column::new("", Align::Left)]);
    let mut fact = |name: &str, value: String, style| {
        facts.row([Span::new(name, DIM), Span::new(value, style)]);
    };
    fact("rules", files.join(", "), BOLD);
    fact("permissions by", granted.origin.to_string(), Style::new());
    for Shown { permission, given } in granted.shown() {
        let style = match given.as_str() {
            "none" => DIM,
            "all" => YELLOW,
            _ => Style::new(),
        };
        fact(permission, given, style);
    }
    let names: Vec<&str> = secrets.names().collect();
    match names.as_slice() {
        [] => fact("secrets", "none".to_owned(), DIM),
        names => fact("secrets", names.join(", "), YELLOW),
    }
    for MissingSecret { name, why } in missing(secrets) {
        fact("not there", format!("{name}: {why}"), Style::new());
    }
    fact("memory", sizes::shown(args.memory), Style::new());
    fact("stack", sizes::shown(args.stack), Style::new());
    let timeout = args
        .timeout
        .map_or("none".to_owned(), |limit| short(limit.as_secs_f64()));
    fact("time", timeout, Style::new());
    fact("semaphores", store.to_string(), Style::new());
    // Columns without titles.
    facts.lines(None).split_off(1)
}
