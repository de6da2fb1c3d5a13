//! Archives that are made to do harm, and folders that are not as they should be.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use cla_runtime::Permissions;
use cla_runtime::permissions::Permission;
use tar::{Builder, EntryType, Header};
use zip::write::SimpleFileOptions;

use super::super::job::{Budget, Job};
use super::{ArchiveKind, Choice, Packing, Unpacking, pack, unpack};

struct Place {
    _folder: tempfile::TempDir,
    /// Without links.
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        fs::create_dir(path.join("to")).unwrap();
        fs::write(path.join("secret"), "outside").unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    /// Takes an archive out into `to`.
    fn unpack(&self, kind: ArchiveKind, bytes: &[u8], most: u64) -> Result<usize, String> {
        self.unpack_as(&Permissions::all(), kind, bytes, most)
    }

    fn unpack_as(
        &self,
        permissions: &Permissions,
        kind: ArchiveKind,
        bytes: &[u8],
        most: u64,
    ) -> Result<usize, String> {
        let from = self.path.join("archive");
        fs::write(&from, bytes).unwrap();
        let (job, _wanted) = Job::new(permissions, &Budget::default(), 1 << 20);
        let unpacking = Unpacking {
            from,
            to: self.path.join("to"),
            kind,
            most,
        };
        unpack::unpack(&job, &unpacking).map_err(|error| error.to_string())
    }

    fn pack(&self, from: &str, kind: ArchiveKind, exclude: &[&str]) -> Result<usize, String> {
        let exclude: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
        let (job, _wanted) = Job::new(&Permissions::all(), &Budget::default(), 1 << 20);
        let packing = Packing {
            from: self.path.join(from),
            to: self.path.join("archive"),
            kind,
            base: String::new(),
            choice: Choice::new(&[], &exclude).unwrap(),
            time: None,
        };
        pack::pack(&job, &packing).map_err(|error| error.to_string())
    }

    /// What lies outside of `to` is as it was.
    #[track_caller]
    fn is_unharmed(&self) {
        let mut names: Vec<_> = fs::read_dir(&self.path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "archive")
            .collect();
        names.sort();
        assert_eq!(names, ["secret", "to"]);
        assert_eq!(fs::read(self.path.join("secret")).unwrap(), b"outside");
    }
}

/// A tar of entries: kind, name, and what it holds or leads to. Names are written as they are.
fn tar_of(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (kind, name, text) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o6755);
        let field = &mut header.as_gnu_mut().unwrap().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        if is_link {
            let field = &mut header.as_gnu_mut().unwrap().linkname;
            field[..text.len()].copy_from_slice(text.as_bytes());
        }
        let text = if is_link { "" } else { text };
        header.set_size(text.len() as u64);
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const FILE: EntryType = EntryType::Regular;
const LINK: EntryType = EntryType::Symlink;

