//! A directory out of which no path leads, and files that are files.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::error::{Error, Result};
use crate::http::condition::Version;
use crate::http::media;

/// How often a look is repeated into which somebody renamed things.
const TRIES: usize = 8;

/// Open for a look alone: neither waits nor does anything to a device.
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
/// Open to read, and do not wait for whoever writes into a pipe that was put there meanwhile.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// A directory whose files are served.
///
/// It is held open: what is served is this directory, wherever it is moved to.
#[derive(Debug)]
pub struct Root(OwnedFd);

/// What there is under a name.
pub(super) enum Found {
    File(Opened),
    Directory,
}

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) len: u64,
    pub(super) version: Version,
}

impl Opened {
    /// Return the Content-Type of the file, by its name and by a look at how it begins. Errors:
    /// those of pread(2), and a file that has become shorter.
    pub(super) fn kind(&self, name: &[u8]) -> io::Result<String> {
        let count = self.len.min(media::LOOK as u64);
        let mut start = vec![0; count as usize];
        self.file.read_exact_at(&mut start, 0)?;
        Ok(media::of_file(name, &start, count == self.len))
    }
}

impl Root {
    /// Take a directory.
    ///
    /// # Errors
    /// Those of open(2): ENOENT, ENOTDIR, EACCES, and the path with them.
    pub fn new(path: &Path) -> Result<Self> {
        let opened = openat(CWD, path, LOOK | OFlags::DIRECTORY, Mode::empty());
        opened.map(Self).map_err(|error| Error::System {
            errno: error.raw_os_error(),
            message: format!(
                "{}: {} is to be the directory of a server",
                crate::sys::strerror(error.raw_os_error()),
                path.display()
            ),
        })
    }

    /// Open what these names lead to.
    ///
    /// No symbolic link leads out of the directory: openat2(2) with `RESOLVE_BENEATH` sees to it,
    /// whatever is renamed meanwhile. Where the system has no openat2, no symbolic link is followed
    /// at all. Errors: EACCES for what is neither file nor directory, too.
    pub(super) fn open(&self, names: &[&[u8]]) -> io::Result<Found> {
        if names.is_empty() {
            return Ok(Found::Directory);
        }
        let seen = File::from(self.beneath(names, LOOK)?).metadata()?;
        if seen.is_dir() {
            return Ok(Found::Directory);
        }
        if !seen.is_file() {
            return Err(ErrorKind::PermissionDenied.into());
        }
        opened(File::from(self.beneath(names, READ)?)).map(Found::File)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn beneath(&self, names: &[&[u8]], flags: OFlags) -> io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;

        let path = names.join(&b"/"[..]);
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..TRIES {
            match openat2(&self.0, &*path, flags, Mode::empty(), resolve) {
                Ok(fd) => return Ok(fd),
                // Somebody renames things up there; the kernel cannot tell whether it still holds.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Before Linux 5.6, and in boxes that know no newer call.
                Err(Errno::NOSYS | Errno::PERM) => return walk(self.0.as_fd(), names, flags),
                Err(error) => return Err(error.into()),
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn beneath(&self, names: &[&[u8]], flags: OFlags) -> io::Result<OwnedFd> {
        walk(self.0.as_fd(), names, flags)
    }
}

/// Go down name by name, and follow no symbolic link.
fn walk(root: rustix::fd::BorrowedFd<'_>, names: &[&[u8]], flags: OFlags) -> io::Result<OwnedFd> {
    let (last, before) = names.split_last().ok_or(ErrorKind::NotFound)?;
    let mut inner: Option<OwnedFd> = None;
    for name in before {
        let at = inner.as_ref().map_or(root, AsFd::as_fd);
        let flags = LOOK | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        inner = Some(openat(at, *name, flags, Mode::empty())?);
    }
    let at = inner.as_ref().map_or(root, AsFd::as_fd);
    Ok(openat(at, *last, flags | OFlags::NOFOLLOW, Mode::empty())?)
}

/// Open a file that the program itself has named, wherever that is.
pub(super) fn open_named(path: &Path) -> io::Result<Opened> {
    if !path.metadata()?.is_file() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let mut options = OpenOptions::new();
    let options = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    opened(options.open(path)?)
}

fn opened(file: File) -> io::Result<Opened> {
    let seen = file.metadata()?;
    if !seen.is_file() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let (seconds, fraction) = (seen.mtime(), seen.mtime_nsec());
    let version = Version {
        tag: format!("\"{seconds:x}.{fraction:x}-{:x}\"", seen.len()).into_bytes(),
        // Nobody changed it after now, whatever the file says.
        modified: seen.modified().ok().map(|it| it.min(SystemTime::now())),
    };
    Ok(Opened {
        len: seen.len(),
        file,
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A directory that goes with the test.
    struct Scratch(std::path::PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn without_openat2_no_symbolic_link_is_followed() {
        let scratch = std::env::temp_dir().join(format!("rsock-walk-{}", std::process::id()));
        let scratch = Scratch(scratch);
        fs::create_dir_all(scratch.0.join("inner")).unwrap();
        fs::write(scratch.0.join("inner/file"), b"content").unwrap();
        symlink("inner", scratch.0.join("way")).unwrap();
        symlink("inner/file", scratch.0.join("link")).unwrap();
        let root = Root::new(&scratch.0).unwrap();
        let open = |names: &[&[u8]]| walk(root.0.as_fd(), names, READ);
        assert!(open(&[b"inner", b"file"]).is_ok());
        assert!(open(&[b"inner"]).is_ok());
        assert!(open(&[b"way", b"file"]).is_err());
        assert!(open(&[b"link"]).is_err());
        assert!(open(&[b"none"]).is_err());
        // With it, what leads elsewhere within the directory does no harm.
        assert!(root.open(&[b"way", b"file"]).is_ok());
    }
}
