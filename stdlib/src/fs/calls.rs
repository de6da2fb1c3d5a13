//! The functions of `cla/fs`: each reads its arguments, and says what is to be done.

use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cla_runtime::internal::{EntryFacts, EntryKind, LastLink};
use cla_runtime::js::{self, Ctx, IntoJs, Object, Value};
use cla_runtime::permissions::Permission::{Read, Write};

use super::answer::Answer;
use super::arguments::{Call, mode_of, path_of};
use super::contents::{self, Writing};
use super::failure::{Failure, Named};
use super::folders::{self, NEW_FOLDER, Step as WalkStep};
use super::handle::{self, MOST_OPEN, Mode, Place};
use super::job::Job;
use super::temporary::Wish;
use super::transfer::{self, Transfer};
use super::{Manner, Module, Step, Work, watch};
use crate::call::{Arg, argument, define};
use crate::throw::{bytes_argument, error, string_argument, wrong};

/// Reads the arguments of a call.
pub(super) type ReadCall = fn(&Call<'_, '_, '_>) -> js::Result<Step>;

/// All of them.
pub(super) const ALL: &[(&str, ReadCall)] = &[
    ("readFile", read_file),
    ("writeFile", write_file),
    ("appendFile", append_file),
    ("readDir", read_dir),
    ("walk", walk),
    ("glob", glob),
    ("stat", stat),
    ("lstat", lstat),
    ("exists", exists),
    ("mkdir", mkdir),
    ("rm", rm),
    ("copy", copy),
    ("move", move_to),
    ("readLink", read_link),
    ("symlink", symlink),
    ("chmod", chmod),
    ("touch", touch),
    ("tempFile", temp_file),
    ("tempDir", temp_dir),
    ("open", open),
    // The names that Clarive's documents give.
    ("createFile", create_file),
    ("slurp", read_file),
    ("openFile", open),
    ("isDir", is_dir),
    ("isFile", is_file),
    ("deleteFile", delete_file),
    ("createDir", mkdir),
    ("createPath", create_path),
    ("deleteDir", delete_dir),
];

/// How a file's bytes become a value.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Latin1,
    Bytes,
}

impl Encoding {
    fn of<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Self> {
        if value.is_undefined() {
            return Ok(Self::Utf8);
        }
        if value.is_null() {
            return Ok(Self::Bytes);
        }
        let name = string_argument(ctx, what, value)?;
        match name.to_ascii_lowercase().as_str() {
            "utf8" | "utf-8" => Ok(Self::Utf8),
            "latin1" => Ok(Self::Latin1),
            "bytes" => Ok(Self::Bytes),
            _ => Err(wrong(ctx, what, "\"utf8\", \"latin1\" or \"bytes\"", value)),
        }
    }
}

fn read_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let mut encoding = argument(call.params, 1);
    if encoding.is_object() {
        let options = call.options(1, &["encoding"])?;
        let undefined = Value::new_undefined(call.ctx().clone());
        encoding = options.get("encoding").cloned().unwrap_or(undefined);
    }
    let encoding = Encoding::of(call.ctx(), &call.what("encoding"), &encoding)?;
    Ok(call.work(path, move |job, path| {
        let (bytes, taken) =
            contents::read(job, &path).map_err(|error| Failure::of(error, "open"))?;
        Ok(match encoding {
            Encoding::Bytes => Answer::Bytes(bytes, Some(taken)),
            Encoding::Latin1 => {
                let text = encoding_rs::mem::decode_latin1(&bytes).into_owned();
                Answer::Text(text, Some(taken))
            }
            Encoding::Utf8 => match String::from_utf8(bytes) {
                Ok(text) => Answer::Text(text, Some(taken)),
                Err(_) => {
                    let message =
                        "it is not valid UTF-8; \"bytes\" as the second argument gives its bytes";
                    let error = IoError::new(ErrorKind::InvalidData, message);
                    return Err(Failure::of(error, "read"));
                }
            },
        })
    }))
}

fn write_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let contents = argument(call.params, 1);
    write(call, &contents, false)
}

fn append_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let contents = argument(call.params, 1);
    write(call, &contents, true)
}

