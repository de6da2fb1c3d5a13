//! `cla/fs`: files and folders.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, Limits, Permissions, RunOptions, Script};
use serde_json::{Value, json};
use support::{Ran, engine, run_script, run_with};

/// A folder of its own for a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Runs a script in which `at(name)` is a path of the folder.
    fn run_in(&self, engine: &Engine, code: &str, options: RunOptions) -> Ran {
        let script = format!(
            "const fs = require('cla/fs'); const top = {};
             const at = name => name === '' ? top : top + '/' + name;
             {code}",
            json!(self.path("").to_str().unwrap().trim_end_matches('/'))
        );
        run_script(engine, Script::new("test.mjs", script_of(&script)), options)
    }

    fn run(&self, code: &str) -> Result<Value, String> {
        self.run_in(&engine(), code, RunOptions::new()).value
    }

    #[track_caller]
    fn value(&self, code: &str) -> Value {
        self.run(code)
            .unwrap_or_else(|error| panic!("{code}\nfailed: {error}"))
    }

    /// What an expression throws: its class, code, path below the folder, system call and message.
    #[track_caller]
    fn thrown(&self, expression: &str) -> Value {
        self.value(&format!(
            "let thrown = null;
             try {{ {expression} }} catch (e) {{
                 thrown = [e instanceof fs.FileError, e.name, e.code, e.path?.replace(top, ''), e.syscall, e.message.replaceAll(top, 'TOP')];
             }}
             thrown"
        ))
    }
}

/// A module that exports the last expression, which stands behind the last `;` or new line that is in no bracket.
fn script_of(code: &str) -> String {
    let code = code.trim_end();
    let (mut depth, mut quoted, mut last) = (0, None, 0);
    for (at, c) in code.char_indices() {
        match (quoted, c) {
            (Some(quote), c) if quote == c => quoted = None,
            (None, '\'' | '"' | '`') => quoted = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ';' | '\n') if depth == 0 => last = at + 1,
            _ => {}
        }
    }
    format!("{};\nexport default {}", &code[..last], &code[last..])
}

#[test]
fn a_file_is_written_and_read() {
    let folder = Folder::new();
    let value = folder.value(
        "fs.writeFile(at('a'), 'grün\\n'); fs.appendFile(at('a'), new Uint8Array([111, 107]));
         const bytes = fs.readFile(at('a'), 'bytes');
         [fs.readFile(at('a')), bytes instanceof Uint8Array, bytes.length, fs.readFile(at('a'), null)[0],
          fs.readFile(at('a'), {encoding: 'latin1'}), fs.slurp(at('a')) === fs.readFile(at('a'), 'utf8')]",
    );
    assert_eq!(value, json!(["grün\nok", true, 8, 103, "grÃ¼n\nok", true]));
    assert_eq!(folder.read("a"), "grün\nok");
}

#[test]
fn promises_do_the_same_beside_each_other() {
    let folder = Folder::new();
    let value = folder.value(
        "const { promises } = fs;
         await Promise.all(['a', 'b', 'c'].map(name => promises.writeFile(at(name), name)));
         const texts = await Promise.all(['a', 'b', 'c'].map(name => promises.readFile(at(name))));
         const failed = await promises.readFile(at('none')).catch(e => [e instanceof fs.FileError, e.code]);
         const wrong = await promises.readFile(1).catch(e => e.name);
         [texts, failed, wrong, await promises.exists(at('a')), await promises.readDir(at(''))]",
    );
    let names = json!(["a", "b", "c"]);
    assert_eq!(
        value,
        json!([names, [true, "ENOENT"], "TypeError", true, names])
    );
}

#[test]
fn a_file_is_replaced_in_one_step_and_keeps_its_mode() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = Folder::new();
    folder.write("a", "old");
    fs::set_permissions(folder.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::metadata(folder.path("a")).unwrap();
    let mut open = fs::File::open(folder.path("a")).unwrap();
    folder.value("fs.writeFile(at('a'), 'new'); 0");
    let after = fs::metadata(folder.path("a")).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!(after.mode() & 0o777, 0o640);
    assert_eq!(std::io::read_to_string(&mut open).unwrap(), "old");
    // In place, if that is wanted, and where the file has other names.
    folder.value("fs.writeFile(at('a'), 'newer', {atomic: false}); 0");
    assert_eq!(fs::metadata(folder.path("a")).unwrap().ino(), after.ino());
    fs::hard_link(folder.path("a"), folder.path("b")).unwrap();
    folder.value("fs.writeFile(at('a'), 'both'); 0");
    assert_eq!(folder.read("b"), "both");
    // A link stays one.
    std::os::unix::fs::symlink("a", folder.path("link")).unwrap();
    fs::remove_file(folder.path("b")).unwrap();
    folder.value("fs.writeFile(at('link'), 'through', {mode: '600'}); 0");
    assert_eq!(folder.read("a"), "through");
    assert_eq!(
        fs::metadata(folder.path("a")).unwrap().mode() & 0o777,
        0o600
    );
    assert!(folder.path("link").is_symlink());
    assert_eq!(folder.names(), ["a", "link"], "nothing is left over");
}

