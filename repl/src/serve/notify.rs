//! Messages to a service manager (systemd's `Type=notify`): the service is ready, it works, it ends.
//!
//! Without a manager that asks for it, nothing is sent.

use std::time::Duration;

/// The socket that the manager listens on.
#[cfg(target_os = "linux")]
const SOCKET: &str = "NOTIFY_SOCKET";

/// Within how many microseconds the manager wants to hear that the service works.
const WATCHDOG: &str = "WATCHDOG_USEC";

/// The process that is meant, if the manager says which.
const WATCHDOG_PROCESS: &str = "WATCHDOG_PID";

/// The service is ready for requests.
pub(super) fn ready() {
    send("READY=1");
}

/// It is about to end.
pub(super) fn stopping() {
    send("STOPPING=1");
}

/// Says again and again that it works, as often as the manager wants it; never ends.
pub(super) async fn keep_saying_that_it_works() {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_meant = number(WATCHDOG_PROCESS).is_none_or(|pid| pid == u64::from(std::process::id()));
    let Some(within) = number(WATCHDOG).filter(|within| *within > 0 && is_meant) else {
        return std::future::pending().await;
    };
    // Twice as often, as systemd recommends.
    let between = Duration::from_micros(within / 2).max(Duration::from_millis(1));
    loop {
        tokio::time::sleep(between).await;
        send("WATCHDOG=1");
    }
}

#[cfg(target_os = "linux")]
fn send(text: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(name) = std::env::var_os(SOCKET) else {
        return;
    };
    let bytes = name.as_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let sent = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(text.as_bytes(), &address)
    });
    if let Err(error) = sent {
        tracing::warn!(%error, text, "cannot notify the service manager");
    }
}

#[cfg(not(target_os = "linux"))]
fn send(_: &str) {}