/// Without contents it makes an empty file.
fn create_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let mut contents = argument(call.params, 1);
    if contents.is_undefined() {
        contents = "".into_js(call.ctx())?;
    }
    write(call, &contents, false)
}

fn write<'js>(call: &Call<'_, '_, 'js>, contents: &Value<'js>, append: bool) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let bytes = bytes_argument(call.ctx(), &call.what("contents"), contents)?;
    let known: &[&str] = match append {
        true => &["mode"],
        false => &["atomic", "mode"],
    };
    let options = call.options(2, known)?;
    let how = Writing {
        append,
        atomic: options.flag("atomic", true)?,
        mode: options.mode()?,
    };
    let reservation = call.module.run.count_memory(bytes.len());
    let step = call.work(path, move |job, path| {
        contents::write(job, &path, &bytes, how).map_err(|error| Failure::of(error, "write"))
    });
    Ok(step.counting(reservation))
}

fn read_dir(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let with_kinds = call.options(1, &["withKinds"])?.flag("withKinds", false)?;
    Ok(call.work(path, move |job, path| {
        let (found, taken) = folders::list(job, &path)?;
        Ok(match with_kinds {
            true => Answer::Entries(found, taken),
            false => Answer::Names(found, taken),
        })
    }))
}

fn walk(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let options = call.options(1, &["depth", "hidden"])?;
    let depth = options.count("depth")?.unwrap_or(usize::MAX);
    let hidden = options.flag("hidden", true)?;
    Ok(call.work(path, move |job, path| {
        let wanted = |found: &folders::Found| {
            let wanted = hidden || !found.name.as_encoded_bytes().starts_with(b".");
            WalkStep {
                give: wanted,
                enter: wanted,
            }
        };
        let (found, taken) = folders::walk(job, &path, depth, wanted)?;
        Ok(Answer::Entries(found, taken))
    }))
}

fn glob(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let pattern = call.path(0, "pattern")?;
    let options = call.options(1, &["cwd", "hidden", "withKinds"])?;
    let folder = PathBuf::from(options.path("cwd")?.unwrap_or_default());
    let hidden = options.flag("hidden", false)?;
    let with_kinds = options.flag("withKinds", false)?;
    Ok(call.work(pattern.clone(), move |job, _| {
        let (found, taken) = folders::glob(job, &folder, &pattern, hidden)?;
        Ok(match with_kinds {
            true => Answer::Entries(found, taken),
            false => Answer::Paths(found, taken),
        })
    }))
}

/// What is known of an entry.
fn facts_of(job: &Job, path: &Path, last: LastLink) -> Result<EntryFacts, Failure> {
    let entry = job.permissions.entry(Read, path, last);
    let syscall = match last {
        LastLink::Followed => "stat",
        LastLink::Meant => "lstat",
    };
    entry
        .and_then(|entry| Ok(entry.facts()?))
        .map_err(|error| Failure::of(error, syscall))
}

fn stat(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    Ok(call.work(call.path(0, "path")?, |job, path| {
        facts_of(job, &path, LastLink::Followed).map(Answer::Facts)
    }))
}

fn lstat(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    Ok(call.work(call.path(0, "path")?, |job, path| {
        facts_of(job, &path, LastLink::Meant).map(Answer::Facts)
    }))
}

/// Whether there is something of which `wanted` is true.
fn is<'js>(call: &Call<'_, '_, 'js>, wanted: fn(EntryKind) -> bool) -> js::Result<Step> {
    Ok(call.work(call.path(0, "path")?, move |job, path| {
        match facts_of(job, &path, LastLink::Followed) {
            Ok(facts) => Ok(wanted(facts.kind)),
            Err(failure) if failure.is_not_found() => Ok(false),
            Err(failure) if failure.kind() == Some(ErrorKind::NotADirectory) => Ok(false),
            Err(failure) => Err(failure),
        }
    }))
}

fn exists(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    is(call, |_| true)
}

fn is_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    is(call, |kind| kind == EntryKind::File)
}

fn is_dir(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    is(call, |kind| kind == EntryKind::Folder)
}

