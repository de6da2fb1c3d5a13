//! The screen as text, character by character.

use cla_runtime::semaphore::{Priority, SemaphoreView, Slots};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;

use super::super::state::tests::{press, request, state, types, view};
use super::super::state::{Effect, Input, Reading};
use super::*;

/// The screen's lines, without the blanks at their ends.
fn screen(state: &mut State, width: u16, height: u16) -> Vec<String> {
    let buffer = drawn(state, width, height, true);
    let rows = buffer.content.chunks(usize::from(width.max(1)));
    rows.map(|row| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            covered = cell.symbol().width().saturating_sub(1);
        }
        line.trim_end().to_owned()
    })
    .collect()
}

fn drawn(state: &mut State, width: u16, height: u16, colours: bool) -> Buffer {
    state.handle(Input::Resized(Rect::new(0, 0, width, height)), 10.0);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| draw(state, frame.buffer_mut(), colours))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// A morning at work.
fn morning() -> State {
    let mut deploy = view(
        "deploy-target",
        &[
            "deploy.js",
            "hotfix.js",
            "nightly.yaml: Deploy",
            "deploy.js",
            "report.js",
        ],
    );
    let [_, granted, urgent, ..] = &mut deploy.requests[..] else {
        panic!("there are five");
    };
    *granted = cla_runtime::semaphore::RequestView {
        granted: true,
        token: Some(42),
        expires_at: Some(1365.0),
        ..request(0x91bc_0002, "hotfix.js", 0)
    };
    urgent.priority = Priority(10);
    for (at, request) in deploy.requests.iter_mut().enumerate().skip(2) {
        request.place = Some(at - 1);
        request.waited = 40.0 - at as f64;
    }
    deploy.waiting = 3;
    deploy.pinned = true;
    let open = SemaphoreView {
        slots: Slots::Unlimited,
        pinned: true,
        ..view("licence", &["build.js"])
    };
    let locked = SemaphoreView {
        slots: Slots::LOCKED,
        pinned: true,
        ..view("prod-db", &[])
    };
    let mut state = state(vec![deploy, open, locked, view("印刷機", &[])]);
    state.store = "sqlite:/var/lib/cla/semaphores.db".to_owned();
    state
}

#[track_caller]
fn looks(state: &mut State, width: u16, height: u16, expected: &str) {
    let seen = screen(state, width, height).join("\n");
    let seen = seen.trim_end();
    let expected = expected.trim();
    assert!(
        seen == expected,
        "it looks like this:\n{seen}\n\nnot like this:\n{expected}"
    );
}

#[test]
fn two_panes_stand_side_by_side() {
    let mut state = morning();
    press(&mut state, KeyCode::Tab);
    types(&mut state, "jj");
    looks(
        &mut state,
        120,
        16,
        r#"
cla sem top  sqlite:/var/lib/cla/semaphores.db                        4 semaphores, 2 busy, 1 granted, 3 waiting  ● live
┌ Semaphores 4, in use first ──────────┐┏ deploy-target: 1 slot (pinned), 1 busy, 1 granted, 3 waiting ━━━━━━━━━━━━━━━━┓
│  NAME             SLOTS  BUSY WAITING│┃  STATUS           #  WHO              OWNER          WAITED      RAN  EXPIRES┃
│▸ deploy-target        1*    1       3│┃  ● busy              deploy.js        db1:4021         1.0s   1m 14s         ┃
│  licence              ∞*    1       0│┃  ● busy, granted     hotfix.js        db1:4090         1.0s   1m 14s   4m 50s┃
│  prod-db              0*    0       0│┃▸ ○ waiting        1  nightly.yaml: …  db1:4023          48s                  ┃
│  印刷機               1     0       0│┃  ○ waiting        2  deploy.js        db1:4024          47s                  ┃
│                                      │┃  ○ waiting        3  report.js        db1:4025          46s                  ┃
│                                      │┃                                                                              ┃
│                                      │┃                                                                              ┃
│                                      │┃                                                                              ┃
│                                      │┃                                                                              ┃
└──────────────────────────────────────┘┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛

○ waiting  ● busy  ✓ done  ■ cancelled  ◷ expired, timed out  ✗ killed  * pinned  ∞ unlimited  ↩ released  ‹ left
? help  q quit  g grant  c cancel  Tab pane  K/J move  1 front  / search  p pause
"#,
    );
}

