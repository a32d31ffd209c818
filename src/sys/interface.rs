//! The names and numbers of network interfaces.

use std::ffi::{CStr, CString, OsString};
use std::io::{Error, Result};
use std::os::unix::ffi::OsStringExt;

/// List the interfaces with their numbers, as if_nameindex(3).
pub fn list() -> Result<Vec<(u32, OsString)>> {
    // SAFETY: takes nothing; what it gives is given back below.
    let first = unsafe { libc::if_nameindex() };
    if first.is_null() {
        return Err(Error::last_os_error());
    }
    let mut interfaces = Vec::new();
    let mut next = first;
    // SAFETY: the list ends with a number of 0; up to there each name ends in NUL.
    unsafe {
        while (*next).if_index != 0 {
            interfaces.push(((*next).if_index, owned(CStr::from_ptr((*next).if_name))));
            next = next.add(1);
        }
        libc::if_freenameindex(first);
    }
    Ok(interfaces)
}

/// Return the number of an interface, as if_nametoindex(3).
pub fn index(name: &CStr) -> Result<u32> {
    // SAFETY: a string that ends in NUL.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        return Err(Error::last_os_error());
    }
    Ok(index)
}

/// Return the name of an interface, as if_indextoname(3).
pub fn name(index: u32) -> Result<OsString> {
    let mut name = [0u8; libc::IF_NAMESIZE + 1];
    // SAFETY: the call writes at most IF_NAMESIZE bytes.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return Err(Error::last_os_error());
    }
    Ok(CStr::from_bytes_until_nul(&name)
        .map(owned)
        .unwrap_or_default())
}

fn owned(name: &CStr) -> OsString {
    OsString::from_vec(CString::from(name).into_bytes())
}