fn mkdir(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let options = call.options(1, &["recursive", "mode"])?;
    let recursive = options.flag("recursive", false)?;
    let mode = options.mode()?.unwrap_or(NEW_FOLDER);
    Ok(call.work(path, move |job, path| {
        folders::make(job, &path, mode, recursive)
    }))
}

fn create_path(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let mode = call.options(1, &["mode"])?.mode()?.unwrap_or(NEW_FOLDER);
    Ok(call.work(path, move |job, path| folders::make(job, &path, mode, true)))
}

fn rm(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let options = call.options(1, &["recursive", "force"])?;
    let recursive = options.flag("recursive", false)?;
    let force = options.flag("force", false)?;
    Ok(call.work(path, move |job, path| {
        match folders::remove(job, &path, recursive, false) {
            Err(failure) if force && failure.is_not_found() => Ok(()),
            removed => removed,
        }
    }))
}

fn delete_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    Ok(call.work(call.path(0, "path")?, |job, path| {
        folders::remove(job, &path, false, true)
    }))
}

fn delete_dir(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let recursive = call.options(1, &["recursive"])?.flag("recursive", false)?;
    Ok(call.work(path, move |job, path| {
        let facts = facts_of_link(job, &path)?;
        if facts.kind != EntryKind::Folder {
            let error = IoError::new(ErrorKind::NotADirectory, "it is no folder");
            return Err(Failure::of(error, "rmdir"));
        }
        folders::remove(job, &path, recursive, false)
    }))
}

fn facts_of_link(job: &Job, path: &Path) -> Result<EntryFacts, Failure> {
    let entry = job.permissions.entry(Write, path, LastLink::Meant);
    entry
        .and_then(|entry| Ok(entry.facts()?))
        .map_err(|error| Failure::of(error, "rmdir"))
}

fn copy(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let paths = [call.path(0, "from")?, call.path(1, "to")?];
    let options = call.options(2, &["recursive", "overwrite"])?;
    let how = Transfer {
        recursive: options.flag("recursive", false)?,
        overwrite: options.flag("overwrite", true)?,
    };
    Ok(call.work_with_two(paths, move |job, from, to| {
        transfer::copy(job, &from, &to, how)
    }))
}

fn move_to(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let paths = [call.path(0, "from")?, call.path(1, "to")?];
    let how = Transfer {
        recursive: true,
        overwrite: call.options(2, &["overwrite"])?.flag("overwrite", true)?,
    };
    Ok(call.work_with_two(paths, move |job, from, to| {
        transfer::rename(job, &from, &to, how)
    }))
}

fn read_link(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    Ok(call.work(call.path(0, "path")?, |job, path| {
        let target = transfer::read_link(job, &path)?;
        Ok(Answer::Text(target.to_string_lossy().into_owned(), None))
    }))
}

fn symlink(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let paths = [call.path(0, "target")?, call.path(1, "path")?];
    Ok(call.work_with_two(paths, |job, target, path| {
        transfer::make_link(job, &target, &path)
            .map_err(|error| Failure::of(error, "symlink").at(&path))
    }))
}

fn chmod(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let mode = mode_of(call.ctx(), &call.what("mode"), &argument(call.params, 1))?;
    Ok(call.work(path, move |job, path| {
        let entry = job.permissions.entry(Write, &path, LastLink::Followed);
        entry
            .and_then(|entry| Ok(entry.set_mode(mode)?))
            .map_err(|error| Failure::of(error, "chmod"))
    }))
}

fn touch(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let options = call.options(1, &["time"])?;
    let time = match options.get("time") {
        None => None,
        Some(value) => {
            // A `Date` is its number of milliseconds.
            let milliseconds: js::Coerced<f64> = js::FromJs::from_js(call.ctx(), value.clone())?;
            if !milliseconds.0.is_finite() {
                return options.wrong("time", "a Date or a number of milliseconds", value);
            }
            Some(milliseconds.0)
        }
    };
    Ok(call.work(path, move |job, path| transfer::touch(job, &path, time)))
}

fn temp_file(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    temporary(call, false)
}

fn temp_dir(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    temporary(call, true)
}

