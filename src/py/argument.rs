//! Arguments of functions, with the texts of the errors that CPython gives.
//!
//! PyO3 puts the argument's name before the text of an error that is raised while it converts, so
//! functions take their arguments as they come and convert them here.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ffi::{CString, OsString, c_int};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::buffer::{Readable, Slot};
use super::{number, raw};
use crate::http::{self, ConnectTo};
use crate::service::framing::Framing;

/// An argument that may be left out. Unlike an `Option` it takes `None` for what it is: a value.
#[derive(Clone, Copy)]
pub(super) struct Given<'a, 'py>(Option<Borrowed<'a, 'py, PyAny>>);

/// What an argument is by default.
pub(super) const LEFT_OUT: Given<'static, 'static> = Given(None);

impl<'a, 'py> From<Option<Borrowed<'a, 'py, PyAny>>> for Given<'a, 'py> {
    fn from(value: Option<Borrowed<'a, 'py, PyAny>>) -> Self {
        Self(value)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'a, 'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(Some(value)))
    }
}

impl<'py> Given<'_, 'py> {
    /// Return the argument, if it is there.
    pub(super) fn get(&self) -> Option<&Bound<'py, PyAny>> {
        self.0.as_deref()
    }

    /// Read a C int that is something else when it is left out.
    pub(super) fn int_or(&self, default: c_int) -> PyResult<c_int> {
        self.get().map_or(Ok(default), number::int)
    }

    /// Read a size that is 0 when it is left out.
    pub(super) fn size_or_zero(&self) -> PyResult<isize> {
        self.get().map_or(Ok(0), number::size)
    }
}

/// Say that an argument has the wrong type, as in "inet_pton() argument 2 must be str, not int".
pub(super) fn wrong_type(place: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    if value.is_none() {
        return PyTypeError::new_err(format!("{place} must be {wanted}, not None"));
    }
    let name = raw::type_name(value);
    PyTypeError::new_err(format!("{place} must be {wanted}, not {name}"))
}

/// Read a str, which may hold NUL; `place` says which argument it is.
pub(super) fn text<'a>(value: &'a Bound<'_, PyAny>, place: &str) -> PyResult<&'a str> {
    match value.cast::<PyString>() {
        Ok(text) => text.to_str(),
        Err(_) => Err(wrong_type(place, "str", value)),
    }
}

/// Say that a str holds NUL.
pub(super) fn embedded_null() -> PyErr {
    PyValueError::new_err("embedded null character")
}

/// Read a str without NUL in it; `place` says which argument it is.
pub(super) fn c_string(value: &Bound<'_, PyAny>, place: &str) -> PyResult<CString> {
    CString::new(text(value, place)?).map_err(|_| embedded_null())
}

/// Read the name of something in the file system's encoding: str, bytes, or a path.
pub(super) fn file_system_name(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    let path;
    let mut value = value;
    if !value.is_instance_of::<PyString>() && !value.is_instance_of::<PyBytes>() {
        path = value
            .py()
            .import("os")?
            .getattr("fspath")?
            .call1((value,))?;
        value = &path;
    }
    let name = match value.cast::<PyBytes>() {
        Ok(name) => name.as_bytes().to_vec(),
        Err(_) => value.extract::<OsString>()?.into_vec(),
    };
    CString::new(name).map_err(|_| PyValueError::new_err("embedded null byte"))
}

/// Read the bytes of an object that has a contiguous buffer.
pub(super) fn bytes<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    match value.cast::<PyBytes>() {
        Ok(bytes) => Ok(Cow::Borrowed(bytes.as_bytes())),
        Err(_) => Ok(Cow::Owned(
            Readable::new(&mut Slot::empty(), value)?.to_vec()?,
        )),
    }
}

/// Read seconds that must be finite and not negative.
pub(super) fn seconds(value: f64, name: &str) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| {
        PyValueError::new_err(format!("{name} must be a number of seconds, not {value}"))
    })
}

/// Read where connections go: rules as curl writes them, or pairs of `HOST:PORT`.
pub(super) fn connections(rules: &[Bound<'_, PyAny>]) -> PyResult<ConnectTo> {
    let refused = |error: http::Error| PyValueError::new_err(error.to_string());
    let mut read = ConnectTo::default();
    for rule in rules {
        if let Ok(text) = rule.cast::<PyString>() {
            read.push_text(text.to_str()?).map_err(refused)?;
        } else if let Ok((from, to)) = rule.extract::<(String, String)>() {
            read.push(&from, &to).map_err(refused)?;
        } else {
            return Err(PyTypeError::new_err(format!(
                "connect_to is made of rules, or of pairs of 'host:port', not of {}",
                rule.repr()?
            )));
        }
    }
    Ok(read)
}

/// Read a limit.
pub(super) fn at_least_one(value: usize, name: &str) -> PyResult<usize> {
    if value == 0 {
        return Err(PyValueError::new_err(format!("{name} must be at least 1")));
    }
    Ok(value)
}

/// Read what a message is.
pub(super) fn framing_of(name: &str) -> PyResult<Framing> {
    match name {
        "recv" => Ok(Framing::Recv),
        "line" => Ok(Framing::Line),
        "length" => Ok(Framing::Length),
        other => {
            let text = format!("framing must be 'recv', 'line' or 'length', not {other:?}");
            Err(PyValueError::new_err(text))
        }
    }
}

/// Take the one argument that there has to be, or say how many there are, in Python's own words.
pub(super) fn only<'py>(given: &Bound<'py, PyTuple>, caller: &str) -> PyResult<Bound<'py, PyAny>> {
    match given.len() {
        1 => given.get_item(0),
        count => Err(PyTypeError::new_err(format!(
            "socket.{caller}() takes exactly one argument ({count} given)"
        ))),
    }
}
