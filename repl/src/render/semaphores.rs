//! Tables of semaphores and of the requests at them.

use anstyle::Style;
use cla_runtime::semaphore::{Priority, RequestView, SemaphoreView, SlotId, Slots, Status};

use super::{Align, BOLD, Column, DIM, GREEN, Line, RED, ShortIds, Span, Table, YELLOW};
use crate::durations::short;

/// One row per semaphore.
pub(crate) fn overview(views: &[SemaphoreView], width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("NAME", Align::Left).that_gives_way(),
        Column::new("SLOTS", Align::Right),
        Column::new("", Align::Left),
        Column::new("BUSY", Align::Right),
        Column::new("GRANTED", Align::Right),
        Column::new("WAITING", Align::Right),
    ]);
    for view in views {
        let granted = granted(view);
        table.row([
            Span::new(view.name.as_str(), BOLD),
            Span::plain(slots(view.slots)),
            state(view),
            count(view.busy, GREEN),
            if granted == 0 {
                Span::default()
            } else {
                count(granted, GREEN)
            },
            count(view.waiting, YELLOW),
        ]);
    }
    table.lines(width)
}

/// What is unusual about a semaphore: its slots, and the longest time that one of its runs has not answered.
fn state(view: &SemaphoreView) -> Span {
    let longest = view
        .requests
        .iter()
        .filter(|request| request.unresponsive_since.is_some())
        .max_by_key(|request| request.unresponsive_for());
    let silent = longest.and_then(|request| unresponsive(request, 0.0));
    let style = if silent.is_some() { RED } else { YELLOW };
    let parts = remark(view).map(str::to_owned).into_iter().chain(silent);
    Span::new(parts.collect::<Vec<_>>().join(", "), style)
}

/// A semaphore in one line: `deploy-target: 1 slot, 1 busy, 2 waiting`.
pub(crate) fn headline(view: &SemaphoreView) -> Line {
    let noun = if view.slots == Slots::ONE {
        "slot"
    } else {
        "slots"
    };
    let mut spans = vec![
        Span::new(view.name.as_str(), BOLD),
        Span::plain(format!(": {} {noun}", slots(view.slots))),
    ];
    if let Some(remark) = remark(view) {
        spans.push(Span::plain(" ("));
        spans.push(Span::new(remark, YELLOW));
        spans.push(Span::plain(")"));
    }
    let mut counts = format!(", {} busy", view.busy);
    match granted(view) {
        0 => {}
        granted => counts.push_str(&format!(", {granted} granted")),
    }
    counts.push_str(&format!(", {} waiting", view.waiting));
    spans.push(Span::plain(counts));
    Line(spans)
}

/// One row per request, in the order of the view: who is busy, the line, who has just ended.
pub(crate) fn requests(view: &SemaphoreView, ids: &ShortIds, width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("", Align::Left),
        Column::new("ID", Align::Left),
        Column::new("STATUS", Align::Left),
        Column::new("WHO", Align::Left).that_gives_way(),
        Column::new("SLOT", Align::Left).that_gives_way(),
        Column::new("PLACE", Align::Right),
        Column::new("PRIORITY", Align::Right),
        Column::new("WAITED", Align::Right),
        Column::new("RAN", Align::Right),
        Column::new("TOKEN", Align::Right),
        Column::new("TTL LEFT", Align::Right),
        Column::new("HOST", Align::Left).that_gives_way(),
        Column::new("PID", Align::Right),
    ]);
    for request in &view.requests {
        let style = style(request);
        let priority = Some(request.priority).filter(|priority| *priority != Priority::default());
        table.row([
            Span::new(symbol(request.status), style),
            Span::new(ids.get(request.id), BOLD),
            Span::new(status(request, 0.0), style),
            Span::plain(request.who.as_deref().unwrap_or_default()),
            Span::plain(
                request
                    .slot
                    .as_ref()
                    .map(SlotId::as_str)
                    .unwrap_or_default(),
            ),
            number(request.place),
            number(priority),
            Span::plain(short(request.waited)),
            Span::plain(request.ran.map(short).unwrap_or_default()),
            number(request.token),
            Span::plain(ttl_left(request).map(short).unwrap_or_default()),
            Span::plain(request.host.as_deref().unwrap_or_default()),
            number(request.pid),
        ]);
    }
    table.lines(width)
}

