//! Names that are asked for in many calls, made once.
//!
//! PyO3's `intern!` makes each where it is first asked for, and lets other threads run on the way.
//! A process that forks at that moment has a child which waits for ever for a name that nobody is
//! making. So all are made before there can be a second thread that asks.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

pub(super) struct Names {
    pub(super) close: Py<PyString>,
    pub(super) fileno: Py<PyString>,
    pub(super) real_close: Py<PyString>,
    pub(super) setblocking: Py<PyString>,
    pub(super) socket: Py<PyString>,
}

static NAMES: PyOnceLock<Names> = PyOnceLock::new();

/// Return the names. The module asks for them as it is made.
pub(super) fn names(py: Python<'_>) -> &'static Names {
    NAMES.get_or_init(py, || {
        let name = |text| PyString::intern(py, text).unbind();
        Names {
            close: name("close"),
            fileno: name("fileno"),
            real_close: name("_real_close"),
            setblocking: name("setblocking"),
            socket: name("socket"),
        }
    })
}
