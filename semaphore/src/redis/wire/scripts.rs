//! The Lua scripts that decide everything, and the commands that run them.

use std::sync::OnceLock;

use redis::{Cmd, Script as Source};

/// One of the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    Acquire,
    Release,
    Exchange,
    Abandon,
    Refresh,
    Tick,
    Steer,
    Manage,
    Show,
    Find,
    Renew,
    Restore,
    Leave,
    Look,
    Mark,
    Wait,
    Slot,
    History,
    Unresponsive,
    Probe,
}

const HEAD: &str = include_str!("../lua/head.lua");
const LIB: &str = include_str!("../lua/lib.lua");
const ADMIN_HEAD: &str = include_str!("../lua/admin_head.lua");
const ADMIN: &str = include_str!("../lua/admin.lua");

/// In the order of [`Script`]: the text in pieces.
const TEXTS: [&[&str]; 20] = [
    &[
        HEAD,
        include_str!("../lua/acquire_free.lua"),
        LIB,
        include_str!("../lua/acquire.lua"),
    ],
    &[
        HEAD,
        include_str!("../lua/release_free.lua"),
        LIB,
        include_str!("../lua/release.lua"),
    ],
    &[
        HEAD,
        include_str!("../lua/exchange_free.lua"),
        LIB,
        concat!(
            include_str!("../lua/exchange.lua"),
            include_str!("../lua/acquire.lua")
        ),
    ],
    &[HEAD, LIB, include_str!("../lua/abandon.lua")],
    &[HEAD, LIB, include_str!("../lua/refresh.lua")],
    &[HEAD, LIB, include_str!("../lua/tick.lua")],
    &[
        HEAD,
        ADMIN_HEAD,
        LIB,
        ADMIN,
        include_str!("../lua/steer.lua"),
    ],
    &[
        HEAD,
        ADMIN_HEAD,
        LIB,
        ADMIN,
        include_str!("../lua/manage.lua"),
    ],
    &[HEAD, LIB, include_str!("../lua/show.lua")],
    &[HEAD, LIB, include_str!("../lua/find.lua")],
    &[HEAD, LIB, include_str!("../lua/renew.lua")],
    &[HEAD, LIB, include_str!("../lua/restore.lua")],
    &[HEAD, include_str!("../lua/leave.lua")],
    &[HEAD, LIB, include_str!("../lua/look.lua")],
    &[include_str!("../lua/mark.lua")],
    &[include_str!("../lua/wait.lua")],
    &[HEAD, LIB, include_str!("../lua/slot.lua")],
    &[HEAD, LIB, include_str!("../lua/history.lua")],
    &[HEAD, LIB, include_str!("../lua/unresponsive.lua")],
    &[include_str!("../lua/probe.lua")],
];

struct Compiled {
    text: String,
    hash: String,
}

fn compiled(script: Script) -> &'static Compiled {
    static COMPILED: OnceLock<Vec<Compiled>> = OnceLock::new();
    let all = COMPILED.get_or_init(|| {
        TEXTS
            .iter()
            .map(|pieces| {
                // A local of one piece may have the name of one in another: the free ways are blocks of their own.
                let text = match pieces {
                    [head, free, lib, rest] => format!("{head}do\n{free}end\n{lib}{rest}"),
                    pieces => pieces.concat(),
                };
                let hash = Source::new(&text).get_hash().to_owned();
                Compiled { text, hash }
            })
            .collect()
    });
    &all[script as usize]
}

/// The beginning of a command that runs `script`, without its arguments.
pub(super) fn run<K: AsRef<str>>(script: Script, keys: &[K]) -> Cmd {
    let mut command = Cmd::with_capacity(20, 512);
    command
        .arg("EVALSHA")
        .arg(&compiled(script).hash)
        .arg(keys.len());
    for key in keys {
        command.arg(key.as_ref());
    }
    command
}

/// The same command for a server that does not know the script: it brings it along, and the server keeps it.
pub(super) fn with_text(command: &Cmd, script: Script) -> Cmd {
    let mut whole = Cmd::new();
    whole.arg("EVAL").arg(&compiled(script).text);
    for argument in command.args_iter().skip(2) {
        if let redis::Arg::Simple(argument) = argument {
            whole.arg(argument);
        }
    }
    whole
}
