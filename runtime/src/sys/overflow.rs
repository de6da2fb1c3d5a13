//! A last word when a fiber's stack is used up all the same.
//!
//! The interpreter looks at its stack before it nests calls, and everything of ours that follows nested data does so
//! with lists. Should something nest nevertheless, it runs into the guard page below the stack, and the system sends a
//! signal. Nothing can go on from there, as C functions lie on that stack. But the process can say which run it was, and
//! end with an exit code rather than by the signal.

use std::cell::Cell;
use std::sync::OnceLock;

/// The exit code after an overflow: an internal error, as `sysexits.h` has it.
pub(crate) const EXIT_CODE: i32 = 70;

/// What executes on this thread.
#[derive(Clone, Copy)]
pub(super) struct Running {
    /// The lowest address of the fiber's stack, where its guard page is.
    pub(super) lowest: usize,
    pub(super) name: *const str,
}

thread_local! {
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Notes what executes on this thread, and gives what did before.
pub(super) fn set(running: Option<Running>) -> Option<Running> {
    RUNNING.replace(running)
}

/// Has an overflow of a run's stack reported on standard error before the process ends with exit code 70.
///
/// Without it, the process ends by a signal then, and nothing tells which run it was. Called once, by the program that
/// owns the process; other faults go where they went before.
#[cfg(unix)]
pub fn report_stack_overflow() {
    /// What handled the signals before.
    static BEFORE: OnceLock<[(i32, libc::sigaction); 2]> = OnceLock::new();

    extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        /// How far beyond the guard page a large frame may reach.
        const REACH: usize = 64 * 1024;
        // SAFETY: the system passes valid pointers. Only what may be called in a signal handler is called: reading a
        // thread local without a destructor, `write` and `_exit`.
        unsafe {
            let fault = (*info).si_addr() as usize;
            if let Ok(Some(running)) = RUNNING.try_with(Cell::get)
                && fault < running.lowest.saturating_add(REACH)
                && fault >= running.lowest.saturating_sub(REACH)
            {
                let say = |text: &[u8]| libc::write(2, text.as_ptr().cast(), text.len());
                say(b"error: the run ");
                for byte in (*running.name).bytes().take(256) {
                    // A name may hold anything; what could steer a terminal does not get there.
                    say(&[if byte.is_ascii_control() { b'?' } else { byte }]);
                }
                say(b" used up its stack inside a native function, from which there is no way back; the process ends\n");
                libc::_exit(EXIT_CODE);
            }
            let before = BEFORE
                .get()
                .and_then(|all| all.iter().find(|(of, _)| *of == signal));
            match before.map(|(_, action)| (action.sa_sigaction, action.sa_flags)) {
                Some((handler, flags))
                    if handler != libc::SIG_DFL
                        && handler != libc::SIG_IGN
                        && flags & libc::SA_SIGINFO != 0 =>
                {
                    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                        std::mem::transmute(handler);
                    handler(signal, info, context);
                }
                _ => {
                    // The fault happens again when this returns, and ends the process as it always did.
                    libc::signal(signal, libc::SIG_DFL);
                }
            }
        }
    }

    // SAFETY: plain system calls with valid pointers. The handler runs on the alternate stack that Rust gives each
    // thread it starts.
    unsafe {
        let install = |signal: i32| {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut before: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, &raw mut before);
            (signal, before)
        };
        BEFORE.get_or_init(|| [install(libc::SIGSEGV), install(libc::SIGBUS)]);
    }
}

/// Has an overflow of a run's stack reported before the process ends; on this system it is not.
#[cfg(not(unix))]
pub fn report_stack_overflow() {}
