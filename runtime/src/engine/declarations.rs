//! What editors and type checkers get to know of an engine: the TypeScript declarations of its modules.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Engine, EngineBuilder};

impl Engine {
    /// TypeScript declarations of what rules of this engine find, for editors and `tsc`: names of files, and their texts.
    ///
    /// They are those that were [given](EngineBuilder::types), which the standard library and other crates do when they are
    /// installed; and `host.d.ts`, with what each [`HostModule`](crate::HostModule) [declares](crate::HostModule::declarations).
    ///
    /// ```
    /// use cla_runtime::host::HostError;
    /// use cla_runtime::{Engine, HostModule};
    ///
    /// let shop = HostModule::new("app/shop")
    ///     .function("gross", |(net,): (f64,)| Ok::<_, HostError>(net * 1.25))
    ///     .types("(net: number): number");
    /// let engine = Engine::builder().module(shop).build();
    /// let (file, text) = &engine.declarations()[0];
    /// assert_eq!(file, "host.d.ts");
    /// assert!(text.contains("export function gross(net: number): number;"));
    /// ```
    #[must_use]
    pub fn declarations(&self) -> Vec<(String, String)> {
        self.shared.settings.modules.declarations()
    }

    /// Writes the [declarations](Self::declarations) into a folder, which is made if it is not there, and gives the paths of the
    /// files: what `cla types` does for the program. A `tsconfig.json` names the folder: `"include": ["types", "rules"]`.
    ///
    /// # Errors
    ///
    /// What the system says, with the path.
    pub fn write_declarations(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let write = |(file, text): (String, String)| {
            let path = folder.join(file);
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
            written.map_err(|error| {
                let message = format!("cannot write {}: {error}", path.display());
                io::Error::new(error.kind(), message)
            })?;
            Ok(path)
        };
        self.declarations().into_iter().map(write).collect()
    }
}

impl EngineBuilder {
    /// Sentences that errors about these names have as help, where a rule uses one that nothing declares: names that other
    /// programs have, or that people look for. What the [declarations](Engine::declarations) have is found without that.
    #[doc(hidden)]
    pub fn hints(mut self, hints: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        self.modules.hints.extend(hints);
        self
    }

    /// Adds a file of TypeScript declarations to those that [`Engine::declarations`] gives: for modules that do not declare
    /// themselves, as a [`HostModule`](crate::HostModule) does, and for globals. It replaces one of the same name.
    ///
    /// ```
    /// let engine = cla_runtime::Engine::builder()
    ///     .source_module("app/prices", "export const gross = (net: number): number => net * 1.25;")
    ///     .types("prices.d.ts", "declare module \"app/prices\" { export const gross: (net: number) => number; }")
    ///     .build();
    /// assert_eq!(engine.declarations()[0].0, "prices.d.ts");
    /// ```
    pub fn types(
        mut self,
        file: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (file, text) = (file.into(), text.into());
        self.modules.types.retain(|(other, _)| *other != file);
        self.modules.types.push((file, text));
        self
    }
}
