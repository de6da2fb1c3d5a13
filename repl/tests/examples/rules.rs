//! The rules of operations in `examples/rules/`, run with services, programs and repositories that stand in for the real ones.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Ended, Folder, Running, examples};

fn rules() -> PathBuf {
    examples().join("rules")
}

/// Runs a rule in this folder. The stash is what it is given, as `KEY=VALUE`.
fn command(folder: &Folder, rule: &str, stash: &[String]) -> Command {
    let path = rules().join(rule);
    let mut arguments = vec!["run".to_owned(), "--store".to_owned(), "memory:".to_owned()];
    for entry in stash {
        arguments.extend(["--stash".to_owned(), entry.clone()]);
    }
    arguments.push(path.to_str().unwrap().to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    folder.command(&arguments)
}

fn run(folder: &Folder, rule: &str, stash: &[String]) -> Ended {
    Running::start(command(folder, rule, stash)).end()
}

/// A program of this name that is found first, with this text as its script.
fn with_program(command: &mut Command, folder: &Folder, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let programs = folder.path().join("programs");
    std::fs::create_dir_all(&programs).unwrap();
    let program = programs.join(name);
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", programs.display()));
}

/// A request, as a stand-in server gets it.
struct Request {
    method: String,
    path: String,
    headers: String,
    body: String,
}

/// Starts a server that answers with headers and a body of JSON; gives its address.
fn serve(answer: impl Fn(&Request) -> (String, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = next_request(&mut reader) {
                    let (headers, body) = answer(&request);
                    let text = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    // A client that has gone hears nothing.
                    let _ = (&stream).write_all(text.as_bytes());
                }
            });
        }
    });
    address
}

fn next_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn plain(body: impl Into<String>) -> (String, String) {
    (String::new(), body.into())
}

#[test]
fn a_deployment_has_its_environment_for_itself_and_goes_back_if_it_fails() {
    let check = "#!/bin/sh\n[ \"$2\" != broken ] || { echo it crashes >&2; exit 1; }\n";
    let folder = Folder::with(&[("site/check", check)]);
    Command::new("chmod")
        .arg("+x")
        .arg(folder.path().join("site/check"))
        .status()
        .unwrap();
    let stash = |version: &str| ["env=test".to_owned(), format!("version={version}")];
    let current = || std::fs::read_to_string(folder.path().join("site/test/current")).unwrap();
    assert_eq!(
        run(&folder, "deploy.yml", &stash("1.0")).printed(),
        "test runs 1.0\n"
    );
    assert_eq!(current(), "1.0");
    let ended = run(&folder, "deploy.yml", &stash("2.0; touch stolen"));
    assert!(ended.stderr.contains("is no version"), "{}", ended.stderr);
    assert!(!folder.path().join("stolen").exists());
    let ended = run(&folder, "deploy.yml", &stash("broken"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.contains("test goes back to 1.0"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("it crashes"), "{}", ended.stderr);
    assert_eq!(current(), "1.0");
    let ended = run(
        &folder,
        "deploy.yml",
        &["env=production".to_owned(), "version=1".to_owned()],
    );
    assert!(ended.stderr.contains("test, prod"), "{}", ended.stderr);
}

#[test]
fn backups_are_made_whole_and_the_oldest_removed() {
    let folder = Folder::with(&[("data/a.txt", "a"), ("data/deep/b c.txt", "b")]);
    let to = folder.path().join("backup");
    let stash = ["from=data", "to=backup", "keep=2"].map(str::to_owned);
    for old in [
        "data-2020-01-01T0000.tar.gz",
        "data-2020-01-02T0000.tar.gz",
        "other-2020.tar.gz",
    ] {
        std::fs::create_dir_all(&to).unwrap();
        std::fs::write(to.join(old), "").unwrap();
    }
    let ended = run(&folder, "backup.js", &stash);
    assert!(ended.printed().contains(".tar.gz: "), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("removed data-2020-01-01T0000.tar.gz"),
        "{}",
        ended.stderr
    );
    let mut left: Vec<String> = std::fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        (left.len(), &left[0][..], &left[2][..]),
        (3, "data-2020-01-02T0000.tar.gz", "other-2020.tar.gz")
    );
    let listed = Command::new("tar")
        .arg("-tzf")
        .arg(to.join(&left[1]))
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("data/deep/b c.txt"), "{listed}");
    // A backup that fails leaves nothing that looks like one.
    let ended = run(
        &folder,
        "backup.js",
        &["from=nowhere", "to=backup"].map(str::to_owned),
    );
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
    assert!(std::fs::read_dir(&to).unwrap().count() == 3);
}

