//! What work on files gives, as values of the rule's.

use std::rc::Rc;

use cla_runtime::internal::{EntryFacts, EntryKind, HostObject};
use cla_runtime::js::{self, Array, ArrayBuffer, Ctx, IntoJs, Null, Object, TypedArray, Value};

use super::Module;
use super::folders::Found;
use super::handle::{Handle, Open, Place};
use super::job::Taken;
use super::watch::{Watch, Watcher};

/// What work on another thread gives.
pub(super) enum Answer {
    Nothing,
    /// There is no more.
    End,
    Bool(bool),
    Number(f64),
    Text(String, Option<Taken>),
    Bytes(Vec<u8>, Option<Taken>),
    Facts(EntryFacts),
    /// Names only.
    Names(Vec<Found>, Taken),
    /// Paths only.
    Paths(Vec<Found>, Taken),
    Entries(Vec<Found>, Taken),
    File(Open),
    Watch(Watch),
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

/// What a call gets an answer for.
pub(super) struct Asked {
    /// For an open file: its path, its place, and whether its methods give promises.
    pub(super) opened: Option<(String, Place, bool)>,
}

impl Module {
    /// Makes a value of the rule's of an answer.
    pub(super) fn value<'js>(
        &self,
        ctx: &Ctx<'js>,
        answer: Answer,
        asked: Asked,
    ) -> js::Result<Value<'js>> {
        match answer {
            Answer::Nothing => Ok(Value::new_undefined(ctx.clone())),
            Answer::End => Null.into_js(ctx),
            Answer::Bool(value) => value.into_js(ctx),
            Answer::Number(value) => value.into_js(ctx),
            Answer::Text(text, _taken) => {
                // A text that is not ASCII takes two bytes for a character, in a buffer that grows by half.
                let size = text.len() * if text.is_ascii() { 1 } else { 4 };
                let _reservation = self.run.reserve(ctx, "the text", size)?;
                text.into_js(ctx)
            }
            Answer::Bytes(bytes, _taken) => {
                let _reservation = self.run.reserve(ctx, "the bytes", bytes.len())?;
                let buffer = ArrayBuffer::new_copy(ctx.clone(), &bytes)?;
                Ok(TypedArray::<u8>::from_arraybuffer(buffer)?.into_value())
            }
            Answer::Facts(facts) => self.facts(ctx, &facts),
            Answer::Names(found, _taken) => self.list(ctx, &found, |ctx, found| {
                (&*found.name.to_string_lossy()).into_js(ctx)
            }),
            Answer::Paths(found, _taken) => self.list(ctx, &found, |ctx, found| {
                (&*found.path.to_string_lossy()).into_js(ctx)
            }),
            Answer::Entries(found, _taken) => {
                let prototype = self.shapes.entry.get(ctx)?;
                self.list(ctx, &found, |ctx, found| {
                    let entry = Object::new(ctx.clone())?;
                    entry.set_prototype(Some(&prototype))?;
                    entry.set("name", &*found.name.to_string_lossy())?;
                    entry.set("path", &*found.path.to_string_lossy())?;
                    entry.set("kind", name_of(found.kind))?;
                    Ok(entry.into_value())
                })
            }
            Answer::File(file) => {
                let Some((path, place, is_async)) = asked.opened else {
                    return Ok(Value::new_undefined(ctx.clone()));
                };
                let prototype = match is_async {
                    true => self.shapes.async_file.get(ctx)?,
                    false => self.shapes.file.get(ctx)?,
                };
                HostObject::create(Handle::new(path, file, place), prototype)
            }
            Answer::Watch(watch) => {
                let Some((_, place, _)) = asked.opened else {
                    return Ok(Value::new_undefined(ctx.clone()));
                };
                let watcher = Rc::new(Watcher::new(watch, place));
                HostObject::create(watcher, self.shapes.watcher.get(ctx)?)
            }
        }
    }

    fn list<'js>(
        &self,
        ctx: &Ctx<'js>,
        found: &[Found],
        make: impl Fn(&Ctx<'js>, &Found) -> js::Result<Value<'js>>,
    ) -> js::Result<Value<'js>> {
        let array = Array::new(ctx.clone())?;
        for (at, found) in found.iter().enumerate() {
            if at % 1024 == 1023 {
                self.run.checkpoint(ctx)?;
            }
            array.set(at, make(ctx, found)?)?;
        }
        Ok(array.into_value())
    }

    fn facts<'js>(&self, ctx: &Ctx<'js>, facts: &EntryFacts) -> js::Result<Value<'js>> {
        let object = Object::new(ctx.clone())?;
        object.set_prototype(Some(&self.shapes.facts.get(ctx)?))?;
        object.set("kind", name_of(facts.kind))?;
        object.set("size", facts.size as f64)?;
        object.set("mode", facts.mode)?;
        object.set("mtimeMs", facts.modified)?;
        object.set("atimeMs", facts.accessed)?;
        object.set("ctimeMs", facts.changed)?;
        object.set("uid", facts.uid)?;
        object.set("gid", facts.gid)?;
        object.set("nlink", facts.links as f64)?;
        object.set("ino", facts.inode as f64)?;
        object.set("dev", facts.device as f64)?;
        Ok(object.into_value())
    }
}

fn name_of(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Folder => "folder",
        EntryKind::Link => "link",
        EntryKind::Pipe => "pipe",
        EntryKind::Socket => "socket",
        EntryKind::Device => "device",
    }
}
