//! The rows of both panes.

use anstyle::Style;
use cla_runtime::semaphore::{Priority, RequestView, Status};
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::columns::{Wish, fit};
use super::{Canvas, columns_of};
use crate::durations::short;
use crate::render::{self, Align, BOLD, DIM, GREEN, Span, YELLOW};
use crate::sem::top::layout::Pane;
use crate::sem::top::state::{Listed, Moment, State, id, is_live, owner};

/// In front of the selected row, and of the others.
const MARKER: (&str, u16) = ("▸", 2);

/// The longest that durations are: `59m 59s`.
const DURATION: u16 = 7;

/// Panes from this width on have room between their columns.
const ROOMY: u16 = 72;

/// What a column is about, with its title.
type Titled<F> = (F, &'static str, Align);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfSemaphore {
    Name,
    Slots,
    Busy,
    Waiting,
}

/// How wide `○ waiting, does not answer (1m 05s)` is.
const UNRESPONSIVE: u16 = 35;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OfRequest {
    Status,
    Place,
    Id,
    Who,
    Owner,
    Run,
    Priority,
    Waited,
    Ran,
    Token,
    Expires,
}

pub(super) fn semaphores(state: &State, area: Rect, canvas: &mut Canvas<'_>) {
    use OfSemaphore::{Busy, Name, Slots, Waiting};
    let visible: Vec<&Listed> = state
        .visible_semaphores()
        .take(usize::from(area.height))
        .collect();
    let cell = |listed: &Listed, field| {
        let view = &listed.view;
        let style = |count, style| if count == 0 { DIM } else { style };
        match field {
            Name => Span::new(view.name.as_str(), BOLD),
            // The mark has its own place, so that numbers stand below each other.
            Slots => {
                let pin = if view.pinned { "*" } else { " " };
                Span::new(format!("{}{pin}", render::slots(view.slots)), YELLOW)
            }
            Busy => Span::new(view.busy.to_string(), style(view.busy, GREEN)),
            Waiting => Span::new(view.waiting.to_string(), style(view.waiting, YELLOW)),
        }
    };
    let titles = [
        (Name, "NAME", Align::Left),
        (Slots, "SLOTS ", Align::Right),
        (Busy, "BUSY", Align::Right),
        (Waiting, "WAITING", Align::Right),
    ];
    let wishes = titles.map(|(field, title, _)| {
        let widest = visible.iter().map(|listed| width(&cell(listed, field)));
        let widest = widest.max().unwrap_or(0).max(title.width() as u16);
        match field {
            // It takes all there is: the others stay where they are while one scrolls.
            Name => Wish {
                field,
                least: 8,
                most: u16::MAX,
                importance: 3,
            },
            Slots | Busy | Waiting => Wish {
                field,
                least: widest,
                most: widest,
                importance: 2,
            },
        }
    });
    let table = Table::new(&titles, &wishes, area, canvas);
    for (row, listed) in visible.iter().enumerate() {
        let cells = |field| cell(listed, field);
        table.row(state, Pane::Semaphores, row, &cells, canvas);
    }
}

pub(super) fn requests(state: &State, read_at: Moment, area: Rect, canvas: &mut Canvas<'_>) {
    use OfRequest::{
        Expires, Id, Owner, Place, Priority as Prio, Ran, Run, Status as State_, Token, Waited, Who,
    };
    let elapsed = state.elapsed(read_at);
    let visible: Vec<&RequestView> = state
        .visible_requests()
        .take(usize::from(area.height))
        .collect();
    let cell = |request: &RequestView, field| request_cell(request, elapsed, field);
    let titles = [
        (State_, "STATUS", Align::Left),
        (Place, "#", Align::Right),
        (Id, "ID", Align::Left),
        (Who, "WHO", Align::Left),
        (Owner, "OWNER", Align::Left),
        (Run, "RUN", Align::Left),
        (Prio, "PRIO", Align::Right),
        (Waited, "WAITED", Align::Right),
        (Ran, "RAN", Align::Right),
        (Token, "TOKEN", Align::Right),
        (Expires, "EXPIRES", Align::Right),
    ];
    let all = state
        .selected_semaphore()
        .map_or(&[][..], |listed| &listed.view.requests);
    let uses = Uses::of(all);
    let least_who = if area.width < ROOMY { 8 } else { 14 };
    let wishes: Vec<Wish<OfRequest>> = titles
        .iter()
        .filter(|(field, ..)| uses.shows(*field))
        .map(|(field, title, _)| {
            let field = *field;
            let widest = visible.iter().map(|request| width(&cell(request, field)));
            let widest = widest.max().unwrap_or(0).max(title.width() as u16);
            // What changes with time or while one scrolls has a width of its own.
            let (least, most, importance) = match field {
                State_ if uses.unresponsive => (15, UNRESPONSIVE, 20),
                State_ if uses.granted => (15, 15, 20),
                State_ => (11, 11, 20),
                Who => (least_who, widest.max(least_who), 19),
                Waited => (DURATION, DURATION, 18),
                Ran => (DURATION, DURATION, 17),
                Place => (uses.places, uses.places, 16),
                Owner => (12, widest.max(12), 15),
                Expires => (DURATION, DURATION, 14),
                Prio => (widest, widest, 13),
                Token => (widest, widest, 12),
                Id => (8, 8, 11),
                Run => (8, 8, 10),
            };
            Wish {
                field,
                least,
                most,
                importance,
            }
        })
        .collect();
    let table = Table::new(&titles, &wishes, area, canvas);
    for (row, request) in visible.iter().enumerate() {
        let cells = |field| cell(request, field);
        table.row(state, Pane::Requests, row, &cells, canvas);
    }
}