#[test]
fn a_report_is_made_of_a_table() {
    let sales = "region,amount,note\nNorth,10.5,\"a, b\"\nSouth,20,\nNorth,1.25,\nEast,none,?\n";
    let folder = Folder::with(&[("sales.csv", sales)]);
    let stash = ["sales=sales.csv", "report=report.md"].map(str::to_owned);
    let ended = run(&folder, "report.ts", &stash);
    assert_eq!(ended.printed(), "3 of 4 lines, 2 regions: report.md\n");
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert_eq!(
        report,
        "| region | amount |\n| --- | ---: |\n| South | 20.00 |\n| North | 11.75 |\n"
    );
}

#[test]
fn a_webhook_counts_only_with_its_signature() {
    let folder = Folder::with(&[]);
    // echo -n BODY | openssl dgst -sha256 -hmac it-is-a-secret
    let body = "{\"ref\": \"refs/heads/it's $(here)\"}";
    let mut sign = Command::new("openssl");
    sign.args(["dgst", "-sha256", "-hmac", "it-is-a-secret"]);
    let mut signing = sign
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    signing
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let signed = String::from_utf8(signing.wait_with_output().unwrap().stdout).unwrap();
    let signature = signed.rsplit(' ').next().unwrap().trim();
    let run = |signature: &str, body: &str| {
        let stash = [
            format!("signature=sha256={signature}"),
            format!("body={}", serde_json::Value::from(body)),
        ];
        let mut command = command(&folder, "webhook.js", &stash);
        command
            .args(["--secret", "WEBHOOK_SECRET"])
            .env("WEBHOOK_SECRET", "it-is-a-secret");
        Running::start(command).end()
    };
    assert_eq!(run(signature, body).printed(), "building it's $(here)\n");
    for (signature, body) in [
        (signature, "{\"ref\":\"refs/heads/it's $(here)\"}"),
        ("00", body),
    ] {
        let ended = run(signature, body);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("the request is not signed"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn twenty_hosts_are_asked_three_at_once() {
    let folder = Folder::with(&[]);
    let hosts: Vec<String> = (1..=20).map(|number| format!("web{number}")).collect();
    let stash = [
        format!("hosts={}", serde_json::Value::from(hosts)),
        "command=uptime; it's $HOME".to_owned(),
    ];
    let mut command = command(&folder, "hosts.mjs", &stash);
    // It notes how many of it run at once, and what it was asked to do.
    let ssh = "
        mkdir -p running; touch running/$3; ls running | wc -l >> most; sleep 0.05; rm running/$3
        [ $3 != web7 ] || { echo no route to host >&2; exit 255; }
        echo \"up: $5\"";
    with_program(&mut command, &folder, "ssh", ssh);
    let ended = Running::start(command).end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("1 of 20 hosts failed: web7"),
        "{}",
        ended.stderr
    );
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 20);
    assert_eq!(lines[0], "web10: up: uptime; it's $HOME");
    assert!(
        lines.contains(&"web7: failed: no route to host"),
        "{lines:?}"
    );
    let most = std::fs::read_to_string(folder.path().join("most")).unwrap();
    let most: Vec<usize> = most
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert_eq!(most.iter().max(), Some(&3), "{most:?}");
}

#[test]
fn a_job_is_waited_for_and_given_up_in_time() {
    let folder = Folder::with(&[]);
    let looks = Arc::new(AtomicUsize::new(0));
    let deleted = Arc::new(AtomicUsize::new(0));
    let server = {
        let (looks, deleted) = (Arc::clone(&looks), Arc::clone(&deleted));
        serve(
            move |request| match (&request.method[..], &request.path[..]) {
                ("POST", "/slow/jobs") => plain("{\"id\": 8}"),
                ("POST", _) => plain("{\"id\": 7}"),
                ("GET", "/jobs/7") if looks.fetch_add(1, Ordering::Relaxed) >= 2 => {
                    plain("{\"state\": \"done\", \"result\": \"green\"}")
                }
                ("DELETE", "/slow/jobs/8") => {
                    deleted.fetch_add(1, Ordering::Relaxed);
                    plain("{}")
                }
                _ => plain("{\"state\": \"running\"}"),
            },
        )
    };
    let ended = run(&folder, "poll.mjs", &[format!("server={server}")]);
    assert_eq!(ended.printed(), "job 7: green\n");
    assert_eq!(looks.load(Ordering::Relaxed), 3);
    let ended = run(
        &folder,
        "poll.mjs",
        &[format!("server={server}/slow"), "limit=0.5".to_owned()],
    );
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("job 8 took longer than 0.5 s"),
        "{}",
        ended.stderr
    );
    assert_eq!(deleted.load(Ordering::Relaxed), 1);
}

