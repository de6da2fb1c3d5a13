//! What a JavaScript value is, and its texts and bytes, as QuickJS itself sees them: no code of a script runs here, but
//! for what [`define_property`] may ask of a proxy.

use std::sync::OnceLock;

use rquickjs::{Ctx, Error, Object, Result, Value, qjs};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// An object without anything special.
    Plain,
    /// An array, or a proxy of one.
    Array,
    Function,
    Promise,
    Map,
    Set,
    RegExp,
    Error,
    Date,
    /// A `Uint8Array`, a `Uint8ClampedArray`, or a buffer.
    Bytes,
    DataView,
    /// Another typed array.
    Numbers,
    /// A weak map, a weak set or a weak reference.
    Weak,
    /// A proxy of something that is no array.
    Proxy,
    /// Anything else: a boxed number, a generator, an object of a host's class.
    Other,
}

impl Class {
    pub(crate) fn of(object: &Object<'_>) -> Self {
        let value = object.as_value().as_raw();
        // SAFETY: the value is alive; all these calls only look at its tag and its class.
        unsafe {
            let class = qjs::JS_GetClassID(value);
            if Some(&class) == PLAIN.get() {
                return Self::Plain;
            }
            if qjs::JS_IsArray(value) {
                Self::Array
            } else if qjs::JS_IsProxy(value) {
                if is_proxy_of_array(object) {
                    Self::Array
                } else if object.is_function() {
                    Self::Function
                } else {
                    Self::Proxy
                }
            } else if object.is_function() {
                Self::Function
            } else if qjs::JS_IsError(value) {
                Self::Error
            } else if qjs::JS_IsPromise(value) {
                Self::Promise
            } else if qjs::JS_IsMap(value) {
                Self::Map
            } else if qjs::JS_IsSet(value) {
                Self::Set
            } else if qjs::JS_IsDate(value) {
                Self::Date
            } else if qjs::JS_IsRegExp(value) {
                Self::RegExp
            } else if qjs::JS_IsArrayBuffer(value) {
                Self::Bytes
            } else if qjs::JS_IsDataView(value) {
                Self::DataView
            } else if qjs::JS_IsWeakMap(value)
                || qjs::JS_IsWeakSet(value)
                || qjs::JS_IsWeakRef(value)
            {
                Self::Weak
            } else {
                const CLAMPED: i32 = qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8C as i32;
                const BYTES: i32 = qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8 as i32;
                match qjs::JS_GetTypedArrayType(value) {
                    CLAMPED | BYTES => Self::Bytes,
                    -1 => Self::Other,
                    _ => Self::Numbers,
                }
            }
        }
    }
}

/// The class of plain objects, which QuickJS numbers alike in every isolate.
static PLAIN: OnceLock<qjs::JSClassID> = OnceLock::new();

/// Learns what a plain object looks like.
pub(crate) fn prepare(ctx: &Ctx<'_>) -> Result<()> {
    if PLAIN.get().is_none() {
        let plain = Object::new(ctx.clone())?;
        // SAFETY: the value is alive; the call only reads its tag and its class.
        let class = unsafe { qjs::JS_GetClassID(plain.as_value().as_raw()) };
        let _ = PLAIN.set(class);
    }
    Ok(())
}

/// Whether it is a proxy of an array, or a proxy of such a proxy.
fn is_proxy_of_array(proxy: &Object<'_>) -> bool {
    // As deep as proxies of proxies are followed.
    const MOST: u32 = 1000;
    let ctx = proxy.ctx();
    let mut target = proxy.clone().into_value();
    for _ in 0..MOST {
        // SAFETY: the value is alive. `JS_GetProxyTarget` returns a reference of its own, or an exception if the proxy was
        // revoked.
        unsafe {
            if qjs::JS_IsArray(target.as_raw()) {
                return true;
            }
            if !qjs::JS_IsProxy(target.as_raw()) {
                return false;
            }
            let next = qjs::JS_GetProxyTarget(ctx.as_raw().as_ptr(), target.as_raw());
            target = Value::from_raw(ctx.clone(), next);
        }
        if target.is_exception() {
            ctx.catch();
            return false;
        }
    }
    false
}

