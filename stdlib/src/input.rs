//! The standard input of a run: what its host lets it read.

use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::host::Run;
use cla_runtime::internal::blocking;
use cla_runtime::js::{self, Ctx, IntoJs, Null, TypedArray, Value};
use parking_lot::Mutex;

use crate::throw::error;

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// What a run reads from its standard input (`process.stdin`), and all that it starts from the same. A host gives it with
/// [`RunOptions::data`](cla_runtime::RunOptions::data); without one, the input is empty.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let rule = Script::javascript("rule", "require('node:fs').readFileSync(0, 'utf8').length");
/// let options = RunOptions::new().data(cla_stdlib::Input::new(&b"hello"[..]));
/// assert_eq!(engine.run(rule, options).wait().result.unwrap(), 5);
/// ```
#[derive(Clone)]
pub struct Input {
    reader: Arc<Mutex<dyn Read + Send>>,
    is_terminal: bool,
}

impl Input {
    /// What a reader gives. It is read on a thread that may wait.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self {
            reader: Arc::new(Mutex::new(reader)),
            is_terminal: false,
        }
    }

    /// The standard input of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            is_terminal: io::IsTerminal::is_terminal(&io::stdin()),
            ..Self::new(io::stdin())
        }
    }

    async fn next(self) -> io::Result<Vec<u8>> {
        let read = blocking(move || {
            let mut bytes = vec![0; PIECE];
            let size = loop {
                match self.reader.lock().read(&mut bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            bytes.truncate(size);
            Ok(bytes)
        });
        read.await?
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

fn of(run: &Run) -> Option<Input> {
    run.data::<Input>().map(|input| (*input).clone())
}

/// Whether a person types it.
pub(crate) fn is_terminal(run: &Run) -> bool {
    of(run).is_some_and(|input| input.is_terminal)
}

/// A promise of the next bytes; of `null` at the end.
pub(crate) fn next_piece<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Value<'js>> {
    let input = of(run);
    let next = async move {
        match input {
            Some(input) => input.next().await,
            None => Ok(Vec::new()),
        }
    };
    let promise = run.promise(ctx, next, |ctx, read| match read {
        Ok(bytes) if bytes.is_empty() => Null.into_js(ctx),
        Ok(bytes) => TypedArray::<u8>::new_copy(ctx.clone(), bytes).map(TypedArray::into_value),
        Err(problem) => Err(unreadable(ctx, &problem)),
    })?;
    promise.into_js(ctx)
}

/// All that is left. Blocks the rule until the end is there.
pub(crate) fn read_all<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<TypedArray<'js, u8>> {
    let mut all = Vec::new();
    if let Some(input) = of(run) {
        loop {
            let read = run.block_on(ctx, input.clone().next())?;
            let piece = read.map_err(|problem| unreadable(ctx, &problem))?;
            if piece.is_empty() {
                break;
            }
            // It becomes a value of the run's beside what was read.
            drop(run.reserve(ctx, "the standard input", 2 * (all.len() + piece.len()))?);
            all.extend(piece);
        }
    }
    TypedArray::new_copy(ctx.clone(), all)
}

fn unreadable(ctx: &Ctx<'_>, problem: &io::Error) -> js::Error {
    error(
        ctx,
        format_args!("the standard input cannot be read: {problem}"),
    )
}
