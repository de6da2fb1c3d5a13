//! The type tests: the real TypeScript compiler over what we ship to rule authors.
//!
//! It reads `stdlib/src/**/*.d.ts`, `rulebook/src/**/*.d.ts`, every rule in `examples/`, and `tests/types/*.ts`, where a line that must not
//! compile follows a `// @ts-expect-error`. `tests/types/package.json` pins the compiler.
//!
//! A user's editor is checked as well: a folder that `cla init` has started, with the examples and Node's own types in it.
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
use crate::{cargo, root, target_dir, tools};

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
    tools::npm_ci(&root().join(test::PACKAGES), log)?;
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
    let edited = editor(log)?;
    Ok(Outcome {
        said: format!(
            "{declared} declarations, {examples} examples, {tests} type tests, {edited} files of a new folder"
        ),
        passed: declared + examples + tests + edited,
    })
}

/// The debug build of the program, most of which the tests have built before.
const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);

/// A rule of a user who has a package whose types are those of Node.
const WITH_PACKAGE: &str = "import { size } from \"dep\";\nimport { get } from \"cla/http\";\n\
    const answer = await fetch(\"http://127.0.0.1/\");\nprint(size(\"x\"), answer.ok, get(\"http://127.0.0.1/\").status, import.meta.filename);\n";

/// The declarations of that package.
const PACKAGE: &str = "/// <reference types=\"node\" />\nexport declare function size(text: string | Buffer): number;\n";

/// The package from npm that an example imports.
const OF_EXAMPLE: &str = "diff";

/// Starts a folder as a user does, puts the examples into it, and has the compiler look at it. Gives the number of its files.
fn editor(log: &mut Log) -> Result<usize> {
    log.run(
        cargo().args(["build", "--workspace", "--bin", "cla", "--locked"]),
        BUILD_LIMIT,
    )?;
    let folder = target_dir()?.join("xtask").join("editor");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut init = Command::new(target_dir()?.join("debug").join("cla"));
    log.run(init.arg("init").arg(&folder), LIMIT)?;
    let examples = root().join("examples");
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(examples.join(&below))? {
            let entry = entry?;
            let below = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                // The programs in Rust.
                if below != Path::new("src") {
                    left.push(below);
                }
                continue;
            }
            let is_rule = below.extension().is_some_and(|kind| {
                ["js", "mjs", "cjs", "ts", "mts", "cts", "json"]
                    .contains(&kind.to_str().unwrap_or_default())
            });
            if is_rule {
                let copy = folder.join("examples").join(&below);
                fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
                fs::copy(entry.path(), copy)?;
            }
        }
    }
    let package = folder.join("node_modules/dep");
    fs::create_dir_all(&package)?;
    fs::write(package.join("index.d.ts"), PACKAGE)?;
    fs::write(
        package.join("index.js"),
        "exports.size = (text) => text.length;\n",
    )?;
    fs::write(
        package.join("package.json"),
        "{ \"name\": \"dep\", \"version\": \"1.0.0\" }\n",
    )?;
    fs::write(folder.join("with-package.ts"), WITH_PACKAGE)?;
    let types = root().join(FOLDER).join("node_modules");
    for name in ["@types", "undici-types"] {
        copy_folder(&types.join(name), &folder.join("node_modules").join(name))?;
    }
    let packages = root().join(test::PACKAGES).join("node_modules");
    copy_folder(
        &packages.join(OF_EXAMPLE),
        &folder.join("node_modules").join(OF_EXAMPLE),
    )?;

    let project = folder.display().to_string();
    log.run(&mut compiler(&project, &[]), LIMIT)?;
    let listed = log.capture(&mut compiler(&project, &["--listFilesOnly"]), LIMIT)?;
    let files: Vec<&str> = listed.printed.lines().collect();
    ensure!(
        files.iter().any(|file| file.contains("@types/node")),
        "Node's types were not looked at"
    );
    let own = files
        .iter()
        .filter(|file| file.contains("editor") && !file.contains("node_modules"))
        .count();
    ensure!(
        own > 50,
        "only {own} files of the new folder were looked at"
    );
    Ok(own)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("there is no {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
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

/// Modules that are parts of others, which no rule needs.
const INTERNAL: [&str; 2] = ["semaphore/store", "shell/words"];

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
    if !INTERNAL.contains(&name) {
        module.push_str(&format!(
            "\ninterface ClaModules {{\n  \"cla/{name}\": typeof import(\"cla/{name}\");\n}}\n"
        ));
    }
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

interface ClaModules {
  \"cla/b/c\": typeof import(\"cla/b/c\");
}
";
        assert_eq!(ambient("b/c", made), wanted);
        assert!(!ambient("shell/words", made).contains("ClaModules"));
    }
}