#[test]
fn what_fails_says_why_where_and_what_to_do() {
    let folder = Folder::new();
    folder.write("a", "x").write("full/b", "y");
    let cases = [
        (
            "fs.readFile(at('none'))",
            json!([
                true,
                "FileError",
                "ENOENT",
                "/none",
                "open",
                "fs.readFile: TOP/none: there is no such file or folder (ENOENT)"
            ]),
        ),
        (
            "fs.writeFile(at('none/a'), '')",
            json!([
                true,
                "FileError",
                "ENOENT",
                "/none/a",
                "write",
                "fs.writeFile: TOP/none/a: there is no such folder; fs.createPath makes folders with all above them (ENOENT)"
            ]),
        ),
        (
            "fs.readFile(at('full'))",
            json!([
                true,
                "FileError",
                "EISDIR",
                "/full",
                "open",
                "fs.readFile: TOP/full: it is a folder, and only files are read (EISDIR)"
            ]),
        ),
        (
            "fs.rm(at('full'))",
            json!([
                true,
                "FileError",
                "ENOTEMPTY",
                "/full",
                "rm",
                "fs.rm: TOP/full: the folder is not empty; {recursive: true} means all in it, too (ENOTEMPTY)"
            ]),
        ),
        (
            "fs.mkdir(at('full'))",
            json!([
                true,
                "FileError",
                "EEXIST",
                "/full",
                "mkdir",
                "fs.mkdir: TOP/full: there is something of that name already (EEXIST)"
            ]),
        ),
        (
            "fs.stat(at('a/b'))",
            json!([
                true,
                "FileError",
                "ENOTDIR",
                "/a/b",
                "stat",
                "fs.stat: TOP/a/b: a part of the path is a file, and no folder (ENOTDIR)"
            ]),
        ),
        (
            "fs.copy(at('full'), at('x'))",
            json!([
                true,
                "FileError",
                "EISDIR",
                "/full",
                "copyfile",
                "fs.copy: TOP/full: it is a folder; {recursive: true} copies it with all in it (EISDIR)"
            ]),
        ),
        (
            "fs.copy(at('a'), at('full/b'), {overwrite: false})",
            json!([
                true,
                "FileError",
                "EEXIST",
                "/full/b",
                "copyfile",
                "fs.copy: TOP/full/b: there is something of that name already (EEXIST)"
            ]),
        ),
        (
            "fs.readFile('')",
            json!([
                false,
                "TypeError",
                null,
                null,
                null,
                "fs.readFile: path must not be empty"
            ]),
        ),
        (
            "fs.readFile('a\\0b')",
            json!([
                false,
                "TypeError",
                null,
                null,
                null,
                "fs.readFile: path must not have a zero character"
            ]),
        ),
        (
            "fs.rm(at('a'), {recursiv: true})",
            json!([
                false,
                "TypeError",
                null,
                null,
                null,
                "fs.rm: unknown option \"recursiv\"; did you mean recursive?"
            ]),
        ),
        (
            "fs.open(at('a'), 'q')",
            json!([
                false,
                "TypeError",
                null,
                null,
                null,
                "fs.open: mode must be \"r\" (read), \"w\" (write anew), \"a\" (append), \"r+\" (read and write) or \"wx\" (make), not \"q\""
            ]),
        ),
    ];
    for (expression, expected) in cases {
        assert_eq!(folder.thrown(expression), expected, "{expression}");
    }
}

