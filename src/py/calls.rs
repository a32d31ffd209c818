//! A service whose answers come from Python functions, called from the event loop.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use socket2::SockAddr;

use super::argument::{self, at_least_one, framing_of};
use super::buffer::{Readable, Slot};
use super::place::shown;
use super::{fork, raw};
use crate::service::framing::{Deframer, Framing};
use crate::service::{Conversation, Flow, Lent, Remote, Service};

/// The functions that a program gave, and what a message is to them.
pub(super) struct Calls {
    on_data: Py<PyAny>,
    on_connect: Option<Py<PyAny>>,
    on_close: Option<Py<PyAny>>,
    framing: Framing,
    max_message: usize,
}

/// Make a service of these functions.
pub(super) fn service(calls: Arc<Calls>) -> Box<dyn Service> {
    Box::new(Shared(calls))
}

struct Shared(Arc<Calls>);

impl Service for Shared {
    fn open(&self, peer: &SockAddr, remote: Remote) -> Box<dyn Conversation> {
        Box::new(Call {
            calls: self.0.clone(),
            connection: None,
            peer: peer.clone(),
            remote,
            deframer: Deframer::new(self.0.framing, self.0.max_message),
            lent: None,
        })
    }

    fn thread(&self, run: &mut (dyn FnMut() + Send)) {
        as_known_thread(run);
    }

    /// Attach once for all connections that are ready, not once for each.
    fn batch(&self, work: &mut dyn FnMut()) {
        // While the interpreter ends nobody can be called: the connections end with it.
        let _ = Python::try_attach(|_| work());
    }
}

/// Run a thread that attaches again and again: the interpreter makes its record of the thread once,
/// and not each time anew.
pub(super) fn as_known_thread(run: &mut (dyn FnMut() + Send)) {
    let ran = fork::attach(|py| py.detach(&mut *run));
    // While the interpreter ends nobody gets to know it any more.
    if ran.is_none() {
        run();
    }
}

/// One connection of such a service.
struct Call {
    calls: Arc<Calls>,
    /// What the functions are given; made when the connection is.
    connection: Option<Py<Connection>>,
    peer: SockAddr,
    remote: Remote,
    deframer: Deframer,
    /// A long answer that is all of a step so far: it is sent from where it is.
    lent: Option<PyBackedBytes>,
}

impl Conversation for Call {
    fn opened(&mut self, out: &mut Vec<u8>) -> Flow {
        Python::attach(|py| {
            let connection = shown(py, &self.peer).and_then(|address| {
                Connection::new(py, address, self.remote.clone(), self.calls.framing)
            });
            let connection = match connection {
                Ok(connection) => self.connection.insert(connection).bind(py),
                Err(error) => return failed(py, &error),
            };
            match &self.calls.on_connect {
                Some(greet) => {
                    let lent = &mut self.lent;
                    self.calls.ask(greet.bind(py), None, connection, out, lent)
                }
                None => Flow::CONTINUE,
            }
        })
    }

    fn received(&mut self, mut piece: &[u8], out: &mut Vec<u8>) -> Flow {
        Python::attach(|py| {
            let mut messages = 0;
            loop {
                let flow = match self.deframer.next(&mut piece) {
                    Ok(None) => {
                        return Flow {
                            messages,
                            ..Flow::CONTINUE
                        };
                    }
                    Ok(Some(message)) => {
                        let lent = &mut self.lent;
                        self.calls.tell(py, &self.connection, message, out, lent)
                    }
                    Err(_) => {
                        return Flow {
                            messages,
                            ..Flow::FAIL
                        };
                    }
                };
                messages += 1;
                if flow.close {
                    return Flow { messages, ..flow };
                }
            }
        })
    }

    fn ended(&mut self, out: &mut Vec<u8>) -> Flow {
        Python::attach(|py| match self.deframer.finish() {
            Ok(None) => Flow::CLOSE,
            Ok(Some(message)) => {
                let lent = &mut self.lent;
                let flow = self.calls.tell(py, &self.connection, message, out, lent);
                Flow {
                    close: true,
                    messages: 1,
                    ..flow
                }
            }
            Err(_) => Flow::FAIL,
        })
    }

    fn lend(&mut self) -> Option<Lent> {
        self.lent.take().map(|answer| Box::new(answer) as Lent)
    }

