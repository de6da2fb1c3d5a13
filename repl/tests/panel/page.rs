//! What stands on the page of the semaphores, for tests.

use serde_json::json;

use crate::common::browser::Browser;
use crate::common::http::Service;
use crate::common::{Folder, Running};

/// A service with a browser at it, and rules in other processes that take `mysem`.
pub(crate) struct Stage {
    pub(crate) folder: Folder,
    pub(crate) store: Vec<String>,
    pub(crate) service: Service,
    pub(crate) browser: Browser,
}

/// The rule `NAME.js`: takes `mysem`, says how, and keeps it until there is a semaphore `stop-NAME`.
pub(crate) fn rule(name: &str) -> (String, String) {
    let text = format!(
        "const sem = require('cla/sem'), util = require('cla/util');
         sem.take('mysem', (permit) => {{
             print(permit.granted ? 'granted' : 'in');
             while (!sem.show('stop-{name}')) util.sleep(0.02);
         }});
         print('out')"
    );
    (format!("{name}.js"), text)
}

impl Stage {
    /// With these files, and the arguments that say which store.
    pub(crate) fn with(files: &[(String, String)], store: &[&str]) -> Self {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let folder = Folder::with(&files);
        let service = Service::start(&folder, store);
        let browser = Browser::signed_in(&service, &folder, "operator");
        Self {
            store: store.iter().map(|&argument| argument.to_owned()).collect(),
            folder,
            service,
            browser,
        }
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let store = self.store.iter().map(String::as_str);
        arguments.iter().copied().chain(store).collect()
    }

    /// Starts a rule in a process of its own.
    pub(crate) fn run(&self, file: &str) -> Running {
        self.folder.start(&self.arguments(&["run", file]))
    }

    pub(crate) fn cla(&self, arguments: &[&str]) {
        self.folder.cla(&self.arguments(arguments)).printed();
    }

    /// Lets the rule `NAME.js` go on.
    pub(crate) fn stop(&self, name: &str) {
        self.cla(&["sem", "slots", &format!("stop-{name}"), "1"]);
    }
}

/// The rows of the queue that is shown, without those that have ended: `a.js busy`, `b.js busy granted`, `c.js waiting 1`.
pub(crate) fn rows(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('tr.request.is-waiting, tr.request.is-busy')].map((row) =>
        [row.querySelector('.who').textContent, row.querySelector('.status').innerText.trim(),
         row.querySelector('.badge')?.innerText, row.querySelector('.c-place').innerText.trim()]
            .filter((part) => part).join(' '))";
    let rows = browser.js(script, &[]);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row.as_str().unwrap().to_owned()).collect()
}

#[track_caller]
pub(crate) fn until_rows(browser: &Browser, wanted: &[&str]) {
    browser.until_it(&format!("the rows are {wanted:?}"), || {
        let is = rows(browser);
        if is == wanted {
            Ok(())
        } else {
            Err(format!("{is:?}"))
        }
    });
}

/// Waits until the explorer says of a semaphore: slots, busy, waiting.
#[track_caller]
pub(crate) fn until_counts(browser: &Browser, name: &str, wanted: &str) {
    let script = "const row = [...document.querySelectorAll('#semaphores tr[data-semaphore]')]
            .find((row) => row.dataset.semaphore === arguments[0]);
        return row ? [row.querySelector('.value').innerText, row.querySelector('.of-busy.c-count').innerText,
            row.querySelector('.of-waiting.c-count').innerText].map((text) => text.trim()).join(' ') : 'not there'";
    browser.until_it(&format!("{name} has {wanted}"), || {
        let is = browser.js(script, &[json!(name)]);
        if is == wanted {
            Ok(())
        } else {
            Err(is.to_string())
        }
    });
}

/// Waits until the number of slots at the head of the queue is this.
#[track_caller]
pub(crate) fn until_slots(browser: &Browser, wanted: &str) {
    browser.until_it(&format!("there are {wanted} slots"), || {
        let is = browser.text("#queue .stepper .value");
        if is.trim() == wanted { Ok(()) } else { Err(is) }
    });
}

/// Clicks the arrow up or down beside the name.
pub(crate) fn arrow(browser: &Browser, up: bool) {
    let which = if up { "last-of-type" } else { "first-of-type" };
    browser.click(&format!("#queue .stepper button:{which}"));
}