#[test]
fn an_error_has_the_place_of_the_rule() {
    let script = "const fs = require('cla/fs');\nfunction load() {\n    return fs.readFile('/none');\n}\nload()";
    let report = engine()
        .run(Script::new("rule.js", script), RunOptions::new())
        .wait();
    let error = report.result.unwrap_err();
    let place = error.location.unwrap();
    assert_eq!((place.line, error.name.as_str()), (3, "FileError"));
    let script = "const fs = require('cla/fs');\nawait fs.promises.readFile('/none');\n";
    let report = engine()
        .run(
            Script::new(
                "rule.mjs",
                script.replace("const fs = require('cla/fs')", "import fs from 'cla/fs'"),
            ),
            RunOptions::new(),
        )
        .wait();
    assert_eq!(report.result.unwrap_err().location.unwrap().line, 2);
}

#[test]
fn folders_are_listed_walked_and_searched() {
    let folder = Folder::new();
    folder
        .write("src/b.js", "")
        .write("src/a.ts", "")
        .write("src/deep/er/c.js", "")
        .write("src/.hidden/d.js", "")
        .write("e.txt", "");
    assert_eq!(
        folder.value("fs.readDir(at('src'))"),
        json!([".hidden", "a.ts", "b.js", "deep"])
    );
    assert_eq!(
        folder.value("fs.readDir(at('src'), {withKinds: true}).map(e => [e.name, e.kind, e.isFile(), e.isDirectory(), e.path === at('src/' + e.name)])"),
        json!([[".hidden", "folder", false, true, true], ["a.ts", "file", true, false, true], ["b.js", "file", true, false, true], ["deep", "folder", false, true, true]])
    );
    let walked = |options: &str| {
        folder.value(&format!(
            "fs.walk(at('src'), {options}).map(e => e.path.slice(at('src/').length))"
        ))
    };
    assert_eq!(
        walked("{}"),
        json!([
            ".hidden",
            ".hidden/d.js",
            "a.ts",
            "b.js",
            "deep",
            "deep/er",
            "deep/er/c.js"
        ])
    );
    assert_eq!(
        walked("{depth: 1, hidden: false}"),
        json!(["a.ts", "b.js", "deep"])
    );
    let glob = |pattern: &str| folder.value(&format!("fs.glob('{pattern}', {{cwd: top}})"));
    assert_eq!(glob("src/*.js"), json!(["src/b.js"]));
    assert_eq!(glob("src/**/*.js"), json!(["src/b.js", "src/deep/er/c.js"]));
    assert_eq!(glob("**/*.{txt,ts}"), json!(["e.txt", "src/a.ts"]));
    assert_eq!(glob("src/.hidden/*"), json!(["src/.hidden/d.js"]));
    assert_eq!(glob("src/*/*/c.js"), json!(["src/deep/er/c.js"]));
    assert_eq!(glob("none/*"), json!([]));
    assert_eq!(glob("e.txt"), json!(["e.txt"]));
    assert_eq!(
        folder.value("fs.glob(at('src/*.ts'))"),
        json!([folder.path("src/a.ts").to_str().unwrap()])
    );
    assert_eq!(
        folder.value("const seen = []; fs.iterateDir(at('src'), (name, path) => { seen.push(name, path === at('src/' + name)); return name !== 'a.ts' }); seen"),
        json!([".hidden", true, "a.ts", true])
    );
}

#[test]
fn folders_are_made_copied_moved_and_removed() {
    let folder = Folder::new();
    folder.value(
        "fs.mkdir(at('a/b/c'), {recursive: true}); fs.createPath(at('a/b/c')); fs.createDir(at('d'));
         fs.createFile(at('a/x'), 'x'); fs.createFile(at('a/b/empty'));
         fs.symlink('x', at('a/link'));
         fs.copy(at('a'), at('copy'), {recursive: true});
         fs.move(at('copy'), at('moved')); fs.deleteDir(at('d')); 0",
    );
    assert_eq!(folder.names(), ["a", "moved"]);
    assert_eq!(folder.read("moved/x"), "x");
    assert_eq!(folder.read("moved/b/empty"), "");
    assert_eq!(
        fs::read_link(folder.path("moved/link")).unwrap(),
        Path::new("x")
    );
    assert!(folder.path("moved/b/c").is_dir());
    let value = folder.value(
        "fs.rm(at('a'), {recursive: true}); fs.rm(at('none'), {force: true}); fs.deleteFile(at('moved/link'));
         [fs.exists(at('a')), fs.isDir(at('moved')), fs.isFile(at('moved/x')), fs.isFile(at('moved')), fs.exists(at('moved/link'))]",
    );
    assert_eq!(value, json!([false, true, true, false, false]));
    for (expression, code) in [
        ("fs.deleteFile(at('moved'))", &["EISDIR", "EPERM"] as &[_]),
        ("fs.deleteDir(at('moved/x'))", &["ENOTDIR"]),
        ("fs.deleteDir(at('moved'))", &["ENOTEMPTY"]),
        (
            "fs.copy(at('moved'), at('moved/b/in'), {recursive: true})",
            &["EINVAL"],
        ),
    ] {
        let thrown = folder.thrown(expression);
        assert!(
            code.contains(&thrown[2].as_str().unwrap()),
            "{expression}: {thrown}"
        );
    }
}