fn temporary(call: &Call<'_, '_, '_>, is_folder: bool) -> js::Result<Step> {
    let options = call.options(0, &["dir", "prefix", "suffix"])?;
    let part = |name: &str| {
        let part = options.text(name)?.unwrap_or_default();
        // It is a part of a name, and leads nowhere.
        match part.contains(['/', '\\', '\0']) {
            false => Ok(part),
            true => Err(error(
                call.ctx(),
                format_args!("{}: it must be a part of a name", call.what(name)),
            )),
        }
    };
    let wish = Wish {
        folder: options.path("dir")?.map(PathBuf::from),
        prefix: match part("prefix")? {
            none if none.is_empty() => "cla-".to_owned(),
            prefix => prefix,
        },
        suffix: part("suffix")?,
        is_folder,
    };
    let made = call.module.temporaries().clone();
    Ok(call.work(String::new(), move |job, _| {
        let path = made.make(job, &wish)?;
        Ok(Answer::Text(path.to_string_lossy().into_owned(), None))
    }))
}

fn open(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let given = argument(call.params, 1);
    let mode = match given.is_undefined() {
        true => Mode::of("r"),
        false => Mode::of(&string_argument(call.ctx(), &call.what("mode"), &given)?),
    };
    let Some(mode) = mode else {
        return Err(wrong(call.ctx(), &call.what("mode"), Mode::KNOWN, &given));
    };
    let place = place_for(call, &path)?;
    let work = call.work(path, move |job, path| {
        handle::open(job, &path, mode).map(Answer::File)
    });
    Ok(work.with_place(place))
}

/// `watch(path, {recursive})`: what changes there, as events.
pub(super) fn watch(call: &Call<'_, '_, '_>) -> js::Result<Step> {
    let path = call.path(0, "path")?;
    let recursive = call.options(1, &["recursive"])?.flag("recursive", false)?;
    let place = place_for(call, &path)?;
    let work = call.work(path, move |job, path| {
        watch::begin(job, &path, recursive).map(Answer::Watch)
    });
    Ok(work.with_place(place))
}

/// A place among the files that the run has open.
fn place_for(call: &Call<'_, '_, '_>, path: &str) -> js::Result<Place> {
    Place::take(&call.module.run, &call.module.open).ok_or_else(|| {
        let message = format!(
            "{MOST_OPEN} files are open, which is all that a run may have; close() closes one"
        );
        let failure = Failure::of(IoError::new(ErrorKind::QuotaExceeded, message), "open");
        let named = Named {
            function: call.function,
            path: path.to_owned(),
            dest: None,
        };
        call.module.throw(call.ctx(), &named, failure)
    })
}

/// `iterateDir(path, fn)`: calls `fn(name, path)` for what a folder holds, until that gives `false`.
pub(super) fn define_iterate<'js>(module: &Rc<Module>, exports: &Object<'js>) -> js::Result<()> {
    let this = Rc::clone(module);
    let iterate = move |ctx: Ctx<'js>, path: Arg<'js>, function: Arg<'js>| {
        let path = path_of(&ctx, "fs.iterateDir: path", &path)?;
        let Some(function) = function.as_function() else {
            return Err(wrong(&ctx, "fs.iterateDir: fn", "a function", &function));
        };
        let entries = this.list_now(&ctx, path)?;
        for entry in entries.iter::<Object<'js>>() {
            let entry = entry?;
            let (name, path): (Value<'js>, Value<'js>) = (entry.get("name")?, entry.get("path")?);
            let more: Value<'js> = function.call((name, path))?;
            if more.as_bool() == Some(false) {
                break;
            }
        }
        js::Result::Ok(())
    };
    define(exports, "iterateDir", iterate)
}

impl Module {
    /// What a folder holds, at once.
    fn list_now<'js>(self: &Rc<Self>, ctx: &Ctx<'js>, path: String) -> js::Result<js::Array<'js>> {
        let folder = PathBuf::from(&path);
        let work = Work {
            call: Named {
                function: "iterateDir",
                path,
                dest: None,
            },
            place: None,
            reservation: None,
            perform: Box::new(move |job| {
                let (found, taken) = folders::list(job, &folder)?;
                Ok(Answer::Entries(found, taken))
            }),
        };
        self.perform(ctx, Manner::Blocking, Ok(Step::Work(work)))?
            .get()
    }
}