#[test]
fn errors_in_a_log_are_told_once_for_each_host() {
    let folder = Folder::with(&[("app.log", "web1 [error] from before\n")]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let told = Arc::clone(&told);
        serve(move |request| {
            told.lock().unwrap().push(request.body.clone());
            plain("{}")
        })
    };
    let stash = [
        "log=app.log".to_owned(),
        format!("tell={server}"),
        "until=the end".to_owned(),
    ];
    let mut running = Running::start(command(&folder, "watch-log.mjs", &stash));
    let log = |text: &str| {
        let mut file = std::fs::File::options()
            .append(true)
            .open(folder.path().join("app.log"))
            .unwrap();
        writeln!(file, "{text}").unwrap();
    };
    // `tail` may take a moment until it listens.
    let listening = Arc::clone(&told);
    while listening.lock().unwrap().is_empty() {
        log("web1 [info] fine\nweb1 [error] disk full\nweb1 [error] disk full again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(running.stdout_line(), "told of web1\n");
    log("web2 [error] it's \"down\"\nthe end");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let told = told.lock().unwrap();
    // A minute may have ended in between.
    assert!((2..=3).contains(&told.len()), "{told:?}");
    assert_eq!(told[0], "{\"text\":\"web1: disk full\"}");
    assert_eq!(
        told.last().unwrap(),
        "{\"text\":\"web2: it's \\\"down\\\"\"}"
    );
}

#[test]
fn release_notes_are_made_of_commits() {
    let folder = Folder::with(&[]);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "tag.gpgsign=false",
        ]);
        let done = git
            .args(arguments)
            .current_dir(folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    let commit = |subject: &str| git(&["commit", "--allow-empty", "-q", "-m", subject]);
    git(&["init", "-q"]);
    commit("feat: the first");
    let stash = ["repository=.", "version=1.0"].map(str::to_owned);
    assert_eq!(
        run(&folder, "release-notes.ts", &stash).printed(),
        "# 1.0\n\n## New\n\n- the first\n\n"
    );
    git(&["tag", "v1.0"]);
    for subject in [
        "feat(panel): a graph",
        "fix: no hang",
        "docs",
        "fix: $(whoami) `x`",
    ] {
        commit(subject);
    }
    let stash = ["repository=.", "version=1.1"].map(str::to_owned);
    let expected = "# 1.1\n\n## New\n\n- a graph\n\n## Mended\n\n- no hang\n- $(whoami) `x`\n\n## Other\n\n- docs\n\n";
    assert_eq!(run(&folder, "release-notes.ts", &stash).printed(), expected);
    assert!(folder.path().join("NOTES-1.1.md").exists());
}

#[test]
fn all_pages_of_an_interface_are_read() {
    let folder = Folder::with(&[]);
    let server = serve(|request| {
        if !request.headers.contains("authorization: bearer t0psecret") {
            return plain("{\"error\": \"who are you?\"}");
        }
        let page: usize = request
            .path
            .rsplit('=')
            .next()
            .unwrap()
            .parse()
            .unwrap_or(1);
        let servers = format!(
            "[{{\"name\": \"a{page}\", \"owner\": \"x\"}}, {{\"name\": \"b{page}\", \"owner\": null}}]"
        );
        let next = format!(
            "link: </servers?page=9>; rel=\"last\", </servers?page={}>; rel=\"next\"\r\n",
            page + 1
        );
        (if page < 3 { next } else { String::new() }, servers)
    });
    let mut command = command(&folder, "pages.ts", &[format!("api={server}")]);
    command
        .args(["--secret", "API_TOKEN"])
        .env("API_TOKEN", "t0pSecret");
    let ended = Running::start(command).end();
    assert_eq!(
        ended.printed(),
        "b1 has no owner\nb2 has no owner\nb3 has no owner\n6 servers\n"
    );
}

#[test]
fn old_files_are_shown_before_they_are_removed() {
    let folder = Folder::with(&[
        ("cache/old.bin", "12345"),
        ("cache/deep/old too", "123"),
        ("cache/new.bin", "1"),
    ]);
    let cache = folder.path().join("cache");
    std::os::unix::fs::symlink("/etc/passwd", cache.join("link")).unwrap();
    for (file, days) in [("old.bin", 40), ("deep/old too", 50)] {
        let time = std::time::SystemTime::now() - Duration::from_hours(24 * days);
        std::fs::File::options()
            .write(true)
            .open(cache.join(file))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    let stash = ["folder=cache", "days=30"].map(str::to_owned);
    let shown = run(&folder, "clean-up.js", &stash);
    assert_eq!(
        shown.printed(),
        "would remove deep/old too, 3 bytes\nwould remove old.bin, 5 bytes\n2 files, 0.0 KiB would be free\n"
    );
    assert!(cache.join("old.bin").exists());
    let stash = ["folder=cache", "days=30", "remove=true"].map(str::to_owned);
    assert!(
        run(&folder, "clean-up.js", &stash)
            .printed()
            .ends_with("2 files, 0.0 KiB are free\n")
    );
    let exists = |path: &str| Path::new(&cache.join(path)).symlink_metadata().is_ok();
    assert_eq!(
        ["old.bin", "deep", "new.bin", "link"].map(exists),
        [false, false, true, true]
    );
}

#[test]
fn certificates_that_expire_are_found_in_files_and_at_servers() {
    let folder = Folder::with(&[("pem/broken.pem", "no certificate")]);
    let make = |name: &str, days: &str| {
        let file = |kind: &str| folder.path().join(format!("{name}.{kind}"));
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-days",
                days,
            ])
            .arg("-keyout")
            .arg(file("key"))
            .arg("-out")
            .arg(file("pem"))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    make("long", "400");
    make("short", "5");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut server = Command::new("openssl");
    server.args([
        "s_server",
        "-quiet",
        "-accept",
        &port.to_string(),
        "-cert",
        "short.pem",
        "-key",
        "short.key",
    ]);
    let mut server = server
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = run(
        &folder,
        "certificates.js",
        &[
            "files=**/*.pem".to_owned(),
            format!("servers=[\"localhost:{port}\"]"),
        ],
    );
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(ended.code, Some(1));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{ended:?}");
    assert!(
        lines[0].starts_with("pem/broken.pem: cannot be read: "),
        "{lines:?}"
    );
    let left = |line: &str| {
        ["4 days left", "5 days left"]
            .iter()
            .any(|left| line.ends_with(left))
    };
    assert!(
        left(lines[1]) && lines[1].starts_with("short.pem"),
        "{lines:?}"
    );
    assert!(
        left(lines[2]) && lines[2].starts_with(&format!("localhost:{port}")),
        "{lines:?}"
    );
    assert!(
        ended.stderr.contains("3 of 4 certificates need somebody"),
        "{}",
        ended.stderr
    );
    let ended = run(
        &folder,
        "certificates.js",
        &["files=long.pem"].map(str::to_owned),
    );
    assert_eq!(ended.printed(), "1 certificates are good for 21 days\n");
}

/// A copy of a rule, in a folder with the packages that it imports.
fn with_packages(rule: &str, packages: &[&str]) -> Folder {
    let text = std::fs::read_to_string(rules().join(rule)).unwrap();
    let folder = Folder::with(&[(rule, &text)]);
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stdlib/tests/packages");
    for package in packages {
        let from = installed.join("node_modules").join(package);
        assert!(
            from.is_dir(),
            "the npm packages are missing: run `npm ci` in {}, or `cargo xtask test`, which does",
            installed.display()
        );
        copy_folder(&from, &folder.path().join("node_modules").join(package));
    }
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => _ = std::fs::copy(entry.path(), target).unwrap(),
        }
    }
}