    fn closed(&mut self) {
        Python::try_attach(|py| {
            let connection = self.connection.take();
            if let (Some(function), Some(connection)) = (&self.calls.on_close, connection) {
                if let Err(error) = raw::call(function.bind(py), connection.bind(py), None) {
                    report(py, &error);
                }
            }
        });
    }
}

impl Calls {
    /// Read a description: on_data, on_connect, on_close, framing, max_message.
    pub(super) fn new(description: &Bound<'_, PyTuple>) -> PyResult<Arc<Self>> {
        let (_, on_data, on_connect, on_close, framing, max_message) = description.extract::<(
            String,
            Py<PyAny>,
            Option<Py<PyAny>>,
            Option<Py<PyAny>>,
            String,
            usize,
        )>()?;
        Ok(Arc::new(Self {
            on_data,
            on_connect,
            on_close,
            framing: framing_of(&framing)?,
            max_message: at_least_one(max_message, "max_message")?,
        }))
    }

    /// Show the functions to the garbage collector.
    pub(super) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.on_data)?;
        visit.call(&self.on_connect)?;
        visit.call(&self.on_close)
    }

    /// Hand a message to the program, and append its answer.
    fn tell(
        &self,
        py: Python<'_>,
        connection: &Option<Py<Connection>>,
        message: &[u8],
        out: &mut Vec<u8>,
        lent: &mut Option<PyBackedBytes>,
    ) -> Flow {
        let Some(connection) = connection else {
            return Flow::FAIL;
        };
        let connection = connection.bind(py);
        let message = PyBytes::new(py, message);
        self.ask(self.on_data.bind(py), Some(&message), connection, out, lent)
    }

    /// Call a function, with a message or without, and append what it sent and what it returned.
    fn ask<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        message: Option<&Bound<'py, PyBytes>>,
        connection: &Bound<'py, Connection>,
        out: &mut Vec<u8>,
        lent: &mut Option<PyBackedBytes>,
    ) -> Flow {
        let py = function.py();
        // It is not all of the step any more.
        if let Some(lent) = lent.take() {
            out.extend_from_slice(&lent);
        }
        connection.get().begin(out.len());
        let outcome = match message {
            Some(message) => raw::call(function, message, Some(connection)),
            None => raw::call(function, connection, None),
        };
        let (sent, close) = connection.get().finish();
        out.extend_from_slice(&sent);
        let answered = outcome.and_then(|answer| self.append(&answer, out, lent));
        match answered {
            Ok(()) => Flow {
                close,
                ..Flow::CONTINUE
            },
            Err(error) => failed(py, &error),
        }
    }

    fn append(
        &self,
        answer: &Bound<'_, PyAny>,
        out: &mut Vec<u8>,
        lent: &mut Option<PyBackedBytes>,
    ) -> PyResult<()> {
        if answer.is_none() {
            return Ok(());
        }
        let alone = out.is_empty() && self.framing == Framing::Recv;
        if let (true, Ok(bytes)) = (alone, answer.cast::<PyBytes>()) {
            if bytes.as_bytes().len() >= Flow::LARGE {
                *lent = Some(bytes.clone().into());
                return Ok(());
            }
        }
        let bytes = argument::bytes(answer).map_err(|_| wrong_answer(answer))?;
        frame(self.framing, &bytes, out)
    }
}

