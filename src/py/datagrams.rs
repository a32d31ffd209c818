//! A server of datagrams as Python holds it: `rsock/_servers.py` gives it its name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use socket2::SockAddr;

use super::buffer::{Readable, Slot};
use super::calls::{as_known_thread, report, wrong_answer};
use super::servers::{SIGNAL_TURN, at_least_one, cannot_start_again, patience, place_of, shown};
use crate::error::Error;
use crate::service::listener::{Bound, ListenOptions};
use crate::service::template::Template;
use crate::service::udp::{Answer, Silent, UdpServer, UdpSettings, UdpStats};
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

    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> bool {
        Python::attach(|py| {
            let answered = shown(py, from)
                .and_then(|from| self.0.bind(py).call1((PyBytes::new(py, datagram), from)))
                .and_then(|answer| append(&answer, out));
            answered.unwrap_or_else(|error| {
                report(py, &error);
                false
            })
        })
    }
}

fn append(answer: &pyo3::Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<bool> {
    if answer.is_none() {
        return Ok(false);
    }
    let mut slot = Slot::empty();
    let bytes = Readable::new(&mut slot, answer).map_err(|_| wrong_answer(answer))?;
    out.extend_from_slice(&super::calls::copied(&bytes)?);
    Ok(true)
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

    fn answer(&self, datagram: &[u8], from: &SockAddr, out: &mut Vec<u8>) -> bool {
        Python::attach(|py| {
            if let Err(error) = shown(py, from).and_then(|from| self.tell.call1(py, (from,))) {
                report(py, &error);
            }
        });
        self.answer.answer(datagram, from, out)
    }
}

/// What a server of datagrams is made of before it starts, and what it is afterwards.
enum State {
    Bound(Bound, Arc<dyn Answer>, UdpSettings),
    Started {
        server: Arc<UdpServer>,
        /// Whose path goes when it does.
        _bound: Bound,
    },
    /// Stopped: all that is left is what it has done.
    Ended(UdpStats),
}

/// A server of datagrams: start, stop, and what can be asked of it.
#[pyclass(module = "rsock._rsock", frozen)]
pub(super) struct DatagramServer {
    address: SockAddr,
    state: Mutex<State>,
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
            state: Mutex::new(State::Bound(bound, answer, settings)),
            functions: Mutex::new(functions),
        })
    }

    /// Begin to serve; a second time does nothing.
    fn start(&self) -> PyResult<()> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Ended(UdpStats::default())) {
            State::Bound(bound, answer, settings) => {
                let socket = sys::duplicate(bound.fd()).map_err(Error::Os)?;
                let server = UdpServer::start(socket, answer, settings)?;
                *state = State::Started {
                    server: Arc::new(server),
                    _bound: bound,
                };
                Ok(())
            }
            before => {
                let runs = matches!(&before, State::Started { server, .. } if server.is_running());
                *state = before;
                if runs {
                    Ok(())
                } else {
                    Err(cannot_start_again())
                }
            }
        }
    }

    /// End what was started, and return whether it ended in time.
    fn stop(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout = patience(timeout)?;
        let ended = match self.server() {
            Some(server) => py.detach(|| server.stop(timeout)),
            None => true,
        };
        if ended {
            self.end();
        }
        Ok(ended)
    }

    /// Wait until the server is stopped, with an eye on signals.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        let Some(server) = self.server() else {
            return Ok(());
        };
        while !py.detach(|| server.wait(Some(SIGNAL_TURN))) {
            py.check_signals()?;
        }
        Ok(())
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
        self.server().is_some_and(|server| server.is_running())
    }

    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<pyo3::Bound<'py, PyDict>> {
        let counts = counts_of(&self.state());
        let dict = PyDict::new(py);
        for (name, count) in [
            ("messages", counts.messages),
            ("answers", counts.answers),
            ("bytes_in", counts.bytes_in),
            ("bytes_out", counts.bytes_out),
            ("refused", counts.refused),
            ("oversize", counts.oversize),
            ("dropped", counts.dropped),
            ("errors", counts.errors),
        ] {
            dict.set_item(name, count)?;
        }
        Ok(dict)
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
        self.drop_server(py);
        let functions = self
            .functions
            .try_lock()
            .map(|mut held| std::mem::take(&mut *held));
        drop(functions);
    }
}

fn counts_of(state: &State) -> UdpStats {
    match state {
        State::Bound(..) => UdpStats::default(),
        State::Started { server, .. } => server.stats(),
        State::Ended(counts) => *counts,
    }
}

impl DatagramServer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server(&self) -> Option<Arc<UdpServer>> {
        match &*self.state() {
            State::Started { server, .. } => Some(server.clone()),
            _ => None,
        }
    }

    /// Let go of all that a server which runs no more has held.
    fn end(&self) {
        let mut state = self.state();
        let counts = counts_of(&state);
        let before = std::mem::replace(&mut *state, State::Ended(counts));
        // What is dropped may be the last reference to an object that asks for the state.
        drop(state);
        drop(before);
    }

    /// End a server that nobody refers to any more; what it runs may need the interpreter to end.
    fn drop_server(&self, py: Python<'_>) {
        if let Some(server) = self.server() {
            py.detach(|| server.stop(Duration::from_secs(1)));
        }
        self.end();
    }
}

impl Drop for DatagramServer {
    fn drop(&mut self) {
        if self.server().is_some() {
            Python::attach(|py| self.drop_server(py));
        }
    }
}