#[test]
fn removing_a_folder_leaves_what_its_links_lead_to() {
    let (folder, other) = (Folder::new(), Folder::new());
    other.write("keep", "kept");
    folder.write("a/b/c", "");
    std::os::unix::fs::symlink(other.path(""), folder.path("a/link")).unwrap();
    std::os::unix::fs::symlink(folder.path("a"), folder.path("to-a")).unwrap();
    folder.value("fs.rm(at('to-a'), {recursive: true}); 0");
    assert_eq!(folder.names(), ["a"]);
    folder.value("fs.rm(at('a'), {recursive: true}); 0");
    assert_eq!(other.read("keep"), "kept");
    assert!(folder.names().is_empty());
}

#[test]
fn a_deep_tree_is_copied_and_removed() {
    let folder = Folder::new();
    let value = folder.value(
        "let path = at('deep');
         for (let i = 0; i < 300; i++) path += '/d';
         fs.createPath(path); fs.writeFile(path + '/f', 'x');
         fs.copy(at('deep'), at('copy'), {recursive: true});
         const count = fs.walk(at('copy')).length;
         fs.rm(at('copy'), {recursive: true}); fs.rm(at('deep'), {recursive: true});
         count",
    );
    assert_eq!(value, 301);
    assert!(folder.names().is_empty());
}

#[test]
fn facts_modes_times_and_links_are_told_and_set() {
    let folder = Folder::new();
    folder.write("a", "hello");
    let value = folder.value(
        "fs.chmod(at('a'), 0o640); fs.touch(at('a'), {time: new Date(1500)}); fs.touch(at('new'));
         fs.symlink('a', at('link'));
         const s = fs.stat(at('link')), l = fs.lstat(at('link'));
         [s.kind, s.size, (s.mode & 0o777).toString(8), s.mtimeMs, s.mtime instanceof Date, s.mtime.getTime(), s.isFile(), s.isDirectory(),
          l.kind, l.isSymbolicLink(), fs.readLink(at('link')), fs.stat(at('')).isDirectory(), Math.abs(fs.stat(at('new')).mtimeMs - Date.now()) < 60e3,
          typeof s.uid, s.nlink]",
    );
    assert_eq!(
        value,
        json!([
            "file", 5, "640", 1500, true, 1500, true, false, "link", true, "a", true, true,
            "number", 1
        ])
    );
    assert_eq!(
        folder.value("fs.chmod(at('a'), '600'); fs.stat(at('a')).mode & 0o777"),
        0o600
    );
}

#[test]
fn temporary_files_are_removed_with_the_run() {
    let folder = Folder::new();
    let value = folder.value(
        "const file = fs.tempFile({dir: top, prefix: 'p-', suffix: '.txt'}), dir = fs.tempDir({dir: top});
         fs.writeFile(file, 'x'); fs.writeFile(dir + '/inside', 'y');
         const moved = fs.tempFile({dir: top}); fs.rm(moved);
         [fs.readFile(file), /\\/p-[0-9a-f]{32}\\.txt$/.test(file), fs.readDir(dir), fs.isDir(fs.tempDir()),
          (fs.stat(file).mode & 0o777).toString(8), (fs.stat(dir).mode & 0o777).toString(8)]",
    );
    assert_eq!(value, json!(["x", true, ["inside"], true, "600", "700"]));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    // Also if the run fails.
    assert!(
        folder
            .run("fs.tempDir({dir: top}); throw new Error('x'); 0")
            .is_err()
    );
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    let thrown = folder.thrown("fs.tempFile({prefix: '../x'})");
    assert_eq!(
        thrown[5],
        "fs.tempFile: prefix: it must be a part of a name"
    );
}

