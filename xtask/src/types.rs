//! The type tests: the real TypeScript compiler over what we ship to rule authors.
//!
//! It reads `stdlib/src/**/*.d.ts`, `rulebook/src/**/*.d.ts`, every rule in `examples/`, and `tests/types/*.ts`, where a line that must not
//! compile follows a `// @ts-expect-error`. `tests/types/package.json` pins the compiler.
//!
//! The library's modules in TypeScript, `stdlib/src/modules/**/*.ts`, are checked as well. Their declarations are made
//! of them and committed, because the library ships them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::Log;
use crate::test::{self, Outcome};
use crate::{root, target_dir, tools};

/// The folder with the compiler's configuration and the tests.
const FOLDER: &str = "tests/types";

/// The library's modules in TypeScript, with a configuration of their own.
const SOURCES: &str = "stdlib/src/modules";

/// Below [`SOURCES`]: what is made of them.
const DECLARATIONS: &str = "declarations";

/// The compiler needs a second or two.
const LIMIT: Duration = Duration::from_secs(300);

/// What `cargo xtask types` takes as arguments.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask types             check declarations, examples and type tests
  cargo xtask types --write     make the declarations of the modules in TypeScript anew
  cargo xtask types --verbose   show what the compiler and npm print")]
pub(crate) struct Args {
    /// Show what the compiler and npm print as they run.
    #[arg(long, short)]
    verbose: bool,
    /// Write the declarations of the library's modules in TypeScript, instead of checking anything.
    #[arg(long)]
    write: bool,
}

/// `cargo xtask types`: the step `types` of `cargo xtask test`, alone.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if !args.write {
        return test::run(&test::Args::only("types", args.verbose));
    }
    let log_file = target_dir()?.join("xtask").join("types.log");
    let mut log = Log::create(&log_file, "types", args.verbose)?;
    tools::npm_ci(&root().join(FOLDER), &mut log)?;
    let made = declarations(&mut log);
    let made = made.inspect_err(|_| print!("{}", log.text()))?;
    for (file, text) in &made {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)?;
        println!("{}", file.strip_prefix(root()).unwrap_or(file).display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks all there is to check; the outcome counts the files.
pub(crate) fn check(log: &mut Log) -> Result<Outcome> {
    let folder = root().join(FOLDER);
    tools::npm_ci(&folder, log)?;
    for (file, text) in declarations(log)? {
        ensure!(
            fs::read_to_string(&file).is_ok_and(|committed| committed == text),
            "{} is not what its source says: run `cargo xtask types --write`",
            file.display()
        );
    }
    log.run(&mut compiler(FOLDER, &[]), LIMIT)?;

    let listed = log.capture(&mut compiler(FOLDER, &["--listFilesOnly"]), LIMIT)?;
    let root = root().canonicalize()?;
    let files: Vec<String> = listed
        .printed
        .lines()
        .filter_map(|line| ours(line, &root))
        .collect();
    let among = |start: &str| files.iter().filter(|file| file.starts_with(start)).count();
    let declared = among("stdlib/") + among("rulebook/");
    let (examples, tests) = (among("examples/"), among("tests/"));
    ensure!(
        declared > 0,
        "no declaration in stdlib/src and rulebook/src was checked"
    );
    ensure!(examples > 0, "no rule in examples/ was checked");
    ensure!(tests > 0, "no type test in {FOLDER} was checked");
    Ok(Outcome {
        said: format!("{declared} declarations, {examples} examples, {tests} type tests"),
        passed: declared + examples + tests,
    })
}

/// Checks the library's modules in TypeScript and makes their declarations: where each belongs, and its text.
fn declarations(log: &mut Log) -> Result<Vec<(PathBuf, String)>> {
    let made = target_dir()?.join("xtask").join(DECLARATIONS);
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    let mut tsc = compiler(SOURCES, &["--outDir"]);
    log.run(tsc.arg(&made), LIMIT)?;
    let sources = root().join(SOURCES);
    let mut files = Vec::new();
    let mut folders = vec![sources.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let below = path.strip_prefix(&sources)?.to_path_buf();
            if path.is_dir() {
                if below != Path::new(DECLARATIONS) {
                    folders.push(path);
                }
            } else if below
                .to_str()
                .is_some_and(|name| name.ends_with(".ts") && !name.ends_with(".d.ts"))
            {
                let file = below.with_extension("d.ts");
                let text = fs::read_to_string(made.join(&file))
                    .with_context(|| format!("no declarations were made of {}", path.display()))?;
                let name = below
                    .with_extension("")
                    .to_string_lossy()
                    .replace('\\', "/");
                files.push((sources.join(DECLARATIONS).join(file), ambient(&name, &text)));
            }
        }
    }
    ensure!(!files.is_empty(), "there is no module in {SOURCES}");
    files.sort();
    Ok(files)
}

/// The compiler's declarations of the module `cla/NAME` as those of a module that is known by its name.
fn ambient(name: &str, text: &str) -> String {
    // What is said of the module as a whole stays in front.
    let (about, body) = match text.split_once("*/\n") {
        Some((about, body)) if text.starts_with("/**") => (format!("{about}*/\n"), body),
        _ => (String::new(), text),
    };
    let mut module = format!(
        "// Made of {name}.ts by `cargo xtask types --write`.\n\n{about}declare module \"cla/{name}\" {{\n"
    );
    for line in body.lines() {
        let code = line.trim_start();
        let depth = line.len() - code.len();
        // Four spaces become two; the star of a comment stays below the one above.
        let indent = 2 + depth / 4 * 2 + depth % 4;
        let (export, rest) = match code.strip_prefix("export ") {
            Some(rest) => ("export ", rest),
            None => ("", code),
        };
        let rest = rest.strip_prefix("declare ").unwrap_or(rest);
        if code.is_empty() {
            module.push('\n');
        } else {
            module.push_str(&format!("{:indent$}{export}{rest}\n", ""));
        }
    }
    module.push_str("}\n");
    module
}

fn compiler(project: &str, arguments: &[&str]) -> Command {
    let mut tsc = tools::NODE.command();
    tsc.current_dir(root())
        .arg(format!("{FOLDER}/node_modules/typescript/bin/tsc"))
        .args(["--project", project])
        .args(arguments);
    tsc
}

/// A file that the compiler lists, relative to the repository, unless it is the compiler's own.
fn ours(line: &str, root: &Path) -> Option<String> {
    let path = Path::new(line.trim()).canonicalize().ok()?;
    let path = path.strip_prefix(root).ok()?.to_string_lossy();
    (!path.contains("node_modules")).then(|| path.replace('\\', "/"))
}

#[cfg(test)]
mod tests {
    use super::ambient;

    #[test]
    fn declarations_of_a_file_become_those_of_a_module() {
        let made = "/**\n * About it.\n */\nimport { type A } from \"cla/a\";\n/** A class. */\nexport declare class B {\n    \
                    /**\n     * A method.\n     */\n    c(): A;\n}\ndeclare const d = 1;\nexport {};\n";
        let wanted = "\
// Made of b/c.ts by `cargo xtask types --write`.

/**
 * About it.
 */
declare module \"cla/b/c\" {
  import { type A } from \"cla/a\";
  /** A class. */
  export class B {
    /**
     * A method.
     */
    c(): A;
  }
  const d = 1;
  export {};
}
";
        assert_eq!(ambient("b/c", made), wanted);
    }
}
