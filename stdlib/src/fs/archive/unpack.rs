//! Files and folders out of an archive.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cla_runtime::internal::{Entry, EntryKind, LastLink};
use cla_runtime::permissions::{FileError, OpenFor, Permission};
use flate2::read::MultiGzDecoder;
use tar::EntryType;
use zip::ZipReadOptions;
use zip::read::Config;
// It reads the list of files one by one, so that a long one does not fill the memory.
use zip::unstable::read::ZipIterable;

use super::super::contents::{CHUNK, set_mode, unreadable, write_all};
use super::super::failure::Failure;
use super::super::folders;
use super::super::job::Job;
use super::{
    ArchiveKind, LONGEST_TARGET, MOST_FILES, Unpacking, Wanted, at, invalid, relative,
    stays_within, too_many,
};

/// The most that may be read to find the next file of a `tar`, in bytes.
const LONGEST_HEADER: u64 = 1 << 20;

/// The mode of a file of which the archive does not say one.
const NEW_FILE: u32 = 0o644;

pub(super) fn unpack(job: &Job, unpacking: &Unpacking) -> Result<usize, FileError> {
    let file = open(job, &unpacking.from)?;
    folders::make(job, &unpacking.to, folders::NEW_FOLDER, true).map_err(Failure::into_error)?;
    let entry = job
        .permissions
        .entry(Permission::Write, &unpacking.to, LastLink::Followed)?;
    let folder = entry
        .place()
        .canonicalize()
        .map_err(|error| at(&unpacking.to, error))?;
    let mut target = Target {
        job,
        folder,
        left: unpacking.most,
        most: unpacking.most,
        made: 0,
    };
    let done = match unpacking.kind {
        ArchiveKind::Zip => zip(&mut target, file, open(job, &unpacking.from)?),
        ArchiveKind::Tar | ArchiveKind::TarGz => tar(&mut target, file),
    };
    match done {
        Ok(()) => Ok(target.made),
        Err(error) => Err(at(&unpacking.from, error)),
    }
}

fn open(job: &Job, path: &Path) -> Result<File, FileError> {
    let file = job
        .permissions
        .open(path, OpenFor::Reading)
        .map_err(|error| at(path, error))?;
    let about = file.metadata()?;
    match about.is_file() {
        true => Ok(file),
        false => Err(at(path, unreadable(&about))),
    }
}

fn tar(target: &mut Target<'_>, mut file: File) -> Result<(), FileError> {
    let mut magic = [0; 2];
    let is_compressed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.rewind()?;
    let bytes = BufReader::new(Wanted::new(target.job, file));
    let bytes: Box<dyn Read + '_> = match is_compressed {
        true => Box::new(MultiGzDecoder::new(bytes)),
        false => Box::new(bytes),
    };
    let left = Rc::new(Cell::new(LONGEST_HEADER));
    let mut archive = tar::Archive::new(Headers {
        bytes,
        left: Rc::clone(&left),
    });
    let mut entries = archive.entries()?;
    let mut seen = 0;
    loop {
        // Names can be long, and are kept in memory.
        left.set(LONGEST_HEADER);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry?;
        left.set(u64::MAX);
        seen += 1;
        if seen > MOST_FILES {
            return Err(too_many().into());
        }
        let name = String::from_utf8(entry.path_bytes().into_owned());
        let name = name.map_err(|_| invalid("a name in it is not UTF-8"))?;
        let mode = entry.header().mode().unwrap_or(NEW_FILE);
        match entry.header().entry_type() {
            EntryType::Directory => target.folder(&name)?,
            EntryType::Symlink => {
                let link = entry.link_name_bytes().unwrap_or_default().into_owned();
                let link = String::from_utf8(link);
                let link = link.map_err(|_| {
                    invalid(format!("the target of the link {name:?} is not UTF-8"))
                })?;
                target.link(&name, &link)?;
            }
            EntryType::XGlobalHeader => {}
            kind if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() => {
                target.file(&name, mode, &mut entry)?;
            }
            EntryType::Link => {
                return Err(invalid(format!(
                    "{name:?} is a second name of a file, which is not made here"
                ))
                .into());
            }
            _ => {
                return Err(invalid(format!(
                    "{name:?} is neither a file nor a folder nor a link"
                ))
                .into());
            }
        }
    }
    Ok(())
}

/// A reader that reads no long headers. What a file holds, it reads whole.
struct Headers<R> {
    bytes: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Headers<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !bytes.is_empty() {
            return Err(invalid("a name in it is too long"));
        }
        let most = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let count = self.bytes.read(&mut bytes[..most])?;
        self.left.set(left - count as u64);
        Ok(count)
    }
}

