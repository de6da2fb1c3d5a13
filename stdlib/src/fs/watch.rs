//! `fs.watch`: tells what changes in a folder, or of a file. By inotify, which Linux has.
//!
//! A file is watched by its folder: programs that replace it give its name to another file, of which a watch on the file
//! itself would know nothing.

use std::path::PathBuf;
use std::rc::Rc;

use cla_runtime::internal::HostObject;
use cla_runtime::js::function::This;
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, IntoJs, Null, Object, Value};

use super::Module;
use super::failure::Failure;
use super::handle::Place;
use super::job::Job;
use crate::call::named;
use crate::throw::type_error;

pub(super) use self::system::{Watch, begin};

/// What has happened.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    kind: &'static str,
    path: PathBuf,
}

/// What is watched, as the rule's object has it.
pub(super) struct Watcher {
    watch: tokio::sync::Mutex<Watch>,
    closed: tokio::sync::Notify,
    is_closed: std::cell::Cell<bool>,
    /// It counts as an open file.
    _place: Place,
}

impl Watcher {
    pub(super) fn new(watch: Watch, place: Place) -> Self {
        Self {
            watch: tokio::sync::Mutex::new(watch),
            closed: tokio::sync::Notify::new(),
            is_closed: std::cell::Cell::new(false),
            _place: place,
        }
    }

    /// The next change; `None` when there will be no more.
    async fn next(&self) -> std::io::Result<Option<Change>> {
        let closed = self.closed.notified();
        if self.is_closed.get() {
            return Ok(None);
        }
        let next = async { self.watch.lock().await.next().await };
        tokio::select! {
            change = next => change,
            () = closed => Ok(None),
        }
    }

    fn close(&self) {
        self.is_closed.set(true);
        self.closed.notify_waiters();
    }
}

/// Adds the methods to the prototype.
pub(super) fn define<'js>(module: &Rc<Module>, prototype: &Object<'js>) -> js::Result<()> {
    let ctx = prototype.ctx();
    let this_module = Rc::clone(module);
    let event = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let watcher = of(&ctx, &this.0)?;
        let change = this_module.run.block_on(&ctx, watcher.next())?;
        give(&ctx, &this_module, change)
    };
    let this_module = Rc::clone(module);
    let event_later = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let (watcher, module) = (of(&ctx, &this.0)?, Rc::clone(&this_module));
        let next = async move { watcher.next().await };
        let run = &this_module.run;
        run.promise(&ctx, next, move |ctx, change| give(ctx, &module, change))
    };
    let close = |ctx: Ctx<'js>, this: This<Value<'js>>| {
        of(&ctx, &this.0)?.close();
        js::Result::Ok(())
    };
    for (name, function) in [
        ("event", named(ctx, "event", event)?),
        ("eventLater", named(ctx, "eventLater", event_later)?),
        ("close", named(ctx, "close", close)?),
    ] {
        prototype.prop(name, Property::from(function).writable().configurable())?;
    }
    Ok(())
}

fn of(ctx: &Ctx<'_>, this: &Value<'_>) -> js::Result<Rc<Watcher>> {
    let watcher = HostObject::<Rc<Watcher>>::with(this, Rc::clone);
    watcher.ok_or_else(|| type_error(ctx, "fs.watch: this is not what it gave"))
}

