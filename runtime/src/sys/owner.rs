//! What a context belongs to: a Rust value that its host functions find again.

use std::rc::{Rc, Weak};

use rquickjs::{Ctx, JsLifetime};

/// By which a context knows its owner. The owner has the context, so this does not keep the owner alive.
struct Owner<T>(Weak<T>);

// SAFETY: `T: 'static` has no `'js` lifetime in it, so it holds nothing of an isolate.
unsafe impl<'js, T: 'static> JsLifetime<'js> for Owner<T> {
    type Changed<'to> = Self;
}

/// Notes to what a context belongs.
pub(crate) fn set_owner<T: 'static>(ctx: &Ctx<'_>, owner: &Rc<T>) {
    // It fails only while the old one is borrowed.
    let _ = ctx.store_userdata(Owner(Rc::downgrade(owner)));
}

/// The owner of that type.
#[inline]
pub(crate) fn owner_of<T: 'static>(ctx: &Ctx<'_>) -> Option<Rc<T>> {
    ctx.userdata::<Owner<T>>()?.0.upgrade()
}