fn request_cell(request: &RequestView, elapsed: f64, field: OfRequest) -> Span {
    let is = |status| request.status == status;
    let on = |seconds: f64, goes_on| short(if goes_on { seconds + elapsed } else { seconds });
    let style = render::style(request);
    let plain = |text: Option<String>| Span::plain(text.unwrap_or_default());
    match field {
        OfRequest::Status => {
            let (symbol, word) = (
                render::symbol(request.status),
                render::status(request, elapsed),
            );
            Span::new(format!("{symbol} {word}"), style)
        }
        OfRequest::Place => plain(request.place.map(|place| place.to_string())),
        OfRequest::Id => Span::new(id(request), DIM),
        OfRequest::Who => Span::plain(request.who.as_deref().unwrap_or_default()),
        OfRequest::Owner => Span::plain(owner(request)),
        OfRequest::Run => {
            let run = request
                .run
                .map(|run| run.to_string().chars().take(8).collect());
            plain(run)
        }
        OfRequest::Priority => {
            let unusual = Some(request.priority).filter(|it| *it != Priority::default());
            plain(unusual.map(|priority| priority.to_string()))
        }
        OfRequest::Waited => Span::plain(on(request.waited, is(Status::Waiting))),
        OfRequest::Ran => plain(request.ran.map(|ran| on(ran, is(Status::Busy)))),
        OfRequest::Token => plain(request.token.map(|token| token.to_string())),
        OfRequest::Expires => {
            let left = render::ttl_left(request).filter(|_| is(Status::Busy));
            plain(left.map(|left| short(left - elapsed)))
        }
    }
}

/// Which columns would be empty from top to bottom of the whole line.
struct Uses {
    unresponsive: bool,
    granted: bool,
    run: bool,
    priority: bool,
    token: bool,
    ran: bool,
    expires: bool,
    /// How wide the places are.
    places: u16,
}

impl Uses {
    fn of(requests: &[RequestView]) -> Self {
        let any = |uses: fn(&RequestView) -> bool| requests.iter().any(uses);
        let last = requests.iter().filter_map(|request| request.place).max();
        Self {
            unresponsive: any(|request| request.unresponsive_since.is_some()),
            granted: any(|request| request.granted && is_live(request)),
            run: any(|request| request.run.is_some()),
            priority: any(|request| request.priority != Priority::default()),
            token: any(|request| request.token.is_some()),
            ran: any(|request| request.ran.is_some()),
            expires: any(|request| request.expires_at.is_some()),
            places: last.map_or(0, |last| last.to_string().len() as u16),
        }
    }

    fn shows(&self, field: OfRequest) -> bool {
        match field {
            OfRequest::Place => self.places > 0,
            OfRequest::Run => self.run,
            OfRequest::Priority => self.priority,
            OfRequest::Token => self.token,
            OfRequest::Ran => self.ran,
            OfRequest::Expires => self.expires,
            _ => true,
        }
    }
}

fn width(span: &Span) -> u16 {
    columns_of(std::slice::from_ref(span))
}

/// Where the cells of a pane's rows go.
struct Table<F> {
    columns: Vec<(F, Align, u16)>,
    gap: u16,
    area: Rect,
}

impl<F: Copy + PartialEq> Table<F> {
    /// Draws the titles.
    fn new(titles: &[Titled<F>], wishes: &[Wish<F>], area: Rect, canvas: &mut Canvas<'_>) -> Self {
        let gap = if area.width < ROOMY { 1 } else { 2 };
        let room = area.width.saturating_sub(MARKER.1);
        let fitting = fit(wishes, gap, room);
        let columns = fitting.into_iter().filter_map(|(field, width)| {
            let (.., align) = titles.iter().find(|(titled, ..)| *titled == field)?;
            Some((field, *align, width))
        });
        let table = Self {
            columns: columns.collect(),
            gap,
            area,
        };
        let title = |field: F| {
            let found = titles.iter().find(|(titled, ..)| *titled == field);
            Span::new(found.map_or("", |(_, title, _)| title), DIM)
        };
        table.cells(area.y - 1, &title, false, canvas);
        table
    }

    /// Draws one row.
    fn row(
        &self,
        state: &State,
        pane: Pane,
        row: usize,
        cells: &dyn Fn(F) -> Span,
        canvas: &mut Canvas<'_>,
    ) {
        let Rect { x, width, .. } = self.area;
        let y = self.area.y + row as u16;
        let (at, top) = state.selection(pane);
        let is_selected = at == top + row;
        let is_current = is_selected && state.focus == pane;
        if is_selected {
            canvas.put(x, y, 1, &[Span::new(MARKER.0, BOLD)]);
        }
        self.cells(y, cells, is_current, canvas);
        if is_current {
            let line = Rect::new(x, y, width, 1);
            let style = ratatui::style::Style::new().add_modifier(Modifier::REVERSED);
            canvas.buffer.set_style(line, style);
        }
    }

    fn cells(&self, y: u16, cell: &dyn Fn(F) -> Span, is_current: bool, canvas: &mut Canvas<'_>) {
        let mut x = self.area.x + MARKER.1;
        for (field, align, column) in &self.columns {
            let mut span = cell(*field);
            if is_current {
                // Reversed, colours would make it a patchwork.
                span.style = Style::new();
            }
            let pad = match align {
                Align::Left => 0,
                Align::Right => column.saturating_sub(width(&span)),
            };
            canvas.put(x + pad, y, column - pad, &[span]);
            x += column + self.gap;
        }
    }
}
