//! Numbers as the members of the standard module's enums, where it shows them as such.
//!
//! The enums are the standard module's own, as its exceptions are: a family that one module made
//! is the very family of the other.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

struct Members {
    families: Py<PyDict>,
    kinds: Py<PyDict>,
}

static MEMBERS: PyOnceLock<Members> = PyOnceLock::new();

/// Look the enums up now, while the name `socket` still means the standard module.
pub(super) fn init(py: Python<'_>) -> PyResult<()> {
    members(py).map(drop)
}

/// Return the `AddressFamily` of this number, or the number itself where there is none.
pub(super) fn family(py: Python<'_>, number: i32) -> PyResult<Bound<'_, PyAny>> {
    member(&members(py)?.families, py, number)
}

/// Return the `SocketKind` of this number, or the number itself where there is none.
pub(super) fn kind(py: Python<'_>, number: i32) -> PyResult<Bound<'_, PyAny>> {
    member(&members(py)?.kinds, py, number)
}

fn members(py: Python<'_>) -> PyResult<&Members> {
    MEMBERS.get_or_try_init(py, || {
        let stock = py.import("socket")?;
        let by_number = |name: &str| -> PyResult<Py<PyDict>> {
            Ok(stock
                .getattr(name)?
                .getattr("_value2member_map_")?
                .cast_into()?
                .unbind())
        };
        Ok(Members {
            families: by_number("AddressFamily")?,
            kinds: by_number("SocketKind")?,
        })
    })
}

fn member<'py>(members: &Py<PyDict>, py: Python<'py>, number: i32) -> PyResult<Bound<'py, PyAny>> {
    let number = number.into_pyobject(py)?.into_any();
    Ok(members.bind(py).get_item(&number)?.unwrap_or(number))
}