/// Append bytes as a message.
fn frame(framing: Framing, bytes: &[u8], out: &mut Vec<u8>) -> PyResult<()> {
    framing
        .encode(bytes, out)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(super) fn wrong_answer(answer: &Bound<'_, PyAny>) -> PyErr {
    let class = raw::type_name(answer);
    let text = format!("a server's function must return bytes or None, not {class}");
    PyTypeError::new_err(text)
}

/// End a connection whose function failed, and tell why.
fn failed(py: Python<'_>, error: &PyErr) -> Flow {
    report(py, error);
    Flow::FAIL
}

/// Tell of an exception as `threading` does of one that ends a thread.
pub(super) fn report(py: Python<'_>, error: &PyErr) {
    let told = py.import("threading").and_then(|threading| {
        let thread = threading.call_method0("current_thread")?;
        let parts = (
            error.get_type(py),
            error.value(py),
            error.traceback(py),
            thread,
        );
        let arguments = threading.getattr("ExceptHookArgs")?.call1((parts,))?;
        raw::call(&threading.getattr("excepthook")?, &arguments, None)
    });
    if told.is_err() {
        error.clone_ref(py).write_unraisable(py, None);
    }
}

/// Tell of a panic as of what a function raised. What it said went to stderr when it happened.
pub(super) fn report_panic(py: Python<'_>, whose: &str) {
    let text = format!("{whose} failed inside rsock");
    report(py, &PyRuntimeError::new_err(text));
}

/// What a server's functions know a client by.
#[pyclass(module = "rsock", frozen, weakref)]
pub(super) struct Connection {
    address: Py<PyAny>,
    /// What the program notes of the client. PyO3's own dict is made before the rest of the object
    /// is there, and a collection that begins just then would look at what is not.
    attributes: Py<PyDict>,
    remote: Remote,
    framing: Framing,
    /// The thread that calls the functions: a connection stays with its event loop.
    thread: ThreadId,
    /// What a function sends while it runs, and whether it wants to close: in order with what it
    /// returns, and without a way through the mailbox.
    aside: Mutex<Option<Aside>>,
}

#[derive(Default)]
struct Aside {
    /// How many bytes of earlier answers wait to be sent together with these.
    before: usize,
    sent: Vec<u8>,
    close: bool,
}

#[pymethods]
impl Connection {
    /// The client's address.
    #[getter]
    fn address(&self, py: Python<'_>) -> Py<PyAny> {
        self.address.clone_ref(py)
    }

    /// Send a message, from any thread; False if the client is gone, or does not read any more.
    #[pyo3(signature = (data, /))]
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut slot = Slot::empty();
        let mut bytes = Readable::new(&mut slot, data)?.to_vec()?;
        if self.framing != Framing::Recv {
            let message = std::mem::take(&mut bytes);
            frame(self.framing, &message, &mut bytes)?;
        }
        if self.is_asked_here() {
            if let Some(aside) = self.aside().as_mut() {
                let taken = bytes.is_empty() || self.remote.takes(aside.before + aside.sent.len());
                if taken {
                    aside.sent.extend_from_slice(&bytes);
                }
                return Ok(taken);
            }
        }
        Ok(self.remote.send(bytes))
    }

    /// Close the connection once everything is sent; from any thread.
    fn close(&self) {
        match self.aside().as_mut() {
            Some(aside) if self.is_asked_here() => aside.close = true,
            _ => self.remote.close(),
        }
    }

    /// Show what it refers to, its attributes included, to the garbage collector.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.attributes)?;
        visit.call(&self.address)
    }

    #[getter]
    fn __dict__(&self, py: Python<'_>) -> Py<PyDict> {
        self.attributes.clone_ref(py)
    }

    fn __getattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let value = slf.get().attributes.bind(slf.py()).get_item(name)?;
        value.map(Bound::unbind).ok_or_else(|| no_attribute(name))
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if slf.get_type().hasattr(name.cast::<PyString>()?)? {
            let text = format!("attribute {} is read-only", name.repr()?);
            return Err(PyAttributeError::new_err(text));
        }
        slf.get().attributes.bind(slf.py()).set_item(name, value)
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let attributes = slf.get().attributes.bind(slf.py());
        attributes.del_item(name).map_err(|_| no_attribute(name))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<rsock connection from {}>",
            self.address.bind(py).repr()?
        ))
    }
}

fn no_attribute(name: &Bound<'_, PyAny>) -> PyErr {
    PyAttributeError::new_err(format!("a connection has no attribute {name:?}"))
}

impl Connection {
    fn new(
        py: Python<'_>,
        address: Bound<'_, PyAny>,
        remote: Remote,
        framing: Framing,
    ) -> PyResult<Py<Self>> {
        Py::new(
            py,
            Self {
                address: address.unbind(),
                attributes: PyDict::new(py).unbind(),
                remote,
                framing,
                thread: thread::current().id(),
                aside: Mutex::new(None),
            },
        )
    }

    fn aside(&self) -> std::sync::MutexGuard<'_, Option<Aside>> {
        self.aside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, before: usize) {
        *self.aside() = Some(Aside {
            before,
            ..Aside::default()
        });
    }

    /// Return whether this is the thread in which the functions run.
    fn is_asked_here(&self) -> bool {
        self.thread == thread::current().id()
    }

    fn finish(&self) -> (Vec<u8>, bool) {
        self.aside()
            .take()
            .map(|aside| (aside.sent, aside.close))
            .unwrap_or_default()
    }
}
