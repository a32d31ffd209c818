//! Arguments of functions, with the texts of the errors that CPython gives.
//!
//! PyO3 puts the argument's name before the text of an error that is raised while it converts, so
//! functions take their arguments as they come and convert them here.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ffi::{CString, OsString, c_int};
use std::os::unix::ffi::OsStringExt;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};

use super::number;

/// An argument that may be left out. Unlike an `Option` it takes `None` for what it is: a value.
pub(super) struct Given<'py>(pub(super) Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = Infallible;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(Some(value.to_owned())))
    }
}

impl Given<'_> {
    /// Read a C int that is 0 when it is left out.
    pub(super) fn int_or_zero(&self) -> PyResult<c_int> {
        number::int_or_zero(self.0.as_ref())
    }
}

/// Say that an argument has the wrong type, as in "inet_pton() argument 2 must be str, not int".
pub(super) fn wrong_type(place: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    if value.is_none() {
        return PyTypeError::new_err(format!("{place} must be {wanted}, not None"));
    }
    match value.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("{place} must be {wanted}, not {name}")),
        Err(error) => error,
    }
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
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Cow::Owned(bytes.to_vec()));
    }
    let buffer = PyUntypedBuffer::get(value)?;
    if !buffer.is_c_contiguous() {
        let message = "memoryview: underlying buffer is not C-contiguous";
        return Err(PyBufferError::new_err(message));
    }
    // Whatever its items are, a view knows how to give its bytes away.
    let bytes = PyMemoryView::from(value)?.call_method0("tobytes")?;
    Ok(Cow::Owned(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}