/// `∞` for unlimited, as the administrators' panel shows it.
pub(crate) fn slots(slots: Slots) -> String {
    match slots {
        Slots::Limited(slots) => slots.to_string(),
        Slots::Unlimited => "∞".to_owned(),
    }
}

/// What is unusual about a semaphore's slots.
fn remark(view: &SemaphoreView) -> Option<&'static str> {
    match (view.slots == Slots::LOCKED, view.pinned) {
        (true, true) => Some("locked, pinned"),
        (true, false) => Some("locked"),
        (false, true) => Some("pinned"),
        (false, false) => None,
    }
}

/// How many are busy outside the slots.
pub(crate) fn granted(view: &SemaphoreView) -> usize {
    let outside = |request: &&RequestView| request.granted && request.status == Status::Busy;
    view.requests.iter().filter(outside).count()
}

fn count(count: usize, style: Style) -> Span {
    let style = if count == 0 { DIM } else { style };
    Span::new(count.to_string(), style)
}

fn number(number: Option<impl ToString>) -> Span {
    Span::plain(number.map(|number| number.to_string()).unwrap_or_default())
}

/// What stands in front of a status, one column wide in every terminal.
pub(crate) fn symbol(status: Status) -> &'static str {
    match status {
        Status::Waiting => "○",
        Status::Busy => "●",
        Status::Done => "✓",
        Status::Cancelled => "■",
        Status::Expired | Status::TimedOut => "◷",
        Status::Killed => "✗",
        Status::Released => "↩",
        Status::Left => "‹",
        _ => "?",
    }
}

pub(crate) fn colour(status: Status) -> Style {
    match status {
        Status::Waiting => YELLOW,
        Status::Busy => GREEN,
        Status::Done | Status::Left => DIM,
        _ => RED,
    }
}

/// If the request's run does not answer, that matters most.
pub(crate) fn style(request: &RequestView) -> Style {
    match request.unresponsive_since {
        Some(_) => RED,
        None => colour(request.status),
    }
}

/// The status in words, as it is so many seconds after the store gave it.
pub(crate) fn status(request: &RequestView, elapsed: f64) -> String {
    // For a request that has ended, only its end matters.
    let granted = if request.granted && request.status == Status::Busy {
        ", granted"
    } else {
        ""
    };
    let status = request.status.as_str().replace('_', " ");
    let silent = unresponsive(request, elapsed).map(|silent| format!(", {silent}"));
    format!("{status}{granted}{}", silent.unwrap_or_default())
}

/// `does not answer (12s)`, if the request's run does not, so many seconds after the store gave it.
pub(crate) fn unresponsive(request: &RequestView, elapsed: f64) -> Option<String> {
    let silent = request.unresponsive_for()?.as_secs_f64() + elapsed;
    Some(format!("does not answer ({})", short(silent)))
}

/// Seconds until the permit expires, by the times that the store gave.
pub(crate) fn ttl_left(request: &RequestView) -> Option<f64> {
    let now = request.started_at? + request.ran?;
    Some(request.expires_at? - now)
}

#[cfg(test)]
pub(super) mod tests {
    use cla_runtime::semaphore::SemaphoreName;

    use super::super::text;
    use super::*;

    pub(in super::super) fn view(name: &str, requests: &[RequestView]) -> SemaphoreView {
        let with = |status| {
            requests
                .iter()
                .filter(|r| r.status == status && !r.granted)
                .count()
        };
        SemaphoreView {
            name: SemaphoreName::new(name).unwrap(),
            slots: Slots::ONE,
            pinned: false,
            busy: with(Status::Busy),
            waiting: with(Status::Waiting),
            requests: requests.to_vec(),
        }
    }

    pub(in super::super) fn request(id: &str, who: &str) -> RequestView {
        RequestView {
            id: id.parse().unwrap(),
            status: Status::Waiting,
            granted: false,
            who: Some(who.to_owned()),
            run: None,
            host: Some("db1".to_owned()),
            pid: Some(7),
            place: Some(1),
            priority: Priority(0),
            slot: None,
            token: None,
            requested_at: 1000.0,
            started_at: None,
            expires_at: None,
            waited: 65.0,
            ran: None,
            ended_at: None,
            by: None,
            unresponsive_since: None,
        }
    }

