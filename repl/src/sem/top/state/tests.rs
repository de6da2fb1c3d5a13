//! Keys, readings and time go in; what would be done and seen comes out.

use cla_runtime::semaphore::{Priority, Slots, Status};
use ratatui::crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEventKind};

use super::super::command::{Place, Target};
use super::*;

/// A request at `place` in line, or busy at place 0.
pub(in super::super) fn request(nth: usize, who: &str, place: usize) -> RequestView {
    let is_busy = place == 0;
    RequestView {
        id: RequestId::from_u128((nth as u128) << 96 | 0x8000_8000_0000_0000_0000),
        status: if is_busy {
            Status::Busy
        } else {
            Status::Waiting
        },
        granted: false,
        who: Some(who.to_owned()),
        run: None,
        host: Some("db1".to_owned()),
        pid: Some(4000 + (nth % 100) as u32),
        place: (!is_busy).then_some(place),
        priority: Priority(0),
        slot: None,
        token: is_busy.then_some(41),
        requested_at: 1000.0,
        started_at: is_busy.then_some(1001.0),
        expires_at: None,
        waited: if is_busy { 1.0 } else { 65.0 },
        ran: is_busy.then_some(64.0),
        ended_at: None,
        by: None,
        unresponsive_since: None,
    }
}

/// A semaphore with one slot, at which the first is busy and the others wait.
pub(in super::super) fn view(name: &str, who: &[&str]) -> SemaphoreView {
    let requests = who.iter().enumerate();
    SemaphoreView {
        name: name.parse().unwrap(),
        slots: Slots::ONE,
        pinned: false,
        busy: who.len().min(1),
        waiting: who.len().saturating_sub(1),
        requests: requests
            .map(|(at, who)| request(0x3f2a_0001 + at, who, at))
            .collect(),
    }
}

pub(in super::super) fn state(views: Vec<SemaphoreView>) -> State {
    let screen = Rect::new(0, 0, 100, 24);
    let mut state = State::new("sqlite:/x.db".to_owned(), TimeZone::UTC, screen);
    state.handle(Input::Read(Reading::All(views)), 0.0);
    state
}

fn some() -> State {
    state(vec![
        view("alpha", &[]),
        view("deploy", &["a.js", "b.js", "c.js"]),
        view("licence", &[]),
    ])
}

pub(in super::super) fn press(state: &mut State, code: KeyCode) -> Option<Effect> {
    state.handle(Input::Key(KeyEvent::from(code)), 1.0)
}

pub(in super::super) fn types(state: &mut State, keys: &str) -> Option<Effect> {
    let mut effect = None;
    for key in keys.chars() {
        assert_eq!(effect, None, "before {key:?} of {keys:?}");
        effect = press(state, KeyCode::Char(key));
    }
    effect
}

fn with(state: &mut State, code: KeyCode, modifiers: KeyModifiers) -> Option<Effect> {
    state.handle(Input::Key(KeyEvent::new(code, modifiers)), 1.0)
}

fn name(text: &str) -> SemaphoreName {
    text.parse().unwrap()
}

fn names(state: &State) -> Vec<&str> {
    let visible = state.visible_semaphores();
    visible.map(|listed| listed.view.name.as_str()).collect()
}

fn whos(state: &State) -> Vec<&str> {
    let visible = state.visible_requests();
    visible
        .filter_map(|request| request.who.as_deref())
        .collect()
}

fn selected(state: &State) -> &str {
    state
        .selected_request()
        .and_then(|request| request.who.as_deref())
        .unwrap_or("")
}

fn gives(command: TopCommand) -> Option<Effect> {
    Some(Effect::Command(command))
}

fn target(state: &State) -> Target {
    let request = state.selected_request().unwrap();
    Target {
        id: request.id,
        semaphore: name("deploy"),
        label: format!("{} ({})", id(request), request.who.as_deref().unwrap()),
    }
}

#[test]
fn semaphores_in_use_come_first_and_s_sorts_otherwise() {
    let mut state = state(vec![
        view("a", &[]),
        view("b", &["x"]),
        view("c", &["x", "y", "z"]),
        view("d", &[]),
    ]);
    assert_eq!(names(&state), ["b", "c", "a", "d"]);
    types(&mut state, "s");
    assert_eq!(names(&state), ["a", "b", "c", "d"]);
    types(&mut state, "s");
    assert_eq!(names(&state), ["c", "a", "b", "d"]);
    types(&mut state, "s");
    assert_eq!(names(&state), ["b", "c", "a", "d"]);
}

