//! Files and folders into an archive.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use cla_runtime::internal::{EntryFacts, EntryKind, LastLink};
use cla_runtime::permissions::{FileError, OpenFor, Permission};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::super::contents::Replacement;
use super::super::failure::Failure;
use super::super::folders::{self, Found, Step};
use super::super::job::{Job, Taken};
use super::{
    ArchiveKind, LONGEST_TARGET, MOST_FILES, Packing, Wanted, at, invalid, relative, stays_within,
    too_many,
};

/// What of a file's mode is kept: who may read, write and run it.
const MODE: u32 = 0o777;

/// Something that goes into the archive.
struct Item {
    path: PathBuf,
    /// Its name in the archive.
    name: String,
    /// Its place in the folder that is packed.
    below: PathBuf,
    kind: EntryKind,
}

pub(super) fn pack(job: &Job, packing: &Packing) -> Result<usize, FileError> {
    let (items, _taken) = items(job, packing)?;
    let fill = |job: &Job, file: &mut File| write(job, packing, &items, file);
    let mut failed = None;
    let mut fill_or_note = |job: &Job, file: &mut File| {
        fill(job, file).map_err(|error| match error {
            FileError::System(error) => error,
            denied @ FileError::Denied(_) => {
                failed = Some(denied);
                io::Error::from(io::ErrorKind::PermissionDenied)
            }
        })
    };
    let folder = packing.to.parent();
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let replacement = match (Replacement::begin(job, &packing.to, None), folder) {
        (Err(FileError::System(error)), Some(folder))
            if error.kind() == io::ErrorKind::NotFound =>
        {
            folders::make(job, folder, folders::NEW_FOLDER, true).map_err(Failure::into_error)?;
            Replacement::begin(job, &packing.to, None)
        }
        (begun, _) => begun,
    };
    let written = match replacement? {
        Some(replacement) => replacement.finish(job, &mut fill_or_note),
        None => {
            let mut file = job.permissions.open(&packing.to, OpenFor::Writing)?;
            fill_or_note(job, &mut file).map_err(FileError::from)
        }
    };
    match (written, failed) {
        (Err(_), Some(denied)) => Err(denied),
        (written, _) => written.map(|()| count(&items)),
    }
}

fn count(items: &[Item]) -> usize {
    let files = items.iter().filter(|item| item.kind != EntryKind::Folder);
    files.count()
}