#[test]
fn a_narrow_screen_shows_the_pane_that_has_the_keyboard() {
    let mut state = morning();
    looks(
        &mut state,
        40,
        10,
        r#"
cla sem top  sqlite:/var/lib/cl…  ● live
┏ Semaphores 4, in use first ━━━━━━━━━━┓
┃  NAME             SLOTS  BUSY WAITING┃
┃▸ deploy-target        1*    1       3┃
┃  licence              ∞*    1       0┃
┃  prod-db              0*    0       0┃
┃  印刷機               1     0       0┃
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛

? help  q quit  +/- slots  0 lock
"#,
    );
    press(&mut state, KeyCode::Tab);
    looks(
        &mut state,
        40,
        10,
        r#"
cla sem top  sqlite:/var/lib/cl…  ● live
┏ deploy-target: 1 slot (pinned), 1 b… ┓
┃  STATUS          WHO           WAITED┃
┃▸ ● busy          deploy.js       1.0s┃
┃  ● busy, granted hotfix.js       1.0s┃
┃  ○ waiting       nightly.yam…     48s┃
┃  ○ waiting       deploy.js        47s┃
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 1-4 of 5 ┛

? help  q quit  g grant  c cancel
"#,
    );
}

#[test]
fn what_is_less_important_gives_way_on_80_columns() {
    looks(
        &mut morning(),
        80,
        14,
        r#"
cla sem top  sqlite:/var/li…  4 semaphores, 2 busy, 1 granted, 3 waiting  ● live
┏ Semaphores 4, in use first ━━━━━━━━┓┌ deploy-target: 1 slot (pinned), 1 bus… ┐
┃  NAME           SLOTS  BUSY WAITING┃│  STATUS          WHO             WAITED│
┃▸ deploy-target      1*    1       3┃│▸ ● busy          deploy.js         1.0s│
┃  licence            ∞*    1       0┃│  ● busy, granted hotfix.js         1.0s│
┃  prod-db            0*    0       0┃│  ○ waiting       nightly.yaml:…     48s│
┃  印刷機             1     0       0┃│  ○ waiting       deploy.js          47s│
┃                                    ┃│  ○ waiting       report.js          46s│
┃                                    ┃│                                        │
┃                                    ┃│                                        │
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛└────────────────────────────────────────┘

○ waiting  ● busy  ✓ done  ■ cancelled  ◷ expired, timed out  ✗ killed  * pinned
? help  q quit  +/- slots  0 lock  Tab pane  / search  u unlimited  d default
"#,
    );
}

#[test]
fn a_screen_on_which_nothing_fits_says_so() {
    looks(
        &mut morning(),
        30,
        5,
        r#"
too small
30x5 of 40x10
q leaves


"#,
    );
}

#[test]
fn a_question_stands_in_front_of_everything() {
    let mut state = morning();
    types(&mut state, "P");
    looks(
        &mut state,
        80,
        14,
        r#"
cla sem top  sqlite:/var/li…  4 semaphores, 2 busy, 1 granted, 3 waiting  ● live
┏ Semaphores 4, in use first ━━━━━━━━┓┌ deploy-target: 1 slot (pinned), 1 bus… ┐
┃  NAME           SLOTS  BUSY WAITING┃│  STATUS          WHO             WAITED│
┃▸ deploy-target      1*    1       3┃│▸ ● busy          deploy.js         1.0s│
┃╔ Sure? ═════════════════════════════════════════════════════════════════════╗│
┃║ Purge "deploy-target"? 2 busy would lose their permits while they still    ║│
┃║ work, and 3 waiting would all be let in at once.                           ║│
┃║                                                                            ║│
┃║ y yes   n no                                                               ║│
┃╚════════════════════════════════════════════════════════════════════════════╝│
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛└────────────────────────────────────────┘

○ waiting  ● busy  ✓ done  ■ cancelled  ◷ expired, timed out  ✗ killed  * pinned
y yes  n no
"#,
    );
}

