//! A server of datagrams as Python holds it: `rsock/_datagrams.py` gives it its name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use socket2::SockAddr;

use super::argument::{self, at_least_one};
use super::calls::{as_known_thread, report, report_panic, wrong_answer};
use super::place::{place_of, shown};
use super::raw;
use super::servers::counters;
use super::serving::{Life, Runs};
use crate::error::Error;
use crate::service::listener::{Bound, ListenOptions};
use crate::service::template::Template;
use crate::service::udp::{Answer, Outcome, Silent, UdpServer, UdpSettings, UdpStats};
use crate::sys;

/// An answer that a Python function gives.
struct Handler(Arc<Py<PyAny>>);

impl Answer for Handler {
    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        as_known_thread(run);
    }

    /// Attach once for all datagrams that have arrived.
    fn batch(&self, work: &mut dyn FnMut()) {
        // While the interpreter ends nobody can be called: the datagrams are lost, as they may be.
        let _ = Python::try_attach(|_| work());
    }

    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> Outcome {
        Python::attach(|py| {
            let answered = shown(py, from)
                .and_then(|from| {
                    raw::call(self.0.bind(py), &PyBytes::new(py, datagram), Some(&from))
                })
                .and_then(|answer| append(&answer, out));
            answered.unwrap_or_else(|error| {
                report(py, &error);
                Outcome::Failure
            })
        })
    }

    fn panicked(&self) {
        tell_panic();
    }
}

fn tell_panic() {
    Python::try_attach(|py| report_panic(py, "the answer to a datagram"));
}

fn append(answer: &pyo3::Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<Outcome> {
    if answer.is_none() {
        return Ok(Outcome::Silence);
    }
    out.extend_from_slice(&argument::bytes(answer).map_err(|_| wrong_answer(answer))?);
    Ok(Outcome::Answer)
}

/// Tells a Python function of each datagram before it is answered.
struct Told {
    answer: Box<dyn Answer>,
    tell: Arc<Py<PyAny>>,
}

impl Answer for Told {
    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        as_known_thread(run);
    }

    fn batch(&self, work: &mut dyn FnMut()) {
        let _ = Python::try_attach(|_| work());
    }

    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> Outcome {
        Python::attach(|py| {
            let told = shown(py, from).and_then(|from| raw::call(self.tell.bind(py), &from, None));
            if let Err(error) = told {
                report(py, &error);
            }
        });
        self.answer.answer(datagram, from, out)
    }

    fn panicked(&self) {
        tell_panic();
    }
}

impl Runs for UdpServer {
    type Parts = (Bound, Arc<dyn Answer>, UdpSettings);
    /// Whose path goes when it does.
    type Kept = Bound;
    type Counts = UdpStats;

    fn start((bound, answer, settings): Self::Parts) -> Result<(Self, Bound), Error> {
        let socket = sys::duplicate(bound.fd()).map_err(Error::Os)?;
        Ok((Self::start(socket, answer, settings)?, bound))
    }

    fn is_running(&self) -> bool {
        self.is_running()
    }

    fn stop(&self, timeout: Duration) -> bool {
        self.stop(timeout)
    }

    fn wait(&self, timeout: Option<Duration>) -> bool {
        self.wait(timeout)
    }

    fn counts(&self) -> UdpStats {
        self.stats()
    }
}

/// A server of datagrams: start, stop, and what can be asked of it.
#[pyclass(module = "rsock._rsock", frozen)]
pub(super) struct DatagramServer {
    address: SockAddr,
    life: Life<UdpServer>,
    /// What it calls, for the garbage collector: a server whose functions refer to it is a cycle.
    functions: Mutex<Vec<Arc<Py<PyAny>>>>,
}

#[pymethods]
impl DatagramServer {
    #[new]
    #[pyo3(signature = (place, reply, handler, tell, *, max_message, reuse_port, dualstack))]
    #[allow(
        clippy::too_many_arguments,
        reason = "as many as a server has settings"
    )]
    fn new(
        py: Python<'_>,
        place: &pyo3::Bound<'_, PyTuple>,
        reply: Option<Vec<u8>>,
        handler: Option<Py<PyAny>>,
        tell: Option<Py<PyAny>>,
        max_message: usize,
        reuse_port: bool,
        dualstack: bool,
    ) -> PyResult<Self> {
        let (handler, tell) = (handler.map(Arc::new), tell.map(Arc::new));
        let functions = handler.iter().chain(&tell).cloned().collect();
        let answer: Box<dyn Answer> = match (handler, reply) {
            (Some(handler), _) => Box::new(Handler(handler)),
            (None, None) => Box::new(Silent),
            (None, Some(reply)) => Box::new(
                Template::new(&reply)
                    .map_err(|error| PyValueError::new_err(format!("reply: {error}")))?,
            ),
        };
        let answer: Arc<dyn Answer> = match tell {
            Some(tell) => Arc::new(Told { answer, tell }),
            None => Arc::from(answer),
        };
        let place = place_of(place)?;
        let settings = UdpSettings {
            max_message: at_least_one(max_message, "max_message")?,
            // A socket that somebody else bound may be in use by him as well.
            exclusive: !matches!(place, crate::service::Place::Fd(_)),
            ..UdpSettings::default()
        };
        let options = ListenOptions {
            reuse_port,
            dualstack,
            ..ListenOptions::default()
        };
        let bound = py.detach(|| Bound::datagram(&place, &options))?;
        Ok(Self {
            address: bound.address(),
            life: Life::new((bound, answer, settings)),
            functions: Mutex::new(functions),
        })
    }

    /// Begin to serve; a second time does nothing.
    fn start(&self) -> PyResult<()> {
        self.life.start()
    }

    /// End what was started, and return whether it ended in time.
    fn stop(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.life.stop(py, timeout)
    }

    /// Stop as the process ends: there are no connections that could be left.
    fn leave(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.life.leave(py, timeout)
    }

    /// Wait until the server is stopped, with an eye on signals.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.life.wait(py)
    }

    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<pyo3::Bound<'py, PyAny>> {
        shown(py, &self.address)
    }

    /// Datagrams have none.
    #[getter]
    fn connections(&self) -> usize {
        0
    }

    #[getter]
    fn running(&self) -> bool {
        self.life.is_running()
    }

    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<pyo3::Bound<'py, PyDict>> {
        let counts = self.life.counts();
        counters(
            py,
            &[
                ("messages", counts.messages),
                ("answers", counts.answers),
                ("bytes_in", counts.bytes_in),
                ("bytes_out", counts.bytes_out),
                ("refused", counts.refused),
                ("oversize", counts.oversize),
                ("dropped", counts.dropped),
                ("errors", counts.errors),
            ],
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(functions) = self.functions.try_lock() else {
            return Ok(());
        };
        functions
            .iter()
            .try_for_each(|function| visit.call(&**function))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.life.clear(py);
        let functions = self
            .functions
            .try_lock()
            .map(|mut held| std::mem::take(&mut *held));
        drop(functions);
    }
}
