//! Integers from Python, with the texts of the errors that CPython gives.

use std::ffi::{c_int, c_long, c_ulong};

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
#[cfg(not(Py_3_10))]
use pyo3::types::PyFloat;
use pyo3::types::PyInt;

/// Read a C int: TypeError for what is no integer, OverflowError for what does not fit.
pub(super) fn int(value: &Bound<'_, PyAny>) -> PyResult<c_int> {
    let wide = long(value)?;
    c_int::try_from(wide).map_err(|_| {
        PyOverflowError::new_err(if wide > 0 {
            "signed integer is greater than maximum"
        } else {
            "signed integer is less than minimum"
        })
    })
}

/// Read a C long.
pub(super) fn long(value: &Bound<'_, PyAny>) -> PyResult<c_long> {
    value
        .extract::<c_long>()
        .map_err(|error| too_large(value.py(), no_integer(value, error), "C long"))
}

/// Read an unsigned C long: no other type than int will do.
pub(super) fn unsigned_long(value: &Bound<'_, PyAny>) -> PyResult<c_ulong> {
    let Ok(number) = value.cast::<PyInt>() else {
        return Err(PyTypeError::new_err("an integer is required"));
    };
    number.extract::<c_ulong>().map_err(|_| {
        let negative = number.lt(0).unwrap_or(false);
        PyOverflowError::new_err(if negative {
            "can't convert negative value to unsigned int"
        } else {
            "Python int too large to convert to C unsigned long"
        })
    })
}

/// Say that this is no integer, in the words of the older Pythons.
#[cfg(not(Py_3_10))]
pub(super) fn no_integer(value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let error = no_size(value, error);
    if !is_refusal(value, &error) || value.is_instance_of::<PyFloat>() {
        return error;
    }
    match value.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("an integer is required (got type {name})")),
        Err(error) => error,
    }
}

/// Say that a float is no size, in the words of the older Pythons.
#[cfg(not(Py_3_10))]
fn no_size(value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if is_refusal(value, &error) && value.is_instance_of::<PyFloat>() {
        return PyTypeError::new_err("integer argument expected, got float");
    }
    error
}

/// Return whether the error is about the value's type, and not from a method of its own.
#[cfg(not(Py_3_10))]
fn is_refusal(value: &Bound<'_, PyAny>, error: &PyErr) -> bool {
    error.is_instance_of::<PyTypeError>(value.py()) && !value.hasattr("__index__").unwrap_or(true)
}

#[cfg(Py_3_10)]
pub(super) use leave as no_integer;
#[cfg(Py_3_10)]
use leave as no_size;

/// Leave the error of the newer Pythons as it is.
#[cfg(Py_3_10)]
pub(super) fn leave(_value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    error
}

/// Read a size, which may still be negative.
pub(super) fn size(value: &Bound<'_, PyAny>) -> PyResult<isize> {
    value
        .extract::<isize>()
        .map_err(|error| too_large(value.py(), no_size(value, error), "C ssize_t"))
}

/// Read an integer of any size, of which the lowest 32 bits count.
pub(super) fn wrapping_unsigned(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    wrapping_unsigned_wide(value).map(|wide| wide as u32)
}

/// Read an integer of any size, of which the lowest 64 bits count.
pub(super) fn wrapping_unsigned_wide(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    match value.extract::<i64>() {
        Ok(value) => Ok(value as u64),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            value.call_method0("__index__")?.bitand(u64::MAX)?.extract()
        }
        Err(error) => Err(no_integer(value, error)),
    }
}

/// Say an overflow in CPython's words, and leave every other error as it is.
fn too_large(py: Python<'_>, error: PyErr, target: &str) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        PyOverflowError::new_err(format!("Python int too large to convert to {target}"))
    } else {
        error
    }
}
