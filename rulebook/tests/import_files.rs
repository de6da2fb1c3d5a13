//! Which files rules may import, how large they may be, and how long a chain of them.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cla_rulebook::Severity;
use cla_runtime::error::ErrorKind;
use cla_runtime::host::{NativeModule, Run};
use cla_runtime::{Engine, HostModule, Limits, RunOptions, Script, js};
use cla_tests::engine::with_rulebooks as engine;
use serde_json::{Value, json};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run(folder: &Path, main: &str, limits: Limits) -> Result<Value, String> {
    let script = Script::file(folder.join(main));
    let result = engine()
        .run(script, RunOptions::new().limits(limits))
        .wait()
        .result;
    result.map_err(|error| error.render(false))
}

const STACKS: [usize; 2] = [64 * 1024, 1024 * 1024];

/// Rulebooks of which each imports the next; the last one has this text.
fn chain(length: usize, last: &str) -> TempDir {
    let folder = folder(&[]);
    for n in 0..length {
        let next = n + 1;
        let text = format!(
            "import: {{from: ./b{next}.yml, as: next}}\ndef: {{f: {{do: [x = next.f: {{}}, return: '${{x}}']}}}}\n\
             do: [return: {n}]\n"
        );
        fs::write(folder.path().join(format!("b{n}.yml")), text).unwrap();
    }
    fs::write(folder.path().join(format!("b{length}.yml")), last).unwrap();
    folder
}

