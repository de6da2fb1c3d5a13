//! What the panel knows and what its keys mean: inputs go in, [`Effect`]s come out, and what is to be
//! drawn can be asked. Does no I/O and reads no clock.

mod keyboard;
mod model;

use jiff::tz::TimeZone;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Rect;

use cla_runtime::semaphore::{RequestId, RequestView, SemaphoreName, SemaphoreView};

use super::command::TopCommand;
use super::cursor::Cursor;
use super::layout::{Layout, Pane};

pub(super) use self::model::{Listed, Sort, id, is_live, owner};

/// Seconds since the panel was opened, on a clock that never jumps.
pub(super) type Moment = f64;

/// The store should have answered by then.
const SLOW_ANSWER: Moment = 2.0;

/// What the panel learns.
#[derive(Debug)]
pub(super) enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// Text that was pasted at once: no keys.
    Paste(String),
    Resized(Rect),
    Read(Reading),
    /// The outcome of a [`TopCommand`].
    Done(Result<String, String>),
    /// Durations move on.
    Tick,
}

/// A reading of the store.
#[derive(Debug)]
pub(super) enum Reading {
    /// It has been asked.
    Begun,
    /// These are all there are, in the order of their names.
    All(Vec<SemaphoreView>),
    /// One of them, or that it is no longer there.
    One(SemaphoreName, Option<SemaphoreView>),
    /// It did not answer, and is asked again.
    Failed(String),
}

/// What the panel wants done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The user leaves.
    Leave,
    /// The same by Ctrl-C.
    Interrupt,
    Suspend,
    /// What is on the screen may not be what was drawn.
    Repaint,
    Command(TopCommand),
    /// Read the store no longer, or again.
    Pause(bool),
}

/// Whether the store answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Link {
    /// It has not been heard yet.
    Connecting,
    Live,
    /// It did not answer the last so many times.
    Failing(u32),
}

/// What is shown over the panes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Panes,
    /// Letters go into the search.
    Search,
    /// `y` does it.
    Question(Question),
    /// A text to read, from this line on.
    Help {
        top: u16,
    },
    Details {
        top: u16,
    },
}

/// Asked before something is done that cannot be undone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) command: TopCommand,
}

/// The last result or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) is_error: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct State {
    /// The store's URL, without a password.
    pub(super) store: String,
    pub(super) zone: TimeZone,
    pub(super) screen: Rect,
    pub(super) focus: Pane,
    pub(super) mode: Mode,
    pub(super) sort: Sort,
    /// What is searched for; empty when nothing is.
    pub(super) query: String,
    pub(super) message: Option<Message>,
    pub(super) link: Link,
    now: Moment,
    /// Since when the picture is frozen.
    frozen: Option<Moment>,
    /// Since when the store has not answered.
    asked: Option<Moment>,
    /// In the order of their names.
    semaphores: Vec<Listed>,
    /// Those to be seen, as places in `semaphores`, in the order in which they are shown.
    order: Vec<usize>,
    /// The same for the requests of the selected one.
    rows: Vec<usize>,
    left: Cursor<SemaphoreName>,
    right: Cursor<RequestId>,
    /// Of which `details` are shown, should it end meanwhile.
    detailed: Option<Detailed>,
    dirty: bool,
}

/// What Enter was pressed on, as it was last seen.
#[derive(Clone, Debug)]
pub(super) enum Detailed {
    Semaphore(Box<SemaphoreView>, Moment),
    Request(SemaphoreName, Box<RequestView>, Moment),
}

impl State {
    pub(super) fn new(store: String, zone: TimeZone, screen: Rect) -> Self {
        Self {
            store,
            zone,
            screen,
            focus: Pane::Semaphores,
            mode: Mode::Panes,
            sort: Sort::InUse,
            query: String::new(),
            message: None,
            link: Link::Connecting,
            now: 0.0,
            frozen: None,
            asked: None,
            semaphores: Vec::new(),
            order: Vec::new(),
            rows: Vec::new(),
            left: Cursor::default(),
            right: Cursor::default(),
            detailed: None,
            dirty: true,
        }
    }

