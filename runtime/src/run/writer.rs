//! What a run writes. A run whose output has no room waits until there is some.
#![expect(
    clippy::disallowed_methods,
    reason = "readers take text in the time of the machine"
)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{Either, select};
use rquickjs::{Ctx, Exception};

use super::Run;
use crate::observe::HitLimit;
use crate::output::{self, LogRecord, Output, OutputStream, OutputWait};
use crate::secrets::MaskedStream;

/// The output of a run.
pub(super) struct Writer {
    pub(super) output: Arc<dyn Output>,
    /// How much the output had been given when this run last wrote to it, by stream.
    written: [Cell<u64>; 2],
    /// What may be the beginning of a secret, by stream.
    masked: RefCell<[MaskedStream; 2]>,
    /// After the run was stopped, its output had no room for a while: it is not waited for again.
    given_up: Cell<bool>,
}

impl Writer {
    pub(super) fn new(output: Arc<dyn Output>) -> Self {
        Self {
            output,
            written: Default::default(),
            masked: RefCell::default(),
            given_up: Cell::default(),
        }
    }
}

impl Run {
    /// Where its output goes.
    pub(crate) fn output(&self) -> &Arc<dyn Output> {
        &self.writer.output
    }

    /// Writes to the run's output; blocks the rule, not its thread, while that has no room.
    ///
    /// A long text goes there in pieces. In what must be done in the end although the run was stopped, an output that
    /// takes nothing more is waited for only briefly, once: the text is then dropped.
    ///
    /// # Errors
    ///
    /// That of [`Run::block_on`]; a `RangeError` if the run has written all the output that it may.
    pub fn write(&self, ctx: &Ctx<'_>, stream: OutputStream, text: &str) -> rquickjs::Result<()> {
        if let Err(most) = self.family.write(text.len()) {
            self.note_limit(HitLimit::Output);
            return Err(Exception::throw_range(ctx, &too_much(most)));
        }
        let mut rest = text;
        loop {
            self.checkpoint(ctx)?;
            if let Some(room) = self.writer.output.ready(stream)
                && !self.block_on(ctx, self.gets(room))?
            {
                return Ok(());
            }
            let (piece, left) = output::piece(rest);
            self.hand_on(stream, piece);
            if left.is_empty() {
                return Ok(());
            }
            rest = left;
        }
    }

    /// Whether what this run logs goes to its output as records, by [`log`](Self::log).
    pub fn logs_records(&self) -> bool {
        self.writer.output.takes_records()
    }

    /// Hands a record of the log to the run's output; blocks the rule, not its thread, while that has no room.
    ///
    /// # Errors
    ///
    /// As of [`write`](Self::write): the record counts as the output that it is, about.
    pub fn log(&self, ctx: &Ctx<'_>, record: &LogRecord) -> rquickjs::Result<()> {
        let bytes = record.message.len().saturating_add(record.fields.weight());
        if let Err(most) = self.family.write(bytes) {
            self.note_limit(HitLimit::Output);
            return Err(Exception::throw_range(ctx, &too_much(most)));
        }
        self.checkpoint(ctx)?;
        let output = &self.writer.output;
        if let Some(room) = output.ready(OutputStream::Stderr)
            && !self.block_on(ctx, self.gets(room))?
        {
            return Ok(());
        }
        if self.secrets.is_empty() {
            output.log(record);
        } else {
            let mut masked = record.clone();
            masked.message = self.secrets.mask(&record.message).into_owned();
            self.secrets.mask_value(&mut masked.fields);
            output.log(&masked);
        }
        let given = output.given(OutputStream::Stderr);
        self.writer.written[OutputStream::Stderr.index()].set(given);
        Ok(())
    }

    /// Writes to the run's output from a future that the run waits for.
    ///
    /// # Errors
    ///
    /// The run has written all the output that it may.
    #[doc(hidden)]
    pub async fn write_waiting(&self, stream: OutputStream, text: &str) -> Result<(), String> {
        self.family.write(text.len()).map_err(|most| {
            self.note_limit(HitLimit::Output);
            too_much(most)
        })?;
        // There may be room for all that a fast command writes, so that nothing else would ever wait.
        if self.gauge.pulse().is_due() {
            self.gauge.pulse().note_asked();
            tokio::task::yield_now().await;
        }
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(room) = self.writer.output.ready(stream)
                && !self.gets(room).await
            {
                return Ok(());
            }
            let (piece, left) = output::piece(rest);
            self.hand_on(stream, piece);
            rest = left;
        }
        Ok(())
    }

    fn hand_on(&self, stream: OutputStream, text: &str) {
        if self.secrets.is_empty() {
            self.writer.output.write(stream, text);
        } else {
            let shown = self.writer.masked.borrow_mut()[stream.index()].push(&self.secrets, text);
            if !shown.is_empty() {
                self.writer.output.write(stream, &shown);
            }
        }
        self.writer.written[stream.index()].set(self.writer.output.given(stream));
    }

    /// Writes what was held back because it might have been the beginning of a secret.
    pub(crate) fn write_rest(&self) {
        for stream in OutputStream::ALL {
            let rest = self.writer.masked.borrow_mut()[stream.index()].finish(&self.secrets);
            if let Some(rest) = rest {
                self.writer.output.write(stream, &rest);
                self.writer.written[stream.index()].set(self.writer.output.given(stream));
            }
        }
    }

    /// What there is to wait for until the output has written what this run gave it.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = OutputWait<'_>> {
        let streams = OutputStream::ALL.into_iter();
        streams.filter_map(|stream| {
            self.writer
                .output
                .flushed(stream, self.writer.written[stream.index()].get())
        })
    }

    /// Waits for room in the output; `false` if that is given up, because it is the end of a run that was stopped.
    async fn gets(&self, room: OutputWait<'_>) -> bool {
        if self.time.shield.get().is_none() {
            room.await;
            return true;
        }
        if self.writer.given_up.get() {
            return false;
        }
        let patience = async {
            // It is looked at whenever this is polled, which it is when the run is stopped.
            poll_fn(|_| match self.stopped_from_outside() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            tokio::time::sleep(output::PATIENCE).await;
        };
        let patience = pin!(patience);
        let got = matches!(select(room, patience).await, Either::Left(_));
        self.writer.given_up.set(!got);
        got
    }
}

fn too_much(most: u64) -> String {
    format!("the run may write {most} bytes of output, and this is more")
}
