//! A stream whose replies have a limit.
//!
//! It reads from another stream and lets [`Replies`] see everything first. What is refused never gets to the client
//! library, nor does anything that follows: reading fails, for good.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::replies::{Replies, ReplyError};

/// Where streams say which reply was refused. The client library says it only to the first request in line, if there is
/// one.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    last: Mutex<Option<(ReplyError, Instant)>>,
    /// Whether the last was asked for.
    seen: AtomicBool,
}

impl Refusals {
    fn note(&self, error: ReplyError) {
        *self.last.lock() = Some((error, Instant::now()));
        self.seen.store(false, Ordering::Release);
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<ReplyError> {
        self.last.lock().map(|(error, _)| error)
    }

    /// The last one, if it was not taken before.
    pub(super) fn take(&self) -> Option<ReplyError> {
        let last = self.last()?;
        (!self.seen.swap(true, Ordering::AcqRel)).then_some(last)
    }

    /// Whether there was one within this time.
    pub(super) fn within(&self, time: Duration) -> bool {
        self.last.lock().is_some_and(|(_, at)| at.elapsed() < time)
    }
}

pub(super) struct Bounded<S> {
    stream: S,
    replies: Replies,
    /// Why it has ended.
    ended: Option<ReplyError>,
    refusals: Arc<Refusals>,
}

impl<S> Bounded<S> {
    /// Each reply may take `limit` bytes of memory. Should one take more, `refusals` says so.
    pub(super) const fn new(stream: S, limit: u64, refusals: Arc<Refusals>) -> Self {
        Self {
            stream,
            replies: Replies::new(limit),
            ended: None,
            refusals,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let error = match this.ended {
            Some(error) => error,
            None => {
                ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
                let Err(refusal) = this.replies.feed(&buffer.filled()[before..]) else {
                    return Poll::Ready(Ok(()));
                };
                this.ended = Some(refusal.error);
                this.refusals.note(refusal.error);
                buffer.set_filled(before + refusal.accepted);
                if refusal.accepted > 0 {
                    // It fails with the next reading.
                    return Poll::Ready(Ok(()));
                }
                refusal.error
            }
        };
        Poll::Ready(Err(error.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
