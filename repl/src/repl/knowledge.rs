//! What the reading side knows of the session: names that can be completed, and whether a text is whole.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cla_runtime::internal::InputState;
use cla_runtime::semaphore::{SemaphoreView, Status};

use super::commands::COMMANDS;
use super::console::Console;
use super::read::{Knowledge, Member, Mode, State};
use crate::render::ShortIds;

/// How long to wait for names; later ones are not completed.
const PATIENCE: Duration = Duration::from_millis(200);

/// The session, as far as a prompt looks into it.
pub(super) struct Session {
    console: Rc<RefCell<Console>>,
}

impl Session {
    pub(super) fn new(console: Rc<RefCell<Console>>) -> Self {
        Self { console }
    }

    fn views(&self) -> Vec<SemaphoreView> {
        let console = self.console.borrow();
        let list = console.semaphores.list();
        let list = console
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, list).await });
        list.ok().and_then(Result::ok).unwrap_or_default()
    }
}

impl Knowledge for Session {
    fn state(&self, text: &str, mode: Mode) -> State {
        match Console::state(text, mode) {
            InputState::Incomplete => State::Incomplete,
            InputState::Invalid {
                message,
                line,
                column,
            } => State::Invalid {
                message,
                line,
                column,
            },
            _ => State::Complete,
        }
    }

    fn members(&self, path: &[String]) -> Vec<Member> {
        let console = self.console.borrow();
        let path = path.to_vec();
        let members = console
            .session
            .look(move |ctx, _| cla_stdlib::members(ctx, &path));
        let members = console
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, members).await });
        let members = members.ok().and_then(Result::ok).unwrap_or_default();
        let members = members.into_iter().map(|member| Member {
            name: member.name,
            function: member.function,
        });
        members.collect()
    }

    fn semaphores(&self) -> Vec<String> {
        let views = self.views().into_iter();
        views.map(|view| view.name.as_str().to_owned()).collect()
    }

    fn modules(&self) -> Vec<String> {
        let modules = cla_stdlib::modules().chain(cla_rulebook::modules());
        modules.map(str::to_owned).collect()
    }

    fn commands(&self) -> Vec<(String, String)> {
        let commands = COMMANDS.iter();
        commands
            .map(|command| (command.name.to_owned(), command.about.to_owned()))
            .collect()
    }

    fn snippets(&self) -> Vec<String> {
        let snippets = self.console.borrow().snippets.list().unwrap_or_default();
        snippets.into_iter().map(|snippet| snippet.name).collect()
    }

    fn requests(&self) -> Vec<String> {
        let views = self.views();
        let ids = ShortIds::of(&views);
        let waiting = views
            .iter()
            .flat_map(|view| &view.requests)
            .filter(|request| request.status == Status::Waiting);
        waiting.map(|request| ids.get(request.id)).collect()
    }

    fn runs(&self) -> Vec<String> {
        self.console.borrow().background.live()
    }
}
