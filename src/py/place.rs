//! Where servers listen: how Python says it, how it is shown, and a place without a server.

use std::ffi::OsString;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use socket2::SockAddr;

use super::descriptors::duplicate;
use super::{address, number};
use crate::error::Error;
use crate::net::Socket;
use crate::service::listener::{ListenOptions, Listener, Place};

/// Read where to listen: a tuple whose first item says what kind of place it is.
pub(super) fn place_of(description: &Bound<'_, PyTuple>) -> PyResult<Place> {
    let kind: String = description.get_item(0)?.extract()?;
    match kind.as_str() {
        "ip" => Ok(Place::Ip {
            host: description.get_item(1)?.extract()?,
            port: port(&description.get_item(2)?)?,
        }),
        "path" => {
            let path = description.get_item(1)?.extract::<Vec<u8>>()?;
            Ok(Place::Path(PathBuf::from(OsString::from_vec(path))))
        }
        "abstract" => Ok(Place::Abstract(description.get_item(1)?.extract()?)),
        // A second descriptor, so that the caller's object may be closed or collected. It is made
        // here, where nothing can fail any more before it has an owner.
        "fd" => Ok(Place::Fd(duplicate(number::int(
            &description.get_item(1)?,
        )?)?)),
        "systemd" => Ok(Place::Systemd(None)),
        _ => Err(PyValueError::new_err(format!(
            "no such kind of place: {kind}"
        ))),
    }
}

fn port(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    u16::try_from(number::long(value)?)
        .map_err(|_| PyOverflowError::new_err("port must be 0-65535."))
}

/// Write an address as `getsockname` does.
pub(super) fn shown<'py>(py: Python<'py>, peer: &SockAddr) -> PyResult<Bound<'py, PyAny>> {
    // It is read in the light of a socket's protocol, which decides only in families that neither
    // servers nor clients have.
    address::to_python(py, &Socket::default(), peer)
}

/// Listen at a place, and return the descriptor for a server that accepts by itself.
#[pyfunction]
#[pyo3(signature = (place, *, backlog, reuse_port, dualstack))]
pub(super) fn listen(
    py: Python<'_>,
    place: &Bound<'_, PyTuple>,
    backlog: i32,
    reuse_port: bool,
    dualstack: bool,
) -> PyResult<ListeningPlace> {
    let place = place_of(place)?;
    let options = ListenOptions {
        backlog,
        reuse_port,
        dualstack,
    };
    Ok(ListeningPlace(
        py.detach(|| Listener::bind(&place, &options))?,
    ))
}

/// A place at which a server listens that accepts by itself; its path goes when it does.
#[pyclass(module = "rsock._rsock", frozen)]
pub(super) struct ListeningPlace(Listener);

#[pymethods]
impl ListeningPlace {
    /// Return a second descriptor of the listener.
    fn duplicate(&self) -> PyResult<i32> {
        let fd = crate::sys::duplicate(self.0.fd()).map_err(Error::Os)?;
        Ok(fd.into_raw_fd())
    }
}
