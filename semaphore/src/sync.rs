//! The locks and threads of the shell, in one place so that a model checker can supply its own.
//!
//! Built normally these are parking_lot's and std's. Built for this crate's *unit* tests they are
//! shuttle's, which runs each test under thousands of random schedules (`src/interleavings.rs`);
//! everything that wants real threads is tested from `tests/`, where the crate is built normally.
//! So both kinds run under a plain `cargo test`.

#[cfg(not(test))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(test))]
pub(crate) use std::thread;

#[cfg(test)]
pub(crate) use modelled::{Condvar, Mutex, MutexGuard};
#[cfg(test)]
pub(crate) use shuttle::thread;

#[cfg(test)]
mod modelled {
    //! shuttle's locks, in the shape of parking_lot's.
    use std::time::Duration;

    pub(crate) use shuttle::sync::MutexGuard;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no test panics while it holds a lock")
        }
    }

    /// Only the timer thread waits on a condvar, and modelled time needs no timer thread.
    #[derive(Debug)]
    pub(crate) struct Condvar;

    impl Condvar {
        pub(crate) const fn new() -> Self {
            Self
        }

        pub(crate) fn notify_one(&self) {}

        pub(crate) fn wait_for<T>(&self, _: &mut MutexGuard<'_, T>, _: Duration) {
            unreachable!("modelled time needs no timer thread")
        }

        pub(crate) fn wait<T>(&self, _: &mut MutexGuard<'_, T>) {
            unreachable!("modelled time needs no timer thread")
        }
    }
}
