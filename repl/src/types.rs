//! `cla types`: the TypeScript declarations of what rules can import.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Print the TypeScript declarations of the modules and globals that rules use
///
/// Editors and the TypeScript compiler read them to complete and check rules.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write one file per module into this folder instead, which is created if need be
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cla types                   print all of them, each after a line `// file: NAME`
  cla types types/            write them to types/, for a tsconfig.json or jsconfig.json with
                              { \"include\": [\"types\", \"rules\"] }";

pub(crate) fn run(args: &Args) -> ExitCode {
    crate::finish(match &args.folder {
        Some(folder) => write_into(folder),
        None => print(),
    })
}

fn print() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, text) in cla_stdlib::TYPES {
        writeln!(out, "// file: {name}\n{text}")?;
    }
    out.flush()
}

fn write_into(folder: &Path) -> io::Result<()> {
    for (name, text) in cla_stdlib::TYPES {
        write_file(&folder.join(name), text)?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    };
    write().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot write {}: {error}", path.display()),
        )
    })
}
