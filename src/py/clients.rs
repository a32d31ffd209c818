//! The clients as Python knows them.
//!
//! | file          | holds                                                              |
//! |---------------|--------------------------------------------------------------------|
//! | `destination` | where a client is to connect to, read from what Python gives       |
//! | `errors`      | what a call of a client raises                                     |
//! | `tcp`         | the client of streams                                              |
//! | `udp`         | the client of datagrams                                            |

mod destination;
mod errors;
mod tcp;
mod udp;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

pub(super) use self::errors::{IncompleteReadError, LimitOverrunError};
pub(super) use self::tcp::PyTcpClient;
pub(super) use self::udp::PyUdpClient;
use super::argument::Given;
use super::buffer::{Readable, Slot};
use super::{lifecycle, number, raw, timeout};
use crate::net::Patience;
use crate::service::client::Failure;
use crate::sys::io::Source;

/// Read a timeout, which has to leave some time.
fn patience(seconds: Given<'_, '_>, default: f64) -> PyResult<Patience> {
    match seconds.get() {
        Some(seconds) => timeout::some_patience(seconds, "timeout"),
        None => Ok(Patience::Limited(std::time::Duration::from_secs_f64(
            default,
        ))),
    }
}

/// Read how many bytes are wanted.
fn count(value: Given<'_, '_>, default: usize, name: &str) -> PyResult<usize> {
    let Some(value) = value.get() else {
        return Ok(default);
    };
    let size = number::size(value)?;
    usize::try_from(size)
        .map_err(|_| PyValueError::new_err(format!("{name} must not be negative, and is {size}")))
}

/// Run something with the bytes of an argument: a buffer, or text in UTF-8.
fn with_bytes<T>(
    data: &Bound<'_, PyAny>,
    work: impl FnOnce(Source<'_>) -> Result<T, Failure<PyErr>>,
) -> PyResult<T> {
    let py = data.py();
    let outcome = match data.cast::<PyString>() {
        Ok(text) => work(Source::from(text.to_str()?.as_bytes())),
        Err(_) => work(Readable::new(&mut Slot::empty(), data)?.source()),
    };
    outcome.map_err(|failure| errors::raised(py, failure))
}

fn bytes<'py>(
    py: Python<'py>,
    outcome: Result<Vec<u8>, Failure<PyErr>>,
) -> PyResult<Bound<'py, PyBytes>> {
    match outcome {
        Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
        Err(failure) => Err(errors::raised(py, failure)),
    }
}

/// Say that a client was left open, unless the interpreter is ending: then nobody would hear.
fn warn_unclosed(class: &str, number: i32, description: &str) {
    if number >= 0 {
        let text = format!("<rsock.{class} {description}>");
        let _ = Python::try_attach(|py| {
            raw::keep_error(py, || lifecycle::warn_unclosed(py, &text, None));
        });
    }
}
