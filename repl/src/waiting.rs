//! What somebody sees who waits for a semaphore at a terminal: its place in line, and who holds the semaphore.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use cla_runtime::semaphore::{
    RequestView, SemaphoreName, SemaphoreView, Semaphores, Slots, Status, printable,
};
use unicode_width::UnicodeWidthChar;

use crate::durations::short;

/// Nothing is said before this: a user who waits for less needs nothing.
pub(crate) const DELAY: Duration = Duration::from_secs(1);

/// How often it is brought up to date.
const INTERVAL: Duration = Duration::from_millis(500);

/// The width of a terminal that does not say its width, in columns.
const WIDTH: usize = 80;

/// Back to the first column, and erase what stands in the line.
pub(crate) const ERASE: &str = "\r\x1b[K";

/// `waiting for "prod-db": place 3, held by deploy.js (pid 4021) for 1m 14s`. Without a place, it is about somebody who
/// stands in no line.
pub(crate) fn sentence(view: &SemaphoreView, place: Option<usize>) -> String {
    let name = printable(view.name.as_str());
    let mut parts = Vec::new();
    match place {
        Some(place) => parts.push(format!("place {place}")),
        None if view.waiting > 0 => parts.push(format!("{} in line", view.waiting)),
        None => {}
    }
    let is_busy = |request: &&RequestView| request.status == Status::Busy;
    let mut holders = view.requests.iter().filter(is_busy);
    match (holders.next(), holders.count()) {
        (Some(first), others) => parts.push(held_by(first, others)),
        (None, _) if view.slots == Slots::Limited(0) => parts.push("locked".to_owned()),
        (None, _) => {}
    }
    match parts.as_slice() {
        [] => format!("waiting for \"{name}\""),
        parts => format!("waiting for \"{name}\": {}", parts.join(", ")),
    }
}

/// Who has held it for the longest time, and how many others do.
fn held_by(first: &RequestView, others: usize) -> String {
    let who = printable(first.who.as_deref().unwrap_or("somebody")).into_owned();
    let pid = first.pid.map(|pid| format!(" (pid {pid})"));
    let since = first.ran.map(|ran| format!(" for {}", short(ran)));
    let others = match others {
        0 => String::new(),
        1 => " and one other".to_owned(),
        others => format!(" and {others} others"),
    };
    let (pid, since) = (pid.unwrap_or_default(), since.unwrap_or_default());
    format!("held by {who}{pid}{since}{others}")
}

/// As much of `text` as fits into `columns`.
pub(crate) fn truncated(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Whether a line that is written over again and again would be seen on standard error.
pub(crate) fn is_seen() -> bool {
    let plain = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !plain
}

/// A line on standard error, which is erased when this is dropped.
struct Notice(bool);

impl Notice {
    fn show(&mut self, text: &str) {
        let columns = terminal_size::terminal_size_of(io::stderr())
            .map_or(WIDTH, |(width, _)| usize::from(width.0));
        // A line that fills the last column would wrap in some terminals.
        let line = truncated(text, columns.saturating_sub(1));
        // A terminal that has gone shows nothing.
        let _ = write!(io::stderr(), "{ERASE}{line}");
        let _ = io::stderr().flush();
        self.0 = true;
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if self.0 {
            let _ = write!(io::stderr(), "{ERASE}");
            let _ = io::stderr().flush();
        }
    }
}

/// Waits for `future`; after a second, says at a terminal what it waits for: the request of this process at the semaphore, or
/// else the semaphore itself.
pub(crate) async fn noticed<F: Future>(
    semaphores: &Semaphores,
    name: &SemaphoreName,
    quiet: bool,
    future: F,
) -> F::Output {
    if quiet || !is_seen() {
        return future.await;
    }
    let mut notice = Notice(false);
    let say = async {
        tokio::time::sleep(DELAY).await;
        loop {
            // A store that does not answer is told of by the wait itself.
            if let Ok(Ok(Some(view))) = tokio::time::timeout(INTERVAL, semaphores.show(name)).await
            {
                notice.show(&sentence(&view, own_place(&view)));
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        biased;
        output = future => output,
        () = say => unreachable!("it goes on for ever"),
    }
}

/// The place of the request of this process.
fn own_place(view: &SemaphoreView) -> Option<usize> {
    let own = |request: &&RequestView| {
        request.status == Status::Waiting && request.pid == Some(std::process::id())
    };
    view.requests.iter().find(own)?.place
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::{Owner, Request};

    use super::*;

    #[tokio::test]
    async fn it_is_said_who_holds_it_and_which_place_one_has() {
        let semaphores = Semaphores::memory();
        let name = SemaphoreName::new("prod-db").unwrap();
        let request = |who: &str| Request::new().owner(Owner::process(who));
        let seen = async |place| sentence(&semaphores.show(&name).await.unwrap().unwrap(), place);
        let semaphore = semaphores.semaphore(&name);
        let one = semaphore
            .acquire()
            .with(request("deploy.js").slots(Slots::Limited(3)))
            .await
            .unwrap();
        let pid = std::process::id();
        let text = seen(Some(3)).await;
        let expected =
            format!("waiting for \"prod-db\": place 3, held by deploy.js (pid {pid}) for ");
        assert!(text.starts_with(&expected), "{text}");
        let _two = semaphore.acquire().with(request("other")).await.unwrap();
        assert!(seen(None).await.ends_with(" and one other"));
        let _three = semaphore.acquire().with(request("other")).await.unwrap();
        assert!(seen(None).await.ends_with(" and 2 others"));
        drop(one);
        assert_eq!(truncated("aé語x", 4), "aé語");
    }
}
