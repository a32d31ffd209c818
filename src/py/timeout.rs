//! Timeouts between Python's seconds and the core's patience, and the default for new sockets.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyFloat;

use super::error::settled;
use super::number;
use crate::net::Patience;

const NANOS: i64 = 1_000_000_000;

/// The patience of new sockets, as `Patience::nanos` writes it.
static DEFAULT: AtomicI64 = AtomicI64::new(-1);

/// Read a timeout: None waits for ever, 0 never, and more is rounded up to the nanosecond.
///
/// Errors: ValueError below 0 and for NaN, OverflowError past 292 years, TypeError.
pub(super) fn patience(seconds: &Bound<'_, PyAny>) -> PyResult<Patience> {
    if seconds.is_none() {
        return Ok(Patience::Endless);
    }
    let nanos = match seconds.cast::<PyFloat>() {
        Ok(seconds) => round_up(seconds.value())?,
        Err(_) => number::sole_long(seconds)
            .map_err(|error| {
                let error = settled(seconds.py(), error);
                match error.is_instance_of::<PyOverflowError>(seconds.py()) {
                    true => too_large(),
                    false => no_number(seconds, error),
                }
            })?
            .checked_mul(NANOS)
            .ok_or_else(too_large)?,
    };
    if nanos < 0 {
        return Err(PyValueError::new_err("Timeout value out of range"));
    }
    Ok(Patience::from_nanos(nanos))
}

/// Read a timeout of this name that has to leave some time.
pub(super) fn some_patience(seconds: &Bound<'_, PyAny>, name: &str) -> PyResult<Patience> {
    match patience(seconds)? {
        Patience::None => Err(PyValueError::new_err(format!(
            "{name} must be more than 0, or None to wait for ever"
        ))),
        some => Ok(some),
    }
}

/// Turn seconds into nanoseconds, rounded away from zero: no wait is shorter than was asked.
fn round_up(seconds: f64) -> PyResult<i64> {
    if seconds.is_nan() {
        return Err(PyValueError::new_err("Invalid value NaN (not a number)"));
    }
    let nanos = seconds * NANOS as f64;
    let nanos = if nanos >= 0.0 {
        nanos.ceil()
    } else {
        nanos.floor()
    };
    // Both ends are powers of two, which a float holds exactly.
    if (i64::MIN as f64..-(i64::MIN as f64)).contains(&nanos) {
        Ok(nanos as i64)
    } else if cfg!(all(Py_3_11, not(Py_3_14))) {
        let text = "timestamp out of range for platform time_t";
        Err(PyOverflowError::new_err(text))
    } else {
        Err(too_large())
    }
}

/// Say from Python 3.14 on that a float would do as well; an error of any other kind is kept.
fn no_number(seconds: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if !cfg!(Py_3_14) || !error.is_instance_of::<PyTypeError>(seconds.py()) {
        return error;
    }
    match seconds.get_type().fully_qualified_name() {
        Ok(name) => PyTypeError::new_err(format!(
            "'{name}' object cannot be interpreted as an integer or float"
        )),
        Err(error) => error,
    }
}

fn too_large() -> PyErr {
    PyOverflowError::new_err(if cfg!(Py_3_14) {
        "timestamp out of range for C PyTime_t"
    } else if cfg!(Py_3_13) {
        "timestamp too large to convert to C PyTime_t"
    } else {
        "timestamp too large to convert to C _PyTime_t"
    })
}

/// Turn patience into what Python calls a timeout.
pub(super) fn seconds(patience: Patience) -> Option<f64> {
    match patience {
        Patience::Endless => None,
        Patience::None => Some(0.0),
        Patience::Limited(limit) => Some(limit.as_nanos() as f64 / NANOS as f64),
    }
}

/// Return the patience of new sockets.
pub(super) fn default() -> Patience {
    Patience::from_nanos(DEFAULT.load(Ordering::Relaxed))
}

/// Return the timeout in seconds of new sockets, or None if they wait for ever.
#[pyfunction]
pub(super) fn getdefaulttimeout() -> Option<f64> {
    seconds(default())
}

/// Set the timeout in seconds of new sockets; None lets them wait for ever.
#[pyfunction]
#[pyo3(signature = (timeout, /))]
pub(super) fn setdefaulttimeout(timeout: &Bound<'_, PyAny>) -> PyResult<()> {
    DEFAULT.store(patience(timeout)?.nanos(), Ordering::Relaxed);
    Ok(())
}