#[test]
fn details_tell_everything() {
    let mut state = morning();
    press(&mut state, KeyCode::Tab);
    types(&mut state, "j");
    press(&mut state, KeyCode::Enter);
    looks(
        &mut state,
        80,
        20,
        r#"
cla sem top  sqlite:/var/li…  4 semaphores, 2 busy, 1 granted, 3 waiting  ● live
┌ Semaphores 4, in use first ────────┐┏ deploy-target: 1 slot (pinned), 1 bus… ┓
│╔ Request ═══════════════════════════════════════════════════════════════════╗┃
│║ id         91bc0002-0000-8000-8000-000000000000                            ║┃
│║ semaphore  deploy-target                                                   ║┃
│║ status     ● busy                                                          ║┃
│║ granted    yes: it takes no slot                                           ║┃
│║ who        hotfix.js                                                       ║┃
│║ owner      db1:4090                                                        ║┃
│║ priority   0                                                               ║┃
│║ token      42                                                              ║┃
│║ requested  1970-01-01 00:16:40                                             ║┃
│║ started    1970-01-01 00:16:41                                             ║┃
│║ expires    1970-01-01 00:22:45 (in 4m 50s)                                 ║┃
│║ waited     1.0s                                                            ║┃
│║ ran        1m 14s                                                          ║┃
└╚════════════════════════════════════════════════════════════════════════════╝┛

○ waiting  ● busy  ✓ done  ■ cancelled  ◷ expired, timed out  ✗ killed  * pinned
Esc close  Up/Down scroll
"#,
    );
}

#[test]
fn a_search_says_what_is_searched_for() {
    let mut state = morning();
    types(&mut state, "/dep");
    looks(
        &mut state,
        80,
        10,
        r#"
cla sem top  sqlite:/var/li…  4 semaphores, 2 busy, 1 granted, 3 waiting  ● live
┏ Semaphores 1 of 4, in use first ━━━┓┌ deploy-target: 1 slot (pinned), 1 bus… ┐
┃  NAME           SLOTS  BUSY WAITING┃│  STATUS          WHO             WAITED│
┃▸ deploy-target      1*    1       3┃│▸ ● busy          deploy.js         1.0s│
┃                                    ┃│  ● busy, granted hotfix.js         1.0s│
┃                                    ┃│  ○ waiting       nightly.yaml:…     48s│
┃                                    ┃│  ○ waiting       deploy.js          47s│
┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛└────────────────────────────── 1-4 of 5 ┘
/dep   Enter keeps it, Esc ends it
Enter keep  Esc end  Up/Down select  Tab pane
"#,
    );
}

#[test]
fn a_store_that_fails_is_reported_in_words() {
    let mut state = morning();
    let problem = "the semaphore store sqlite:/var/lib/cla/semaphores.db failed: disk I/O error";
    for _ in 0..2 {
        state.handle(Input::Read(Reading::Failed(problem.to_owned())), 11.0);
    }
    let lines = screen(&mut state, 100, 12);
    assert!(lines[0].ends_with("✗ reconnecting (2)"), "{lines:?}");
    assert_eq!(lines[10], format!("! {problem}"));
}

#[test]
fn durations_move_on_until_the_picture_is_frozen() {
    let mut state = morning();
    press(&mut state, KeyCode::Tab);
    let waited = |state: &mut State| screen(state, 120, 16)[5].clone();
    assert!(
        waited(&mut state).contains(" 48s "),
        "{}",
        waited(&mut state)
    );
    assert_eq!(types(&mut state, "p"), Some(Effect::Pause(true)));
    state.handle(Input::Tick, 99.0);
    assert!(
        waited(&mut state).contains(" 39s "),
        "{}",
        waited(&mut state)
    );
    assert!(screen(&mut state, 120, 16)[0].ends_with("‖ paused"));
}

