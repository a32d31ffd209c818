//! Integers from Python, with the texts of the errors that CPython gives.

use std::ffi::{c_int, c_long, c_ulong};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::error::settled;
#[cfg(not(Py_3_10))]
use super::raw;

/// Read a C int: TypeError for what is no integer, OverflowError for what does not fit.
pub(super) fn int(value: &Bound<'_, PyAny>) -> PyResult<c_int> {
    refuse_float(value)?;
    sole_int(value)
}

/// Read the C int that is the only argument of a function.
///
/// Python 3.9 takes a float there, with a warning, while it refuses one among other arguments.
pub(super) fn sole_int(value: &Bound<'_, PyAny>) -> PyResult<c_int> {
    let wide = sole_long(value)?;
    c_int::try_from(wide).map_err(|_| {
        PyOverflowError::new_err(if wide > 0 {
            "signed integer is greater than maximum"
        } else {
            "signed integer is less than minimum"
        })
    })
}

/// Say of a number that is too large for a C int just that, as some functions do.
pub(super) fn plainly(py: Python<'_>, error: PyErr) -> PyErr {
    too_large(py, settled(py, error), "C int")
}

/// Read a C long.
pub(super) fn long(value: &Bound<'_, PyAny>) -> PyResult<c_long> {
    refuse_float(value)?;
    sole_long(value)
}

/// Read the C long that is the only argument of a function.
#[cfg(Py_3_10)]
pub(super) fn sole_long(value: &Bound<'_, PyAny>) -> PyResult<c_long> {
    value
        .extract::<c_long>()
        .map_err(|error| too_large(value.py(), error, "C long"))
}

/// Read the C long that is the only argument of a function.
#[cfg(not(Py_3_10))]
pub(super) fn sole_long(value: &Bound<'_, PyAny>) -> PyResult<c_long> {
    raw::long(value)
}

/// Refuse a float in the words of the older Pythons; the newer ones refuse it when it is read.
fn refuse_float(value: &Bound<'_, PyAny>) -> PyResult<()> {
    if cfg!(not(Py_3_10)) && value.is_instance_of::<PyFloat>() {
        return Err(PyTypeError::new_err("integer argument expected, got float"));
    }
    Ok(())
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

/// Read an integer of one of C's unsigned types, of which this is the largest value, as Python
/// 3.14 does.
///
/// Errors: ValueError below 0, and OverflowError that names the type, `target`.
pub(super) fn unsigned(value: &Bound<'_, PyAny>, largest: u32, target: &str) -> PyResult<u32> {
    let py = value.py();
    let read = value.extract::<i64>();
    let negative = match read.map_err(|error| settled(py, error)) {
        Ok(number) => match u32::try_from(number) {
            Ok(number) if number <= largest => return Ok(number),
            _ => number < 0,
        },
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
            value.call_method0("__index__")?.lt(0)?
        }
        Err(error) => return Err(error),
    };
    Err(if negative {
        PyValueError::new_err("Cannot convert negative int")
    } else {
        PyOverflowError::new_err(format!("Python int too large for C {target}"))
    })
}

/// Return whether this is good for an integer.
pub(super) fn is_index(value: &Bound<'_, PyAny>) -> bool {
    value.get_type().hasattr("__index__").unwrap_or(false)
}

/// Read a size, which may still be negative.
pub(super) fn size(value: &Bound<'_, PyAny>) -> PyResult<isize> {
    refuse_float(value)?;
    value
        .extract::<isize>()
        .map_err(|error| too_large(value.py(), error, "C ssize_t"))
}

/// Read an integer of any size, of which the lowest 32 bits count.
pub(super) fn wrapping_unsigned(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    wrapping_unsigned_wide(value).map(|wide| wide as u32)
}

/// Read an integer of any size, of which the lowest 64 bits count.
pub(super) fn wrapping_unsigned_wide(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    match long(value).map_err(|error| settled(value.py(), error)) {
        Ok(number) => Ok(number as u64),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            value.call_method0("__index__")?.bitand(u64::MAX)?.extract()
        }
        Err(error) => Err(error),
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
