//! What keys and the mouse mean.

use cla_runtime::semaphore::{RequestView, SemaphoreName, Slots, Status};
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Position;

use super::model::label;
use super::{Effect, Mode, Question, State};
use crate::sem::top::command::{Place, Target, TopCommand};
use crate::sem::top::layout::Pane;

/// How far the wheel moves.
const WHEEL: isize = 3;

/// The longest search. A key that is held down may type more.
const LONGEST_QUERY: usize = 100;

impl State {
    pub(super) fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Some(Effect::Interrupt),
                KeyCode::Char('z') => return Some(Effect::Suspend),
                KeyCode::Char('l') => return Some(Effect::Repaint),
                KeyCode::Char(_) => return None,
                _ => {}
            }
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            return None;
        }
        match self.mode {
            Mode::Question(_) => self.answer(key.code),
            Mode::Search => self.type_query(key),
            Mode::Help { .. } | Mode::Details { .. } => self.scroll_text(key.code),
            Mode::Panes => self.in_panes(key),
        }
    }

    /// Keys that mean the same in both panes, while nothing is over them.
    fn in_panes(&mut self, key: KeyEvent) -> Option<Effect> {
        if self.moves(key) {
            return None;
        }
        // What the last key came to has been read.
        self.message = None;
        match key.code {
            KeyCode::Tab | KeyCode::BackTab => self.focus = self.focus.other(),
            KeyCode::Left | KeyCode::Char('h') => self.focus = Pane::Semaphores,
            KeyCode::Right | KeyCode::Char('l') => self.focus = Pane::Requests,
            KeyCode::Enter => {
                if self.detail() {
                    self.mode = Mode::Details { top: 0 };
                }
            }
            KeyCode::Char('/') => self.mode = Mode::Search,
            KeyCode::Char('s') => {
                self.sort = self.sort.next();
                self.refresh();
            }
            KeyCode::Char('p') => return Some(self.freeze()),
            KeyCode::Char('?') | KeyCode::F(1) => self.mode = Mode::Help { top: 0 },
            KeyCode::Char('q') => return Some(Effect::Leave),
            KeyCode::Esc if self.query.is_empty() => return Some(Effect::Leave),
            KeyCode::Esc => self.end_search(),
            _ => match self.focus {
                Pane::Semaphores => return self.at_semaphore(key),
                Pane::Requests => return self.at_request(key),
            },
        }
        None
    }

    /// Whether the key moves the selection; if so it has.
    fn moves(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.contains(KeyModifiers::SHIFT)
            && matches!(key.code, KeyCode::Up | KeyCode::Down)
        {
            return false;
        }
        let pane = self.focus;
        let page = self.height(pane).cast_signed();
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.move_by(pane, -1),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(pane, 1),
            KeyCode::PageUp => self.move_by(pane, -page),
            KeyCode::PageDown => self.move_by(pane, page),
            KeyCode::Home => self.select(pane, 0),
            KeyCode::End => self.select(pane, usize::MAX),
            _ => return false,
        }
        true
    }

    fn move_by(&mut self, pane: Pane, rows: isize) {
        let (at, _) = self.selection(pane);
        self.select(pane, at.saturating_add_signed(rows));
    }

    fn at_semaphore(&mut self, key: KeyEvent) -> Option<Effect> {
        let Some(listed) = self.selected_semaphore() else {
            self.hint(key.code);
            return None;
        };
        let view = &listed.view;
        let name = view.name.clone();
        let (busy, waiting) = (view.busy, view.waiting);
        let lives = busy + listed.granted;
        let command = match key.code {
            KeyCode::Char('+' | '=') | KeyCode::Up => TopCommand::Raise(name),
            KeyCode::Char('-' | '_') | KeyCode::Down if view.slots == Slots::LOCKED => {
                let text = format!(
                    "Lower \"{name}\" below 0? Its slots are then unlimited: {waiting} waiting would \
                     all be let in at once."
                );
                let below_zero = true;
                return self.ask(text, TopCommand::Lower { name, below_zero });
            }
            KeyCode::Char('-' | '_') | KeyCode::Down => TopCommand::Lower {
                name,
                below_zero: false,
            },
            KeyCode::Char('0') => TopCommand::SetSlots(name, Slots::LOCKED),
            KeyCode::Char('u') if view.slots != Slots::Unlimited => {
                let text = format!(
                    "Open \"{name}\"? Its slots are then unlimited: {waiting} waiting would all be let in at once."
                );
                return self.ask(text, TopCommand::SetSlots(name, Slots::Unlimited));
            }
            KeyCode::Char('u') => TopCommand::SetSlots(name, Slots::Unlimited),
            KeyCode::Char('d') => TopCommand::Unpin(name),
            KeyCode::Char('P') => {
                let text = format!(
                    "Purge \"{name}\"? {lives} busy would lose their permits while they still work, \
                     and {waiting} waiting would all be let in at once."
                );
                return self.ask(text, TopCommand::Purge(name));
            }
            KeyCode::Char('R') => {
                let text = format!(
                    "Release \"{name}\" by force? {lives} busy would lose their permits while they \
                     still work."
                );
                return self.ask(text, TopCommand::Release(name));
            }
            KeyCode::Char('F') if listed.is_in_use() => {
                self.say(format!(
                    "\"{name}\" is in use; only an idle semaphore can be forgotten"
                ));
                return None;
            }
            KeyCode::Char('F') => {
                let pinned = if view.pinned {
                    ", and the number of slots that was set for it"
                } else {
                    ""
                };
                let text = format!("Forget \"{name}\"{pinned}?");
                return self.ask(text, TopCommand::Forget(name));
            }
            code => {
                self.hint(code);
                return None;
            }
        };
        Some(Effect::Command(command))
    }

    fn at_request(&mut self, key: KeyEvent) -> Option<Effect> {
        let selected = self.selected_semaphore().zip(self.selected_request());
        let Some((listed, request)) = selected else {
            self.hint(key.code);
            return None;
        };
        let semaphore = listed.view.name.clone();
        let target = target(semaphore, request);
        let is_waiting = request.status == Status::Waiting;
        let command = match key.code {
            KeyCode::Char('g') => TopCommand::Grant(target),
            KeyCode::Char('c') => TopCommand::Cancel(target),
            KeyCode::Char('K') | KeyCode::Up => TopCommand::Move(target, Place::Up),
            KeyCode::Char('J') | KeyCode::Down => TopCommand::Move(target, Place::Down),
            KeyCode::Char('1') => TopCommand::Move(target, Place::First),
            code => {
                self.hint(code);
                return None;
            }
        };
        if !is_waiting {
            let (label, status) = (label(request), request.status.as_str().replace('_', " "));
            self.say(format!(
                "{label} is {status}; only one that waits can be granted, cancelled or moved"
            ));
            return None;
        }
        if let TopCommand::Cancel(target) = &command {
            let Target {
                label, semaphore, ..
            } = target;
            let text = format!(
                "Cancel {label}? It waits for \"{semaphore}\", and would fail with `Semaphore cancel`."
            );
            return self.ask(text, command);
        }
        Some(Effect::Command(command))
    }

    /// For a key that would mean something elsewhere.
    fn hint(&mut self, code: KeyCode) {
        let KeyCode::Char(key) = code else { return };
        let elsewhere = match (self.focus, key) {
            (Pane::Semaphores, 'g' | 'c' | 'K' | 'J' | '1') => {
                "a request on the right: Tab goes there"
            }
            (Pane::Requests, '+' | '=' | '-' | '_' | '0' | 'u' | 'd' | 'P' | 'R' | 'F') => {
                "a semaphore on the left: Tab goes there"
            }
            _ => return,
        };
        self.say(format!("{key} is for {elsewhere}"));
    }

    fn ask(&mut self, text: String, command: TopCommand) -> Option<Effect> {
        self.mode = Mode::Question(Question { text, command });
        None
    }

    fn answer(&mut self, code: KeyCode) -> Option<Effect> {
        let yes = match code {
            KeyCode::Char('y' | 'Y') => true,
            // A key from before the question was seen is no answer.
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc | KeyCode::Enter => false,
            _ => return None,
        };
        let Mode::Question(question) = std::mem::replace(&mut self.mode, Mode::Panes) else {
            return None;
        };
        if yes {
            return Some(Effect::Command(question.command));
        }
        self.say("nothing was done");
        None
    }

    fn type_query(&mut self, key: KeyEvent) -> Option<Effect> {
        match key.code {
            KeyCode::Esc => self.end_search(),
            KeyCode::Enter => self.mode = Mode::Panes,
            KeyCode::Backspace if self.query.is_empty() => self.mode = Mode::Panes,
            KeyCode::Backspace => {
                self.query.pop();
                self.refresh();
            }
            KeyCode::Char(letter) => self.type_letters(&letter.to_string()),
            KeyCode::Tab | KeyCode::BackTab => self.focus = self.focus.other(),
            _ => {
                self.moves(key);
            }
        }
        None
    }

    fn type_letters(&mut self, text: &str) {
        let room = LONGEST_QUERY.saturating_sub(self.query.chars().count());
        let letters = text.chars().filter(|letter| !letter.is_control());
        self.query.extend(letters.take(room));
        self.refresh();
    }

    fn end_search(&mut self) {
        self.mode = Mode::Panes;
        self.query.clear();
        self.refresh();
    }

    /// Pasted text is searched for, or nothing: it is no series of commands.
    pub(super) fn paste(&mut self, text: &str) {
        if self.mode == Mode::Search {
            self.type_letters(text);
            self.dirty = true;
        }
    }

    fn scroll_text(&mut self, code: KeyCode) -> Option<Effect> {
        let page = self.screen.height / 2;
        let (Mode::Help { top } | Mode::Details { top }) = &mut self.mode else {
            return None;
        };
        match code {
            KeyCode::Up | KeyCode::Char('k') => *top = top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *top = top.saturating_add(1),
            KeyCode::PageUp => *top = top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => *top = top.saturating_add(page),
            KeyCode::Home => *top = 0,
            _ => self.mode = Mode::Panes,
        }
        self.hold_text();
        None
    }

    /// A text is not scrolled beyond its end.
    fn hold_text(&mut self) {
        let last = super::super::draw::last_top(self);
        if let Mode::Help { top } | Mode::Details { top } = &mut self.mode {
            *top = last.min(*top);
        }
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent) {
        let position = Position::new(mouse.column, mouse.row);
        let place = self.layout().and_then(|layout| layout.at(position));
        if !matches!(self.mode, Mode::Panes | Mode::Search) {
            return;
        }
        let Some((pane, row)) = place else { return };
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.focus = pane;
                let (_, top) = self.selection(pane);
                if let Some(at) = row.map(|row| top + row)
                    && at < self.count(pane)
                {
                    self.select(pane, at);
                }
            }
            MouseEventKind::ScrollUp => self.move_by(pane, -WHEEL),
            MouseEventKind::ScrollDown => self.move_by(pane, WHEEL),
            _ => return,
        }
        self.dirty = true;
    }
}

fn target(semaphore: SemaphoreName, request: &RequestView) -> Target {
    Target {
        id: request.id,
        semaphore,
        label: label(request),
    }
}
