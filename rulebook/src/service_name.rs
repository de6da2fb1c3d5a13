//! Which names a service can have.

use crate::op::OPS;

/// The longest name of a service, in bytes of UTF-8.
const MOST_SERVICE_NAME: usize = 255;

/// Why a service cannot have a name.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// let rule = "import reg from 'cla/reg'; reg.register('echo', { handler() {} })";
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert!(report.result.unwrap_err().message.contains("that is an op's"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceNameError {
    /// Ops are called by words.
    #[error(
        "{0:?} is no name for a service: it consists of letters, digits, `_` and `-`, with dots in between"
    )]
    NoWord(String),
    /// Such a name helps no reader, and every message that lists the services would hold it.
    #[error("the name of a service is {bytes} bytes long: shorten it to at most {most}", most = MOST_SERVICE_NAME)]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// It could never be called.
    #[error("a service cannot be called {0:?}: that is an op's")]
    Op(String),
}

/// Whether rulebooks can call something by this name.
///
/// # Errors
///
/// Says why not.
pub(crate) fn service_name(name: &str) -> Result<(), ServiceNameError> {
    if name.len() > MOST_SERVICE_NAME {
        return Err(ServiceNameError::TooLong { bytes: name.len() });
    }
    let word = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    if !name.split('.').all(word) {
        return Err(ServiceNameError::NoWord(name.to_owned()));
    }
    if OPS.is_taken(name) {
        return Err(ServiceNameError::Op(name.to_owned()));
    }
    Ok(())
}