#[test]
fn a_long_chain_of_rulebooks_is_read_whatever_the_stack() {
    let folder = chain(1_500, "def: {f: {do: [return: 1]}}");
    for stack in STACKS {
        let value = run(folder.path(), "b0.yml", Limits::default().stack(stack));
        assert_eq!(value, Ok(json!(0)));
    }
    let findings = cla_rulebook::check(&[folder.path().join("b0.yml")]);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_chain_that_is_too_long_is_an_error() {
    let folder = chain(2_100, "def: {f: {do: [return: 1]}}");
    for stack in STACKS {
        let error = run(folder.path(), "b0.yml", Limits::default().stack(stack)).unwrap_err();
        assert!(error.contains("more than 2000 rulebooks"), "{error}");
    }
}

#[test]
fn an_error_at_the_end_of_a_chain_does_not_grow_with_it() {
    let lengths: Vec<usize> = [2, 900]
        .into_iter()
        .map(|length| {
            let folder = chain(length, "def: {f: {do: [ecoh: 1]}}");
            let error = run(folder.path(), "b0.yml", Limits::default()).unwrap_err();
            let last = format!("b{length}.yml:1:16");
            assert!(error.contains("there is no op \"ecoh\""), "{error}");
            assert!(error.contains(&last), "{error}");
            assert_eq!(error.matches("not as it should be").count(), 1, "{error}");
            error.len()
        })
        .collect();
    assert!(lengths[0].abs_diff(lengths[1]) < 20, "{lengths:?}");
}

#[test]
fn a_call_down_a_long_chain_ends_in_an_error_of_the_run() {
    let folder = chain(500, "def: {f: {do: [return: 1]}}");
    let main = "import: {from: ./b0.yml, as: b}\ndo: [x = b.f: {}, return: '${x}']";
    fs::write(folder.path().join("main.yml"), main).unwrap();
    for stack in STACKS {
        let result = run(folder.path(), "main.yml", Limits::default().stack(stack));
        if let Err(error) = result {
            assert!(error.contains("stack") || error.contains("nest"), "{error}");
        }
    }
}

#[test]
fn deep_texts_are_errors_whatever_the_stack() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    let files = [
        ("a.json", deep("[", "]")),
        ("b.json", deep("{\"a\":", "}")),
        ("c.yml", deep("[", "]")),
        ("d.yml", deep("{a: ", "}")),
        (
            "e.yml",
            format!("do: [return: '{{{{ {} }}}}']", deep("(", ")")),
        ),
        ("f.mjs", format!("export default {}", deep("[", "]"))),
        ("g.js", format!("module.exports = {}", deep("(", ")"))),
        ("h.ts", format!("export default {}", deep("[", "]"))),
        ("i.cts", format!("module.exports = {}", deep("{a:", "}"))),
        (
            "j.yml",
            (0..20_000)
                .map(|n| format!("{}- a:\n", " ".repeat(n.min(500))))
                .collect(),
        ),
        ("k.yml", format!("do: [return: {}]", deep("- ", ""))),
        (
            "l.mjs",
            format!("export default `{}`", "${`".repeat(50_000)),
        ),
    ];
    for (name, text) in &files {
        let folder = folder(&[(name, text)]);
        let mut mains = vec![(*name).to_owned()];
        let by = [
            ("by.js", format!("require('./{name}')")),
            ("by.mjs", format!("import './{name}'")),
            ("by.yml", format!("import: ./{name}")),
            (
                "read.yml",
                format!(
                    "do: [x = read_file: {}]",
                    folder.path().join(name).display()
                ),
            ),
        ];
        for (main, text) in by {
            fs::write(folder.path().join(main), text).unwrap();
            mains.push(main.to_owned());
        }
        for stack in STACKS {
            for main in &mains {
                let limits = Limits::default().stack(stack);
                // As a text, it is as good as any other.
                let result = run(folder.path(), main, limits);
                assert!(result.is_err() || main == "read.yml", "{name} by {main}");
            }
        }
        let found = cla_rulebook::check(&[folder.path().join(name), folder.path().join("by.mjs")]);
        assert!(!found.is_empty(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_swapped_for_a_link_in_a_loop_is_never_read_outside() {
    let top = folder(&[
        ("secret/lib.js", "module.exports = 'secret'"),
        ("secret/lib.json", "\"secret\""),
        (
            "secret/lib.yml",
            "def: {f: {do: [return: secret]}}\ndo: [return: secret]",
        ),
        ("rules/lib/lib.js", "module.exports = 'fine'"),
        ("rules/lib/lib.json", "\"fine\""),
        (
            "rules/lib/lib.yml",
            "def: {f: {do: [return: fine]}}\ndo: [return: fine]",
        ),
        ("rules/a.js", "require('./lib/lib.js')"),
        ("rules/b.js", "require('./lib/lib.json')"),
        (
            "rules/c.mjs",
            "import x from './lib/lib.js'; export default x",
        ),
        (
            "rules/d.yml",
            "import: ./lib/lib.yml\ndo: [x = f: {}, return: '${x}']",
        ),
        (
            "rules/e.yml",
            "do: [x = call: ./lib/lib.yml, return: '${x}']",
        ),
    ]);
    let top = top.path().canonicalize().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = {
        let (stop, rules) = (Arc::clone(&stop), top.join("rules"));
        std::os::unix::fs::symlink(top.join("secret"), rules.join("link")).unwrap();
        std::thread::spawn(move || {
            let [lib, link, spare] = ["lib", "link", "spare"].map(|name| rules.join(name));
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [(&lib, &spare), (&link, &lib), (&lib, &link), (&spare, &lib)] {
                    let _ = fs::rename(from, to);
                }
            }
        })
    };
    let engine = engine();
    let (mut fine, mut refused) = (0, 0);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        for main in ["a.js", "b.js", "c.mjs", "d.yml", "e.yml"] {
            let script = Script::file(top.join("rules").join(main));
            match engine.run(script, RunOptions::new()).wait().result {
                Ok(value) => {
                    assert_eq!(value, "fine", "{main}");
                    fine += 1;
                }
                Err(error) => {
                    assert!(!error.render(false).contains("secret'"), "{main}");
                    refused += 1;
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(fine + refused > 5, "{fine} {refused}");
}

#[cfg(unix)]
#[test]
fn links_that_stay_inside_are_followed() {
    let folder = folder(&[
        ("lib/a.js", "exports.x = 5"),
        ("main.js", "require('./link/b').x"),
    ]);
    let link = |from: &Path, to: &str| {
        std::os::unix::fs::symlink(from, folder.path().join(to)).unwrap();
    };
    link(&folder.path().join("lib"), "link");
    link(Path::new("a.js"), "lib/b.js");
    assert_eq!(
        run(folder.path(), "main.js", Limits::default()),
        Ok(json!(5))
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_nothing_waits() {
    let folder = folder(&[]);
    for name in ["pipe.js", "pipe.json", "pipe.yml"] {
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join(name))
            .status();
        assert!(made.unwrap().success());
        for (main, text) in [
            ("a.js", format!("require('./{name}')")),
            ("a.mjs", format!("import './{name}'")),
            ("a.yml", format!("import: ./{name}")),
            ("b.yml", format!("do: [call: ./{name}]")),
        ] {
            fs::write(folder.path().join(main), text).unwrap();
            let error = run(folder.path(), main, Limits::default()).unwrap_err();
            assert!(error.contains(name), "{error}");
            assert!(
                error.contains("no regular file")
                    || error.contains("JSON")
                    || error.contains("YAML"),
                "{error}"
            );
        }
    }
    // Where a device may be imported because the host says so, it is not.
    let main = folder.path().join("zero.js");
    fs::write(&main, "require('/dev/zero')").unwrap();
    let options = RunOptions::new().allow_folder("/dev");
    let error = engine()
        .run(Script::file(main), options)
        .wait()
        .result
        .unwrap_err();
    assert!(error.message.contains("no regular file"), "{error}");
}

#[test]
fn the_folder_of_everything_allows_nothing() {
    for options in [RunOptions::new(), RunOptions::new().allow_folder("/")] {
        for text in [
            "require('/etc/fstab')",
            "require('./etc/passwd')",
            "await import('/no/such/file')",
        ] {
            let script = Script::new("a.js", text).in_folder("/");
            let error = engine()
                .run(script, options.clone())
                .wait()
                .result
                .unwrap_err();
            assert_eq!(error.kind, ErrorKind::Load);
            assert!(error.message.contains("the folder /"), "{error}");
        }
    }
    // With another root, that one counts.
    let folder = folder(&[(
        "a.js",
        "try { require('/etc/passwd') } catch (e) { e.message }",
    )]);
    let script = Script::file(folder.path().join("a.js"));
    let options = RunOptions::new().allow_folder("/");
    let message = engine().run(script, options).wait().result.unwrap();
    let root = folder.path().canonicalize().unwrap().display().to_string();
    let message = message.as_str().unwrap();
    assert!(
        message.contains("outside") && message.contains(&root),
        "{message}"
    );
}

#[test]
fn a_file_larger_than_the_memory_is_refused_before_it_is_read() {
    let folder = folder(&[]);
    for name in ["big.json", "big.js", "big.mjs", "big.yml", "big.ts"] {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        file.set_len(3 << 30).unwrap();
        for (main, text) in [
            (
                "a.js",
                format!("try {{ require('./{name}'); 0 }} catch (e) {{ e.message }}"),
            ),
            (
                "b.js",
                format!("try {{ await import('./{name}'); 0 }} catch (e) {{ e.message }}"),
            ),
        ] {
            fs::write(folder.path().join(main), text).unwrap();
            let started = Instant::now();
            let message = run(folder.path(), main, Limits::default()).unwrap();
            let message = message.as_str().unwrap();
            assert!(message.contains(name), "{message}");
            assert!(
                message.contains("3072 MiB") || message.contains("YAML"),
                "{message}"
            );
            assert!(started.elapsed() < Duration::from_secs(10));
        }
        let error = run(folder.path(), name, Limits::default()).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_large_file_counts_as_memory_of_the_run_and_keeps_no_neighbour_waiting_for_its_reading() {
    let text = format!("[{}1]", "\"0123456789\",".repeat(400_000));
    let folder = folder(&[
        ("data.json", &text),
        ("a.js", "require('./data.json').length"),
    ]);
    assert_eq!(
        run(folder.path(), "a.js", Limits::default()),
        Ok(json!(400_001))
    );
    // With a small limit, an error that can be caught.
    let main = "try { require('./data.json') } catch (e) { e.message }";
    fs::write(folder.path().join("b.js"), main).unwrap();
    let limits = Limits::default().memory(8 << 20);
    let message = run(folder.path(), "b.js", limits).unwrap();
    assert!(message.as_str().unwrap().contains("too large"), "{message}");
    // A source that is kept is counted.
    let source = format!("// {}\nexports.a = 1;", "x".repeat(20 << 20));
    fs::write(folder.path().join("large.js"), source).unwrap();
    fs::write(folder.path().join("c.js"), "require('./large.js').a").unwrap();
    let script = Script::file(folder.path().join("c.js"));
    let report = engine().run(script, RunOptions::new()).wait();
    assert_eq!(report.result.unwrap(), 1);
}

#[test]
fn a_large_json_file_is_what_json_parse_makes_of_it() {
    let item =
        "{\"a\": [1, 2.5, null, \"b, ]\\\"}\"], \"__proto__\": {\"x\": 1}, \"7\": \"\\u00e9\"}";
    let items = vec![item; 12_000].join(" ,\n");
    let text = format!(
        " {{\"list\": [{items}], \"__proto__\": [{items}], \"k\\\"ey\" : {{\"in\": [[{items}], 5]}}, \"list2\": [], \"10\": 1, \"2\": {{}} }} "
    );
    let folder = folder(&[("data.json", &text)]);
    let path = folder.path().join("text.mjs");
    fs::write(&path, format!("export default {};", json!(text))).unwrap();
    let main = "
        Object.defineProperty(Array.prototype, '3', { set() { throw 'seen' }, configurable: true });
        const seen = require('./data.json');
        delete Array.prototype[3];
        const wanted = JSON.parse(require('./text.mjs').default);
        [JSON.stringify(seen) === JSON.stringify(wanted), Object.keys(seen), seen.list.length,
         Object.getPrototypeOf(seen) === Object.prototype]";
    fs::write(folder.path().join("a.js"), main).unwrap();
    assert_eq!(
        run(folder.path(), "a.js", Limits::default()),
        Ok(json!([
            true,
            ["2", "10", "list", "__proto__", "k\"ey", "list2"],
            12_000,
            true
        ]))
    );
}

/// An internal module, and one with a text that uses it.
struct Inner;

impl NativeModule for Inner {
    fn name(&self) -> &str {
        "app/outer/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(
        &self,
        ctx: &js::Ctx<'js>,
        _run: &std::rc::Rc<Run>,
    ) -> js::Result<js::Object<'js>> {
        let exports = js::Object::new(ctx.clone())?;
        exports.set("secret", 7)?;
        Ok(exports)
    }
}

#[test]
fn an_internal_module_is_for_built_in_modules_only() {
    let host = HostModule::new("app/math").function("f", |(): ()| Ok::<_, String>(1));
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .with(cla_rulebook::install)
        .workers(1)
        .module(host)
        .module(Inner)
        .source_module(
            "app/outer",
            "import { secret } from 'app/outer/native';
             export const twice = secret * 2;
             export const call = (f, ...rest) => f(...rest);",
        )
        .alias("@outer", "app/outer/native")
        .build();
    let run = |name: &str, text: &str| {
        let result = engine
            .run(Script::new(name, text), RunOptions::new())
            .wait()
            .result;
        result.map_err(|error| error.render(false))
    };
    assert_eq!(run("a.js", "require('app/outer').twice"), Ok(json!(14)));
    for (name, text) in [
        ("a.js", "require('app/outer/native')"),
        ("a.js", "require('app/outer'); require('app/outer/native')"),
        ("a.js", "require('@outer')"),
        ("a.js", "await import('app/outer/native')"),
        ("a.mjs", "import 'app/outer/native'"),
        ("a.mjs", "export * from 'app/outer/native'"),
        ("a.mjs", "import 'app/outer'; import 'app/outer/native'"),
        ("a.yml", "import: app/outer/native\ndo: [return: 1]"),
        (
            "a.js",
            "require('app/outer').call(require, 'app/outer/native')",
        ),
        (
            "a.js",
            "await require('app/outer').call((x) => import(x), 'app/outer/native')",
        ),
        ("a.js", "Reflect.apply(require, null, ['app/outer/native'])"),
        ("app/outer.js", "require('app/outer/native')"),
    ] {
        let error = run(name, text).unwrap_err();
        assert!(error.contains("there is no module '"), "{text}: {error}");
        // The message says what there is, or what was meant, and names no internal module.
        let first = error.lines().next().unwrap();
        let (_, hint) = first.split_once("; ").unwrap();
        assert!(!hint.contains("app/outer/native"), "{text}: {error}");
    }
}

#[test]
fn check_tells_what_a_run_would_trip_over_in_what_it_imports() {
    let errors = |files: &[(&str, &str)]| -> Vec<String> {
        let folder = folder(files);
        let findings = cla_rulebook::check(&[folder.path().join(files[0].0)]);
        let errors = findings
            .iter()
            .filter(|found| found.severity == Severity::Error);
        errors.map(|found| found.error.render(false)).collect()
    };
    let broken = ("lib.js", "module.exports = { a: 1 }}");
    for main in [
        (
            "a.js",
            "try { require('./lib.js') } catch (e) { e.message }",
        ),
        ("a.mjs", "import './lib.js'"),
        ("a.ts", "export * from './lib.js'"),
        ("a.js", "await import('./lib')"),
        ("a.js", "const x = require('./between.cjs')"),
        ("a.yml", "import: ./lib.js\ndo: [return: 1]"),
    ] {
        let errors = errors(&[main, broken, ("between.cjs", "require('./lib.js')")]);
        assert_eq!(errors.len(), 1, "{main:?}: {errors:?}");
        assert!(errors[0].contains("lib.js:1:26"), "{main:?}: {}", errors[0]);
    }
    let found = errors(&[
        ("a.mjs", "import x from './d.json';"),
        ("d.json", "{\"a\": 1,}"),
    ]);
    assert!(found[0].contains("d.json:1:9"), "{found:?}");
    let found = errors(&[("a.mjs", "import x from './gone.js';")]);
    assert!(
        found[0].contains("a.mjs:1:15") && found[0].contains("cannot find"),
        "{found:?}"
    );
    // What is fine is not told of, and circles end.
    let fine = [
        (
            "a.mjs",
            "import './b.js'; import 'cla/sem'; require('./c.cjs');",
        ),
        ("b.js", "import './a.mjs'; await 1;"),
        ("c.cjs", "return require('./c.cjs')"),
    ];
    assert_eq!(errors(&fine), Vec::<String>::new());
}
