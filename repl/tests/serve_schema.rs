//! What `/openapi.json` says is true: schemathesis sends what it allows, and what it does not, to a real `cla serve`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::path::Path;
use std::process::Command;

use common::Folder;
use common::http::Service;

#[test]
fn the_interface_does_what_its_description_says() {
    // `cargo xtask test` puts it beside the programs that it builds.
    let built = Path::new(env!("CARGO_BIN_EXE_cla"))
        .ancestors()
        .nth(2)
        .unwrap();
    let schemathesis = built.join("schemathesis/bin/schemathesis");
    assert!(
        schemathesis.exists(),
        "schemathesis is not installed: `cargo xtask test` installs it into {}",
        built.display()
    );
    let folder = Folder::with(&[("one.js", "1")]);
    let service = Service::start(&folder, &["--timeout", "1s"]);
    let token = folder.cla(&["token", "create", "--role", "operator"]);
    let ran = Command::new(schemathesis)
        .current_dir(folder.path())
        .arg("run")
        .arg(format!("http://{}/openapi.json", service.address))
        .arg(format!(
            "--header=Authorization: Bearer {}",
            token.printed().trim()
        ))
        .args([
            "--phases=coverage,fuzzing",
            "--max-examples=10",
            "--seed=1",
            "--no-color",
        ])
        // One has no end, the other waits for a slot.
        .args([
            "--exclude-path=/api/v1/events",
            "--exclude-path-regex=acquire$",
        ])
        // Ten wrong tokens stop an address, and a lease that was never given is refused however well-formed it is.
        .arg("--exclude-checks=ignored_auth,positive_data_acceptance")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("Tested:"), "{said}");
    assert_eq!(service.stranger().get("/readyz").status, 200);
}
