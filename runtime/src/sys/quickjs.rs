//! Calls into QuickJS that `rquickjs` does not offer as safe functions: compiling a script without
//! running it, bytecode to and from bytes, and errors that no `catch` can hold.

use std::cell::Cell;
use std::ffi::CString;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use rquickjs::module::{Declared, Module, WriteOptions};
use rquickjs::{Ctx, Error, Exception, Function, Object, Promise, Result, Value, qjs};

/// Whether a script may `await` at its top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopLevel {
    /// It may not; running it gives the value of its last expression statement.
    Plain,
    /// It may; running it gives a promise of `{ value }`.
    Await,
}

/// What compiled bytecode is. Reading one as the other would confuse QuickJS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Script,
    Module,
}

/// Bytecode that this process compiled, ready to be loaded into any of its isolates.
///
/// It can only come from [`Compiled::bytecode`] and [`declare_module`], which is what makes
/// loading it safe: QuickJS does not verify bytecode.
#[derive(Clone, Debug)]
pub(crate) struct Bytecode {
    kind: Kind,
    bytes: Arc<[u8]>,
}

impl Bytecode {
    /// The size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A compiled script that has not run yet.
pub struct Compiled<'js>(Value<'js>);

/// Turns an exception marker into an error and takes ownership of any other value.
///
/// # Safety
///
/// QuickJS handed `raw` to the caller together with a reference, in this very context.
pub(super) unsafe fn checked<'js>(ctx: &Ctx<'js>, raw: qjs::JSValue) -> Result<Value<'js>> {
    // SAFETY: as demanded of the caller.
    let value = unsafe { Value::from_raw(ctx.clone(), raw) };
    if value.is_exception() {
        return Err(Error::Exception);
    }
    Ok(value)
}

/// Compiles a script; nothing of it runs.
///
/// `file` appears in stack traces.
///
/// # Errors
///
/// A `SyntaxError` is left pending in the context.
pub fn compile_script<'js>(
    ctx: &Ctx<'js>,
    file: &str,
    source: &str,
    top_level: TopLevel,
) -> Result<Compiled<'js>> {
    compile_in_mode(ctx, file, source, top_level, false)
}

/// Compiles a script as [`compile_script`] does, whose first line has this number in stack traces.
///
/// # Errors
///
/// A `SyntaxError` is left pending in the context.
pub fn compile_script_at<'js>(
    ctx: &Ctx<'js>,
    file: &str,
    source: &str,
    first_line: u32,
) -> Result<Compiled<'js>> {
    let file = CString::new(file)?;
    let text = CString::new(source)?;
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let mut options = qjs::JSEvalOptions {
        version: 1,
        eval_flags: flags as i32,
        filename: file.as_ptr(),
        line_num: first_line as i32,
    };
    // SAFETY: both strings are zero-terminated and outlive the call, as the options do; the length excludes the zero.
    let raw = unsafe {
        qjs::JS_Eval2(
            ctx.as_raw().as_ptr(),
            text.as_ptr(),
            source.len() as _,
            &raw mut options,
        )
    };
    // SAFETY: `raw` is what the call above returned.
    unsafe { checked(ctx, raw) }.map(Compiled)
}

/// Compiles a script as [`compile_script`] does; it is strict if it says so or `is_strict` does.
pub(crate) fn compile_in_mode<'js>(
    ctx: &Ctx<'js>,
    file: &str,
    source: &str,
    top_level: TopLevel,
    is_strict: bool,
) -> Result<Compiled<'js>> {
    let file = CString::new(file)?;
    let text = CString::new(source)?;
    let flags = qjs::JS_EVAL_TYPE_GLOBAL
        | qjs::JS_EVAL_FLAG_COMPILE_ONLY
        | match top_level {
            TopLevel::Plain => 0,
            TopLevel::Await => qjs::JS_EVAL_FLAG_ASYNC,
        }
        | match is_strict {
            true => qjs::JS_EVAL_FLAG_STRICT,
            false => 0,
        };
    // SAFETY: both strings are zero-terminated and outlive the call; the length excludes the zero.
    let raw = unsafe {
        qjs::JS_Eval(
            ctx.as_raw().as_ptr(),
            text.as_ptr(),
            source.len() as _,
            file.as_ptr(),
            flags as i32,
        )
    };
    // SAFETY: `raw` is what the call above returned.
    unsafe { checked(ctx, raw) }.map(Compiled)
}

