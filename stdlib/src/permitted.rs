//! Stores that a rule names by URL: whether it may reach them.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx};
#[cfg(feature = "redis")]
use cla_runtime::permissions::Permission;
use cla_runtime::semaphore::StoreUrl;
#[cfg(feature = "redis")]
use cla_runtime::semaphore::{AddressCheck, RedisUrl};

use crate::throw::type_error;

/// The server, if the run may connect to it. Each address is looked at again when a connection is made.
///
/// # Errors
///
/// A `PermissionError`.
#[cfg(feature = "redis")]
pub(crate) fn redis<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, url: RedisUrl) -> js::Result<RedisUrl> {
    let permissions = run.permissions();
    for (host, port) in url.hosts() {
        run.permitted(ctx, permissions.net(host, port))?;
    }
    if let Some(path) = url.unix_socket() {
        run.permitted(ctx, permissions.read(path))?;
        run.permitted(ctx, permissions.write(path))?;
    }
    for file in url.files() {
        run.permitted(ctx, permissions.read(file))?;
    }
    if permissions.is_all(Permission::Net) {
        return Ok(url);
    }
    let permissions = permissions.clone();
    Ok(
        url.check_addresses(AddressCheck::new(move |host, port, address| {
            permissions
                .net_address(host, port, address)
                .map_err(|denied| denied.to_string())
        })),
    )
}

/// The store, if the run may reach it.
///
/// # Errors
///
/// A `PermissionError`.
pub(crate) fn store<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, url: StoreUrl) -> js::Result<StoreUrl> {
    match url {
        StoreUrl::Memory => Ok(url),
        #[cfg(feature = "redis")]
        StoreUrl::Redis(server) => Ok(StoreUrl::Redis(redis(ctx, run, server)?)),
        StoreUrl::Sqlite(file) => {
            let permissions = run.permissions();
            run.permitted(ctx, permissions.read(file.path()))?;
            // What was permitted is what is opened.
            let place = run.permitted(ctx, permissions.write(file.path()))?;
            Ok(StoreUrl::Sqlite(file.with_path(place)))
        }
        // What another kind reaches is not known here, so it is refused.
        other => Err(type_error(
            ctx,
            format_args!("rules cannot open a store of this kind: {other}"),
        )),
    }
}
