//! The programs and builtins that run a text which they are given as an argument, or calculate with it, as far as their
//! names tell. What is not in these lists is taken for a program that does not.

/// What a program does with its arguments, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Taking {
    /// Nothing is known of it.
    #[default]
    Data,
    /// It starts what its arguments name: `sudo`, `env`. `true`: it also starts builtins, so that a command begins here.
    Starter(bool),
    /// A shell, before its `-c`.
    Shell(String),
    /// A shell after its `-c`: the next word is run.
    ShellText(String),
    /// All that follows is run by a shell.
    AllText(String),
    /// `ssh` before the name of the host.
    Host,
    /// `ssh` behind an option that takes a word.
    HostOption,
    /// An interpreter of another language: its name, and the option after which a program stands.
    Interpreter(String),
    /// The next word is a program in another language.
    Program(String),
    /// The first word that is no option is a program: `awk`, `sed`.
    FirstProgram(String),
    /// The same, behind an option that takes a word.
    FirstProgramOption(String),
    /// A builtin that takes its arguments for names of variables, calculates with them, or runs them.
    Builtin(String),
    /// `export` and the like: only `NAME=value` is taken as it is.
    Assigning(String),
    /// `test`, `[` or `printf`; `true`: behind `-v`, which takes a name.
    Testing(bool),
}

const SHELLS: [&str; 12] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "yash", "rbash", "su", "runuser",
];

/// What starts the program that its arguments name.
const STARTERS: [&str; 20] = [
    "sudo",
    "doas",
    "env",
    "nohup",
    "xargs",
    "timeout",
    "nice",
    "ionice",
    "setsid",
    "stdbuf",
    "chroot",
    "unshare",
    "strace",
    "sshpass",
    "flock",
    "script",
    "find",
    "parallel",
    "busybox",
    "caffeinate",
];

const INTERPRETERS: [&str; 10] = [
    "python",
    "perl",
    "ruby",
    "node",
    "nodejs",
    "php",
    "lua",
    "deno",
    "osascript",
    "tclsh",
];

const BUILTINS: [&str; 13] = [
    "let",
    "unset",
    "read",
    "declare",
    "typeset",
    "trap",
    "alias",
    "mapfile",
    "readarray",
    "getopts",
    "bind",
    "complete",
    "compgen",
];

/// The options of `ssh` that take a word.
const SSH_OPTIONS: &str = "BbcDEeFIiJLlmOopQRSWw";

impl Taking {
    pub(super) fn shell(name: &str) -> Self {
        Self::Shell(name.to_owned())
    }

    /// Whether another command begins behind it.
    pub(super) fn is_leading(&self) -> bool {
        *self == Self::Starter(true)
    }

    /// Whether the next word is run by a shell.
    pub(super) fn is_script(&self) -> bool {
        matches!(self, Self::ShellText(_) | Self::AllText(_))
    }

    /// The name of the program, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::ShellText(name) => format!("{name} -c"),
            Self::AllText(name) => name.clone(),
            _ => "it".to_owned(),
        }
    }
}

/// The name of a program without its folder and its version: `/usr/bin/python3.12` is `python`.
fn base(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    match name.starts_with("python") || name.starts_with("lua") || name.starts_with("php") {
        true => name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'),
        false => name,
    }
}

/// What the command of this name does with its arguments.
pub(super) fn named(word: &str) -> Taking {
    let name = base(word);
    match name {
        "command" | "builtin" | "exec" => Taking::Starter(true),
        "eval" | "watch" => Taking::AllText(name.to_owned()),
        "export" | "readonly" | "local" => Taking::Assigning(name.to_owned()),
        "test" | "[" | "printf" => Taking::Testing(false),
        _ if BUILTINS.contains(&name) => Taking::Builtin(name.to_owned()),
        _ => program(name),
    }
}