#[test]
fn hosts_that_drift_are_shown_with_a_package_from_npm() {
    let folder = with_packages("drift.mjs", &["diff"]);
    let wanted = "listen 80;\nuser www;\n# it's \"ours\"\n";
    std::fs::write(folder.path().join("wanted.conf"), wanted).unwrap();
    // It notes what it was asked to do.
    let ssh = "
        echo \"$5\" >> asked
        case $3 in
            web1) cat wanted.conf;;
            web2) sed 's/80/8080/' wanted.conf;;
            *) echo no route to host >&2; exit 255;;
        esac";
    let run = |hosts: &str| {
        let mut command = folder.command(&["run", "--store", "memory:"]);
        let stash = ["file=wanted.conf", "path=/etc/it's $HOME", hosts];
        for entry in stash {
            command.args(["--stash", entry]);
        }
        command.arg("drift.mjs");
        with_program(&mut command, &folder, "ssh", ssh);
        Running::start(command).end()
    };
    assert_eq!(
        run("hosts=[\"web1\"]").printed(),
        "1 hosts have /etc/it's $HOME as it should be\n"
    );
    let ended = run("hosts=[\"web1\", \"web2\", \"web3\"]");
    assert_eq!(ended.code, Some(1));
    for part in [
        "web2: 2 lines differ\n",
        "--- wanted.conf\n+++ web2:/etc/it's $HOME\n@@ -1,3 +1,3 @@\n-listen 80;\n+listen 8080;\n user www;\n",
        "web3: cannot be read: no route to host\n",
    ] {
        assert!(ended.stdout.contains(part), "{part} in {}", ended.stdout);
    }
    assert!(
        ended.stderr.contains("2 of 3 hosts differ: web2, web3"),
        "{}",
        ended.stderr
    );
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert!(
        asked
            .lines()
            .all(|line| line == r"cat '/etc/it'\''s $HOME'"),
        "{asked}"
    );
}

/// What an author reads first, and what a page can show whole.
#[test]
fn each_rule_is_short_and_says_what_it_is_for() {
    let tests = include_str!("rules.rs");
    let mut count = 0;
    for entry in std::fs::read_dir(rules()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "no test runs {name}"
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 40, "{name} is too long");
        assert!(
            text.starts_with("// ") || text.starts_with("# "),
            "{name} says nothing"
        );
        assert!(
            text.contains(&format!("  cla run {name}")),
            "{name} does not say how to run it"
        );
    }
    assert_eq!(count, RULES);
}

/// How many there are.
const RULES: usize = 12;