#[test]
fn one_that_was_granted_is_in_use() {
    let mut granted = view("z", &["x"]);
    granted.busy = 0;
    granted.requests[0].granted = true;
    let state = state(vec![view("a", &[]), granted]);
    assert_eq!(names(&state), ["z", "a"]);
    assert_eq!(state.totals().granted, 1);
}

#[test]
fn keys_on_the_left_change_the_slots_of_the_selected_semaphore() {
    let deploy = || name("deploy");
    let lower = |below_zero| TopCommand::Lower {
        name: deploy(),
        below_zero,
    };
    let mut state = some();
    assert_eq!(types(&mut state, "+"), gives(TopCommand::Raise(deploy())));
    assert_eq!(types(&mut state, "-"), gives(lower(false)));
    let set = |slots| gives(TopCommand::SetSlots(deploy(), slots));
    assert_eq!(types(&mut state, "0"), set(Slots::LOCKED));
    assert_eq!(types(&mut state, "u"), None, "opening it is asked first");
    assert_eq!(types(&mut state, "y"), set(Slots::Unlimited));
    assert_eq!(types(&mut state, "d"), gives(TopCommand::Unpin(deploy())));
    let shift = KeyModifiers::SHIFT;
    assert_eq!(
        with(&mut state, KeyCode::Up, shift),
        gives(TopCommand::Raise(deploy()))
    );
    assert_eq!(with(&mut state, KeyCode::Down, shift), gives(lower(false)));
}

#[test]
fn one_below_zero_lets_everybody_in_so_it_is_asked_first() {
    let mut locked = view("deploy", &["a", "b"]);
    locked.slots = Slots::LOCKED;
    let mut state = state(vec![locked]);
    assert_eq!(types(&mut state, "-"), None);
    let Mode::Question(question) = &state.mode else {
        panic!("it is asked: {:?}", state.mode);
    };
    assert!(question.text.contains("1 waiting would all be let in"));
    let command = TopCommand::Lower {
        name: name("deploy"),
        below_zero: true,
    };
    assert_eq!(types(&mut state, "y"), gives(command));
}

#[test]
fn what_cannot_be_undone_is_asked_first_and_only_y_does_it() {
    let deploy = || name("deploy");
    for (key, command, asked) in [
        ('P', TopCommand::Purge(deploy()), "Purge \"deploy\"? 1 busy"),
        (
            'R',
            TopCommand::Release(deploy()),
            "Release \"deploy\" by force?",
        ),
    ] {
        let mut state = some();
        press(&mut state, KeyCode::Char(key));
        let Mode::Question(question) = &state.mode else {
            panic!("{key} is asked");
        };
        assert!(question.text.starts_with(asked), "{}", question.text);
        for other in [KeyCode::Char('P'), KeyCode::Char(' '), KeyCode::Down] {
            assert_eq!(press(&mut state, other), None);
            assert!(matches!(state.mode, Mode::Question(_)), "{other:?}");
        }
        assert_eq!(types(&mut state, "y"), gives(command));
        assert_eq!(state.mode, Mode::Panes);

        for no in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Enter] {
            press(&mut state, KeyCode::Char(key));
            assert_eq!(press(&mut state, no), None);
            assert_eq!(state.mode, Mode::Panes);
            assert_eq!(state.message.as_ref().unwrap().text, "nothing was done");
        }
    }
}

#[test]
fn only_an_idle_semaphore_can_be_forgotten() {
    let mut state = some();
    assert_eq!(types(&mut state, "F"), None);
    assert_eq!(state.mode, Mode::Panes);
    assert!(state.message.as_ref().unwrap().text.contains("is in use"));
    types(&mut state, "j");
    assert_eq!(
        types(&mut state, "Fy"),
        gives(TopCommand::Forget(name("alpha")))
    );
}