#[test]
fn an_open_file_is_read_by_lines_and_pieces() {
    let folder = Folder::new();
    folder.write("a", "one\r\ntwo\n\nünf");
    let value = folder.value(
        "const f = fs.openFile(at('a'));
         const seen = [f.path === at('a'), typeof f.fileno(), f.eof(), f.readLine()];
         while (!f.eof()) seen.push(f.readLine());
         seen.push(f.readLine(), f.seek(0), f.readChunk(5), f.read(2)[0], f.seek(-3, 'end'), f.readChunk(), f.readChunk(), f.read());
         f.close(); f.close(); seen",
    );
    assert_eq!(
        value,
        json!([
            true,
            "number",
            false,
            "one",
            "two",
            "",
            "ünf",
            null,
            0,
            "one\r\n",
            116,
            11,
            "\u{fffd}nf",
            null,
            null
        ])
    );
    let loops = folder.value(
        "const all = [...fs.open(at('a'))], later = [];
         for await (const line of await fs.promises.open(at('a'))) later.push(line);
         for (const line of fs.open(at('a')).lines()) if (line === 'two') { all.push(line); break }
         [all, later]",
    );
    assert_eq!(
        loops,
        json!([["one", "two", "", "ünf", "two"], ["one", "two", "", "ünf"]])
    );
    // A character is not cut.
    folder.write("b", &"ü".repeat(10));
    assert_eq!(
        folder.value("const f = fs.open(at('b')); const a = f.readChunk(5); [a, f.readChunk(100)]"),
        json!(["üü", "ü".repeat(8)])
    );
}

#[test]
fn an_open_file_is_written() {
    let folder = Folder::new();
    folder.write("a", "0123456789");
    folder.value(
        "const f = fs.open(at('a'), 'r+'); f.read(3); f.write('abc'); f.seek(0); f.write(new Uint8Array([88])); f.close();
         const b = fs.open(at('b'), 'w'); b.write('x'); b.write('y');
         const c = fs.open(at('b'), 'a'); c.write('z'); c.close();
         const d = await fs.promises.open(at('d'), 'wx'); await d.write('later'); await d.close(); 0",
    );
    assert_eq!(folder.read("a"), "X12abc6789");
    assert_eq!(folder.read("b"), "xyz");
    assert_eq!(folder.read("d"), "later");
    for (expression, code) in [
        ("fs.open(at('a'), 'wx')", "EEXIST"),
        ("fs.open(at('a')).write('x')", "EBADF"),
        ("fs.open(at('a'), 'a').readLine()", "EBADF"),
        (
            "const f = fs.open(at('a')); f.close(); f.readLine()",
            "EBADF",
        ),
        ("fs.open(at(''))", "EISDIR"),
    ] {
        assert_eq!(folder.thrown(expression)[2], code, "{expression}");
    }
    assert_eq!(
        folder.value("const { readLine } = fs.open(at('a')); let said; try { readLine.call({}) } catch (e) { said = e.message }; said"),
        "file.readLine: this is no open file"
    );
}

#[test]
fn a_run_has_a_bounded_number_of_open_files() {
    let folder = Folder::new();
    folder.write("a", "x");
    let value = folder.value(
        "const open = []; let code;
         try { for (;;) open.push(fs.open(at('a'))) } catch (e) { code = e.code }
         const count = open.length;
         open.pop().close(); fs.open(at('a'));
         [count, code]",
    );
    assert_eq!(value, json!([256, "EMFILE"]));
}

#[test]
fn what_is_too_large_for_the_run_fails_cleanly() {
    let folder = Folder::new();
    let file = fs::File::create(folder.path("large")).unwrap();
    file.set_len(1 << 40).unwrap();
    let engine = engine();
    let options = || RunOptions::new().limits(Limits::default().memory(32 << 20));
    let code = |expression: &str| {
        let code = format!("let code; try {{ {expression} }} catch (e) {{ code = e.code }}; code");
        folder.run_in(&engine, &code, options()).value.unwrap()
    };
    assert_eq!(code("fs.readFile(at('large'))"), "EFBIG");
    assert_eq!(code("fs.open(at('large')).readLine()"), "EFBIG");
    assert_eq!(
        code("await Promise.all([1, 2].map(() => fs.promises.readFile(at('large'), 'bytes')))"),
        "EFBIG"
    );
    // Together they are no more than one may be.
    file.set_len(8 << 20).unwrap();
    assert_eq!(code("fs.readFile(at('large')).length"), Value::Null);
    let many = "const got = await Promise.allSettled(Array.from({length: 12}, () => fs.promises.readFile(at('large'), 'bytes')));
                [got.length, got.some(g => g.status === 'rejected' && /EFBIG|left of the run/.test(g.reason.message))]";
    assert_eq!(
        folder.run_in(&engine, many, options()).value.unwrap(),
        json!([12, true])
    );
}

