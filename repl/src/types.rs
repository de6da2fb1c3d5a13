//! `cla types`: the TypeScript declarations of what rules can import and the JSON Schema of rulebooks, for editors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

/// What the schema's file is called in a folder.
const SCHEMA: &str = "rulebook.schema.json";

/// What tells the compiler how rules are to be read.
const CONFIG: &str = "tsconfig.json";

/// Print what editors need: TypeScript declarations for rules, the JSON Schema for rulebooks
///
/// Editors and the TypeScript compiler read the declarations of modules and globals to complete and check rules.
/// The schema does the same for rulebooks in YAML.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write files into this folder instead, which is created if need be: one per module, a tsconfig.json, and
    /// rulebook.schema.json
    ///
    /// The folder above it gets a tsconfig.json that extends the one in it, unless it has one, or a jsconfig.json.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Nothing but the JSON Schema of rulebooks
    #[arg(long)]
    schema: bool,
}

const EXAMPLES: &str = "\
Examples:
  cla types                   print all declarations, each after a line `// file: NAME`
  cla types types/            write them, the schema and a tsconfig.json to types/; a tsconfig.json of
                              your own beside types/ is kept, and begins with
                              { \"extends\": \"./types/tsconfig.json\" }
  cla types --schema          print the schema
  cla types --schema types/   write types/rulebook.schema.json only
  cla init                    start a folder that has all of it

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
    if only_schema {
        return write_file(&folder.join(SCHEMA), &schema()?);
    }
    std::fs::create_dir_all(folder).map_err(|error| problem(folder, &error))?;
    // Rules lie beside the folder, or in it if it is the current one.
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let is_here = match (folder.canonicalize(), here) {
        (Ok(folder), Ok(here)) => folder == here,
        _ => false,
    };
    for (name, text) in files(is_here)? {
        write_file(&folder.join(name), &text)?;
    }
    let (Some(name), false) = (folder.file_name(), is_here) else {
        return Ok(());
    };
    let name = name.to_string_lossy();
    let root = folder.parent().unwrap_or(folder);
    for own in [CONFIG, "jsconfig.json"] {
        let own = root.join(own);
        if let Ok(text) = std::fs::read_to_string(&own) {
            if !text.contains(&format!("{name}/{CONFIG}")) {
                crate::exit::warn(&format_args!(
                    "{} does not extend the new one: begin it with {{ \"extends\": \"./{name}/{CONFIG}\" }}",
                    own.display()
                ));
            }
            return Ok(());
        }
    }
    write_file(&root.join(CONFIG), &root_config(&name))
}

/// The files that belong into a folder: declarations, configuration, schema. The rules lie in it or beside it.
///
/// # Errors
///
/// The schema cannot be written as JSON.
pub(crate) fn files(rules_inside: bool) -> io::Result<Vec<(String, String)>> {
    let mut files: Vec<(String, String)> = declarations()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    files.push((CONFIG.to_owned(), config(rules_inside)));
    files.push((SCHEMA.to_owned(), schema()?));
    Ok(files)
}

/// How the compiler is to read rules, as the engine does it.
fn config(rules_inside: bool) -> String {
    let rules = if rules_inside { "." } else { ".." };
    let config = json!({
        "compilerOptions": {
            // The engine strips types and writes nothing.
            "noEmit": true,
            "strict": true,
            "allowJs": true,
            "checkJs": true,
            "target": "es2024",
            // The web's names are among the declarations: rules have no DOM.
            "lib": ["es2024"],
            // Nor is a rule a program for Node, also if its types are installed.
            "types": [],
            "module": "esnext",
            "moduleResolution": "bundler",
            // A rule never shares its variables with another, even without an import.
            "moduleDetection": "force",
            "allowImportingTsExtensions": true,
            "resolveJsonModule": true,
            // Each file is stripped of its types by itself.
            "isolatedModules": true,
            // Packages may bring types that declare the same names.
            "skipLibCheck": true,
        },
        "include": ["./*.d.ts", format!("{rules}/**/*")],
        "exclude": [format!("{rules}/**/node_modules")],
    });
    format!("{config:#}\n")
}

/// The configuration of the folder above, for a folder of this name.
pub(crate) fn root_config(folder: &str) -> String {
    format!("{{\n  \"extends\": \"./{folder}/{CONFIG}\"\n}}\n")
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
    write().map_err(|error| problem(path, &error))
}

fn problem(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot write {}: {error}", path.display()),
    )
}
