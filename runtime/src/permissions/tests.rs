//! What is permitted and what is not, and that what is opened is what was permitted.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{FileError, OpenFor, Permission, PermissionDenied, Permissions};

fn allow<T: AsRef<OsStr>>(permission: Permission, items: &[T]) -> Permissions {
    Permissions::none().allow(permission, items).unwrap()
}

/// A folder with these files, which have their own names in them.
fn folder_with(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    for file in files {
        fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
        fs::write(top.join(file), file).unwrap();
    }
    (folder, top)
}

#[test]
fn nothing_is_permitted_unless_it_is_given() {
    let none = Permissions::none();
    let denied: [PermissionDenied; 7] = [
        none.read(Path::new("/etc/hosts")).unwrap_err(),
        none.write(Path::new("/tmp/x")).unwrap_err(),
        none.net("example.com", 443).unwrap_err(),
        none.run("sh").unwrap_err(),
        none.env("HOME").unwrap_err(),
        none.store("prod-db").unwrap_err(),
        none.steer("prod-db").unwrap_err(),
    ];
    let flags = denied.each_ref().map(PermissionDenied::flag);
    assert_eq!(
        flags,
        [
            "--allow-read=/etc/hosts",
            "--allow-write=/tmp/x",
            "--allow-net=example.com:443",
            "--allow-run=sh",
            "--allow-env=HOME",
            "--allow-store=prod-db",
            "--allow-steer=prod-db"
        ]
    );
    assert_eq!(
        denied[0].to_string(),
        "no read permission for /etc/hosts: --allow-read=/etc/hosts gives it, or `read` below [permissions] in cla.toml, \
         or the host with Permissions::allow"
    );
    let default = Permissions::default();
    assert!(default.store("prod-db").is_ok());
    assert!(default.steer("prod-db").is_err());
    assert!(default.read(Path::new("/etc/hosts")).is_err());
}

#[test]
fn a_path_is_permitted_by_where_it_leads() {
    let (_folder, top) = folder_with(&[
        "data/a.txt",
        "data/secret/b.txt",
        "data2/c.txt",
        "out/d.txt",
    ]);
    let permissions = allow(Permission::Read, &[top.join("data")])
        .deny(Permission::Read, [top.join("data/secret")])
        .unwrap();
    let reads = |path: PathBuf| permissions.read(&path).is_ok();
    assert!(reads(top.join("data")));
    assert!(reads(top.join("data/a.txt")));
    assert!(reads(top.join("data/not/there/yet")));
    assert!(reads(top.join("out/../data/a.txt")));
    for outside in [
        "data2/c.txt",
        "data/../out/d.txt",
        "data/secret",
        "data/secret/b.txt",
        "data/x/../secret/b.txt",
        "",
        "data/../../../../../../etc/passwd",
    ] {
        assert!(!reads(top.join(outside)), "{outside}");
    }
    let denied = permissions
        .read(&top.join("data/secret/b.txt"))
        .unwrap_err();
    assert!(
        denied.is_denied && denied.to_string().contains("deny-read"),
        "{denied}"
    );
    // Nothing may be written: it is another permission.
    assert!(permissions.write(&top.join("data/a.txt")).is_err());
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_nor_past_a_denial() {
    use std::os::unix::fs::symlink;
    let (_folder, top) = folder_with(&["data/a.txt", "data/secret/b.txt", "out/d.txt"]);
    symlink(top.join("out"), top.join("data/link")).unwrap();
    symlink(top.join("data/secret"), top.join("out/back")).unwrap();
    symlink("a.txt", top.join("data/inside")).unwrap();
    symlink(top.join("nowhere"), top.join("data/dangling")).unwrap();
    let permissions = allow(Permission::Write, &[top.join("data")])
        .allow(Permission::Read, [&top])
        .unwrap()
        .deny(Permission::Read, [top.join("data/secret")])
        .unwrap();
    assert!(permissions.write(&top.join("data/inside")).is_ok());
    assert!(permissions.write(&top.join("data/link/d.txt")).is_err());
    assert!(permissions.write(&top.join("data/dangling")).is_err());
    assert!(permissions.read(&top.join("out/back/b.txt")).is_err());
    // What a permission names is followed too.
    let by_link = allow(Permission::Read, &[top.join("data/link")]);
    assert!(by_link.read(&top.join("out/d.txt")).is_ok());
    assert!(by_link.read(&top.join("data/a.txt")).is_err());
}

#[test]
fn what_is_opened_is_what_was_permitted() {
    let (_folder, top) = folder_with(&["data/a.txt", "out/d.txt"]);
    let permissions = allow(Permission::Read, &[top.join("data")])
        .allow(Permission::Write, [top.join("data")])
        .unwrap();
    let mut text = String::new();
    let mut file = permissions
        .open(&top.join("data/a.txt"), OpenFor::Reading)
        .unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "data/a.txt");
    permissions
        .open(&top.join("data/new.txt"), OpenFor::Writing)
        .unwrap();
    assert_eq!(fs::read_to_string(top.join("data/new.txt")).unwrap(), "");
    let again = permissions.open(&top.join("data/new.txt"), OpenFor::Creating);
    assert!(matches!(again, Err(FileError::System(_))));
    for how in [
        OpenFor::Reading,
        OpenFor::Writing,
        OpenFor::Appending,
        OpenFor::Creating,
    ] {
        let outside = permissions.open(&top.join("out/d.txt"), how);
        assert!(matches!(outside, Err(FileError::Denied(_))), "{how:?}");
    }
    assert_eq!(
        fs::read_to_string(top.join("out/d.txt")).unwrap(),
        "out/d.txt"
    );
}

