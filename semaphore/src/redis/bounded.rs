//! A stream whose replies have a limit.
//!
//! It reads from another stream and lets [`Replies`] see everything first. What is refused never gets to the client
//! library, nor does anything that follows: reading fails, for good.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::replies::{Replies, ReplyError};

/// Where streams say which reply was refused. The client library says it only to the first request in line, if there is
/// one.
pub(super) type Refused = Arc<Mutex<Option<ReplyError>>>;

pub(super) struct Bounded<S> {
    stream: S,
    replies: Replies,
    /// Why it has ended.
    ended: Option<ReplyError>,
    refused: Refused,
}

impl<S> Bounded<S> {
    /// Each reply may take `limit` bytes of memory. Should one take more, `refused` says so.
    pub(super) const fn new(stream: S, limit: u64, refused: Refused) -> Self {
        Self {
            stream,
            replies: Replies::new(limit),
            ended: None,
            refused,
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
                *this.refused.lock() = this.ended;
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
