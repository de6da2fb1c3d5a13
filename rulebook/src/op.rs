//! The ops of the language, one file each. A file has all that there is to know of its op: how it is described to people
//! and editors, how it is read, what a check and a plan see of it, and what it does.
//!
//! A new op is a new file, and a line in [`OPS`].

mod archive;
mod assert;
mod block;
mod break_loop;
mod call;
mod call_rule;
mod choice;
mod conditional;
mod dump;
mod echo;
mod event;
mod fail;
mod foreach;
#[cfg(feature = "http")]
mod http;
mod import;
mod import_vars;
mod launch;
mod matrix;
mod parse_text;
mod program;
mod read_file;
mod return_value;
mod script;
mod sed;
mod set;
mod shell;
mod sleep;
mod try_catch;
mod turns;
mod until_loop;
mod wait_children;
mod while_loop;
mod write_file;

pub(crate) use self::program::{executables, is_executable};
use crate::tree::{Description, OpTable, ShortForms};

/// The ops of the language.
pub(crate) static OPS: OpTable = OpTable {
    ops: ALL,
    short: ShortForms {
        script: |code| Box::new(script::Script(code)),
        command: shell::command,
        assignment: |name, value| Box::new(set::Set(vec![(name, value)])),
        call: |callee, arguments| Box::new(call::Call { callee, arguments }),
        program: |path, arguments| Box::new(program::Program { path, arguments }),
        event: |name, filters, body| {
            Box::new(event::Event {
                name,
                filters,
                body,
            })
        },
    },
};

/// All ops, in the order in which editors list them.
static ALL: &[&Description] = &[
    &block::DO,
    &set::SET,
    &set::VAR,
    &conditional::IF,
    &conditional::ELSIF,
    &conditional::ELSE,
    &foreach::FOREACH,
    &matrix::MATRIX,
    &while_loop::WHILE,
    &until_loop::UNTIL,
    &break_loop::BREAK,
    &break_loop::CONTINUE,
    &try_catch::TRY,
    &fail::FAIL,
    &assert::ASSERT,
    &return_value::RETURN,
    &wait_children::WAIT_CHILDREN,
    &echo::ECHO,
    &echo::PRINT,
    &echo::LOG,
    &dump::DUMP,
    &sleep::SLEEP,
    &shell::SHELL,
    &script::JS,
    &parse_text::PARSE,
    &parse_text::PARSE_FILE,
    &read_file::READ_FILE,
    &write_file::WRITE_FILE,
    &sed::SED,
    &archive::TAR,
    &archive::ZIP,
    &archive::UNTAR,
    &archive::UNZIP,
    &call_rule::CALL,
    &import::IMPORT,
    &import_vars::IMPORT_VARS,
    #[cfg(feature = "http")]
    &http::HTTP,
    &launch::LAUNCH,
];
