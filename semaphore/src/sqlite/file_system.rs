//! What kind of file system a file is on: whether other machines may have it mounted, too. Asks the operating system.

use std::path::Path;

/// The name of the file system on which `folder` is, if several kernels can share it: their locks do not see each other,
/// and a process of another kernel cannot be looked at.
#[cfg(target_os = "linux")]
pub(super) fn shared_by_kernels(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    shared(&folder, &mounts, OVERLAYS)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn shared_by_kernels(_: &Path) -> Option<String> {
    None
}

/// An overlay may be on another, and so on.
#[cfg(target_os = "linux")]
const OVERLAYS: u32 = 4;

#[cfg(target_os = "linux")]
fn shared(folder: &Path, mounts: &str, overlays: u32) -> Option<String> {
    /// From the kernel's magic.h and the sources of the file systems.
    const NETWORK: [(u32, &str); 17] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x5346_414f, "AFS"),
        (0x6b41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x564c, "NCP"),
        (0x00c3_6400, "Ceph"),
        (0x0bd0_0bd0, "Lustre"),
        (0x7461_636f, "OCFS2"),
        (0x0116_1970, "GFS2"),
        (0x0102_1997, "9p"),
        (0x4750_4653, "GPFS"),
        (0x1983_0326, "BeeGFS"),
        (0x786f_4256, "vboxsf"),
        (0x7c7c_6673, "prl_fs"),
    ];
    const FUSE: u32 = 0x6573_5546;
    const OVERLAY: u32 = 0x794c_7630;
    // The type of the number differs from machine to machine; the magic is in its low 32 bits.
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    match magic {
        FUSE => match mount_of(folder, mounts).map(|mount| mount.kind) {
            // A disk of this machine whose file system is a program.
            Some("fuseblk") => None,
            Some("virtiofs") => Some("virtiofs".to_owned()),
            Some("fuse") | None => Some("FUSE".to_owned()),
            Some(kind) => {
                let kind = kind.strip_prefix("fuse.").unwrap_or(kind);
                Some(format!("FUSE: {}", crate::printable(kind)))
            }
        },
        // What is written goes into its upper layer. If that is not to be seen from here, it is the business of
        // those who made this container.
        OVERLAY if overlays > 0 => {
            let upper = mount_of(folder, mounts)?.upper()?;
            let below = shared(Path::new(&upper), mounts, overlays - 1)?;
            Some(format!("overlay on {below}"))
        }
        magic => NETWORK
            .iter()
            .find(|(known, _)| *known == magic)
            .map(|(_, name)| (*name).to_owned()),
    }
}

/// A line of `/proc/self/mountinfo`.
#[cfg(target_os = "linux")]
struct Mount<'a> {
    point: String,
    kind: &'a str,
    /// Of the file system.
    options: &'a str,
}

#[cfg(target_os = "linux")]
impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        // `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/root rw,errors=continue`
        let (mount, file_system) = line.split_once(" - ")?;
        let mut file_system = file_system.split(' ');
        Some(Self {
            point: unescaped(mount.split(' ').nth(4)?),
            kind: file_system.next()?,
            options: file_system.nth(1).unwrap_or_default(),
        })
    }

    /// Of an overlay: where what is written goes.
    fn upper(&self) -> Option<String> {
        let mut options = self.options.split(',');
        options
            .find_map(|option| option.strip_prefix("upperdir="))
            .map(unescaped)
    }
}

/// Where `folder` is mounted: the last of those mounted at the nearest place covers the others.
#[cfg(target_os = "linux")]
fn mount_of<'a>(folder: &Path, mounts: &'a str) -> Option<Mount<'a>> {
    mounts
        .lines()
        .filter_map(Mount::read)
        .filter(|mount| folder.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.len())
}

/// Spaces and the like are written as `\040`.
#[cfg(target_os = "linux")]
fn unescaped(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = escape.get(..3);
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                plain.push(char::from(code));
                rest = &escape[3..];
            }
            None => {
                plain.push('\\');
                rest = escape;
            }
        }
    }
    plain + rest
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /srv/far rw shared:7 - fuse.sshfs me@host:/ rw,user_id=0
31 22 0:41 / /srv/far/nearer rw - ext4 /dev/sdb1 rw
32 22 0:42 / /a\\040b rw - overlay overlay rw,lowerdir=/l,upperdir=/srv/u\\040p,workdir=/w
";

    #[test]
    fn the_nearest_mount_counts() {
        let kind = |path: &str| mount_of(Path::new(path), MOUNTS).unwrap().kind;
        assert_eq!(kind("/srv/x"), "ext4");
        assert_eq!(kind("/srv/far/x"), "fuse.sshfs");
        assert_eq!(kind("/srv/far/nearer/x"), "ext4");
        assert_eq!(kind("/srv/farther"), "ext4");
        let overlay = mount_of(Path::new("/a b/c"), MOUNTS).unwrap();
        assert_eq!(overlay.upper().as_deref(), Some("/srv/u p"));
    }

    #[test]
    fn a_local_folder_is_not_shared() {
        assert_eq!(shared_by_kernels(Path::new("/proc")), None);
        assert_eq!(shared_by_kernels(Path::new("/dev")), None);
    }
}