fn give<'js>(
    ctx: &Ctx<'js>,
    module: &Module,
    change: std::io::Result<Option<Change>>,
) -> js::Result<Value<'js>> {
    match change {
        Ok(None) => Null.into_js(ctx),
        Ok(Some(change)) => {
            let object = Object::new(ctx.clone())?;
            object.set("kind", change.kind)?;
            object.set("path", &*change.path.to_string_lossy())?;
            Ok(object.into_value())
        }
        Err(error) => {
            let named = super::failure::Named {
                function: "watch",
                ..Default::default()
            };
            Err(module.throw(ctx, &named, Failure::of(error, "watch")))
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::{HashMap, VecDeque};
    use std::ffi::OsString;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::{Path, PathBuf};

    use cla_runtime::Permissions;
    use cla_runtime::internal::{EntryKind, LastLink};
    use cla_runtime::permissions::{FileError, OpenFor, Permission};
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
    use tokio::io::unix::AsyncFd;

    use super::super::folders::{self, Step};
    use super::{Change, Failure, Job};

    /// The most folders that one call watches, those in it included: the system's memory is not the run's.
    const MOST_FOLDERS: usize = 4096;

    /// See the module above.
    pub(in super::super) struct Watch {
        inotify: Inotify,
        /// Where it is waited for changes, from the first wait on.
        waiting: Option<AsyncFd<std::os::fd::OwnedFd>>,
        folders: HashMap<WatchDescriptor, PathBuf>,
        /// The name in the folder that is meant; `None`: all.
        only: Option<OsString>,
        recursive: bool,
        permissions: Permissions,
        ready: VecDeque<Change>,
        top: PathBuf,
        at_end: bool,
    }

    /// Begins to watch.
    pub(in super::super) fn begin(
        job: &Job,
        path: &Path,
        recursive: bool,
    ) -> Result<Watch, Failure> {
        let failed = |error: FileError| Failure::of(error, "watch");
        let entry = job
            .permissions
            .entry(Permission::Read, path, LastLink::Followed)
            .map_err(failed)?;
        let facts = entry.facts().map_err(|error| failed(error.into()))?;
        let flags = InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC;
        let inotify =
            Inotify::init(flags).map_err(|error| failed(io::Error::from(error).into()))?;
        let is_folder = facts.kind == EntryKind::Folder;
        let mut watch = Watch {
            inotify,
            waiting: None,
            folders: HashMap::new(),
            only: None,
            recursive: recursive && is_folder,
            permissions: job.permissions.clone(),
            ready: VecDeque::new(),
            top: path.to_path_buf(),
            at_end: false,
        };
        if is_folder {
            watch.add(path).map_err(failed)?;
        } else {
            // The rule sees of the folder what it may see: this name.
            watch.only = entry.place().file_name().map(OsString::from);
            let parent = path.parent().unwrap_or(Path::new(""));
            let folder = entry.folder().map_err(|error| failed(error.into()))?;
            watch
                .add_open(&folder, parent)
                .map_err(|error| failed(error.into()))?;
        }
        if watch.recursive {
            let everything = |_: &folders::Found| Step {
                give: true,
                enter: true,
            };
            let (found, _taken) = folders::walk(job, path, usize::MAX, everything)?;
            for found in found {
                if found.kind == EntryKind::Folder {
                    watch.add(&found.path).map_err(failed)?;
                }
            }
        }
        Ok(watch)
    }

    impl Watch {
        fn add(&mut self, path: &Path) -> Result<(), FileError> {
            let folder = self.permissions.open(path, OpenFor::Reading)?;
            Ok(self.add_open(&folder, path)?)
        }

        /// Watches a folder that is open, whatever its path leads to by now.
        fn add_open(&mut self, folder: &impl AsRawFd, path: &Path) -> io::Result<()> {
            if self.folders.len() >= MOST_FOLDERS {
                let message = format!("more than {MOST_FOLDERS} folders are not watched at once");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, message));
            }
            let wanted = AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_MODIFY
                | AddWatchFlags::IN_ATTRIB
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MOVED_FROM
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_DELETE_SELF
                | AddWatchFlags::IN_MOVE_SELF
                | AddWatchFlags::IN_ONLYDIR;
            let open = format!("/proc/self/fd/{}", folder.as_raw_fd());
            let descriptor = self.inotify.add_watch(open.as_str(), wanted)?;
            self.folders.insert(descriptor, path.to_path_buf());
            Ok(())
        }

        pub(super) async fn next(&mut self) -> io::Result<Option<Change>> {
            loop {
                if let Some(change) = self.ready.pop_front() {
                    return Ok(Some(change));
                }
                if self.at_end {
                    return Ok(None);
                }
                match self.inotify.read_events() {
                    Ok(events) => events.into_iter().for_each(|event| self.note(event)),
                    Err(nix::errno::Errno::EAGAIN) => {
                        if self.waiting.is_none() {
                            let fd =
                                std::os::fd::AsFd::as_fd(&self.inotify).try_clone_to_owned()?;
                            #[allow(
                                deprecated,
                                reason = "what is unsound with other types is not with an `OwnedFd`, and what replaces it is unsafe"
                            )]
                            let waiting = AsyncFd::new(fd)?;
                            self.waiting = Some(waiting);
                        }
                        if let Some(waiting) = &self.waiting {
                            waiting.readable().await?.clear_ready();
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }

        fn note(&mut self, event: nix::sys::inotify::InotifyEvent) {
            use AddWatchFlags as Mask;
            if event.mask.contains(Mask::IN_Q_OVERFLOW) {
                self.push("lost", self.top.clone());
                return;
            }
            let Some(folder) = self.folders.get(&event.wd).cloned() else {
                return;
            };
            if event.mask.contains(Mask::IN_IGNORED) {
                self.folders.remove(&event.wd);
                self.at_end |= self.folders.is_empty();
                return;
            }
            let Some(name) = event.name else {
                if event
                    .mask
                    .intersects(Mask::IN_DELETE_SELF | Mask::IN_MOVE_SELF)
                    && (folder == self.top || self.only.is_some())
                {
                    self.push("removed", self.top.clone());
                    self.at_end = true;
                }
                return;
            };
            let path = match &self.only {
                Some(only) if *only != name => return,
                Some(_) => self.top.clone(),
                None => folder.join(&name),
            };
            let kind = if event.mask.intersects(Mask::IN_CREATE | Mask::IN_MOVED_TO) {
                "created"
            } else if event.mask.intersects(Mask::IN_DELETE | Mask::IN_MOVED_FROM) {
                "removed"
            } else {
                "changed"
            };
            if self.recursive && kind == "created" && event.mask.contains(Mask::IN_ISDIR) {
                // It may be gone already, or be denied to the rule.
                let _ = self.add(&path);
            }
            self.push(kind, path);
        }

        fn push(&mut self, kind: &'static str, path: PathBuf) {
            let change = Change { kind, path };
            // A file that is written makes an event for each piece.
            if kind != "changed" || self.ready.back() != Some(&change) {
                self.ready.push_back(change);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::Path;

    use super::{Change, Failure, Job};

    /// There is none here.
    pub(in super::super) enum Watch {}

    pub(in super::super) fn begin(_: &Job, _: &Path, _: bool) -> Result<Watch, Failure> {
        let message = "changes are told on Linux only; look again and again with fs.stat";
        let error = io::Error::new(io::ErrorKind::Unsupported, message);
        Err(Failure::of(error, "watch"))
    }

    impl Watch {
        pub(super) async fn next(&mut self) -> io::Result<Option<Change>> {
            match *self {}
        }
    }
}
