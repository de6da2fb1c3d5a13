//! Code of the library that is JavaScript: compiled once per process, and run in each isolate that needs it.

use parking_lot::Mutex;
use rquickjs::{Ctx, Value};

use crate::sys::quickjs::{Bytecode, Compiled, TopLevel, compile_script};

/// A script that is part of the program.
#[derive(Debug)]
pub struct LibraryScript {
    /// What stack traces call it.
    pub file: &'static str,
    /// Its text, of which the last expression is its value.
    pub source: &'static str,
    bytecode: Mutex<Option<Bytecode>>,
}

impl LibraryScript {
    /// A script that was not compiled yet.
    #[must_use]
    pub const fn new(file: &'static str, source: &'static str) -> Self {
        Self {
            file,
            source,
            bytecode: Mutex::new(None),
        }
    }

    /// Runs it in an isolate; gives the value of its last expression.
    ///
    /// # Errors
    ///
    /// What it throws, which should be nothing but a lack of memory.
    pub fn run<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Value<'js>> {
        let known = self.bytecode.lock().clone();
        let compiled = match known {
            Some(bytecode) => Compiled::from_bytecode(ctx, &bytecode)?,
            None => {
                let compiled = compile_script(ctx, self.file, self.source, TopLevel::Plain)?;
                *self.bytecode.lock() = Some(compiled.bytecode()?);
                compiled
            }
        };
        compiled.run()
    }
}
