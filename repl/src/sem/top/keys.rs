//! The keys, as they are explained: on the screen, in the help, and by `--help`.

/// A heading, and what keys do under it.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

/// All of them.
pub(super) const SECTIONS: [Section; 5] = [
    (
        "Everywhere",
        &[
            ("Up, Down, k, j", "select a row; also PgUp, PgDn, Home, End"),
            ("Tab, Left, Right, h, l", "the other pane"),
            ("Enter", "all about the selected row"),
            ("/", "search: both panes show what matches as you type"),
            (
                "s",
                "sort the semaphores: in use first, by name, by the line",
            ),
            ("p", "freeze the picture, and go on"),
            ("?", "this help"),
            ("Ctrl-L", "draw everything anew"),
            ("Ctrl-Z", "suspend; fg resumes"),
            ("Esc", "close what is open; end the search; leave"),
            ("q, Ctrl-C", "leave"),
        ],
    ),
    (
        "Semaphores (left)",
        &[
            ("+, Shift-Up", "one slot more"),
            (
                "-, Shift-Down",
                "one slot fewer; below 0 is unlimited (asks)",
            ),
            ("0", "no slots: lock it, everybody waits"),
            ("u", "unlimited slots: everybody may enter"),
            ("d", "default: rules decide the slots again (unpin)"),
            ("P", "purge: free every slot, let everybody in (asks)"),
            ("R", "release every slot by force (asks)"),
            ("F", "forget an idle semaphore (asks)"),
        ],
    ),
    (
        "Requests (right)",
        &[
            ("g", "grant: let it through now, outside the slots"),
            ("c", "cancel: it fails with `Semaphore cancel` (asks)"),
            ("K, Shift-Up", "move it up in the line"),
            ("J, Shift-Down", "move it down"),
            ("1", "move it to the front"),
        ],
    ),
    (
        "Mouse",
        &[
            ("click", "select a row"),
            (
                "wheel",
                "move the selection; Shift lets the terminal select text",
            ),
        ],
    ),
    (
        "Symbols",
        &[
            ("○ waiting", "waits for an available slot"),
            (
                "● busy",
                "has the semaphore, and runs; granted ones take no slot",
            ),
            ("✓ done", "ended as it should"),
            ("■ cancelled", "failed in the line, on request"),
            (
                "◷ expired",
                "its TTL passed; timed out: it waited long enough",
            ),
            ("✗ killed", "its process vanished"),
            ("* pinned", "slots that an administrator set"),
            ("∞ unlimited", "no bound"),
        ],
    ),
];

/// What fits into a line under the left pane, the most needed first.
pub(super) const SEMAPHORES: [&str; 13] = [
    "? help",
    "q quit",
    "+/- slots",
    "0 lock",
    "Tab pane",
    "/ search",
    "u unlimited",
    "d default",
    "P purge",
    "R release",
    "F forget",
    "s sort",
    "p pause",
];

/// The same for the right pane.
pub(super) const REQUESTS: [&str; 9] = [
    "? help", "q quit", "g grant", "c cancel", "Tab pane", "K/J move", "1 front", "/ search",
    "p pause",
];

/// What follows the options in `--help`.
pub(super) fn after_help() -> String {
    let mut text = String::new();
    for (heading, keys) in &SECTIONS {
        text.push_str(&format!("{heading}:\n"));
        for (key, meaning) in *keys {
            text.push_str(&format!("  {key:<24}{meaning}\n"));
        }
        text.push('\n');
    }
    text.push_str(
        "Needs a terminal of at least 40 by 10 characters. For programs: `cla sem list --json`,\n\
         `cla sem events --json`.",
    );
    text
}
