//! Globals of which nothing exists in an isolate until a rule names one.
//!
//! A property of the global object costs each isolate a few dozen bytes, and a getter for it three times as many. Ten
//! thousand rules that wait would pay that for names which few of them use. So these names are not properties: one object
//! stands behind the global object in its chain of prototypes, and is asked only when a name was not found before it. It
//! makes the value, which from then on is a property of the global object like any other.
//!
//! `rquickjs` has classes with a say in how properties are read, but one of those answers every name, so that a name that
//! does not exist would be `undefined` where it must be a `ReferenceError`.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use rquickjs::object::Property;
use rquickjs::{Ctx, Error, Object, Result, Value, qjs};

use super::quickjs::checked;
use crate::run::contain_panic;

/// A list of such names, and how their values are made.
#[derive(Debug)]
pub struct LateGlobals {
    /// The names.
    pub names: &'static [&'static str],
    /// Makes the value of one of them.
    pub build: for<'js> fn(&Ctx<'js>, &'static str) -> Result<Value<'js>>,
}

static EXOTIC: qjs::JSClassExoticMethods = qjs::JSClassExoticMethods {
    get_own_property: Some(get_own_property),
    get_own_property_names: None,
    delete_property: None,
    define_own_property: None,
    has_property: None,
    get_property: None,
    set_property: None,
};

impl LateGlobals {
    /// Puts the names behind the global object of this isolate.
    ///
    /// # Errors
    ///
    /// When there is no memory left.
    pub fn install(&'static self, ctx: &Ctx<'_>) -> Result<()> {
        let context = ctx.as_raw().as_ptr();
        let globals = ctx.globals();
        let next = globals.get_prototype();
        // SAFETY: the class is made in this runtime, which is alive, and only objects that are made here have it. What
        // QuickJS is given to keep, the methods and `self`, lives as long as the process, and is only read.
        let names = unsafe {
            let runtime = qjs::JS_GetRuntime(context);
            let mut class: qjs::JSClassID = 0;
            qjs::JS_NewClassID(runtime, &raw mut class);
            let definition = qjs::JSClassDef {
                class_name: c"Globals".as_ptr(),
                finalizer: None,
                gc_mark: None,
                call: None,
                exotic: (&raw const EXOTIC).cast_mut(),
            };
            if qjs::JS_NewClass(runtime, class, &raw const definition) < 0 {
                return Err(Error::Unknown);
            }
            let prototype = next.map_or_else(|| Value::new_null(ctx.clone()), Object::into_value);
            let raw = qjs::JS_NewObjectProtoClass(context, prototype.as_raw(), class);
            let value = checked(ctx, raw)?;
            qjs::JS_SetOpaque(value.as_raw(), ptr::from_ref(self).cast_mut().cast());
            value
        };
        let names = names.into_object().ok_or(Error::Unknown)?;
        globals.set_prototype(Some(&names))
    }

    /// The name that an atom stands for, if it is one of these.
    ///
    /// # Safety
    ///
    /// The atom and the context are alive.
    unsafe fn name(&self, context: *mut qjs::JSContext, atom: qjs::JSAtom) -> Option<&'static str> {
        // SAFETY: as demanded of the caller. What QuickJS makes is given back.
        unsafe {
            let value = qjs::JS_AtomToValue(context, atom);
            // A symbol is no name, whatever its description says.
            let found = if qjs::JS_IsString(value) {
                let mut length: qjs::size_t = 0;
                let text = qjs::JS_ToCStringLen2(context, &raw mut length, value, false);
                if text.is_null() {
                    qjs::JS_FreeValue(context, qjs::JS_GetException(context));
                    None
                } else {
                    let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length as usize);
                    let mut names = self.names.iter();
                    let found = names.find(|name| name.as_bytes() == bytes).copied();
                    qjs::JS_FreeCString(context, text);
                    found
                }
            } else {
                None
            };
            qjs::JS_FreeValue(context, value);
            found
        }
    }
}

/// QuickJS asks whether the object behind the global one has this property: 1 is yes, 0 is no, -1 is an exception.
unsafe extern "C" fn get_own_property(
    context: *mut qjs::JSContext,
    descriptor: *mut qjs::JSPropertyDescriptor,
    object: qjs::JSValue,
    atom: qjs::JSAtom,
) -> c_int {
    // SAFETY: QuickJS passes a live context, atom and object; the object is of the class that `install` made, so that
    // what it carries is what `install` put there.
    unsafe {
        let carried = qjs::JS_GetOpaque(object, qjs::JS_GetClassID(object));
        let Some(late) = carried.cast::<LateGlobals>().as_ref() else {
            return 0;
        };
        let Some(name) = late.name(context, atom) else {
            return 0;
        };
        if descriptor.is_null() {
            return 1;
        }
        let Some(context) = NonNull::new(context) else {
            return 0;
        };
        let made = catch_unwind(AssertUnwindSafe(|| {
            let ctx = Ctx::from_raw(context);
            contain_panic(&ctx, || {
                let value = (late.build)(&ctx, name)?;
                let property = Property::from(value.clone()).writable().configurable();
                if ctx.globals().prop(name, property).is_err() {
                    // A rule has frozen its global object, and gets the value all the same.
                    ctx.catch();
                }
                Ok(qjs::JS_DupValue(context.as_ptr(), value.as_raw()))
            })
            .map_err(|error| {
                if !error.is_exception() {
                    let message = error.to_string();
                    rquickjs::Exception::throw_message(&ctx, &message);
                }
            })
        }));
        let Ok(Ok(value)) = made else {
            return -1;
        };
        descriptor.write(qjs::JSPropertyDescriptor {
            flags: (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE) as c_int,
            value,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        });
        1
    }
}
