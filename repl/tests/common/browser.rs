//! A real browser: chromium, steered by its driver. What tests click is what people click.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::error::WebDriverResult;
use thirtyfour::prelude::*;
use tokio::runtime::Runtime;

use super::Folder;
use super::http::Service;

/// Nothing on a page takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long between two looks at a page.
const LOOK: Duration = Duration::from_millis(10);

/// A browser with a profile of its own: no other one knows its cookies.
pub struct Browser {
    runtime: Runtime,
    driver: Option<WebDriver>,
    process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one, with an empty window.
    pub fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .args(["--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is not installed, and these tests need it and chromium (Debian: apt-get install chromium \
                 chromium-driver); `cargo xtask test` installs them",
            );
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = said.map_while(Result::ok).find_map(|line| {
            line.split_once("successfully on port ")
                .map(|(_, port)| port.to_owned())
        });
        let port = port.expect("chromedriver says its port");
        let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=en-GB",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            wanted.add_arg(argument).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut browser = Self {
            driver: None,
            runtime,
            process,
            _profile: profile,
        };
        // The HTTP client of the driver is built with TLS, which it does not use here, and asks for this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let driver = browser.runtime.block_on(WebDriver::new(address, wanted));
        browser.driver = Some(driver.expect("chromium starts"));
        browser
    }

    /// Starts one that is signed in with a new token of this role, at the first page.
    pub fn signed_in(service: &Service, folder: &Folder, role: &str) -> Self {
        let browser = Self::start();
        browser.sign_in(&service.address, "/", &token(folder, role));
        browser
    }

    /// Signs in by the page where one is led that leads to `path`.
    pub fn sign_in(&self, address: &str, path: &str, token: &str) {
        self.open(address, path);
        self.type_into("input[name=token]", token);
        self.click_named("Sign in");
        self.until(
            "it is signed in",
            "return !!document.querySelector('#link')",
        );
    }

    fn run<T>(
        &self,
        work: impl AsyncFnOnce(&WebDriver) -> WebDriverResult<T>,
    ) -> WebDriverResult<T> {
        let driver = self.driver.as_ref().unwrap();
        self.runtime.block_on(work(driver))
    }

    pub fn open(&self, address: &str, path: &str) {
        let url = format!("http://{address}{path}");
        self.run(async |driver| driver.goto(url).await).unwrap();
    }

    /// What a script on the page returns.
    pub fn js(&self, script: &str, arguments: &[Value]) -> Value {
        let ran = self.run(async |driver| driver.execute(script, arguments.to_vec()).await);
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
            .json()
            .clone()
    }

    /// What an asynchronous script gives to its last argument.
    pub fn js_async(&self, script: &str, arguments: &[Value]) -> Value {
        let ran = self.run(async |driver| driver.execute_async(script, arguments.to_vec()).await);
        ran.unwrap_or_else(|error| panic!("{script}: {error}"))
            .json()
            .clone()
    }

    /// What the browser's own interface for developers answers to a command.
    pub fn cdp(&self, command: &str) -> Value {
        let answer = self.run(async |driver| driver.cdp().send_raw(command, json!({})).await);
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Waits until a script returns something.
    #[track_caller]
    pub fn until(&self, what: &str, script: &str) -> Value {
        self.until_it(what, || {
            let found = self.js(script, &[]);
            let is = !matches!(found, Value::Null | Value::Bool(false));
            is.then_some(found).ok_or_else(String::new)
        })
    }

    /// Waits until something is so; else says how it is.
    #[track_caller]
    pub fn until_it<T>(&self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        let start = Instant::now();
        loop {
            match look() {
                Ok(found) => return found,
                Err(is) => assert!(
                    start.elapsed() < PATIENCE,
                    "never: {what}; it is: {is}\n{}",
                    self.text("body")
                ),
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The text of an element that can be seen.
    pub fn text(&self, css: &str) -> String {
        let text = self.js(
            "return document.querySelector(arguments[0])?.innerText ?? ''",
            &[json!(css)],
        );
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an element has this text in it.
    #[track_caller]
    pub fn until_text(&self, css: &str, text: &str) {
        self.until_it(&format!("{css} says {text:?}"), || {
            let is = self.text(css);
            if is.contains(text) { Ok(()) } else { Err(is) }
        });
    }

    /// Waits until the element can be clicked, and clicks it.
    #[track_caller]
    pub fn click(&self, css: &str) {
        self.click_by(css, || By::Css(css.to_owned()));
    }

    /// Clicks the button or link that goes by this name.
    #[track_caller]
    pub fn click_named(&self, name: &str) {
        let here = "[not(ancestor::dialog[not(@open)])]";
        let path = format!(
            "//*[self::button or self::a or self::summary][@aria-label=\"{name}\" or \
             (not(@aria-label) and normalize-space(.)=\"{name}\")]{here}"
        );
        self.click_by(name, || By::XPath(path.clone()));
    }

    #[track_caller]
    fn click_by(&self, what: &str, by: impl Fn() -> By) {
        self.until_it(&format!("{what} can be clicked"), || {
            let clicked = self.run(async |driver| {
                let element = driver.find(by()).await?;
                if !element.is_enabled().await? {
                    return Ok(false);
                }
                // It may be covered, or gone, for now.
                element.click().await.map(|()| true)
            });
            match clicked {
                Ok(true) => Ok(()),
                Ok(false) => Err("disabled".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        });
    }

    /// Types into a field that was empty, or takes the place of what was in it.
    #[track_caller]
    pub fn type_into(&self, css: &str, text: &str) {
        self.until_it(&format!("{css} can be typed into"), || {
            let typed = self.run(async |driver| {
                let field = driver.find(By::Css(css.to_owned())).await?;
                field.clear().await?;
                field.send_keys(text).await
            });
            typed.map_err(|error| error.to_string())
        });
    }

    /// Presses keys wherever the focus is, one after the other. Shift, Control, Alt and Meta stay down to the end.
    pub fn press(&self, keys: &str) {
        const HELD: [char; 4] = ['\u{e008}', '\u{e009}', '\u{e00a}', '\u{e03d}'];
        let pressed = self.run(async |driver| {
            let mut chain = driver.action_chain();
            for key in keys.chars() {
                chain = chain.key_down(key);
                if !HELD.contains(&key) {
                    chain = chain.key_up(key);
                }
            }
            for key in keys.chars().filter(|key| HELD.contains(key)) {
                chain = chain.key_up(key);
            }
            chain.perform().await
        });
        pressed.unwrap();
    }

    /// Drags one element to another: so far below its middle, or above it.
    pub fn drag(&self, from: &str, to: &str, below: i64) {
        let dragged = self.run(async |driver| {
            let from = driver.find(By::Css(from.to_owned())).await?;
            let to = driver.find(By::Css(to.to_owned())).await?;
            driver
                .action_chain()
                .click_and_hold_element(&from)
                .move_to_element_center(&to)
                .move_by_offset(0, below)
                .release()
                .perform()
                .await
        });
        dragged.unwrap();
    }

    /// Makes the window as large as this.
    pub fn size(&self, width: u32, height: u32) {
        let sized = self.run(async |driver| driver.set_window_rect(0, 0, width, height).await);
        sized.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends chromium; the driver alone would leave it behind.
        if let Some(driver) = self.driver.take() {
            let _ = self.runtime.block_on(driver.quit());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A new token of this role.
pub fn token(folder: &Folder, role: &str) -> String {
    let ended = folder.cla(&["token", "create", "--role", role]);
    ended.printed().trim().to_owned()
}