impl<'js> Compiled<'js> {
    /// Reads a script that was compiled in another isolate of this process.
    ///
    /// # Panics
    ///
    /// When the bytecode is a module's.
    pub(crate) fn from_bytecode(ctx: &Ctx<'js>, bytecode: &Bytecode) -> Result<Self> {
        assert_eq!(bytecode.kind, Kind::Script, "a module is loaded, not run");
        // SAFETY: the bytes come from `JS_WriteObject` of the same QuickJS (see `Bytecode`).
        let raw = unsafe {
            qjs::JS_ReadObject(
                ctx.as_raw().as_ptr(),
                bytecode.bytes.as_ptr(),
                bytecode.bytes.len() as _,
                qjs::JS_READ_OBJ_BYTECODE as i32,
            )
        };
        // SAFETY: `raw` is what the call above returned.
        unsafe { checked(ctx, raw) }.map(Self)
    }

    /// The script as bytes that any isolate of this process can read.
    pub(crate) fn bytecode(&self) -> Result<Bytecode> {
        let ctx = self.0.ctx();
        let mut length: qjs::size_t = 0;
        // SAFETY: the value is a function of this context; QuickJS allocates the buffer and stores
        // its length.
        let buffer = unsafe {
            qjs::JS_WriteObject(
                ctx.as_raw().as_ptr(),
                &raw mut length,
                self.0.as_raw(),
                qjs::JS_WRITE_OBJ_BYTECODE as i32,
            )
        };
        if buffer.is_null() {
            return Err(Error::Exception);
        }
        // SAFETY: QuickJS wrote `length` bytes at `buffer`, which we own and free exactly once.
        let bytes = unsafe {
            let bytes: Arc<[u8]> = std::slice::from_raw_parts(buffer, length as usize).into();
            qjs::js_free(ctx.as_raw().as_ptr(), buffer.cast());
            bytes
        };
        Ok(Bytecode {
            kind: Kind::Script,
            bytes,
        })
    }

    /// Runs the script in the global scope and returns its value.
    ///
    /// # Errors
    ///
    /// Whatever the script throws.
    pub fn run(self) -> Result<Value<'js>> {
        let ctx = self.0.ctx();
        // SAFETY: `JS_EvalFunction` takes over one reference to the function; it gets one of its
        // own. It returns a value with a reference, or an exception.
        unsafe {
            let function = qjs::JS_DupValue(ctx.as_raw().as_ptr(), self.0.as_raw());
            checked(ctx, qjs::JS_EvalFunction(ctx.as_raw().as_ptr(), function))
        }
    }
}

/// Compiles a module and, through the loader, whatever it imports; also gives its bytecode.
///
/// # Errors
///
/// A `SyntaxError`, or what the loader throws for an import, is left pending in the context.
pub(crate) fn declare_module<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    source: &str,
) -> Result<(Module<'js, Declared>, Bytecode)> {
    let module = Module::declare(ctx.clone(), name, source)?;
    let bytes = module.write(WriteOptions::default())?.into();
    Ok((
        module,
        Bytecode {
            kind: Kind::Module,
            bytes,
        },
    ))
}

/// Loads a module that was compiled in another isolate of this process, under the same name. What it imports must be
/// declared already.
///
/// # Errors
///
/// What the resolver throws is left pending in the context.
///
/// # Panics
///
/// When the bytecode is a script's.
pub(crate) fn load_module<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    bytecode: &Bytecode,
) -> Result<Module<'js, Declared>> {
    thread_local! {
        static LOADED: Cell<*mut qjs::JSModuleDef> = const { Cell::new(std::ptr::null_mut()) };
    }
    unsafe extern "C" fn loaded(
        _ctx: *mut qjs::JSContext,
        _name: *const std::ffi::c_char,
    ) -> *mut qjs::JSModuleDef {
        LOADED.replace(std::ptr::null_mut())
    }

    assert_eq!(bytecode.kind, Kind::Module, "a script is run, not loaded");
    // SAFETY: the bytes come from `JS_WriteObject` of the same QuickJS (see `Bytecode`) and are those of a module, so
    // that what is read is a module. Finding its imports neither takes nor gives a reference to it; the context keeps it
    // to its end.
    unsafe {
        let raw = qjs::JS_ReadObject(
            ctx.as_raw().as_ptr(),
            bytecode.bytes.as_ptr(),
            bytecode.bytes.len() as _,
            qjs::JS_READ_OBJ_BYTECODE as i32,
        );
        if qjs::JS_VALUE_GET_TAG(raw) != qjs::JS_TAG_MODULE {
            return Err(Error::Exception);
        }
        if qjs::JS_ResolveModule(ctx.as_raw().as_ptr(), raw) < 0 {
            return Err(Error::Exception);
        }
        LOADED.set(qjs::JS_VALUE_GET_PTR(raw).cast());
        Module::from_load_fn(ctx.clone(), name, loaded)
    }
}