#[test]
fn a_pipe_or_a_device_blocks_nothing() {
    let folder = Folder::new();
    nix::unistd::mkfifo(&folder.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for expression in [
        "fs.readFile(at('pipe'))",
        "fs.open(at('pipe'))",
        "fs.readFile('/dev/zero')",
        "fs.copy(at('pipe'), at('x'))",
    ] {
        assert_eq!(folder.thrown(expression)[2], "EINVAL", "{expression}");
    }
    assert_eq!(
        folder.value("[fs.stat(at('pipe')).kind, fs.readFile('/dev/null')]"),
        json!(["pipe", ""])
    );
    // A write to a pipe that takes nothing ends with the run.
    let reader = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.path("pipe"))
        .unwrap();
    let options = RunOptions::new().limits(Limits::default().timeout(Duration::from_millis(200)));
    let begun = Instant::now();
    let ran = folder.run_in(
        &engine(),
        "fs.writeFile(at('pipe'), 'x'.repeat(1 << 20)); 0",
        options,
    );
    assert!(
        ran.value.unwrap_err().contains("time"),
        "it has a time limit"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(reader);
}

#[test]
fn names_that_are_no_utf8_are_shown_with_a_mark() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let name = std::ffi::OsStr::from_bytes(b"bad\xff");
    fs::write(folder.path("").join(name), "x").unwrap();
    let value = folder.value("[fs.readDir(top), fs.walk(top).map(e => e.name), fs.glob('*', {cwd: top}), fs.exists(at('bad\\ufffd'))]");
    let shown = json!(["bad\u{fffd}"]);
    assert_eq!(value, json!([shown, shown, shown, false]));
    folder.value("fs.rm(top, {recursive: true}); 0");
    assert!(!folder.0.path().exists());
}

/// An engine whose rules may read and write below one folder.
fn engine_within(folder: &Folder) -> Engine {
    let permissions = Permissions::default()
        .allow(Permission::Read, [folder.path("in")])
        .unwrap()
        .allow(Permission::Write, [folder.path("in")])
        .unwrap()
        .deny(Permission::Read, [folder.path("in/secret")])
        .unwrap()
        .deny(Permission::Write, [folder.path("in/secret")])
        .unwrap();
    Engine::builder()
        .workers(1)
        .permissions(permissions)
        .with(cla_stdlib::install)
        .build()
}

