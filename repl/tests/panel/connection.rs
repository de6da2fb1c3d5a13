//! Connections that are lost and found.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;

use super::page::{Stage, until_counts};
use crate::common::Folder;
use crate::common::browser::Browser;
use crate::common::browser::token;
use crate::common::http::Service;

/// A way to the service that can be cut, as that of a computer which is carried out of the house.
struct Way {
    address: String,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Way {
    /// To a service that is not there yet: `to` says where it is when it is.
    fn start(to: &Arc<Mutex<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let (way, to) = (Arc::clone(&open), Arc::clone(to));
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let mut way = way.lock().unwrap();
                // While it is cut, connections end at once.
                let Some(streams) = &mut *way else { continue };
                let far = TcpStream::connect(to.lock().unwrap().as_str()).unwrap();
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || carry(from, to));
                }
                streams.extend([near, far]);
            }
        });
        Self { address, open }
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().take().into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        *self.open.lock().unwrap() = Some(Vec::new());
    }
}

/// Carries bytes one way until an end.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn what_was_missed_while_the_network_was_away_is_caught_up() {
    let to = Arc::new(Mutex::new(String::new()));
    let way = Way::start(&to);
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &["--host", &way.address]);
    to.lock().unwrap().clone_from(&service.address);
    let browser = Browser::start();
    browser.sign_in(&way.address, "/", &token(&folder, "operator"));
    let slots = |name: &str, slots: &str| {
        folder.cla(&["sem", "slots", name, slots]).printed();
    };
    slots("x", "2");
    until_counts(&browser, "x", "2 0 0");

    way.cut();
    browser.until_text("#banner", "Connection lost, trying again");
    slots("x", "5");
    slots("y", "1");
    way.mend();
    until_counts(&browser, "x", "5 0 0");
    until_counts(&browser, "y", "1 0 0");
    browser.until(
        "it says no more",
        "return document.querySelector('#banner').hidden",
    );
    // And it is live again.
    slots("x", "6");
    until_counts(&browser, "x", "6 0 0");
}

#[test]
fn after_a_server_was_killed_and_came_back_one_signs_in_where_one_was() {
    let mut stage = Stage::with(&[], &[]);
    stage.cla(&["sem", "slots", "x", "2"]);
    let Stage {
        browser,
        folder,
        service,
        ..
    } = &mut stage;
    browser.open(&service.address, "/semaphores/x");
    until_counts(browser, "x", "2 0 0");
    service.running.send(Signal::SIGKILL);
    service.running.exit_code();
    browser.until_text("#banner", "Connection lost, trying again");
    folder.cla(&["sem", "slots", "x", "3"]).printed();
    let address = service.address.clone();
    *service = Service::at(folder, &address);
    // Sessions end with the service that began them.
    browser.until_text("#banner", "You are signed out");
    browser.click_named("Sign in again");
    browser.type_into("input[name=token]", &token(folder, "operator"));
    browser.click_named("Sign in");
    until_counts(browser, "x", "3 0 0");
    assert_eq!(browser.js("return location.pathname", &[]), "/semaphores/x");
}

#[test]
fn while_the_store_is_away_the_panel_says_so_and_shows_what_was() {
    let server = cla_tests::redis::Server::start();
    let url = server.url();
    let stage = Stage::with(&[], &["--store", &url]);
    stage.cla(&["sem", "slots", "x", "2"]);
    let browser = &stage.browser;
    until_counts(browser, "x", "2 0 0");
    server.freeze();
    browser.until_text("#banner", "cannot reach its store");
    until_counts(browser, "x", "2 0 0");
    server.thaw();
    browser.until(
        "it says no more",
        "return document.querySelector('#banner').hidden",
    );
    stage.cla(&["sem", "slots", "x", "7"]);
    until_counts(browser, "x", "7 0 0");
}