/// A module that the Rust side holds on to. It must be dropped before its isolate is.
pub(crate) struct KeptModule(Module<'static, Declared>);

impl KeptModule {
    pub(crate) fn new(module: Module<'_, Declared>) -> Self {
        // SAFETY: only the lifetime changes. `get` gives the module to its own context only, which keeps all its modules
        // to its end.
        Self(unsafe {
            std::mem::transmute::<Module<'_, Declared>, Module<'static, Declared>>(module)
        })
    }

    /// The module.
    ///
    /// # Errors
    ///
    /// It belongs to another context.
    pub(crate) fn get<'js>(&self, ctx: &Ctx<'js>) -> Result<Module<'js, Declared>> {
        if self.0.ctx().as_raw() != ctx.as_raw() {
            return Err(Error::UnrelatedRuntime);
        }
        // SAFETY: only the lifetime changes, and it is that of the module's own context.
        Ok(unsafe {
            std::mem::transmute::<Module<'static, Declared>, Module<'js, Declared>>(self.0.clone())
        })
    }
}

/// Makes QuickJS regard this promise as handled, because the engine looks at whether it is rejected.
pub fn mark_handled(promise: &Promise<'_>) {
    let raw = promise.as_value().as_raw();
    // SAFETY: the value is a promise of this context; the call only sets a flag on it.
    unsafe { qjs::JS_PromiseMarkAsHandled(promise.ctx().as_raw().as_ptr(), raw) };
}

/// Whether the code that awaits some promise can go on, as soon as what runs now has ended.
pub(crate) fn has_jobs(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the context is alive, and so is its runtime; the call only looks at a list.
    unsafe { qjs::JS_IsJobPending(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) }
}

/// A promise of what one of two functions gives: the first gets the value of `promise`, the second why it has none.
///
/// It is the interpreter's own way, as an `await` follows a promise. Neither `then` nor `constructor`, which a rule may have
/// overwritten, is looked at.
///
/// # Errors
///
/// When there is no memory left.
pub fn promise_then<'js>(
    promise: &Promise<'js>,
    fulfilled: &Function<'js>,
    rejected: &Function<'js>,
) -> Result<Value<'js>> {
    let ctx = promise.ctx();
    // SAFETY: all are live values of this context, and the call takes no reference of theirs.
    unsafe {
        let raw = qjs::JS_PromiseThen(
            ctx.as_raw().as_ptr(),
            promise.as_value().as_raw(),
            fulfilled.as_value().as_raw(),
            rejected.as_value().as_raw(),
        );
        checked(ctx, raw)
    }
}

/// Which string a value is, to see cheaply whether another value is the very same one.
///
/// Means something only while the string is alive: the owner of an identity keeps the string as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringIdentity(usize);

impl StringIdentity {
    /// The identity of a string; `None` for any other value.
    #[inline]
    pub fn of(value: &Value<'_>) -> Option<Self> {
        if !value.is_string() {
            return None;
        }
        // SAFETY: a string's value is a pointer, which is read, not followed.
        Some(Self(
            unsafe { qjs::JS_VALUE_GET_PTR(value.as_raw()) } as usize
        ))
    }
}

/// An `Error` with this prototype and without a stack trace: where it is first thrown, also by the `await` that it ends,
/// QuickJS gives it the one of that place.
///
/// # Errors
///
/// When there is no memory left.
pub fn error_without_place<'js>(ctx: &Ctx<'js>, prototype: &Object<'js>) -> Result<Object<'js>> {
    /// QuickJS numbers its own classes alike in every isolate.
    static CLASS: OnceLock<qjs::JSClassID> = OnceLock::new();

    let class = match CLASS.get() {
        Some(class) => *class,
        None => {
            let error = Exception::from_message(ctx.clone(), "")?;
            // SAFETY: the value is alive; the call only reads its tag and its class.
            let class = unsafe { qjs::JS_GetClassID(error.as_object().as_value().as_raw()) };
            *CLASS.get_or_init(|| class)
        }
    };
    // SAFETY: the prototype is alive, and the class is one that QuickJS itself makes objects of in this way.
    let raw = unsafe {
        qjs::JS_NewObjectProtoClass(ctx.as_raw().as_ptr(), prototype.as_value().as_raw(), class)
    };
    // SAFETY: `raw` is what the call above returned.
    let value = unsafe { checked(ctx, raw) }?;
    value.into_object().ok_or(Error::Unknown)
}