/// What goes into the archive, in the order of the names.
fn items(job: &Job, packing: &Packing) -> Result<(Vec<Item>, Taken), FileError> {
    let base = relative(packing.base.trim_start_matches('/'));
    let base = base.ok_or_else(|| invalid(format!("the base {:?} leads up", packing.base)))?;
    let from = packing.from.as_path();
    let facts = facts(job, from, LastLink::Followed)?;
    if facts.kind != EntryKind::Folder {
        let name = from.file_name().map(PathBuf::from).unwrap_or_default();
        let item = Item {
            path: from.to_path_buf(),
            name: name_of(&base.join(&name), from)?,
            below: name,
            kind: facts.kind,
        };
        let items = match packing.choice.takes(&from.to_string_lossy()) {
            true => vec![item],
            false => Vec::new(),
        };
        return Ok((items, job.share()));
    }
    // The archive itself may lie in the folder.
    let archive = place(&packing.to);
    let wanted = |found: &Found| {
        let path = found.path.to_string_lossy();
        Step {
            give: packing.choice.takes(&path),
            enter: !packing.choice.leaves_out(&path),
        }
    };
    let (found, taken) =
        folders::walk(job, from, usize::MAX, wanted).map_err(Failure::into_error)?;
    let mut items = Vec::with_capacity(found.len());
    for found in found {
        if archive.is_some() && place(&found.path) == archive {
            continue;
        }
        if items.len() >= MOST_FILES {
            return Err(at(from, too_many()));
        }
        let below = found.path.strip_prefix(from).unwrap_or(&found.path);
        items.push(Item {
            name: name_of(&base.join(below), &found.path)?,
            below: below.to_path_buf(),
            kind: found.kind,
            path: found.path,
        });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((items, taken))
}

/// Where a file lies, without links.
fn place(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Some(folder.canonicalize().ok()?.join(name))
}

/// A path as the name of something in an archive.
fn name_of(path: &Path, shown: &Path) -> Result<String, FileError> {
    let names: Option<Vec<&str>> = path.iter().map(|name| name.to_str()).collect();
    let names = names.ok_or_else(|| at(shown, invalid("its name is not UTF-8")))?;
    Ok(names.join("/"))
}

fn facts(job: &Job, path: &Path, last: LastLink) -> Result<EntryFacts, FileError> {
    let entry = job.permissions.entry(Permission::Read, path, last);
    entry
        .and_then(|entry| Ok(entry.facts()?))
        .map_err(|error| at(path, error))
}

fn write(job: &Job, packing: &Packing, items: &[Item], file: &mut File) -> Result<(), FileError> {
    let output = BufWriter::new(file);
    match packing.kind {
        ArchiveKind::Tar => {
            let tar = into(job, packing, items, Tar(tar::Builder::new(output)))?;
            flushed(tar.0.into_inner()?)?;
        }
        ArchiveKind::TarGz => {
            // The time of its making is left out, so that the same files make the same archive.
            let output = GzEncoder::new(output, Compression::default());
            let tar = into(job, packing, items, Tar(tar::Builder::new(output)))?;
            flushed(tar.0.into_inner()?.finish()?)?;
        }
        ArchiveKind::Zip => {
            let zip = into(job, packing, items, Zip(ZipWriter::new(output)))?;
            flushed(zip.0.finish().map_err(io::Error::from)?)?;
        }
    }
    Ok(())
}

fn flushed(mut output: impl Write) -> io::Result<()> {
    output.flush()
}

/// Something that items are written to.
trait Archive {
    fn folder(&mut self, name: &str, about: &About) -> io::Result<()>;

    fn link(&mut self, name: &str, target: &str, about: &About) -> io::Result<()>;

    /// Exactly `about.size` bytes are read.
    fn file(&mut self, name: &str, about: &About, bytes: &mut dyn Read) -> io::Result<()>;
}

/// What an archive keeps of a file beside its bytes.
struct About {
    size: u64,
    mode: u32,
    /// In seconds since 1970.
    time: i64,
}

fn into<A: Archive>(
    job: &Job,
    packing: &Packing,
    items: &[Item],
    mut archive: A,
) -> Result<A, FileError> {
    for item in items {
        job.go_on()?;
        let failed = |error: io::Error| at(&item.path, error);
        let last = match packing.from == item.path {
            true => LastLink::Followed,
            false => LastLink::Meant,
        };
        let facts = facts(job, &item.path, last)?;
        let about = About {
            size: facts.size,
            mode: facts.mode & MODE,
            time: packing.time.unwrap_or((facts.modified / 1000.0) as i64),
        };
        match facts.kind {
            EntryKind::Folder => archive.folder(&item.name, &about).map_err(failed)?,
            EntryKind::Link => {
                let entry = job
                    .permissions
                    .entry(Permission::Read, &item.path, LastLink::Meant)
                    .map_err(|error| at(&item.path, error))?;
                let target = entry.read_link().map_err(failed)?;
                let target = target.to_str().unwrap_or_default();
                if target.len() as u64 > LONGEST_TARGET || !stays_within(&item.below, target) {
                    let message =
                        "it is a link that leads out of the folder; `exclude` leaves it out";
                    return Err(failed(invalid(message)));
                }
                archive.link(&item.name, target, &about).map_err(failed)?;
            }
            EntryKind::File => {
                let file = job
                    .permissions
                    .open(&item.path, OpenFor::Reading)
                    .map_err(|error| at(&item.path, error))?;
                // What was opened may not be what was looked at.
                let metadata = file.metadata().map_err(failed)?;
                if !metadata.is_file() {
                    return Err(failed(invalid("it is no file any more")));
                }
                let about = About {
                    size: metadata.len(),
                    ..about
                };
                let mut bytes = Wanted::new(job, file.take(about.size));
                archive
                    .file(&item.name, &about, &mut bytes)
                    .map_err(failed)?;
                if bytes.count != about.size {
                    return Err(failed(invalid("it became shorter while it was read")));
                }
            }
            EntryKind::Pipe | EntryKind::Socket | EntryKind::Device => {
                let message = "only files, links and folders are packed; `exclude` leaves it out";
                return Err(failed(invalid(message)));
            }
        }
    }
    Ok(archive)
}

struct Tar<W: Write>(tar::Builder<W>);

impl<W: Write> Tar<W> {
    fn header(kind: tar::EntryType, about: &About, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(about.mode);
        header.set_mtime(u64::try_from(about.time).unwrap_or_default());
        header.set_size(size);
        header
    }
}

impl<W: Write> Archive for Tar<W> {
    fn folder(&mut self, name: &str, about: &About) -> io::Result<()> {
        let mut header = Self::header(tar::EntryType::Directory, about, 0);
        self.0
            .append_data(&mut header, format!("{name}/"), io::empty())
    }

    fn link(&mut self, name: &str, target: &str, about: &About) -> io::Result<()> {
        let mut header = Self::header(tar::EntryType::Symlink, about, 0);
        self.0.append_link(&mut header, name, target)
    }

    fn file(&mut self, name: &str, about: &About, bytes: &mut dyn Read) -> io::Result<()> {
        let mut header = Self::header(tar::EntryType::Regular, about, about.size);
        self.0.append_data(&mut header, name, bytes)
    }
}

struct Zip<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Zip<W> {
    fn options(about: &About) -> SimpleFileOptions {
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(about.mode)
            .last_modified_time(civil(about.time))
            .large_file(about.size >= u64::from(u32::MAX))
    }
}

impl<W: Write + Seek> Archive for Zip<W> {
    fn folder(&mut self, name: &str, about: &About) -> io::Result<()> {
        Ok(self.0.add_directory(name, Self::options(about))?)
    }

    fn link(&mut self, name: &str, target: &str, about: &About) -> io::Result<()> {
        Ok(self.0.add_symlink(name, target, Self::options(about))?)
    }

    fn file(&mut self, name: &str, about: &About, bytes: &mut dyn Read) -> io::Result<()> {
        self.0.start_file(name, Self::options(about))?;
        io::copy(bytes, &mut self.0).map(drop)
    }
}

/// A time as `zip` writes it: in UTC, and in the years from 1980 to 2107.
fn civil(seconds: i64) -> DateTime {
    let time = Timestamp::from_second(seconds).ok().and_then(|time| {
        let time = TimeZone::UTC.to_datetime(time);
        let part = |value: i8| u8::try_from(value).unwrap_or_default();
        DateTime::from_date_and_time(
            u16::try_from(time.year()).ok()?,
            part(time.month()),
            part(time.day()),
            part(time.hour()),
            part(time.minute()),
            part(time.second()),
        )
        .ok()
    });
    time.unwrap_or_default()
}
