//! A Unix socket's file: taken over when nobody listens there any more, removed at the end.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use socket2::{SockAddr, SockRef};

use crate::error::{Error, Result};
use crate::net::address::Address;
use crate::sys;

/// Bind a socket to a path, and return it with the file that it is from then on.
pub(super) fn bind(path: &Path, kind: i32) -> Result<(OwnedFd, OwnPath)> {
    // The working directory may change before the path is removed.
    let path = std::path::absolute(path)?;
    let name = Address::Unix(path.as_os_str().as_bytes()).to_sockaddr()?;
    let fd = sys::open(libc::AF_UNIX, kind, 0)?;
    let socket = SockRef::from(&fd);
    let outcome = match socket.bind(&name) {
        Err(error) if is_in_use(&error) && remove_stale(&path, &name, kind) => socket.bind(&name),
        outcome => outcome,
    };
    outcome
        .and_then(|()| OwnPath::new(path.clone()))
        .map(|own| (fd, own))
        .map_err(|error| refused(&error, &path))
}

fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRINUSE)
}

/// Say what went wrong at which path.
fn refused(error: &io::Error, path: &Path) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let reason = match errno {
        libc::EADDRINUSE if is_socket(path) => "; another server listens there",
        libc::EADDRINUSE => "; there is a file that is no socket",
        libc::ENOENT => "; there is no such directory",
        _ => "",
    };
    Error::System {
        errno,
        message: format!("{}: {}{reason}", sys::strerror(errno), path.display()),
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Remove a socket file if nobody listens there any more, and return whether it is gone.
fn remove_stale(path: &Path, name: &SockAddr, kind: i32) -> bool {
    let Ok(found) = OwnPath::new(path.to_owned()) else {
        return false;
    };
    let nobody = is_socket(path)
        && sys::open(libc::AF_UNIX, kind, 0).is_ok_and(|probe| {
            // A full backlog is a server too: the probe must not wait for room in it.
            sys::set_nonblocking(probe.as_fd(), true).is_ok()
                && sys::connect(probe.as_fd(), name)
                    .is_err_and(|error| error.raw_os_error() == Some(libc::ECONNREFUSED))
        });
    if nobody {
        // Gone if it is still the file that was probed.
        drop(found);
    } else {
        found.leave();
    }
    nobody
}

/// A socket file that is removed when its server goes, if it is still the same file.
#[derive(Debug)]
pub(super) struct OwnPath {
    path: PathBuf,
    file: (u64, u64),
    /// A forked child has the listener too, but the path belongs to the one that made it.
    process: u32,
}

impl OwnPath {
    fn new(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            file: identity(&path)?,
            process: std::process::id(),
            path,
        })
    }

    /// Leave the file where it is.
    fn leave(mut self) {
        self.process = 0;
    }

    /// Remove the file, if it is still the same and this process made it.
    pub(super) fn remove(&self) {
        let ours = self.process == std::process::id()
            && identity(&self.path).is_ok_and(|file| file == self.file);
        if ours {
            // Somebody may have been faster; then there is nothing left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Tell a file from every other one.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