/// The prototype that objects of this one's class have from the start, whatever the script did to the global names.
pub(crate) fn class_prototype<'js>(object: &Object<'js>) -> Option<Object<'js>> {
    let ctx = object.ctx();
    // SAFETY: the value is alive; `JS_GetClassProto` returns a reference of its own.
    let value = unsafe {
        let class = qjs::JS_GetClassID(object.as_value().as_raw());
        let prototype = qjs::JS_GetClassProto(ctx.as_raw().as_ptr(), class);
        Value::from_raw(ctx.clone(), prototype)
    };
    value.into_object()
}

/// Hands over the UTF-8 bytes of a string, or of the digits of a `BigInt`. A surrogate without its other half is in them
/// as three bytes that are no UTF-8.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn with_text<R>(value: &Value<'_>, look: impl FnOnce(&[u8]) -> R) -> Result<R> {
    let ctx = value.ctx().as_raw().as_ptr();
    let mut length: qjs::size_t = 0;
    // SAFETY: the value is alive, and a primitive, so that no script runs. QuickJS stores the length of a text that is
    // ours until `JS_FreeCString`; nothing in between unwinds but `look`, which then leaks it.
    unsafe {
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut length, value.as_raw(), false);
        if text.is_null() {
            return Err(Error::Exception);
        }
        let done = look(std::slice::from_raw_parts(text.cast(), length as usize));
        qjs::JS_FreeCString(ctx, text);
        Ok(done)
    }
}

/// Hands over the bytes of a `Uint8Array`, a `Uint8ClampedArray` or an `ArrayBuffer`; `None` if it has given them away.
///
/// `look` must not run code of a script.
pub(crate) fn with_bytes<R>(object: &Object<'_>, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let (ctx, value) = (object.ctx().as_raw().as_ptr(), object.as_value().as_raw());
    let mut length: qjs::size_t = 0;
    // SAFETY: the value is alive, and its bytes stay where they are as long as no script runs.
    unsafe {
        let bytes = if qjs::JS_GetTypedArrayType(value) >= 0 {
            qjs::JS_GetUint8Array(ctx, &raw mut length, value)
        } else {
            qjs::JS_GetArrayBuffer(ctx, &raw mut length, value)
        };
        if bytes.is_null() {
            // An empty buffer has no address, and one that was given away leaves an exception.
            let thrown = qjs::JS_HasException(ctx);
            if thrown {
                object.ctx().catch();
                return None;
            }
            return Some(look(&[]));
        }
        Some(look(std::slice::from_raw_parts(bytes, length as usize)))
    }
}

/// Gives an object a property of its own, whatever its prototypes have under that name.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn define_property<'js>(
    object: &Object<'js>,
    key: &str,
    value: &Value<'js>,
) -> Result<()> {
    let ctx = object.ctx().as_raw().as_ptr();
    // SAFETY: the object is alive; the key is read in its length. `JS_DefinePropertyValue` takes over a reference to the
    // value, and gets one of its own; the atom is freed once.
    unsafe {
        let atom = qjs::JS_NewAtomLen(ctx, key.as_ptr().cast(), key.len() as _);
        if atom == 0 {
            return Err(Error::Exception);
        }
        let raw = qjs::JS_DupValue(ctx, value.as_raw());
        let done = qjs::JS_DefinePropertyValue(
            ctx,
            object.as_value().as_raw(),
            atom,
            raw,
            qjs::JS_PROP_C_W_E as i32,
        );
        qjs::JS_FreeAtom(ctx, atom);
        if done < 0 {
            return Err(Error::Exception);
        }
    }
    Ok(())
}

/// Gives an array an element, whatever the prototype of arrays has under that index.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn define_element<'js>(
    array: &Object<'js>,
    index: u32,
    value: &Value<'js>,
) -> Result<()> {
    let ctx = array.ctx().as_raw().as_ptr();
    // SAFETY: the array is alive. The call takes over a reference to the value, and gets one of its own.
    let done = unsafe {
        let raw = qjs::JS_DupValue(ctx, value.as_raw());
        qjs::JS_DefinePropertyValueUint32(
            ctx,
            array.as_value().as_raw(),
            index,
            raw,
            qjs::JS_PROP_C_W_E as i32,
        )
    };
    if done < 0 {
        return Err(Error::Exception);
    }
    Ok(())
}
