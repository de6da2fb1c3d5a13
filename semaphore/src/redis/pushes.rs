//! What a server has pushed, on its way to the driver. It takes no more memory than it may.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use redis::aio::AsyncPushSender;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// So many bytes may wait. A store reads without a break what its server pushes, so this much only waits when the server
/// sends faster than any client could read.
const ROOM: usize = 64 * 1024 * 1024;

/// What a push takes beside its text, in bytes.
const OVERHEAD: usize = 256;

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    dropped: AtomicBool,
}

/// Where the driver takes them from.
pub(super) struct Pushes {
    receiver: UnboundedReceiver<PushInfo>,
    waiting: Arc<Waiting>,
}

/// Where a connection puts them, and where they come out.
pub(super) fn pushes() -> (impl AsyncPushSender + Clone, Pushes) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::<Waiting>::default();
    let counted = Arc::clone(&waiting);
    let put = move |push: PushInfo| {
        let size = size(&push);
        let before = counted.bytes.fetch_add(size, Ordering::Relaxed);
        if before + size > ROOM && push.kind != PushKind::Disconnection {
            counted.bytes.fetch_sub(size, Ordering::Relaxed);
            counted.dropped.store(true, Ordering::Relaxed);
        } else {
            // When the connection was given up, it is not taken out any more.
            let _ = sender.send(push);
        }
        Ok::<_, Infallible>(())
    };
    (put, Pushes { receiver, waiting })
}

fn size(push: &PushInfo) -> usize {
    let texts = push.data.iter().map(|value| match value {
        Value::BulkString(bytes) => bytes.len(),
        _ => 0,
    });
    OVERHEAD + texts.sum::<usize>()
}

impl Pushes {
    /// The next one, if it is there.
    pub(super) fn next(&mut self) -> Option<PushInfo> {
        let push = self.receiver.try_recv().ok()?;
        self.waiting.bytes.fetch_sub(size(&push), Ordering::Relaxed);
        Some(push)
    }

    /// The next one. All that are there come before it says that none is.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<PushInfo>> {
        if let Some(push) = self.next() {
            return Poll::Ready(Some(push));
        }
        let push = self.receiver.poll_recv(cx);
        if let Poll::Ready(Some(push)) = &push {
            self.waiting.bytes.fetch_sub(size(push), Ordering::Relaxed);
        }
        push
    }

    /// Whether some were dropped since the last question, as there was no room.
    pub(super) fn were_dropped(&self) -> bool {
        self.waiting.dropped.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> PushInfo {
        PushInfo {
            kind: PushKind::Message,
            data: vec![Value::BulkString(vec![0; length])],
        }
    }

    #[test]
    fn what_has_no_room_is_dropped_but_never_the_end() {
        let (put, mut pushes) = pushes();
        for _ in 0..3 {
            let _ = put.send(message(ROOM / 2 - OVERHEAD));
        }
        let _ = put.send(PushInfo {
            kind: PushKind::Disconnection,
            data: Vec::new(),
        });
        assert!(pushes.were_dropped());
        assert!(!pushes.were_dropped());
        let kinds = std::iter::from_fn(|| pushes.next()).map(|push| push.kind);
        let expected = [
            PushKind::Message,
            PushKind::Message,
            PushKind::Disconnection,
        ];
        assert_eq!(kinds.collect::<Vec<_>>(), expected);
        assert!(put.send(message(ROOM / 2)).is_ok());
        assert!(!pushes.were_dropped());
        assert!(pushes.next().is_some());
    }
}
