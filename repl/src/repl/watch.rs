//! `.sem --watch`: all semaphores, kept up to date until a key is pressed.

use std::io::{self, Write};
use std::time::Duration;

use cla_runtime::semaphore::Semaphores;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use ratatui::crossterm::{execute, queue};

use crate::render::{DIM, Line, Span};

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// The terminal while it is ours.
struct Taken;

impl Taken {
    fn take() -> io::Result<Self> {
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(Self)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Shows them until a key is pressed.
pub(super) fn watch(runtime: &tokio::runtime::Runtime, semaphores: &Semaphores) -> io::Result<()> {
    let _taken = Taken::take()?;
    let mut before = None;
    loop {
        let (width, height) = size()?;
        let mut lines = match runtime.block_on(semaphores.list()) {
            Ok(views) if views.is_empty() => {
                vec![Line(vec![Span::plain("there are no semaphores yet")])]
            }
            Ok(views) => crate::sem::all(&views, Some(usize::from(width))),
            Err(error) => vec![Line(vec![Span::plain(error.to_string())])],
        };
        lines.truncate(usize::from(height).saturating_sub(2));
        lines.push(Line::default());
        lines.push(Line(vec![Span::new("any key leaves", DIM)]));
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        if before.as_ref() != Some(&text) {
            let mut out = anstream::stdout().lock();
            queue!(io::stdout(), MoveTo(0, 0), Clear(ClearType::All))?;
            out.write_all(text.trim_end().as_bytes())?;
            out.flush()?;
            before = Some(text);
        }
        if event::poll(INTERVAL)? {
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => return Ok(()),
                Event::Resize(..) => before = None,
                _ => {}
            }
        }
    }
}
