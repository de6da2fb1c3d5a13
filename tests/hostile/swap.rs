//! A link that is swapped while a script runs, over and over.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::corpus::Swap;

/// A thread that swaps, until it is dropped.
pub(crate) struct Swapping {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapping {
    /// Swaps a link in this folder.
    pub(crate) fn start(folder: &Path, swap: &Swap) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (link, next) = (folder.join(&swap.link), folder.join("next-link"));
        let (over, targets) = (Arc::clone(&is_over), swap.between.clone());
        let thread = std::thread::spawn(move || {
            for target in targets.iter().cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                // In one step; the script may have removed either.
                let _ = std::os::unix::fs::symlink(target, &next);
                let _ = std::fs::rename(&next, &link);
            }
        });
        Self {
            is_over,
            thread: Some(thread),
        }
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