fn zip(target: &mut Target<'_>, index: File, bytes: File) -> Result<(), FileError> {
    let job = target.job;
    let mut archive = ZipIterable::try_new(index, Config::default()).map_err(io::Error::from)?;
    if archive.len() > MOST_FILES {
        return Err(too_many().into());
    }
    let mut bytes = BufReader::new(bytes);
    for entry in archive.files().map_err(io::Error::from)? {
        job.go_on()?;
        let entry = entry.map_err(io::Error::from)?;
        let name = entry.name().map_err(io::Error::from)?.into_owned();
        if entry.is_dir() {
            target.folder(&name)?;
            continue;
        }
        let is_link = entry.is_symlink();
        let mode = entry.unix_mode().unwrap_or(NEW_FILE);
        let file = entry
            .with_reader(&mut bytes, ZipReadOptions::new())
            .map_err(io::Error::from)?;
        let mut file = Wanted::new(job, file);
        if is_link {
            let mut link = String::new();
            (&mut file)
                .take(LONGEST_TARGET + 1)
                .read_to_string(&mut link)?;
            target.link(&name, &link)?;
        } else {
            target.file(&name, mode, &mut file)?;
        }
    }
    Ok(())
}

/// The folder that is filled.
struct Target<'j> {
    job: &'j Job,
    /// Without links.
    folder: PathBuf,
    /// How many bytes may still come.
    left: u64,
    most: u64,
    made: usize,
}

impl Target<'_> {
    /// Where something of this name in the archive belongs.
    fn below(name: &str) -> io::Result<PathBuf> {
        let below = relative(name);
        below.ok_or_else(|| invalid(format!("the name {name:?} in it leads out of the folder")))
    }

    /// Makes the folders that lead to a path. None of them may be a link, also none that was there before.
    fn folders(&self, below: &Path) -> Result<(), FileError> {
        let mut place = self.folder.clone();
        for name in below {
            place.push(name);
            let entry = self.entry(&place)?;
            match entry.facts() {
                Ok(facts) if facts.kind == EntryKind::Folder => {}
                Ok(_) => {
                    let message = "it is in the way of a folder";
                    return Err(at(&place, invalid(message)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    entry
                        .make_folder(folders::NEW_FOLDER)
                        .map_err(|error| at(&place, error))?;
                }
                Err(error) => return Err(at(&place, error)),
            }
        }
        Ok(())
    }

    fn entry(&self, place: &Path) -> Result<Entry, FileError> {
        let entry = self
            .job
            .permissions
            .entry_without_links(Permission::Write, place);
        entry.map_err(|error| at(place, error))
    }

    fn folder(&self, name: &str) -> Result<(), FileError> {
        self.folders(&Self::below(name)?)
    }

    /// The entry for a new file or link. What is there, if it is no folder, is taken away.
    fn anew(&mut self, name: &str) -> Result<(Entry, PathBuf, PathBuf), FileError> {
        let below = Self::below(name)?;
        if below.as_os_str().is_empty() {
            return Err(invalid(format!("the name {name:?} in it is none of a file")).into());
        }
        self.folders(below.parent().unwrap_or(Path::new("")))?;
        let place = self.folder.join(&below);
        let entry = self.entry(&place)?;
        match entry.facts() {
            Ok(facts) if facts.kind == EntryKind::Folder => {
                return Err(at(&place, invalid("it is a folder, where a file belongs")));
            }
            Ok(_) => entry.remove_file().map_err(|error| at(&place, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(&place, error)),
        }
        self.made += 1;
        Ok((entry, place, below))
    }

    fn link(&mut self, name: &str, target: &str) -> Result<(), FileError> {
        let below = Self::below(name)?;
        if target.len() as u64 > LONGEST_TARGET || !stays_within(&below, target) {
            let message = format!("the link {name:?} in it leads out of the folder");
            return Err(invalid(message).into());
        }
        let (entry, place, _) = self.anew(name)?;
        entry
            .make_link(Path::new(target))
            .map_err(|error| at(&place, error))
    }

    fn file(&mut self, name: &str, mode: u32, bytes: &mut dyn Read) -> Result<(), FileError> {
        let (entry, place, _) = self.anew(name)?;
        let mut file = entry
            .open(OpenFor::Creating)
            .map_err(|error| at(&place, error))?;
        let mut chunk = vec![0; CHUNK];
        loop {
            self.job.go_on()?;
            let count = bytes.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            self.left = match self.left.checked_sub(count as u64) {
                Some(left) => left,
                None => {
                    let message = format!(
                        "it has more than {} bytes; `most` allows for more",
                        self.most
                    );
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, message).into());
                }
            };
            write_all(self.job, &mut file, &chunk[..count]).map_err(|error| at(&place, error))?;
        }
        // Nobody gets the rights of its owner by an archive.
        set_mode(&file, mode & 0o777).map_err(|error| at(&place, error))
    }
}