    fn busy(id: &str, who: &str) -> RequestView {
        RequestView {
            status: Status::Busy,
            place: None,
            token: Some(41),
            started_at: Some(1000.0),
            waited: 0.0,
            ran: Some(3.25),
            ..request(id, who)
        }
    }

    const A: &str = "aaaa0000-0000-8000-8000-000000000000";
    const B: &str = "bbbb0000-0000-8000-8000-000000000000";
    const C: &str = "cccc0000-0000-8000-8000-000000000000";

    #[test]
    fn an_overview_has_a_row_per_semaphore() {
        let locked = SemaphoreView {
            slots: Slots::LOCKED,
            pinned: true,
            ..view("prod-db", &[])
        };
        let open = SemaphoreView {
            slots: Slots::Unlimited,
            ..view("licence", &[])
        };
        let used = view("deploy-target", &[busy(A, "a"), request(B, "b")]);
        assert_eq!(
            text(&overview(&[used, open, locked], None)),
            [
                "NAME           SLOTS                  BUSY  WAITING",
                "deploy-target      1                     1        1",
                "licence            ∞                     0        0",
                "prod-db            0  locked, pinned     0        0",
            ]
        );
    }

    #[test]
    fn requests_are_listed_with_their_status_in_symbol_and_word() {
        let granted = RequestView {
            granted: true,
            expires_at: Some(1010.0),
            ..busy(B, "b.js")
        };
        let view = view("x", &[busy(A, "a.js"), granted, request(C, "c.js")]);
        let ids = ShortIds::of(std::slice::from_ref(&view));
        assert_eq!(
            text(&requests(&view, &ids, None)),
            [
                "   ID    STATUS         WHO   PLACE  WAITED   RAN  TOKEN  TTL LEFT  HOST  PID",
                "●  aaaa  busy           a.js           0.0s  3.2s     41            db1     7",
                "●  bbbb  busy, granted  b.js           0.0s  3.2s     41      6.8s  db1     7",
                "○  cccc  waiting        c.js      1  1m 05s                         db1     7",
            ]
        );
        assert_eq!(
            text(&[headline(&view)]),
            ["x: 1 slot, 1 busy, 1 granted, 1 waiting"]
        );
    }

    #[test]
    fn of_a_run_that_does_not_answer_the_status_says_so() {
        let stuck = RequestView {
            unresponsive_since: Some(991.25),
            ..busy(A, "a.js")
        };
        let waits = RequestView {
            unresponsive_since: Some(1000.0),
            ..request(B, "b.js")
        };
        let view = view("x", &[stuck.clone(), waits]);
        let ids = ShortIds::of(std::slice::from_ref(&view));
        assert_eq!(
            text(&requests(&view, &ids, None)),
            [
                "   ID    STATUS                             WHO   PLACE  WAITED   RAN  TOKEN  HOST  PID",
                "●  aaaa  busy, does not answer (12s)        a.js           0.0s  3.2s     41  db1     7",
                "○  bbbb  waiting, does not answer (1m 05s)  b.js      1  1m 05s               db1     7",
            ]
        );
        assert_eq!(status(&stuck, 50.0), "busy, does not answer (1m 02s)");
        assert_eq!(
            text(&overview(&[view], None)),
            [
                "NAME  SLOTS                            BUSY  WAITING",
                "x         1  does not answer (1m 05s)     1        1",
            ]
        );
    }

    #[test]
    fn slot_ids_are_shown_where_there_are_any() {
        let named = RequestView {
            slot: Some(SlotId::new("my-slot").unwrap()),
            ..busy(A, "a.js")
        };
        let view = view("x", &[named, request(C, "c.js")]);
        let ids = ShortIds::of(std::slice::from_ref(&view));
        assert_eq!(
            text(&requests(&view, &ids, None)),
            [
                "   ID    STATUS   WHO   SLOT     PLACE  WAITED   RAN  TOKEN  HOST  PID",
                "●  aaaa  busy     a.js  my-slot           0.0s  3.2s     41  db1     7",
                "○  cccc  waiting  c.js               1  1m 05s               db1     7",
            ]
        );
    }

    #[test]
    fn a_headline_says_what_is_unusual() {
        let locked = SemaphoreView {
            slots: Slots::LOCKED,
            pinned: true,
            ..view("x", &[])
        };
        assert_eq!(
            text(&[headline(&locked)]),
            ["x: 0 slots (locked, pinned), 0 busy, 0 waiting"]
        );
    }
}