/// Whether `value` is a function with which QuickJS itself fulfils a promise, as it hands it to the method `then` of
/// what is awaited: what that returns is not looked at.
///
/// # Errors
///
/// When there is no memory left.
pub fn fulfils_promise(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<bool> {
    /// QuickJS numbers its own classes alike in every isolate.
    static CLASS: OnceLock<qjs::JSClassID> = OnceLock::new();

    // SAFETY: the value is alive; the call only reads its tag and its class.
    let class_of = |value: &Value<'_>| unsafe { qjs::JS_GetClassID(value.as_raw()) };
    let class = match CLASS.get() {
        Some(class) => *class,
        None => {
            let (_promise, resolve, _reject) = ctx.promise()?;
            *CLASS.get_or_init(|| class_of(resolve.as_value()))
        }
    };
    Ok(class_of(value) == class)
}

/// A copy of the bytes in a `Uint8Array` or an `ArrayBuffer`; `None` for any other value.
///
/// # Errors
///
/// A `TypeError` if the buffer was given away.
pub fn bytes_of(value: &Value<'_>) -> Result<Option<Vec<u8>>> {
    let Some(object) = value.as_object() else {
        return Ok(None);
    };
    // SAFETY: `JS_IsArrayBuffer` only looks at the class of a live value; and no script runs before
    // the bytes are copied.
    let bytes = unsafe {
        if let Some(array) = object.as_typed_array::<u8>() {
            array.as_bytes().map(<[u8]>::to_vec)
        } else if qjs::JS_IsArrayBuffer(value.as_raw()) {
            let buffer = object.as_array_buffer();
            buffer.and_then(|buffer| Some(buffer.as_bytes()?.to_vec()))
        } else {
            return Ok(None);
        }
    };
    match bytes {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            // What QuickJS has left pending, or not, depending on how the bytes went away.
            value.ctx().catch();
            let message = "the buffer was given away, and has no bytes any more";
            Err(Exception::throw_type(value.ctx(), message))
        }
    }
}

/// A copy of the bytes in an `ArrayBuffer`, a `SharedArrayBuffer` or a typed array of any class; `None` for any other value.
///
/// # Errors
///
/// A `TypeError` if the buffer was given away.
pub fn view_bytes(value: &Value<'_>) -> Result<Option<Vec<u8>>> {
    view_part(value, 0..usize::MAX)
}

/// A copy of a part of what [`view_bytes`] copies; what lies beyond the end is left out.
///
/// # Errors
///
/// A `TypeError` if the buffer was given away.
pub fn view_part(value: &Value<'_>, part: Range<usize>) -> Result<Option<Vec<u8>>> {
    with_view(value, |bytes| {
        let end = part.end.min(bytes.len());
        bytes.get(part.start..end).unwrap_or_default().to_vec()
    })
}

/// What `look` makes of the bytes that [`view_bytes`] would copy; `None` for a value that has none.
///
/// `look` must run no script of this isolate, which could give the bytes away.
///
/// # Errors
///
/// A `TypeError` if the buffer was given away.
pub fn with_view<R>(value: &Value<'_>, look: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
    let context = value.ctx().as_raw().as_ptr();
    let mut length: qjs::size_t = 0;
    // SAFETY: the value is alive, and with it its buffer; no script runs while `look` has the bytes, and what QuickJS gives
    // a reference to is given back.
    unsafe {
        if qjs::JS_GetTypedArrayType(value.as_raw()) >= 0 {
            let (mut offset, mut bytes): (qjs::size_t, qjs::size_t) = (0, 0);
            let buffer = qjs::JS_GetTypedArrayBuffer(
                context,
                value.as_raw(),
                &raw mut offset,
                &raw mut bytes,
                std::ptr::null_mut(),
            );
            let buffer = checked(value.ctx(), buffer)?;
            let start = qjs::JS_GetArrayBuffer(context, &raw mut length, buffer.as_raw());
            let (from, size) = (offset as usize, bytes as usize);
            if size == 0 {
                // An empty buffer may be nowhere.
                value.ctx().catch();
                return Ok(Some(look(&[])));
            }
            if !start.is_null()
                && from
                    .checked_add(size)
                    .is_some_and(|end| end <= length as usize)
            {
                let bytes = std::slice::from_raw_parts(start.add(from), size);
                return Ok(Some(look(bytes)));
            }
        } else {
            let start = qjs::JS_GetArrayBuffer(context, &raw mut length, value.as_raw());
            if !start.is_null() {
                let bytes = std::slice::from_raw_parts(start, length as usize);
                return Ok(Some(look(bytes)));
            }
            // An empty buffer is nowhere, as is one that was given away; any other value is an exception.
            value.ctx().catch();
            return Ok(qjs::JS_IsArrayBuffer(value.as_raw()).then(|| look(&[])));
        }
    }
    value.ctx().catch();
    let message = "the buffer was given away, and has no bytes any more";
    Err(Exception::throw_type(value.ctx(), message))
}

