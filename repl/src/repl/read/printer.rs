//! Output of other parts of the program, which appears above the prompt and leaves what is being typed as it is.
//!
//! The editor takes one message at a time, and none while a list of completions or a search is open. What
//! prints must not wait for the user, so messages queue for a thread that hands them on, in order.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use crate::repl::screen::Backlog;

/// Prints above the prompt. Clone it for each part of the program that prints.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    messages: mpsc::Sender<String>,
    backlog: Arc<Backlog>,
}

/// The thread behind the printers.
pub(crate) struct ExternalPrinter {
    printer: Printer,
    thread: JoinHandle<()>,
}

impl Printer {
    /// Prints whole lines. Never blocks; after the end of the reader, nothing is printed.
    pub(crate) fn print(&self, text: &str) {
        let mut text = text.to_owned();
        if text.is_empty() {
            return;
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.backlog.add(text.len());
        let _ = self.messages.send(text);
    }
}

impl ExternalPrinter {
    pub(crate) fn start(
        mut editor: impl rustyline::ExternalPrinter + Send + 'static,
        backlog: Arc<Backlog>,
    ) -> std::io::Result<Self> {
        let (messages, receiver) = mpsc::channel::<String>();
        let waiting = Arc::clone(&backlog);
        let thread = thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || {
                // An empty message is the end: printers may outlive the reader.
                while let Ok(mut text) = receiver.recv()
                    && !text.is_empty()
                {
                    // One message for all that waits: each makes the editor draw its line again.
                    let mut ended = false;
                    while let Ok(more) = receiver.try_recv() {
                        ended |= more.is_empty();
                        text.push_str(&more);
                    }
                    let bytes = text.len();
                    let printed = editor.print(text);
                    waiting.printed(bytes);
                    // The terminal is gone, so the error cannot be shown.
                    if printed.is_err() || ended {
                        break;
                    }
                }
            })?;
        Ok(Self {
            printer: Printer { messages, backlog },
            thread,
        })
    }

    pub(crate) fn printer(&self) -> Printer {
        self.printer.clone()
    }

    /// Prints what is left. The editor must be gone: it would keep the thread waiting.
    pub(crate) fn finish(self) {
        let _ = self.printer.messages.send(String::new());
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Paper(Arc<Mutex<String>>);

    impl rustyline::ExternalPrinter for Paper {
        fn print(&mut self, text: String) -> rustyline::Result<()> {
            self.0.lock().unwrap().push_str(&text);
            Ok(())
        }
    }

    #[test]
    fn everything_is_printed_in_order_and_as_whole_lines() {
        let paper = Arc::new(Mutex::new(String::new()));
        let external = ExternalPrinter::start(Paper(Arc::clone(&paper)), Arc::default()).unwrap();
        let printer = external.printer();
        for text in ["a", "b\n", "", "c\nd"] {
            printer.print(text);
        }
        external.finish();
        assert_eq!(*paper.lock().unwrap(), "a\nb\nc\nd\n");
        printer.print("too late, and no panic");
    }
}
