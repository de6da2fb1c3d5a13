//! `cla types`: the TypeScript declarations of what rules can import and the JSON Schema of rulebooks, for editors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What the schema's file is called in a folder.
const SCHEMA: &str = "rulebook.schema.json";

/// Print what editors need: TypeScript declarations for rules, the JSON Schema for rulebooks
///
/// Editors and the TypeScript compiler read the declarations of modules and globals to complete and check rules.
/// The schema does the same for rulebooks in YAML.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write files into this folder instead, which is created if need be: one per module, and rulebook.schema.json
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Nothing but the JSON Schema of rulebooks
    #[arg(long)]
    schema: bool,
}

const EXAMPLES: &str = "\
Examples:
  cla types                   print all declarations, each after a line `// file: NAME`
  cla types types/            write them and the schema to types/, for a tsconfig.json or
                              jsconfig.json with { \"include\": [\"types\", \"rules\"] }
  cla types --schema          print the schema
  cla types --schema types/   write types/rulebook.schema.json only

Editors with yaml-language-server, such as VS Code with its YAML extension, read the
schema that a rulebook names in its first line, seen from the rulebook's folder:
  # yaml-language-server: $schema=types/rulebook.schema.json
or the one that their settings name for files:
  \"yaml.schemas\": { \"types/rulebook.schema.json\": \"rules/**/*.yml\" }";

pub(crate) fn run(args: &Args) -> ExitCode {
    crate::exit::finish(match &args.folder {
        Some(folder) => write_into(folder, args.schema),
        None => print(args.schema),
    })
}

fn print(only_schema: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if only_schema {
        out.write_all(schema()?.as_bytes())?;
    } else {
        for (name, text) in declarations() {
            writeln!(out, "// file: {name}\n{text}")?;
        }
    }
    out.flush()
}

fn write_into(folder: &Path, only_schema: bool) -> io::Result<()> {
    if !only_schema {
        for (name, text) in declarations() {
            write_file(&folder.join(name), text)?;
        }
    }
    write_file(&folder.join(SCHEMA), &schema()?)
}

/// The type declarations of all modules, by file name.
fn declarations() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    cla_stdlib::TYPES.iter().chain(cla_rulebook::TYPES)
}

fn schema() -> io::Result<String> {
    Ok(serde_json::to_string_pretty(&cla_rulebook::rulebook_schema())? + "\n")
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