#[test]
fn keys_on_the_right_steer_the_selected_request() {
    let mut state = some();
    press(&mut state, KeyCode::Tab);
    types(&mut state, "jj");
    assert_eq!(selected(&state), "c.js");
    let target = || target(&state);
    let moved = |place| gives(TopCommand::Move(target(), place));
    let (grant, cancel) = (
        gives(TopCommand::Grant(target())),
        gives(TopCommand::Cancel(target())),
    );
    let (up, down, first) = (moved(Place::Up), moved(Place::Down), moved(Place::First));
    assert_eq!(types(&mut state, "g"), grant);
    assert_eq!(types(&mut state, "K"), up);
    assert_eq!(types(&mut state, "J"), down);
    assert_eq!(with(&mut state, KeyCode::Up, KeyModifiers::SHIFT), up);
    assert_eq!(with(&mut state, KeyCode::Down, KeyModifiers::SHIFT), down);
    assert_eq!(types(&mut state, "1"), first);
    assert_eq!(types(&mut state, "c"), None);
    let Mode::Question(question) = &state.mode else {
        panic!("it is asked");
    };
    assert!(
        question
            .text
            .starts_with("Cancel 3f2a0003 (c.js)? It waits for \"deploy\"")
    );
    assert_eq!(types(&mut state, "y"), cancel);
}

#[test]
fn one_that_is_busy_is_neither_granted_nor_cancelled_nor_moved() {
    for key in ["g", "c", "K", "J", "1"] {
        let mut state = some();
        press(&mut state, KeyCode::Tab);
        assert_eq!(types(&mut state, key), None);
        let message = state.message.as_ref().unwrap();
        assert!(message.text.starts_with("3f2a0001 (a.js) is busy"), "{key}");
        assert_eq!(state.mode, Mode::Panes);
    }
}

#[test]
fn a_key_of_the_other_pane_does_nothing_but_say_so() {
    let mut state = some();
    assert_eq!(types(&mut state, "g"), None);
    assert!(
        state
            .message
            .as_ref()
            .unwrap()
            .text
            .contains("on the right")
    );
    press(&mut state, KeyCode::Right);
    assert_eq!(types(&mut state, "0"), None);
    assert!(state.message.as_ref().unwrap().text.contains("on the left"));
}

#[test]
fn keys_on_nothing_do_nothing() {
    let mut state = state(vec![]);
    for pane in [Pane::Semaphores, Pane::Requests] {
        state.focus = pane;
        for key in "+-0udPRFgcKJ1jk".chars() {
            assert_eq!(press(&mut state, KeyCode::Char(key)), None, "{key}");
        }
        press(&mut state, KeyCode::Enter);
        press(&mut state, KeyCode::End);
        press(&mut state, KeyCode::PageDown);
        assert_eq!(state.mode, Mode::Panes);
    }
}

#[test]
fn the_selection_stays_with_its_request_when_the_line_changes() {
    let mut state = some();
    press(&mut state, KeyCode::Tab);
    types(&mut state, "jj");
    let mut now = view("deploy", &["a.js", "b.js", "c.js"]);
    now.requests.remove(0);
    now.requests.swap(0, 1);
    let reading = Reading::One(name("deploy"), Some(now));
    state.handle(Input::Read(reading), 2.0);
    assert_eq!(whos(&state), ["c.js", "b.js"]);
    assert_eq!(selected(&state), "c.js");
    // It ends: the next one is selected.
    let now = view("deploy", &["a.js", "b.js"]);
    state.handle(Input::Read(Reading::All(vec![now])), 3.0);
    assert_eq!(selected(&state), "a.js");
}

#[test]
fn a_semaphore_that_comes_and_goes_does_not_move_the_selection() {
    let mut state = some();
    types(&mut state, "j");
    let selected = |state: &State| state.selected_semaphore().unwrap().view.name.to_string();
    assert_eq!(selected(&state), "alpha");
    let reading = Reading::One(name("aaa"), Some(view("aaa", &["x"])));
    state.handle(Input::Read(reading), 1.0);
    assert_eq!(names(&state), ["aaa", "deploy", "alpha", "licence"]);
    assert_eq!(selected(&state), "alpha");
    state.handle(Input::Read(Reading::One(name("aaa"), None)), 1.0);
    assert_eq!(names(&state), ["deploy", "alpha", "licence"]);
    assert_eq!(selected(&state), "alpha");
}