/// One thread swaps a folder and a link to the secrets, another one opens what lies there. It may see the one file, or
/// be refused; never the other file.
#[cfg(unix)]
#[test]
fn a_folder_that_is_swapped_for_a_link_meanwhile_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    let (_folder, top) = folder_with(&["data/in/file", "secret/file"]);
    fs::write(top.join("data/in/file"), "open").unwrap();
    let permissions = allow(Permission::Read, &[top.join("data")])
        .allow(Permission::Write, [top.join("data")])
        .unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            symlink(top.join("secret"), top.join("data/link")).unwrap();
            while !done.load(Ordering::Relaxed) {
                fs::rename(top.join("data/in"), top.join("data/away")).unwrap();
                fs::rename(top.join("data/link"), top.join("data/in")).unwrap();
                fs::rename(top.join("data/in"), top.join("data/link")).unwrap();
                fs::rename(top.join("data/away"), top.join("data/in")).unwrap();
            }
        });
        for turn in 0..20_000 {
            let path = top.join("data/in/file");
            if let Ok(mut file) = permissions.open(&path, OpenFor::Reading) {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "open");
            }
            let _ = permissions.open(
                &top.join(format!("data/in/made{}", turn % 10)),
                OpenFor::Writing,
            );
        }
        done.store(true, Ordering::Relaxed);
    });
    let names = fs::read_dir(top.join("secret")).unwrap();
    assert_eq!(names.count(), 1, "nothing was made outside");
}

#[cfg(target_os = "linux")]
#[test]
fn all_files_are_not_the_system_itself_where_something_is_kept_from_a_rule() {
    let files = Permissions::none().allow_all(Permission::Read);
    assert!(files.read(Path::new("/etc/hosts")).is_ok());
    assert!(files.read(Path::new("/dev/null")).is_ok());
    for path in [
        "/proc/self/environ",
        "/proc/1/mem",
        "/sys/kernel",
        "/dev/mem",
    ] {
        assert!(files.read(Path::new(path)).is_err(), "{path}");
        assert!(Permissions::all().read(Path::new(path)).is_ok(), "{path}");
    }
    let named = files.allow(Permission::Read, ["/proc/version"]).unwrap();
    assert!(
        named.read(Path::new("/proc/version")).is_err(),
        "all is all"
    );
    assert!(
        allow(Permission::Read, &["/proc/version"])
            .read(Path::new("/proc/version"))
            .is_ok()
    );
}

#[test]
fn a_host_is_permitted_by_its_name_its_port_and_its_address() {
    let permissions = allow(
        Permission::Net,
        &[
            "Example.com",
            "*.cdn.example",
            "api.example:443",
            "10.0.0.0/8",
            "[fd00::1]:80",
        ],
    );
    let net = |host: &str, port| permissions.net(host, port).is_ok();
    let at = |host: &str, port, address: &str| {
        permissions
            .net_address(host, port, address.parse().unwrap())
            .is_ok()
    };
    assert!(net("example.com", 1) && at("example.com.", 80, "93.184.215.14"));
    assert!(at("EXAMPLE.COM", 80, "10.1.2.3") && at("example.com", 80, "192.168.0.1"));
    assert!(at("x.cdn.example", 80, "1.1.1.1") && at("x.y.cdn.example", 80, "1.1.1.1"));
    assert!(!at("cdn.example", 80, "1.1.1.1") && !at("evilcdn.example", 80, "1.1.1.1"));
    assert!(at("api.example", 443, "1.1.1.1") && !at("api.example", 80, "1.1.1.1"));
    assert!(net("10.200.0.1", 22) && !net("11.0.0.1", 22));
    assert!(net("fd00::1", 80) && net("[fd00::1]", 80) && !net("fd00::1", 81));
    assert!(!at("other.example", 80, "1.1.1.1"));
    // A name that is given does not lead to this machine, nor to the segment where clouds tell their secrets.
    for near in [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        assert!(!at("example.com", 80, near), "{near}");
    }
    assert!(!net("127.0.0.1", 80) && !at("localhost", 80, "::1"));
}

