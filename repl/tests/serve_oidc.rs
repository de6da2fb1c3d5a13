//! Signing in to `cla serve` by a provider of OpenID Connect: a real one (npm `oidc-provider`), and a real browser.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::Folder;
use common::browser::Browser;
use common::http::{Answer, Client, Service};
use serde_json::json;

/// A provider that runs.
struct Provider {
    process: Child,
    issuer: String,
}

impl Provider {
    /// Starts one whose client is reached at this address.
    fn start(address: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "the npm package oidc-provider is not installed: run `npm ci` in {}, or `cargo xtask test`, which does",
            folder.display()
        );
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .arg(format!("http://{address}/login/oidc/callback"))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is installed: `cargo xtask test` says how");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        // It warns that it is for development before it says where it is.
        let issuer = lines.find(|line| line.starts_with("http://"));
        let issuer = issuer.expect("the provider says where it is");
        // It goes on to warn, and would end if its output had no reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, issuer }
    }

    /// From now on, the user at the provider is this one.
    fn user(&self, name: &str) {
        assert_eq!(at(&self.issuer).get(&format!("/as/{name}")).status, 200);
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Somebody at this origin.
fn at(origin: &str) -> Client {
    let address = origin.strip_prefix("http://").unwrap().to_owned();
    Client {
        headers: vec![("Host".to_owned(), address.clone())],
        address,
    }
}

/// What a browser without any script does: keeps cookies, and follows where it is sent, between two servers.
struct Walker {
    jar: Vec<(String, String, String)>,
}

impl Walker {
    /// Asks for a URL, with the cookies of its server.
    fn get(&mut self, url: &str) -> Answer {
        let path = url
            .match_indices('/')
            .nth(2)
            .map_or(url.len(), |(at, _)| at);
        let (origin, path) = url.split_at(path);
        let cookies = self.jar.iter().filter(|(of, ..)| of == origin);
        let cookies: Vec<_> = cookies
            .map(|(_, name, value)| format!("{name}={value}"))
            .collect();
        let mut client = at(origin);
        if !cookies.is_empty() {
            client = client.with("Cookie", &cookies.join("; "));
        }
        let answer = client.get(path);
        for (_, cookie) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.jar
                .retain(|(of, known, _)| (&**of, &**known) != (origin, name));
            if !value.is_empty() {
                self.jar
                    .push((origin.to_owned(), name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// Follows redirects, until one leads to a URL that begins so; gives that URL, without asking for it.
    fn until(&mut self, url: &str, begins: &str) -> String {
        let mut url = url.to_owned();
        for _ in 0..10 {
            let answer = self.get(&url);
            let to = answer.header("location");
            let to = to
                .unwrap_or_else(|| panic!("{url} leads nowhere: {answer:?}"))
                .to_owned();
            url = if to.starts_with('/') {
                let origin = url.match_indices('/').nth(2).unwrap().0;
                format!("{}{to}", &url[..origin])
            } else {
                to
            };
            if url.starts_with(begins) {
                return url;
            }
        }
        panic!("it never leads to {begins}");
    }
}

/// A service whose people the provider signs in.
struct Signed {
    folder: Folder,
    service: Service,
    provider: Provider,
    origin: String,
}

impl Signed {
    fn start(arguments: &[&str], more: &str) -> Self {
        // The provider has to know the address of the service, and the service that of the provider.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        let provider = Provider::start(&address, arguments);
        let config = format!(
            "[oidc]\nissuer = '{}'\nclient_id = 'cla'\nclient_secret_file = 'secret'\nscopes = ['groups']\n{more}\n\
             [oidc.roles]\nops = 'operator'\nadmins = 'admin'\n",
            provider.issuer
        );
        let secret = "a secret/with: signs%\n";
        let folder = Folder::with(&[("cla.toml", &config), ("secret", secret)]);
        drop(free);
        let service = Service::at(&folder, &address);
        Self {
            folder,
            service,
            provider,
            origin: format!("http://{address}"),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A browser that has been at the provider, and the URL to which that has sent it.
    fn back(&self, path: &str) -> (Walker, String) {
        let mut walker = Walker { jar: Vec::new() };
        let url = walker.until(&self.url(path), &self.url("/login/oidc/callback?"));
        (walker, url)
    }

    /// What a signed-in browser may do: the status of seeing, of steering, and its name in the audit.
    fn may(&self, walker: &Walker) -> (u16, u16) {
        let (_, name, value) = &walker
            .jar
            .iter()
            .find(|(of, ..)| *of == self.origin)
            .unwrap();
        let browser = at(&self.origin).with("Cookie", &format!("{name}={value}"));
        let seen = browser.get("/api/v1/semaphores").status;
        let own = browser.with("Origin", &self.origin);
        let steered = own
            .post("/api/v1/semaphores/slot/slots", &json!({"slots": 2}))
            .status;
        (seen, steered)
    }
}

#[test]
fn a_browser_signs_in_by_the_provider_and_steers_under_the_name_that_it_gives() {
    let signed = Signed::start(&[], "");
    let browser = Browser::start();
    browser.open(&signed.service.address, "/audit");
    browser.click_named("Sign in with OpenID Connect");
    browser.until(
        "it is signed in, where it wanted to go",
        "return location.pathname === '/audit' && !!document.querySelector('#link')",
    );
    let set = browser.js_async(
        "const done = arguments[arguments.length - 1];
         fetch('/api/v1/semaphores/slot/slots', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{\"slots\": 2}'})
             .then((answer) => done(answer.status));",
        &[],
    );
    assert_eq!(set, 200);
    browser.until_text("main", "ada <x>");
    assert!(
        !browser
            .js("return document.cookie", &[])
            .as_str()
            .unwrap()
            .contains("cla-")
    );
}

#[test]
fn groups_are_roles_whether_the_token_or_the_provider_tells_them() {
    for arguments in [&[][..], &["in-token"]] {
        let signed = Signed::start(arguments, "");
        for (user, may) in [("ada", (200, 200)), ("grace", (200, 200))] {
            signed.provider.user(user);
            let (mut walker, url) = signed.back("/login/oidc?next=/semaphores/slot");
            let page = walker.get(&url);
            assert_eq!(page.status, 200, "{page:?}");
            assert!(
                page.body.contains("content=\"0;url=/semaphores/slot\""),
                "{page:?}"
            );
            assert_eq!(signed.may(&walker), may, "{user}");
        }
        // Somebody without a role is known, and refused.
        signed.provider.user("eve");
        let (mut walker, url) = signed.back("/login/oidc");
        let page = walker.get(&url);
        assert_eq!(page.status, 403);
        assert!(page.body.contains("in no group"), "{page:?}");
        assert!(
            !walker
                .jar
                .iter()
                .any(|(_, name, _)| name.contains("session-")),
            "{:?}",
            walker.jar
        );
    }
    let signed = Signed::start(&[], "default_role = 'viewer'");
    signed.provider.user("eve");
    let (mut walker, url) = signed.back("/login/oidc");
    assert_eq!(walker.get(&url).status, 200);
    assert_eq!(signed.may(&walker), (200, 403), "a viewer steers nothing");
}

#[test]
fn a_return_counts_once_and_only_in_the_browser_that_began() {
    let signed = Signed::start(&[], "");
    let refused = |walker: &mut Walker, url: &str| {
        let page = walker.get(url);
        assert_eq!(page.status, 403, "{page:?}");
        assert!(page.header("set-cookie").is_none(), "{page:?}");
    };
    // The link is given to another browser: it must not sign in there as somebody else.
    let (mut walker, url) = signed.back("/login/oidc");
    refused(&mut Walker { jar: Vec::new() }, &url);
    // One that has begun a sign-in of its own does not take it either.
    let (mut other, _) = signed.back("/login/oidc");
    refused(&mut other, &url);
    // A state that was changed uses the sign-in up.
    let (mut third, own) = signed.back("/login/oidc");
    refused(&mut third, &own.replace("state=", "state=x"));
    refused(&mut third, &own);
    // The first still has its own, once.
    let first = walker.get(&url);
    assert_eq!(first.status, 200);
    let cookies = first
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    let session = cookies
        .map(|(_, cookie)| cookie)
        .find(|cookie| cookie.contains("session-"))
        .unwrap();
    assert!(
        session.contains("HttpOnly; SameSite=Strict; Max-Age=43200"),
        "{session}"
    );
    refused(&mut walker, &url);

    // The provider refuses: what it says is shown as text.
    let mut walker = Walker { jar: Vec::new() };
    let sent = walker.get(&signed.url("/login/oidc"));
    let cookie = sent.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let to = sent.header("location").unwrap();
    for part in [
        "code_challenge_method=S256",
        "code_challenge=",
        "nonce=",
        "response_type=code",
    ] {
        assert!(to.contains(part), "{part} in {to}");
    }
    let state = to
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let page = walker.get(&signed.url(&format!(
        "/login/oidc/callback?error=%3Cb%3Eno&state={state}"
    )));
    assert_eq!(page.status, 403);
    assert!(page.body.contains("&lt;b&gt;no"), "{page:?}");
    // Where to go on is a path of this service.
    let (mut walker, url) = signed.back("/login/oidc?next=https://evil.example/");
    assert!(walker.get(&url).body.contains("content=\"0;url=/\""));
}

#[test]
fn a_provider_that_is_away_is_said_and_tokens_go_on() {
    let mut signed = Signed::start(&[], "");
    let operator = signed.service.client(&signed.folder, "operator", &[]);
    let (mut walker, url) = signed.back("/login/oidc");
    signed.provider.stop();
    let page = walker.get(&url);
    assert_eq!(page.status, 502);
    assert!(
        page.body.contains("does not answer as it should"),
        "{page:?}"
    );
    operator.get("/api/v1/semaphores").ok();
}

#[test]
fn a_wrong_provider_is_refused_with_its_place_and_none_is_no_route() {
    let folder = Folder::with(&[(
        "cla.toml",
        "[oidc]\nissuer = 'http://login.example'\nclient_id = 'x'\n",
    )]);
    let ended = folder.cla(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cla.toml:2:10"), "{ended:?}");
    let text =
        "[oidc]\nissuer = 'https://login.example'\nclient_id = 'x'\nclient_secret_file = 'gone'\n";
    let folder = Folder::with(&[("cla.toml", text)]);
    let ended = folder.cla(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("gone"), "{ended:?}");
    // Other commands read the file for its store, and need no secret.
    folder.cla(&["sem", "list"]).printed();
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &[]);
    assert_eq!(service.stranger().get("/login/oidc").status, 404);
    assert!(!service.stranger().get("/login").body.contains("OpenID"));
}
