//! YAML to values and back, by the core schema of YAML 1.2, but for numbers that would not come back as they were written:
//! they are texts (`scalar`).
//!
//! Neither direction makes a tree in between or calls itself, so depth costs no stack. What is written
//! reads back the same, also where a reader follows YAML 1.1, for which `yes` is a boolean.

mod dump;
mod load;
mod scalar;

pub(crate) use dump::dump;
pub(crate) use load::load;
pub use scalar::{Scalar, is_as_written, resolve, resolve_core};

/// The deepest nesting that is read or written.
const MAX_DEPTH: usize = 1_000;

/// A value as YAML, with a line feed at the end. What JSON leaves out is left out.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let session = Session::start(&engine, RunOptions::new(), None, |_| {});
/// let value = "({host: 'db1', free: 3, lost: undefined})";
/// let yaml = session.evaluate(value, |ctx, _, value| cla_stdlib::to_yaml(ctx, &value));
/// assert_eq!(yaml.await?.unwrap(), "host: db1\nfree: 3\n");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What YAML cannot hold (a circle, too deep nesting), what a getter of the value throws; or the library is not installed in
/// this run.
pub fn to_yaml<'js>(
    ctx: &cla_runtime::js::Ctx<'js>,
    value: &cla_runtime::js::Value<'js>,
) -> cla_runtime::js::Result<String> {
    dump(ctx, value, "to YAML")
}