    /// Learns something, at a moment that is not before the last one.
    pub(super) fn handle(&mut self, input: Input, now: Moment) -> Option<Effect> {
        self.now = now;
        match input {
            Input::Key(key) => {
                self.dirty = true;
                return self.key(key);
            }
            Input::Mouse(mouse) => self.mouse(mouse),
            Input::Paste(text) => self.paste(&text),
            Input::Resized(screen) => {
                self.screen = screen;
                self.dirty = true;
                self.follow();
            }
            Input::Read(reading) => self.read(reading),
            Input::Done(outcome) => {
                self.dirty = true;
                let is_error = outcome.is_err();
                let (Ok(text) | Err(text)) = outcome;
                self.message = Some(Message { text, is_error });
            }
            Input::Tick => self.dirty |= self.frozen.is_none() || self.silence().is_some(),
        }
        None
    }

    /// Whether what is to be drawn changed since this was asked.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// All is to be drawn anew.
    pub(super) fn spoil(&mut self) {
        self.dirty = true;
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// For how long the store has not answered, if that is longer than it should be.
    pub(super) fn silence(&self) -> Option<Moment> {
        let silence = self.now - self.asked?;
        (silence >= SLOW_ANSWER).then_some(silence)
    }

    /// The seconds that durations have moved on since they were read.
    pub(super) fn elapsed(&self, read_at: Moment) -> f64 {
        (self.frozen.unwrap_or(self.now) - read_at).max(0.0)
    }

    pub(super) fn layout(&self) -> Option<Layout> {
        Layout::of(self.screen, self.focus)
    }

    /// How many rows a pane has room for.
    fn height(&self, pane: Pane) -> usize {
        self.layout().map_or(1, |layout| layout.rows(pane)).max(1)
    }

    fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message {
            text: text.into(),
            is_error: true,
        });
    }

    fn read(&mut self, reading: Reading) {
        let reading = match reading {
            Reading::Begun => {
                self.asked.get_or_insert(self.now);
                return;
            }
            Reading::Failed(problem) => {
                self.asked = None;
                let failures = match self.link {
                    Link::Failing(failures) => failures,
                    _ => 0,
                };
                self.link = Link::Failing(failures.saturating_add(1));
                self.say(problem);
                self.dirty = true;
                return;
            }
            reading => reading,
        };
        self.asked = None;
        if let Link::Failing(_) = self.link {
            self.message = Some(Message {
                text: "the semaphore store answers again".to_owned(),
                is_error: false,
            });
            self.dirty = true;
        }
        self.link = Link::Live;
        // What was on its way when the picture was frozen is read again when that is over.
        if self.frozen.is_some() {
            return;
        }
        match reading {
            Reading::All(views) => {
                let listed = |view| Listed::new(view, self.now);
                self.semaphores = views.into_iter().map(listed).collect();
                self.semaphores
                    .sort_by(|a, b| a.view.name.cmp(&b.view.name));
            }
            Reading::One(name, view) => self.replace(&name, view),
            Reading::Begun | Reading::Failed(_) => {}
        }
        self.dirty = true;
        self.refresh();
    }

    fn replace(&mut self, name: &SemaphoreName, view: Option<SemaphoreView>) {
        let found = self
            .semaphores
            .binary_search_by(|listed| listed.view.name.cmp(name));
        match (found, view) {
            (Ok(at), Some(view)) => self.semaphores[at] = Listed::new(view, self.now),
            (Err(at), Some(view)) => self.semaphores.insert(at, Listed::new(view, self.now)),
            (Ok(at), None) => drop(self.semaphores.remove(at)),
            (Err(_), None) => {}
        }
    }

    fn freeze(&mut self) -> Effect {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => Some(self.now),
        };
        Effect::Pause(self.frozen.is_some())
    }
}

#[cfg(test)]
pub(super) mod tests;
