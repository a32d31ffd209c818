//! Services whose news are told to a Python function.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;
use socket2::SockAddr;

use super::place::shown;
use super::{calls, fork, raw};
use crate::service::{Conversation, Notice, Remote, Service};

/// How much stack a thread has that calls Python for each client: enough for it to come to the end
/// of its own patience with a function that calls itself, and too little for a huge page.
const STACK: usize = 1 << 20;

/// Name a connection as people do.
fn connection_from(peer: &SockAddr) -> String {
    match peer.as_socket() {
        Some(peer) => format!("the connection from {peer}"),
        None => "a connection".to_owned(),
    }
}

/// A service whose news are told to a Python function.
pub(super) struct Reported {
    pub(super) service: Box<dyn Service>,
    pub(super) report: Arc<Py<PyAny>>,
    /// Whether it wants to hear of each client that comes and goes.
    pub(super) all_of_it: bool,
}

impl Service for Reported {
    fn open(&self, peer: &SockAddr, remote: Remote) -> Box<dyn Conversation> {
        self.service.open(peer, remote)
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        self.service.batch(work);
    }

    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        self.service.thread(run);
    }

    fn stack_size(&self) -> usize {
        let own = self.service.stack_size();
        if self.all_of_it { own.max(STACK) } else { own }
    }

    fn notice(&self, notice: &Notice<'_>) {
        let (what, peer) = match notice {
            Notice::Accepted(peer) if self.all_of_it => ("accepted", Some(*peer)),
            Notice::Closed(peer) if self.all_of_it => ("closed", Some(*peer)),
            Notice::Panicked(peer) => {
                fork::attach(|py| calls::report_panic(py, &connection_from(peer)));
                return;
            }
            Notice::Exhausted => ("exhausted", None),
            _ => return,
        };
        tell(&self.report, what, |py| {
            peer.map_or_else(|| Ok(py.None().into_bound(py)), |peer| shown(py, peer))
        });
    }
}

/// Tell a Python function what happened to whom, from a thread that Python may not know.
pub(super) fn tell(
    report: &Py<PyAny>,
    what: &str,
    whom: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) {
    // None when the interpreter is ending: then there is nobody to tell.
    fork::attach(|py| {
        let told = whom(py).and_then(|whom| {
            let what = PyString::new(py, what);
            raw::call(report.bind(py), &what, Some(&whom))
        });
        if let Err(error) = told {
            error.write_unraisable(py, None);
        }
    });
}