#[test]
fn a_search_filters_both_panes_as_one_types() {
    let mut state = some();
    types(&mut state, "/B.");
    assert_eq!(names(&state), ["deploy"]);
    assert_eq!(whos(&state), ["b.js"]);
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    types(&mut state, "loy");
    assert_eq!(names(&state), ["deploy"]);
    assert_eq!(whos(&state), ["a.js", "b.js", "c.js"], "its name matches");
    // q is a letter now.
    assert_eq!(types(&mut state, "q"), None);
    assert_eq!(names(&state), Vec::<&str>::new());
    press(&mut state, KeyCode::Esc);
    assert_eq!(names(&state).len(), 3);
    // Kept, it is ended by Esc as well, which then leaves.
    types(&mut state, "/lic");
    press(&mut state, KeyCode::Enter);
    assert_eq!(names(&state), ["licence"]);
    assert_eq!(press(&mut state, KeyCode::Esc), None);
    assert_eq!(names(&state).len(), 3);
    assert_eq!(press(&mut state, KeyCode::Esc), Some(Effect::Leave));
}

#[test]
fn a_search_finds_ids_hosts_and_states() {
    for (query, found) in [
        ("3f2a0002", vec!["b.js"]),
        ("db1:4021", vec!["a.js"]),
        ("waiting", vec!["b.js", "c.js"]),
        ("busy", vec!["a.js"]),
    ] {
        let mut state = some();
        types(&mut state, "/");
        types(&mut state, query);
        assert_eq!(whos(&state), found, "{query}");
    }
}

#[test]
fn pasted_text_is_no_series_of_commands() {
    let mut state = some();
    state.handle(Input::Paste("Py".to_owned()), 1.0);
    assert_eq!(state.mode, Mode::Panes);
    types(&mut state, "/");
    state.handle(Input::Paste("lic\n".to_owned()), 1.0);
    assert_eq!(names(&state), ["licence"]);
}

#[test]
fn a_frozen_picture_stays_as_it_is_and_is_read_again_afterwards() {
    let mut state = some();
    assert_eq!(types(&mut state, "p"), Some(Effect::Pause(true)));
    assert!(state.is_frozen());
    let frozen = state.elapsed(0.0);
    state.handle(Input::Read(Reading::All(vec![])), 5.0);
    assert_eq!(names(&state).len(), 3);
    state.take_dirty();
    state.handle(Input::Tick, 9.0);
    assert!(!state.is_dirty(), "there is nothing to draw");
    assert_eq!(state.elapsed(0.0), frozen);
    assert_eq!(types(&mut state, "p"), Some(Effect::Pause(false)));
    assert!(!state.is_frozen());
}

#[test]
fn a_store_that_fails_is_reported_and_what_was_seen_stays() {
    let mut state = some();
    for failures in 1..=2 {
        state.handle(Input::Read(Reading::Begun), 1.0);
        let problem = "the semaphore store is on fire".to_owned();
        state.handle(Input::Read(Reading::Failed(problem)), 2.0);
        assert_eq!(state.link, Link::Failing(failures));
    }
    let message = state.message.clone().unwrap();
    assert!(message.is_error && message.text.contains("on fire"));
    assert_eq!(names(&state).len(), 3);
    state.handle(Input::Read(Reading::All(vec![view("new", &[])])), 3.0);
    assert_eq!(state.link, Link::Live);
    assert!(!state.message.as_ref().unwrap().is_error);
    assert_eq!(names(&state), ["new"]);
}

#[test]
fn a_store_that_does_not_answer_is_noticed() {
    let mut state = some();
    state.handle(Input::Read(Reading::Begun), 1.0);
    state.handle(Input::Tick, 2.0);
    assert_eq!(state.silence(), None);
    state.handle(Input::Tick, 6.0);
    assert_eq!(state.silence(), Some(5.0));
    state.handle(Input::Read(Reading::All(vec![])), 7.0);
    assert_eq!(state.silence(), None);
}

#[test]
fn results_and_errors_are_kept_until_the_next_key_that_does_something() {
    let mut state = some();
    state.handle(Input::Done(Ok("granted".to_owned())), 1.0);
    types(&mut state, "j");
    let granted = Message {
        text: "granted".to_owned(),
        is_error: false,
    };
    assert_eq!(state.message, Some(granted));
    types(&mut state, "s");
    assert_eq!(state.message, None);
    state.handle(Input::Done(Err("no".to_owned())), 1.0);
    assert!(state.message.as_ref().unwrap().is_error);
}