/// Copies bytes into a typed array, as far as they fit.
///
/// # Errors
///
/// A `TypeError`: it is no typed array, or its buffer was given away.
pub fn fill_view(value: &Value<'_>, bytes: &[u8]) -> Result<()> {
    let context = value.ctx().as_raw().as_ptr();
    let (mut offset, mut size, mut length): (qjs::size_t, qjs::size_t, qjs::size_t) = (0, 0, 0);
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: the value is alive; no script runs before the bytes are copied, and they are copied within the buffer.
    unsafe {
        let buffer = qjs::JS_GetTypedArrayBuffer(
            context,
            value.as_raw(),
            &raw mut offset,
            &raw mut size,
            std::ptr::null_mut(),
        );
        let buffer = checked(value.ctx(), buffer)?;
        let start = qjs::JS_GetArrayBuffer(context, &raw mut length, buffer.as_raw());
        let (from, size) = (offset as usize, (size as usize).min(bytes.len()));
        if !start.is_null()
            && from
                .checked_add(size)
                .is_some_and(|end| end <= length as usize)
        {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(from), size);
            return Ok(());
        }
    }
    value.ctx().catch();
    let message = "the buffer was given away, and has no bytes any more";
    Err(Exception::throw_type(value.ctx(), message))
}

/// Whether an exception is on its way.
pub(crate) fn has_exception(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the call only looks at a field of the context's runtime.
    unsafe { qjs::JS_HasException(ctx.as_raw().as_ptr()) }
}

/// A way to a context for what QuickJS calls without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextOf(NonNull<qjs::JSContext>);

impl ContextOf {
    pub(crate) fn new(ctx: &Ctx<'_>) -> Self {
        Self(ctx.as_raw())
    }

    /// Gives the context to `look`.
    ///
    /// To be called by a handler of the interrupts of the context's own runtime only: QuickJS calls it while it executes
    /// code in that context.
    pub(crate) fn with<R>(self, look: impl for<'js> FnOnce(&Ctx<'js>) -> R) -> R {
        // SAFETY: a context lives as long as its code is executed, and its caller has locked the runtime.
        let ctx = unsafe { Ctx::from_raw(self.0) };
        look(&ctx)
    }
}

/// Lets an error be caught like any other.
pub(crate) fn clear_uncatchable(ctx: &Ctx<'_>, error: &Value<'_>) {
    // SAFETY: a value of this context; the call only clears a flag on it, if it is an error.
    unsafe { qjs::JS_ClearUncatchableError(ctx.as_raw().as_ptr(), error.as_raw()) };
}

/// Whether two objects are of the same class of the interpreter's, such as the functions that resolve promises.
pub(crate) fn is_like(one: &Value<'_>, other: &Value<'_>) -> bool {
    // SAFETY: these only read the class of an object.
    let (one, other) = unsafe {
        (
            qjs::JS_GetClassID(one.as_raw()),
            qjs::JS_GetClassID(other.as_raw()),
        )
    };
    one == other
}

/// Throws an error that runs through every `catch` and `finally` up to the host.
pub(crate) fn throw_uncatchable(ctx: &Ctx<'_>, message: &str) -> Error {
    match Exception::from_message(ctx.clone(), message) {
        Ok(exception) => {
            let value = exception.into_object().into_value();
            // SAFETY: the value is an error object of this context; the call only sets a flag on it.
            unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), value.as_raw()) };
            ctx.throw(value)
        }
        Err(error) => error,
    }
}