#[test]
fn no_name_leads_out_of_the_folder() {
    for name in [
        "../secret",
        "a/../../secret",
        "/tmp/cla-secret",
        "a\\..\\b",
        "..",
        "",
    ] {
        let place = Place::new();
        let error = place
            .unpack(ArchiveKind::Tar, &tar_of(&[(FILE, name, "x")]), 100)
            .unwrap_err();
        assert!(error.contains("name"), "{name}: {error}");
        place.is_unharmed();
        if name.is_empty() {
            continue;
        }
        let error = place
            .unpack(ArchiveKind::Zip, &zip_of(&[(name, "x")]), 100)
            .unwrap_err();
        assert!(error.contains("name"), "{name}: {error}");
        place.is_unharmed();
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    for target in ["../secret", "/etc/passwd", "..", "a/../../secret"] {
        let place = Place::new();
        let error = place
            .unpack(ArchiveKind::Tar, &tar_of(&[(LINK, "a", target)]), 100)
            .unwrap_err();
        assert!(error.contains("leads out"), "{target}: {error}");
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.add_symlink("a", target, SimpleFileOptions::default())
            .unwrap();
        let zip = zip.finish().unwrap().into_inner();
        let error = place.unpack(ArchiveKind::Zip, &zip, 100).unwrap_err();
        assert!(error.contains("leads out"), "{target}: {error}");
        place.is_unharmed();
    }
    // One that stays within is made.
    let place = Place::new();
    let tar = tar_of(&[(FILE, "d/a", "x"), (LINK, "d/b", "a"), (LINK, "c", "d/b")]);
    assert_eq!(place.unpack(ArchiveKind::Tar, &tar, 100), Ok(3));
    assert_eq!(fs::read(place.path.join("to/c")).unwrap(), b"x");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    // One that the archive made itself, within the folder.
    let place = Place::new();
    let tar = tar_of(&[
        (EntryType::Directory, "d", ""),
        (LINK, "l", "d"),
        (FILE, "l/a", "x"),
    ]);
    let error = place.unpack(ArchiveKind::Tar, &tar, 100).unwrap_err();
    assert!(error.contains("in the way"), "{error}");
    // One that was there before, and leads out.
    let place = Place::new();
    std::os::unix::fs::symlink("..", place.path.join("to/up")).unwrap();
    for kind in [ArchiveKind::Tar, ArchiveKind::Zip] {
        let bytes = match kind {
            ArchiveKind::Zip => zip_of(&[("up/secret", "x")]),
            _ => tar_of(&[(FILE, "up/secret", "x")]),
        };
        let error = place.unpack(kind, &bytes, 100).unwrap_err();
        assert!(error.contains("in the way"), "{error}");
        place.is_unharmed();
    }
    // One in the place of a file is replaced, and what it leads to stays.
    std::os::unix::fs::symlink("../secret", place.path.join("to/file")).unwrap();
    let tar = tar_of(&[(FILE, "file", "new")]);
    assert_eq!(place.unpack(ArchiveKind::Tar, &tar, 100), Ok(1));
    assert_eq!(fs::read(place.path.join("to/file")).unwrap(), b"new");
    place.is_unharmed();
}

#[test]
fn what_is_no_file_is_not_made() {
    for kind in [EntryType::Link, EntryType::Char, EntryType::Fifo] {
        let place = Place::new();
        let tar = tar_of(&[(kind, "a", "b")]);
        assert!(
            place.unpack(ArchiveKind::Tar, &tar, 100).is_err(),
            "{kind:?}"
        );
        assert!(!place.path.join("to/a").exists());
    }
}

#[test]
fn an_archive_has_no_more_bytes_than_it_may() {
    let text = "x".repeat(60);
    let tar = tar_of(&[(FILE, "a", &text), (FILE, "b", &text)]);
    let zip = zip_of(&[("a", &text), ("b", &text)]);
    for (kind, bytes) in [(ArchiveKind::Tar, tar), (ArchiveKind::Zip, zip)] {
        let place = Place::new();
        assert_eq!(place.unpack(kind, &bytes, 120), Ok(2), "{kind:?}");
        let error = place.unpack(kind, &bytes, 119).unwrap_err();
        assert!(error.contains("more than 119 bytes"), "{error}");
    }
    // Some kilobytes that become many.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = Header::new_gnu();
    header.set_path("a").unwrap();
    header.set_size(50 << 20);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..50 {
        gzip.write_all(&zeros).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let place = Place::new();
    let error = place
        .unpack(ArchiveKind::TarGz, &bomb, 1 << 20)
        .unwrap_err();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn no_name_fills_the_memory() {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(8 << 20);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(bytes.len() + (8 << 20), b'a');
    let place = Place::new();
    let error = place.unpack(ArchiveKind::Tar, &bytes, 1 << 30).unwrap_err();
    assert!(error.contains("too long"), "{error}");
}

#[test]
fn what_is_no_archive_is_refused() {
    let place = Place::new();
    for kind in [ArchiveKind::Tar, ArchiveKind::Zip] {
        let noise = vec![0x5a; 2000];
        assert!(place.unpack(kind, &noise, 100).is_err(), "{kind:?}");
    }
    assert!(place.unpack(ArchiveKind::Zip, b"", 100).is_err());
    // Cut off within a file.
    let tar = tar_of(&[(FILE, "a", &"x".repeat(3000))]);
    assert!(place.unpack(ArchiveKind::Tar, &tar[..1500], 5000).is_err());
    place.is_unharmed();
}

#[cfg(unix)]
#[test]
fn modes_give_nobody_the_rights_of_the_owner() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let tar = tar_of(&[(FILE, "a", "x")]);
    place.unpack(ArchiveKind::Tar, &tar, 100).unwrap();
    let about = fs::metadata(place.path.join("to/a")).unwrap();
    assert_eq!(about.permissions().mode() & 0o7777, 0o755);
}

#[test]
fn only_what_the_run_may_write_is_written() {
    let place = Place::new();
    let to = place.path.join("to");
    let permissions = Permissions::none()
        .allow_all(Permission::Read)
        .allow(Permission::Write, [to.to_str().unwrap()])
        .unwrap()
        .deny(Permission::Write, [to.join("d").to_str().unwrap()])
        .unwrap();
    let unpack = |name: &str| {
        let tar = tar_of(&[(FILE, name, "x")]);
        place.unpack_as(&permissions, ArchiveKind::Tar, &tar, 100)
    };
    assert_eq!(unpack("a/b"), Ok(1));
    assert!(unpack("d/b").is_err());
    assert!(!to.join("d/b").exists());
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_not_packed() {
    for kind in [ArchiveKind::Tar, ArchiveKind::Zip] {
        let place = Place::new();
        let from = place.path.join("to");
        fs::create_dir(from.join("d")).unwrap();
        fs::write(from.join("d/a"), "x").unwrap();
        std::os::unix::fs::symlink("a", from.join("d/b")).unwrap();
        std::os::unix::fs::symlink("../secret", from.join("out")).unwrap();
        let error = place.pack("to", kind, &[]).unwrap_err();
        assert!(error.contains("leads out"), "{error}");
        assert!(!place.path.join("archive").exists(), "nothing is left");
        // Without it, all comes back.
        assert_eq!(place.pack("to", kind, &["/out$"]), Ok(2), "{kind:?}");
        let bytes = fs::read(place.path.join("archive")).unwrap();
        let other = Place::new();
        assert_eq!(other.unpack(kind, &bytes, 100), Ok(2));
        let back = other.path.join("to/d");
        assert_eq!(fs::read(back.join("a")).unwrap(), b"x");
        assert_eq!(fs::read_link(back.join("b")).unwrap(), Path::new("a"));
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_packed() {
    let place = Place::new();
    let pipe = place.path.join("to/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = place.pack("to", ArchiveKind::Tar, &[]).unwrap_err();
    assert!(error.contains("only files"), "{error}");
    assert!(place.pack("none", ArchiveKind::Tar, &[]).is_err());
}

#[test]
fn long_names_and_texts_come_back() {
    for kind in [ArchiveKind::Tar, ArchiveKind::TarGz, ArchiveKind::Zip] {
        let place = Place::new();
        let name = format!("to/{}/{}", "d".repeat(120), "größe ".repeat(15).trim());
        let path = place.path.join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = "text".repeat(100_000);
        fs::write(&path, &text).unwrap();
        assert_eq!(place.pack("to", kind, &[]), Ok(1), "{kind:?}");
        let bytes = fs::read(place.path.join("archive")).unwrap();
        let other = Place::new();
        assert_eq!(other.unpack(kind, &bytes, 1 << 20), Ok(1), "{kind:?}");
        assert_eq!(fs::read_to_string(other.path.join(&name)).unwrap(), text);
    }
}