#[test]
fn control_keys_mean_the_same_wherever_one_is() {
    for keys in ["", "/x", "?", "P"] {
        let mut state = some();
        types(&mut state, keys);
        let mut control = |letter| with(&mut state, KeyCode::Char(letter), KeyModifiers::CONTROL);
        assert_eq!(control('z'), Some(Effect::Suspend));
        assert_eq!(control('l'), Some(Effect::Repaint));
        assert_eq!(control('u'), None);
        assert_eq!(control('c'), Some(Effect::Interrupt));
    }
}

#[test]
fn help_and_details_are_closed_by_the_key_that_leaves() {
    let mut state = some();
    for open in [KeyCode::Char('?'), KeyCode::Enter] {
        press(&mut state, open);
        assert_ne!(state.mode, Mode::Panes);
        assert_eq!(press(&mut state, KeyCode::Char('q')), None);
        assert_eq!(state.mode, Mode::Panes);
    }
    assert_eq!(press(&mut state, KeyCode::Char('q')), Some(Effect::Leave));
}

#[test]
fn a_text_scrolls_to_its_end_and_no_further() {
    let mut state = some();
    types(&mut state, "?");
    for _ in 0..100 {
        press(&mut state, KeyCode::PageDown);
    }
    let last = super::super::draw::last_top(&state);
    assert!(last > 0);
    assert_eq!(state.mode, Mode::Help { top: last });
    press(&mut state, KeyCode::Up);
    assert_eq!(state.mode, Mode::Help { top: last - 1 });
}

#[test]
fn details_follow_their_request_and_outlive_it() {
    let mut state = some();
    press(&mut state, KeyCode::Tab);
    types(&mut state, "j");
    press(&mut state, KeyCode::Enter);
    let status = |state: &State| match state.detailed() {
        Some(Detailed::Request(_, request, _)) => request.status,
        other => panic!("{other:?}"),
    };
    let mut now = view("deploy", &["a.js", "b.js", "c.js"]);
    now.requests[1].status = Status::Cancelled;
    state.handle(Input::Read(Reading::All(vec![now])), 2.0);
    assert_eq!(status(&state), Status::Cancelled);
    state.handle(Input::Read(Reading::All(vec![])), 2.0);
    assert_eq!(status(&state), Status::Cancelled);
}

#[test]
fn a_click_selects_and_the_wheel_moves() {
    let mut state = some();
    let mouse = |state: &mut State, kind, column, row| {
        let modifiers = KeyModifiers::NONE;
        let mouse = MouseEvent {
            kind,
            column,
            row,
            modifiers,
        };
        state.handle(Input::Mouse(mouse), 1.0);
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    mouse(&mut state, click, 60, 4);
    assert_eq!(state.focus, Pane::Requests);
    assert_eq!(selected(&state), "b.js");
    mouse(&mut state, MouseEventKind::ScrollDown, 60, 4);
    assert_eq!(selected(&state), "c.js");
    mouse(&mut state, MouseEventKind::ScrollUp, 60, 4);
    assert_eq!(selected(&state), "a.js");
    // Below the last row there is nothing to select.
    mouse(&mut state, click, 60, 15);
    assert_eq!(selected(&state), "a.js");
    // Over a question nothing behind it can be clicked.
    types(&mut state, "hP");
    mouse(&mut state, click, 60, 4);
    assert_eq!(selected(&state), "a.js");
}

#[test]
fn a_line_of_ten_thousand_is_walked_through_by_the_page() {
    let whos: Vec<String> = (0..10_000).map(|nth| format!("r{nth}")).collect();
    let whos: Vec<&str> = whos.iter().map(String::as_str).collect();
    let mut state = state(vec![view("long", &whos)]);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::End);
    assert_eq!(selected(&state), "r9999");
    press(&mut state, KeyCode::PageUp);
    let page = state.height(Pane::Requests);
    assert_eq!(selected(&state), format!("r{}", 9999 - page));
    press(&mut state, KeyCode::Home);
    assert_eq!(state.selection(Pane::Requests), (0, 0));
    // Smaller screens keep it in sight.
    press(&mut state, KeyCode::End);
    state.handle(Input::Resized(Rect::new(0, 0, 40, 10)), 1.0);
    let (at, top) = state.selection(Pane::Requests);
    assert_eq!((at, at - top + 1), (9999, state.height(Pane::Requests)));
}