#[test]
fn kinds_of_addresses_have_words() {
    let of = |word: &str, address: &str| allow(Permission::Net, &[word]).net(address, 80).is_ok();
    let kinds = [
        ("public", ["8.8.8.8", "2606:4700::1111"]),
        ("private", ["192.168.1.1", "fd00::1"]),
        ("loopback", ["127.0.0.1", "::1"]),
        ("link-local", ["169.254.0.1", "fe80::1"]),
    ];
    for (word, _) in kinds {
        for (other, addresses) in kinds {
            for address in addresses {
                assert_eq!(of(word, address), word == other, "{word} {address}");
            }
        }
    }
    let localhost = allow(Permission::Net, &["localhost"]);
    assert!(
        localhost
            .net_address("localhost", 80, "127.0.0.1".parse().unwrap())
            .is_ok()
    );
    let internet = Permissions::none()
        .allow_all(Permission::Net)
        .deny(
            Permission::Net,
            ["loopback", "link-local", "private", "bad.example"],
        )
        .unwrap();
    assert!(internet.net("good.example", 80).is_ok() && internet.net("bad.example", 80).is_err());
    assert!(
        internet
            .net_address("good.example", 80, "10.0.0.1".parse().unwrap())
            .is_err()
    );
}

#[test]
fn what_is_no_host_is_refused() {
    for text in [
        "",
        "http://x",
        "a b",
        "x:99999",
        "*",
        "a..b",
        "x/y",
        "*.",
        "[::1",
        "bücher.example",
    ] {
        let refused = Permissions::none().allow(Permission::Net, [text]);
        assert!(refused.is_err(), "{text:?}");
    }
    assert!(Permissions::none().allow(Permission::Env, [""]).is_err());
    assert!(Permissions::none().allow(Permission::Read, [""]).is_err());
}

#[cfg(unix)]
#[test]
fn a_program_is_permitted_by_the_file_that_would_run() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (_folder, top) = folder_with(&["tool", "other", "text"]);
    for name in ["tool", "other"] {
        fs::set_permissions(top.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(top.join("tool"), top.join("alias")).unwrap();
    let tool = top.join("tool").display().to_string();
    let alias = top.join("alias").display().to_string();
    let permissions = allow(Permission::Run, &["sh", tool.as_str()]);
    let sh = permissions.run("sh").unwrap();
    assert!(sh.is_absolute() && permissions.run(sh.to_str().unwrap()).is_ok());
    assert!(permissions.run(&tool).is_ok());
    // Another name of the same file is not what was permitted; but a denial holds by every name.
    assert!(permissions.run(&alias).is_err());
    assert!(
        permissions
            .run(top.join("other").to_str().unwrap())
            .is_err()
    );
    assert!(permissions.run("no-such-program").is_err());
    let denied = Permissions::none()
        .allow_all(Permission::Run)
        .deny(Permission::Run, [&tool])
        .unwrap();
    assert!(denied.run(&alias).is_err() && denied.run("sh").is_ok());
}

#[test]
fn names_are_permitted_by_patterns() {
    let permissions = allow(Permission::Env, &["HOME", "CI_*"])
        .deny(Permission::Env, ["CI_TOKEN"])
        .unwrap();
    let sees = |name| permissions.env(name).is_ok();
    assert!(sees("HOME") && sees("CI_JOB") && !sees("CI_TOKEN") && !sees("PATH"));
}

#[test]
fn a_part_never_may_more_than_the_whole() {
    let whole = allow(Permission::Store, &["shop-*", "bank"]);
    let part = whole
        .clone()
        .and(&allow(Permission::Store, &["shop-db", "other"]));
    assert!(part.store("shop-db").is_ok());
    assert!(part.store("bank").is_err() && part.store("other").is_err());
    assert_eq!(part.clone().and(&whole), part);
    // What is given to the part afterwards does not reach the whole.
    let widened = part
        .allow_all(Permission::Store)
        .allow_all(Permission::Read);
    assert!(widened.store("other").is_err() && widened.read(Path::new("/etc")).is_err());
}

#[test]
fn what_is_given_can_be_said() {
    let permissions = Permissions::none()
        .allow_all(Permission::Env)
        .deny(Permission::Env, ["AWS_*"])
        .unwrap()
        .allow(
            Permission::Net,
            ["a.example", "[::1]:80", "10.0.0.0/8", "public"],
        )
        .unwrap();
    let said = |permission| permissions.describe(permission).join("|");
    assert_eq!(said(Permission::Read), "none");
    assert_eq!(said(Permission::Env), "all but not AWS_*");
    assert_eq!(
        said(Permission::Net),
        "a.example, [::1]:80, 10.0.0.0/8, public"
    );
}