/// What a program does with its arguments, wherever it is named.
fn program(name: &str) -> Taking {
    match name {
        "ssh" => Taking::Host,
        "awk" | "gawk" | "mawk" | "nawk" | "sed" | "gsed" => Taking::FirstProgram(name.to_owned()),
        _ if SHELLS.contains(&name) => Taking::shell(name),
        _ if INTERPRETERS.contains(&name) => Taking::Interpreter(name.to_owned()),
        _ if STARTERS.contains(&name) => Taking::Starter(false),
        _ => Taking::Data,
    }
}

/// Goes on behind an argument.
pub(super) fn argument(taking: &mut Taking, word: &str, is_known: bool) {
    let option = word
        .strip_prefix('-')
        .filter(|option| is_known && !option.starts_with('-'));
    *taking = match std::mem::take(taking) {
        Taking::Starter(also) if is_known => match program(base(word)) {
            Taking::Data => Taking::Starter(also),
            other => other,
        },
        // A shell may be named behind anything: `docker exec app sh -c ...`.
        Taking::Data if is_known && SHELLS.contains(&base(word)) => Taking::shell(base(word)),
        Taking::Shell(name) if option.is_some_and(|option| option.contains('c')) => {
            Taking::ShellText(name)
        }
        Taking::ShellText(name) if option.is_some() || word.starts_with('+') => {
            Taking::ShellText(name)
        }
        Taking::ShellText(_) | Taking::Program(_) => Taking::Data,
        Taking::Host => match option {
            Some(option) if option.len() == 1 && SSH_OPTIONS.contains(option) => Taking::HostOption,
            Some(_) => Taking::Host,
            None if word == "--" => Taking::Host,
            None => Taking::AllText("ssh".to_owned()),
        },
        Taking::HostOption => Taking::Host,
        Taking::Interpreter(name) => match option {
            Some(option) if option.ends_with(['c', 'e', 'E', 'r', 'p']) => Taking::Program(name),
            None if word == "eval" && name == "deno" => Taking::Program(name),
            None if word == "--eval" || word == "--print" => Taking::Program(name),
            Some(_) => Taking::Interpreter(name),
            // The file of the program; what follows is for it.
            None if !word.starts_with("--") => Taking::Data,
            None => Taking::Interpreter(name),
        },
        Taking::FirstProgram(name) => {
            let is_awk = name.ends_with("awk");
            match option {
                Some("v" | "F") if is_awk => Taking::FirstProgramOption(name),
                Some("l") if !is_awk => Taking::FirstProgramOption(name),
                // The program is in a file.
                Some("f") if is_awk => Taking::Data,
                Some(_) => Taking::FirstProgram(name),
                None if word.starts_with("--") => Taking::FirstProgram(name),
                None => Taking::Data,
            }
        }
        Taking::FirstProgramOption(name) => Taking::FirstProgram(name),
        Taking::Testing(_) => Taking::Testing(word == "-v"),
        other => other,
    };
}

/// Why a value may not stand in an argument; `word` is what is known of that argument.
pub(super) fn refused(taking: &Taking, word: &str, started: bool) -> Option<String> {
    let is_assigned = || {
        word.split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && !name.contains('['))
    };
    match taking {
        Taking::Builtin(name) => Some(format!(
            "behind {name}, which would take it for more than a text"
        )),
        Taking::Assigning(name) if !is_assigned() => Some(format!(
            "behind {name}, unless it is the value of a name: {name} NAME=..."
        )),
        Taking::Testing(true) => Some("behind -v, which would calculate it".to_owned()),
        Taking::Program(name) | Taking::FirstProgram(name) => {
            // An option is no program, unless it has the program in itself.
            let is_option = started && word.starts_with('-') && !word.starts_with("-e");
            (!is_option).then(|| {
                format!("in the program text of {name}; give it to the program as an argument or a variable")
            })
        }
        Taking::Shell(name) if started && word.starts_with('-') && word.contains('c') => {
            Some(format!("in what {name} -c runs"))
        }
        _ => None,
    }
}