#[test]
fn a_rule_does_all_in_its_folder_and_nothing_outside() {
    let folder = Folder::new();
    folder
        .write("in/a", "inside")
        .write("in/secret/s", "secret")
        .write("out/b", "outside")
        .write("in/sub/c", "c");
    std::os::unix::fs::symlink(folder.path("out"), folder.path("in/link")).unwrap();
    std::os::unix::fs::symlink(folder.path("out/b"), folder.path("in/file-link")).unwrap();
    let engine = engine_within(&folder);
    let run = |code: &str| folder.run_in(&engine, code, RunOptions::new()).value;
    run("fs.writeFile(at('in/new'), fs.readFile(at('in/a')) + '!'); fs.appendFile(at('in/new'), '?');
         fs.createPath(at('in/x/y/z')); fs.copy(at('in/sub'), at('in/x/sub'), {recursive: true}); fs.move(at('in/x/sub'), at('in/moved'));
         fs.chmod(at('in/new'), 0o600); fs.touch(at('in/new')); fs.symlink('a', at('in/to-a'));
         fs.readDir(at('in')); fs.stat(at('in/to-a')); fs.lstat(at('in/link')); fs.readLink(at('in/link')); fs.glob('in/*', {cwd: top}).length;
         fs.open(at('in/a'), 'r+').write('I'); fs.tempFile({dir: at('in')}); fs.rm(at('in/x'), {recursive: true}); fs.rm(at('in/to-a')); 0")
        .unwrap();
    assert_eq!(folder.read("in/new"), "inside!?");
    assert_eq!(folder.read("in/a"), "Inside");
    let denied = [
        "fs.readFile(at('out/b'))",
        "fs.readFile(at('in/link/b'))",
        "fs.readFile(at('in/file-link'))",
        "fs.readFile(at('in/../out/b'))",
        "fs.readFile(at('in/secret/s'))",
        "fs.writeFile(at('out/x'), '')",
        "fs.writeFile(at('in/link/x'), '')",
        "fs.writeFile(at('in/file-link'), '')",
        "fs.appendFile(at('in/file-link'), '')",
        "fs.readDir(at('out'))",
        "fs.readDir(at('in/link'))",
        "fs.walk(at('in'))",
        "fs.walk(at('in/link'))",
        "fs.glob('out/*', {cwd: top})",
        "fs.glob('in/**/s', {cwd: top})",
        "fs.stat(at('out/b'))",
        "fs.stat(at('in/file-link'))",
        "fs.lstat(at('out/b'))",
        "fs.exists(at('out'))",
        "fs.isDir(at('in/link'))",
        "fs.mkdir(at('out/new'))",
        "fs.mkdir(at('in/link/new'))",
        "fs.createPath(at('in/link/new/er'))",
        "fs.rm(at('out/b'))",
        "fs.rm(at('out'), {recursive: true})",
        "fs.rm(at('in/link/b'))",
        "fs.rm(at('in'), {recursive: true})",
        "fs.rm(at('in/secret'), {recursive: true})",
        "fs.deleteFile(at('in/link/b'))",
        "fs.deleteDir(at('out'))",
        "fs.copy(at('out/b'), at('in/b'))",
        "fs.copy(at('in/a'), at('out/a'))",
        "fs.copy(at('in/file-link'), at('in/b'))",
        "fs.copy(at('in'), at('in2'), {recursive: true})",
        "fs.copy(at('in/secret/s'), at('in/s'))",
        "fs.move(at('in/a'), at('out/a'))",
        "fs.move(at('out/b'), at('in/b'))",
        "fs.move(at('in/secret'), at('in/open'))",
        "fs.move(at('in'), at('in/2'))",
        "fs.readLink(at('out/b'))",
        "fs.symlink(at('out'), at('in/l'))",
        "fs.symlink('../out', at('in/l'))",
        "fs.symlink('secret', at('in/l'))",
        "fs.symlink('a', at('out/l'))",
        "fs.chmod(at('out/b'), 0o777)",
        "fs.chmod(at('in/file-link'), 0o777)",
        "fs.touch(at('out/b'))",
        "fs.touch(at('in/link/new'))",
        "fs.tempFile({dir: at('out')})",
        "fs.tempDir()",
        "fs.open(at('out/b'))",
        "fs.open(at('in/file-link'), 'r+')",
        "fs.open(at('in/link/n'), 'w')",
        "fs.readFile('/proc/self/environ')",
        "fs.iterateDir(at('out'), () => 1)",
        "fs.watch(at('out'))",
        "fs.watch(at('in/link'))",
        "fs.watch(at('in'), {recursive: true})",
        "fs.slurp(at('out/b'))",
        "await fs.promises.readFile(at('out/b'))",
    ];
    for expression in denied {
        let code = format!(
            "let name = 'nothing'; try {{ {expression} }} catch (e) {{ name = e.name + (e instanceof PermissionError) }}; name"
        );
        assert_eq!(run(&code), Ok(json!("PermissionErrortrue")), "{expression}");
    }
    assert_eq!(folder.read("out/b"), "outside");
    assert_eq!(folder.read("in/secret/s"), "secret");
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 1);
}

