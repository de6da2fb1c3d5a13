//! The methods of open files.

use std::io::{self, ErrorKind, SeekFrom};
use std::rc::Rc;

use cla_runtime::internal::HostObject;
use cla_runtime::js::function::Params;
use cla_runtime::js::object::{Accessor, Property};
use cla_runtime::js::{self, Ctx, IntoJs, Object, Value};

use super::answer::Answer;
use super::failure::{Failure, Named};
use super::handle::{Handle, Open};
use super::job::Job;
use super::{Manner, Module, Step, Work};
use crate::call::{argument, method, named};
use crate::throw::{bytes_argument, type_error, wrong};

/// How much `readChunk` and `read` read where the rule does not say, in bytes.
const CHUNK: usize = 64 << 10;

/// Reads the arguments of a call: what is done with the file.
type ReadCall = fn(&Params<'_, '_>, &Handle) -> js::Result<Todo>;

/// What is done with a file, on a thread that may wait.
type Doing = dyn FnOnce(&Job, &mut Open) -> io::Result<Answer> + Send;

/// What is done with a file, or what is there already.
enum Todo {
    Done(Answer),
    Work(&'static str, Box<Doing>),
}

impl Todo {
    fn work(
        syscall: &'static str,
        work: impl FnOnce(&Job, &mut Open) -> io::Result<Answer> + Send + 'static,
    ) -> js::Result<Self> {
        Ok(Self::Work(syscall, Box::new(work)))
    }
}

const ALL: &[(&str, &str, ReadCall)] = &[
    ("readLine", "file.readLine", |_, handle| {
        if let Some(line) = handle.ready_line() {
            return Ok(Todo::Done(Answer::Text(line, None)));
        }
        Todo::work("read", |job, file| {
            Ok(match file.read_line(job)? {
                Some(line) => Answer::Text(line, None),
                None => Answer::End,
            })
        })
    }),
    ("readChunk", "file.readChunk", |params, _| {
        let size = size("file.readChunk: size", params)?;
        Todo::work("read", move |job, file| {
            Ok(match file.read_text(job, size)? {
                Some(text) => Answer::Text(text, None),
                None => Answer::End,
            })
        })
    }),
    ("read", "file.read", |params, _| {
        let size = size("file.read: size", params)?;
        Todo::work("read", move |job, file| {
            let bytes = file.read(job, size)?;
            Ok(match bytes.is_empty() {
                true => Answer::End,
                false => Answer::Bytes(bytes, None),
            })
        })
    }),
    ("eof", "file.eof", |_, _| {
        Todo::work("read", |_, file| Ok(Answer::Bool(file.eof()?)))
    }),
    ("write", "file.write", |params, _| {
        let ctx = params.ctx();
        let bytes = bytes_argument(ctx, "file.write: contents", &argument(params, 0))?;
        Todo::work("write", move |job, file| {
            file.write(job, &bytes)?;
            Ok(Answer::Nothing)
        })
    }),
    ("seek", "file.seek", |params, _| {
        let ctx = params.ctx();
        let (offset, from) = (argument(params, 0), argument(params, 1));
        let offset = match offset.as_number() {
            Some(offset) if offset.fract() == 0.0 && offset.abs() < 9e15 => offset as i64,
            _ => return Err(wrong(ctx, "file.seek: offset", "a whole number", &offset)),
        };
        let name = match from.is_undefined() {
            true => "start".to_owned(),
            false => crate::throw::string_argument(ctx, "file.seek: from", &from)?,
        };
        let to = match name.as_str() {
            "start" if offset >= 0 => SeekFrom::Start(offset.unsigned_abs()),
            "current" => SeekFrom::Current(offset),
            "end" => SeekFrom::End(offset),
            "start" => {
                let message = "file.seek: offset: there is nothing before the start of a file";
                return Err(crate::throw::range_error(ctx, message));
            }
            _ => {
                let expected = "\"start\", \"current\" or \"end\"";
                return Err(wrong(ctx, "file.seek: from", expected, &from));
            }
        };
        Todo::work("lseek", move |_, file| {
            Ok(Answer::Number(file.seek(to)? as f64))
        })
    }),
    ("close", "file.close", |_, handle| {
        handle.close();
        Ok(Todo::Done(Answer::Nothing))
    }),
];

fn size(what: &str, params: &Params<'_, '_>) -> js::Result<usize> {
    let ctx = params.ctx();
    let given = argument(params, 0);
    match given.as_number() {
        None if given.is_undefined() => Ok(CHUNK),
        Some(size) if size >= 1.0 => Ok(size as usize),
        _ => Err(wrong(ctx, what, "a number of bytes, at least 1", &given)),
    }
}

/// Adds them to a prototype.
pub(super) fn define<'js>(
    module: &Rc<Module>,
    prototype: &Object<'js>,
    manner: Manner,
) -> js::Result<()> {
    for &(name, full_name, read) in ALL {
        let this = Rc::clone(module);
        method(prototype, name, move |params| {
            let step = step(&this, full_name, params, read);
            this.noted(params.ctx(), this.perform(params.ctx(), manner, step))
        })?;
        let function: Value<'js> = prototype.get(name)?;
        prototype.prop(name, Property::from(function).writable().configurable())?;
    }
    let number = |ctx: Ctx<'js>, this: js::function::This<Value<'js>>| {
        with(&ctx, "file.fileno", &this.0, |handle| {
            let file = handle.shared();
            // While a thread reads or writes it, the number is not at hand.
            let number = file.and_then(|file| Some(file.try_lock()?.number()));
            Ok(number.unwrap_or(-1))
        })
    };
    let number = named(prototype.ctx(), "fileno", number)?;
    prototype.prop("fileno", Property::from(number).writable().configurable())?;
    let path = |ctx: Ctx<'js>, this: js::function::This<Value<'js>>| {
        with(&ctx, "file.path", &this.0, |handle| {
            handle.path.as_str().into_js(&ctx)
        })
    };
    prototype.prop("path", Accessor::from(path).configurable())?;
    Ok(())
}

fn with<'js, T>(
    ctx: &Ctx<'js>,
    what: &str,
    this: &Value<'js>,
    look: impl FnOnce(&Handle) -> js::Result<T>,
) -> js::Result<T> {
    HostObject::<Handle>::with(this, look).unwrap_or_else(|| {
        Err(type_error(
            ctx,
            format_args!("{what}: this is no open file"),
        ))
    })
}

fn step(
    module: &Module,
    function: &'static str,
    params: &Params<'_, '_>,
    read: ReadCall,
) -> js::Result<Step> {
    let ctx = params.ctx();
    with(ctx, function, &params.this(), |handle| {
        let named = Named {
            function,
            path: handle.path.clone(),
            dest: None,
        };
        let (syscall, work) = match read(params, handle)? {
            Todo::Done(answer) => return Ok(Step::Done(answer)),
            Todo::Work(syscall, work) => (syscall, work),
        };
        let Some(file) = handle.shared() else {
            let closed = io::Error::new(ErrorKind::BrokenPipe, "the file is closed");
            return Err(module.throw(ctx, &named, Failure::of(closed, syscall)));
        };
        Ok(Step::Work(Work {
            call: named,
            place: None,
            reservation: None,
            perform: Box::new(move |job| {
                work(job, &mut file.lock()).map_err(|error| Failure::of(error, syscall))
            }),
        }))
    })
}