#[test]
fn without_colours_everything_is_still_shown() {
    let mut state = morning();
    let with = drawn(&mut state, 100, 16, true);
    let without = drawn(&mut state, 100, 16, false);
    let coloured = |buffer: &Buffer| {
        let colour = |colour| colour != Color::Reset;
        buffer
            .content
            .iter()
            .any(|cell| colour(cell.fg) || colour(cell.bg))
    };
    assert!(coloured(&with) && !coloured(&without));
    let text =
        |buffer: &Buffer| -> String { buffer.content.iter().map(|cell| cell.symbol()).collect() };
    assert_eq!(text(&with), text(&without));
    // Only colours of the theme, which its user can read.
    let cells = with.content.iter();
    let mut colours = cells.flat_map(|cell| [cell.fg, cell.bg]);
    assert!(colours.all(|colour| !matches!(colour, Color::Rgb(..) | Color::Indexed(_))));
}

#[test]
fn text_that_others_chose_stays_in_its_cell() {
    let nasty = "語\u{1b}[2J\u{202e}e\u{301}👩\u{200d}👩\u{200d}👧語語語語語語語語語語語語";
    let mut state = state(vec![view(&"語".repeat(80), &[nasty, nasty])]);
    for width in 40..140 {
        for line in screen(&mut state, width, 12).iter().skip(1).take(9) {
            assert!(line.width() <= usize::from(width), "{width}: {line}");
            assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
        }
    }
}

#[test]
fn it_can_be_drawn_at_any_size_and_in_any_mode() {
    for keys in ["", "l", "?", "P", "/x"] {
        let mut state = morning();
        types(&mut state, keys);
        details_too(&mut state, keys);
        for width in (0..130).step_by(3) {
            for height in 0..40 {
                drawn(&mut state, width, height, true);
            }
        }
    }
}

/// With no keys typed, the details of a row are as good a mode as any.
fn details_too(state: &mut State, keys: &str) {
    if keys == "l" {
        press(state, KeyCode::Enter);
    }
}

#[test]
fn the_lowest_line_of_a_frame_says_where_in_a_long_line_one_is() {
    let whos = vec!["r.js"; 10_000];
    let mut state = state(vec![view("long", &whos)]);
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::End);
    let lines = screen(&mut state, 100, 24);
    assert!(lines[20].ends_with(" 9984-10000 of 10000 ┛"), "{lines:?}");
    assert!(lines[19].contains("▸ ○ waiting   9999 r.js"), "{lines:?}");
}

#[test]
fn thousands_of_semaphores_and_requests_cost_little_more_than_a_screenful() {
    /// The limit for a picture and for a key. Both take a hundredth of this; code that looks at rows out
    /// of sight, or formats them, takes more.
    const ALLOWED: std::time::Duration = std::time::Duration::from_secs(20);
    let names: Vec<String> = (0..1_000).map(|nth| format!("s{nth:04}")).collect();
    let mut views: Vec<SemaphoreView> = names.iter().map(|name| view(name, &["a"])).collect();
    views[0] = view("s0000", &vec!["r.js"; 10_000]);
    let mut state = state(views);
    press(&mut state, KeyCode::Tab);
    let began = std::time::Instant::now();
    for _ in 0..50 {
        press(&mut state, KeyCode::PageDown);
        drawn(&mut state, 200, 50, true);
    }
    let took = began.elapsed();
    assert!(took < ALLOWED, "50 pictures took {took:?}");
}

#[test]
fn a_long_message_takes_the_lines_that_it_needs() {
    let mut state = morning();
    let problem = format!("the store failed: {}", "disk I/O error ".repeat(9));
    state.handle(Input::Done(Err(problem.trim().to_owned())), 11.0);
    let lines = screen(&mut state, 80, 14);
    assert!(lines[9].starts_with('┃'), "{lines:?}");
    assert!(lines[10].starts_with("! the store failed:"), "{lines:?}");
    assert!(lines[11].ends_with("error"), "{lines:?}");
}