#[test]
fn a_permission_for_one_file_makes_no_other_beside_it() {
    let folder = Folder::new();
    folder.write("a", "old");
    let permissions = Permissions::default()
        .allow(Permission::Write, [folder.path("a")])
        .unwrap();
    let engine = Engine::builder()
        .workers(1)
        .permissions(permissions)
        .with(cla_stdlib::install)
        .build();
    folder
        .run_in(
            &engine,
            "fs.writeFile(at('a'), 'new'); 0",
            RunOptions::new(),
        )
        .value
        .unwrap();
    assert_eq!(folder.read("a"), "new");
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_leads_nowhere_else() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = Folder::new();
    folder
        .write("in/swap/f", "inside")
        .write("in/real/f", "inside")
        .write("out/f", "outside")
        .write("out/keep", "kept");
    let done = AtomicBool::new(false);
    let (swap, link, kept) = (
        folder.path("in/swap"),
        folder.path("link"),
        folder.path("kept"),
    );
    std::os::unix::fs::symlink(folder.path("out"), &link).unwrap();
    let engine = engine_within(&folder);
    let value = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // The folder, and then a link that leads out, have the name in turn.
                let _ = fs::rename(&swap, &kept);
                let _ = fs::rename(&link, &swap);
                let _ = fs::rename(&swap, &link);
                let _ = fs::rename(&kept, &swap);
            }
        });
        let value = folder
            .run_in(
                &engine,
                "const seen = new Set(); let tries = 0;
             const attempt = f => { tries++; try { seen.add(f()) } catch (e) { seen.add(e.name) } };
             const until = Date.now() + 700;
             while (Date.now() < until) {
                 attempt(() => fs.readFile(at('in/swap/f')));
                 attempt(() => fs.writeFile(at('in/swap/w'), 'w'));
                 attempt(() => fs.appendFile(at('in/swap/p'), 'w'));
                 attempt(() => fs.mkdir(at('in/swap/d')));
                 attempt(() => fs.touch(at('in/swap/t')));
                 attempt(() => fs.rm(at('in/swap/keep')));
                 attempt(() => fs.copy(at('in/real/f'), at('in/swap/c')));
                 attempt(() => fs.move(at('in/swap/f'), at('in/swap/g')));
                 attempt(() => fs.move(at('in/swap/g'), at('in/swap/f')));
                 attempt(() => fs.readDir(at('in/swap')).includes('keep'));
                 attempt(() => fs.rm(at('in/swap/d'), {recursive: true, force: true}));
             }
             [[...seen].sort(), tries > 50]",
                RunOptions::new(),
            )
            .value;
        done.store(true, Ordering::Relaxed);
        value
    });
    let value = value.unwrap();
    let seen = value[0].as_array().unwrap();
    assert!(
        !seen.contains(&json!("outside")) && !seen.contains(&json!(true)),
        "{value}"
    );
    assert!(
        seen.contains(&json!("inside")) && value[1] == true,
        "{value}"
    );
    let mut left: Vec<_> = fs::read_dir(folder.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["f", "keep"]);
    assert_eq!(
        (folder.read("out/f"), folder.read("out/keep")),
        ("outside".to_owned(), "kept".to_owned())
    );
}

#[test]
fn changes_are_told() {
    let folder = Folder::new();
    folder.write("in/a", "x").write("in/deep/b", "x");
    let value = folder.value(
        "const short = e => e.kind + ' ' + e.path.slice(top.length), seen = [], later = [], one = [];
         const w = fs.watch(at('in'), {recursive: true}), f = fs.watch(at('in/a')), ended = fs.watch(at('in'));
         fs.writeFile(at('in/a'), 'y', {atomic: false}); fs.writeFile(at('in/new'), ''); fs.mkdir(at('in/made'));
         for (const e of w) { seen.push(short(e)); if (e.path.endsWith('made')) break }
         const deep = fs.watch(at('in'), {recursive: true});
         setTimeout(() => { fs.writeFile(at('in/deep/c'), '', {atomic: false}); fs.rm(at('in/deep/c')) }, 20);
         for await (const e of deep) { later.push(short(e)); if (e.kind === 'removed') break }
         fs.writeFile(at('in/a'), 'z'); fs.rm(at('in/a'));
         for (const e of f) { one.push(short(e)); if (e.kind === 'removed') break }
         setTimeout(() => ended.close(), 10); for await (const e of ended) if (e.kind === 'lost') break;
         [seen.filter(s => !s.includes('.tmp')), later, [...new Set(one)]]",
    );
    assert_eq!(
        value,
        json!([
            ["changed /in/a", "created /in/new", "created /in/made"],
            ["created /in/deep/c", "removed /in/deep/c"],
            ["changed /in/a", "created /in/a", "removed /in/a"]
        ])
    );
    // A watcher keeps no run going, and ends with what it watches.
    assert_eq!(folder.value("fs.watch(top); 1"), 1);
    let value = folder.value("fs.mkdir(at('gone')); const w = fs.watch(at('gone')); fs.rm(at('gone')); [...w].map(e => e.kind)");
    assert_eq!(value, json!(["removed"]));
}

#[test]
fn a_relative_path_begins_at_the_current_folder() {
    let ran = run_with(
        &engine(),
        "require('cla/fs').isFile('Cargo.toml')",
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(json!(true)));
}
