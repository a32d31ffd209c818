//! Integers from Python, with the texts of the errors that CPython gives.

use std::ffi::{c_int, c_long};

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

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

/// Read an optional C int that is 0 when it is not given.
pub(super) fn int_or_zero(value: Option<&Bound<'_, PyAny>>) -> PyResult<c_int> {
    value.map_or(Ok(0), int)
}

/// Read a C long.
pub(super) fn long(value: &Bound<'_, PyAny>) -> PyResult<c_long> {
    value.extract::<c_long>().map_err(|error| too_large(value.py(), error, "C long"))
}

/// Read a size, which may still be negative.
pub(super) fn size(value: &Bound<'_, PyAny>) -> PyResult<isize> {
    value.extract::<isize>().map_err(|error| too_large(value.py(), error, "C ssize_t"))
}

/// Read an integer of any size, of which the lowest 32 bits count.
pub(super) fn wrapping_unsigned(value: &Bound<'_, PyAny>) -> PyResult<u32> {
    wrapping_unsigned_wide(value).map(|wide| wide as u32)
}

/// Read an integer of any size, of which the lowest 64 bits count.
pub(super) fn wrapping_unsigned_wide(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    match value.extract::<i64>() {
        Ok(value) => Ok(value.cast_unsigned()),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            value.bitand(u64::MAX)?.extract()
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
