//! Inputs from a pipe or a file: whole ones, one after the other, up to the first that fails.

use std::io::{self, BufRead};

use cla_runtime::internal::InputState;

use super::commands::{self, Done};
use super::console::Console;
use super::{Mode, read};

/// While brackets are open, an input is checked only once in this many lines: a check takes longer for a longer input.
const LOOK_EVERY: usize = 100;

/// Evaluates standard input. Gives an exit code.
pub(super) fn run(console: &mut Console) -> u8 {
    let mut input = String::new();
    let mut depth = 0_i64;
    let mut since = 0;
    let mut lines = io::stdin().lock().lines();
    loop {
        let line = match lines.next() {
            None => break,
            Some(Ok(line)) => line,
            Some(Err(error)) => {
                console.complain(&format_args!("cannot read standard input: {error}"));
                return crate::exit::FAILED;
            }
        };
        if console.is_over() {
            return 0;
        }
        if input.is_empty()
            && let Some(command) = read::command(&line)
        {
            match commands::carry_out(console, command) {
                Done::Well => continue,
                Done::Badly => return crate::exit::FAILED,
                Done::Leave => return 0,
            }
        }
        if input.is_empty() && line.trim().is_empty() {
            continue;
        }
        // A rulebook is whole where a line is empty.
        if console.mode == Mode::Yaml {
            if !line.trim().is_empty() {
                input.push_str(&line);
                input.push('\n');
                continue;
            }
        } else {
            depth += balance(&line);
            input.push_str(&line);
            input.push('\n');
            since += 1;
            if depth > 0 && since < LOOK_EVERY {
                continue;
            }
            since = 0;
            if Console::state(&input, Mode::Js) == InputState::Incomplete {
                continue;
            }
        }
        depth = 0;
        if !console.evaluate(&std::mem::take(&mut input)) {
            return crate::exit::FAILED;
        }
    }
    // If the input is not whole, the error says so.
    if input.trim().is_empty() || console.evaluate(&input) {
        0
    } else {
        crate::exit::FAILED
    }
}

/// How many brackets a line opens more than it closes, those in strings and comments counted like others: a hint only.
fn balance(line: &str) -> i64 {
    line.bytes()
        .map(|byte| match byte {
            b'(' | b'[' | b'{' => 1,
            b')' | b']' | b'}' => -1,
            _ => 0,
        })
        .sum()
}
