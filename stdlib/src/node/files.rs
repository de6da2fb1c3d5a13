//! What `fs.js` needs of Rust beside `cla/fs`: where a path leads, and whether the process may use what is there.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx, Function, Object, TypedArray};

use crate::input;
use crate::state::State;

/// Adds what `fs.js` is given.
pub(super) fn natives<'js>(
    ctx: &Ctx<'js>,
    _run: &Rc<Run>,
    natives: &Object<'js>,
) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("place", Function::new(ctx.clone(), place))?;
    define("mayAccess", Function::new(ctx.clone(), may_access))?;
    define(
        "readAllInput",
        Function::new(
            ctx.clone(),
            |ctx: Ctx<'js>| -> js::Result<TypedArray<'js, u8>> {
                let state = State::of(&ctx)?;
                input::read_all(&ctx, state.run())
            },
        ),
    )
}

/// Where a path leads that the rule may read.
fn permitted(ctx: &Ctx<'_>, path: &str) -> js::Result<PathBuf> {
    let state = State::of(ctx)?;
    let run = state.run();
    run.permitted(ctx, run.permissions().read(Path::new(path)))
}

/// `place(path)`: the path without links.
fn place(ctx: Ctx<'_>, path: String) -> js::Result<String> {
    let place = permitted(&ctx, &path)?;
    let place = place.canonicalize().unwrap_or(place);
    let place = place.to_string_lossy().into_owned();
    // Where it leads now is told only to who may look there.
    permitted(&ctx, &place)?;
    Ok(place)
}

/// `mayAccess(path, mode)`: whether the process may read (4), write (2) or execute (1) it, as its system says.
fn may_access(ctx: Ctx<'_>, path: String, mode: i32) -> js::Result<bool> {
    let place = permitted(&ctx, &path)?;
    #[cfg(unix)]
    {
        let mode = nix::unistd::AccessFlags::from_bits_truncate(mode);
        Ok(nix::unistd::access(&place, mode).is_ok())
    }
    #[cfg(not(unix))]
    Ok(place
        .metadata()
        .is_ok_and(|facts| mode & 2 == 0 || !facts.permissions().readonly()))
}
