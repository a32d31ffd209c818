//! The only place that knows Python: what the module `rsock._rsock` holds.

mod address;
mod call;
mod enums;
mod error;
mod number;
mod raw;

use pyo3::prelude::*;

/// The native half of rsock: what `_socket` is to `socket`.
#[pymodule(gil_used = false)]
mod _rsock {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        error::init(module)
    }
}
