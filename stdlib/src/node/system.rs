//! What `os.js`, `constants.js` and `timers.js` need of Rust: facts and numbers of the system, and timers.

use std::rc::Rc;
use std::thread::available_parallelism;
use std::time::Duration;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx, Function, Object};

use crate::environment::{architecture, environment, system};
use crate::state::State;

/// Adds what they are given.
pub(super) fn natives<'js>(
    ctx: &Ctx<'js>,
    _run: &Rc<Run>,
    natives: &Object<'js>,
) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("facts", Function::new(ctx.clone(), facts))?;
    define("constants", Function::new(ctx.clone(), constants))?;
    define(
        "environment",
        Function::new(ctx.clone(), |ctx: Ctx<'js>| {
            let state = State::of(&ctx)?;
            environment(&ctx, state.run())
        }),
    )
}

/// Adds what `timers.js` is given: `hold(id, holds)` and `restart(id, milliseconds)`.
pub(super) fn timers<'js>(ctx: &Ctx<'js>, _run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    let hold = |ctx: Ctx<'js>, id: u32, holds: bool| {
        State::of(&ctx)?.run().hold_timer(id, holds);
        js::Result::Ok(())
    };
    natives.set("hold", Function::new(ctx.clone(), hold)?)?;
    let restart = |ctx: Ctx<'js>, id: u32, milliseconds: f64| {
        let delay = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(Duration::MAX);
        js::Result::Ok(State::of(&ctx)?.run().restart_timer(id, delay))
    };
    natives.set("restart", Function::new(ctx.clone(), restart)?)
}

/// `facts()`.
fn facts(ctx: Ctx<'_>) -> js::Result<Object<'_>> {
    let facts = Object::new(ctx)?;
    facts.set("arch", architecture(std::env::consts::ARCH))?;
    facts.set("platform", system(std::env::consts::OS))?;
    facts.set("machine", std::env::consts::ARCH)?;
    facts.set(
        "endianness",
        if cfg!(target_endian = "big") {
            "BE"
        } else {
            "LE"
        },
    )?;
    let kernel = match std::env::consts::OS {
        "linux" | "android" => "Linux",
        "macos" | "ios" => "Darwin",
        "windows" => "Windows_NT",
        other => other,
    };
    facts.set("system", kernel)?;
    facts.set("processors", available_parallelism().map_or(1, usize::from))?;
    Ok(facts)
}

/// Numbers by the names that they have in C.
macro_rules! numbers {
    ($($name:ident)*) => {
        &[$((stringify!($name), nix::libc::$name as i32)),*]
    };
}

/// Numbers of errors, signals and flags, as the system has them.
#[cfg(unix)]
#[allow(
    clippy::unnecessary_cast,
    reason = "their types are not the same on all systems"
)]
const NUMBERS: &[(&str, i32)] = numbers! {
    E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY ECANCELED ECHILD ECONNABORTED
    ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTUNREACH EIDRM EILSEQ EINPROGRESS EINTR
    EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET ENETUNREACH ENFILE
    ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOLCK ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS ENOTCONN
    ENOTDIR ENOTEMPTY ENOTSOCK ENOTSUP ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE
    ERANGE EROFS ESPIPE ESRCH ESTALE ETIME ETIMEDOUT ETXTBSY EWOULDBLOCK EXDEV
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGIOT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM
    SIGTERM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGSYS
    F_OK R_OK W_OK X_OK
    O_RDONLY O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_DIRECTORY O_NOFOLLOW O_SYNC O_DSYNC O_NONBLOCK
    S_IFMT S_IFREG S_IFDIR S_IFCHR S_IFBLK S_IFIFO S_IFLNK S_IFSOCK
    S_IRWXU S_IRUSR S_IWUSR S_IXUSR S_IRWXG S_IRGRP S_IWGRP S_IXGRP S_IRWXO S_IROTH S_IWOTH S_IXOTH
};

/// Those that there are everywhere.
#[cfg(not(unix))]
const NUMBERS: &[(&str, i32)] = &[
    ("F_OK", 0),
    ("R_OK", 4),
    ("W_OK", 2),
    ("X_OK", 1),
    ("S_IFMT", 0o170_000),
    ("S_IFREG", 0o100_000),
    ("S_IFDIR", 0o040_000),
    ("S_IFCHR", 0o020_000),
    ("S_IFBLK", 0o060_000),
    ("S_IFIFO", 0o010_000),
    ("S_IFLNK", 0o120_000),
    ("S_IFSOCK", 0o140_000),
];

/// Numbers of Node's own.
const OWN_NUMBERS: &[(&str, i32)] = &[
    ("COPYFILE_EXCL", 1),
    ("COPYFILE_FICLONE", 2),
    ("UV_FS_COPYFILE_EXCL", 1),
    ("UV_FS_COPYFILE_FICLONE", 2),
];

/// `constants()`.
fn constants(ctx: Ctx<'_>) -> js::Result<Object<'_>> {
    let constants = Object::new(ctx)?;
    for (name, number) in NUMBERS.iter().chain(OWN_NUMBERS) {
        constants.set(*name, *number)?;
    }
    Ok(constants)
}
