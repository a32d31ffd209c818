//! The client of datagrams.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};

use super::destination::destination;
use super::errors::raised;
use super::{bytes, count, patience, warn_unclosed, with_bytes};
use crate::py::argument::{Given, LEFT_OUT};
use crate::py::call::Interpreter;
use crate::py::place::shown;
use crate::py::{lifecycle, raw, timeout};
use crate::service::client::UdpClient;

/// Ask a server with datagrams, over UDP or a Unix socket.
///
/// `address` is what TcpClient takes; of a host with several addresses the first is used, IPv4
/// before IPv6. Nothing is sent yet, so that a server that is not there is noticed only when it is
/// asked. `timeout` is in seconds and holds for each wait, None waits for ever. `retries` says how
/// often ask() sends a message again that was not answered in time.
///
/// Text is sent as UTF-8; what is received is bytes. Several threads may use a client; they wait
/// for their turn. All methods but close() wait; in a running event loop say
/// `await asyncio.to_thread(client.ask, b"...")`.
///
/// Errors: TimeoutError for a lost datagram; ConnectionRefusedError if nobody listens, as far as
/// the other machine tells; OSError (EMSGSIZE) for too large a message, (EBADF) after close().
#[pyclass(name = "UdpClient", module = "rsock", frozen, subclass, weakref)]
pub(in crate::py) struct PyUdpClient {
    client: UdpClient,
}

#[pymethods]
impl PyUdpClient {
    #[new]
    #[classmethod]
    #[pyo3(
        signature = (address, timeout = LEFT_OUT, retries = LEFT_OUT),
        text_signature = "(address, timeout=1.0, retries=0)"
    )]
    fn new(
        class: &Bound<'_, PyType>,
        address: &Bound<'_, PyAny>,
        timeout: Given<'_, '_>,
        retries: Given<'_, '_>,
    ) -> PyResult<Self> {
        let py = class.py();
        let (to, patience) = (destination(address)?, patience(timeout, 1.0)?);
        let retries = u32::try_from(count(retries, 0, "retries")?).unwrap_or(u32::MAX);
        raw::audit_pair(c"socket.connect", class.as_any(), address)?;
        let client = UdpClient::connect(&Interpreter(py), &to, patience, retries);
        let client = client.map_err(|failure| raised(py, failure))?;
        Ok(Self { client })
    }

    fn __repr__(&self) -> String {
        format!("<rsock.UdpClient {}>", self.client.describe())
    }

    /// Where the client itself is.
    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.client.local())
    }

    /// Where the server is.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, self.client.peer())
    }

    /// How many seconds each wait may take, or None for ever. It can be set.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        timeout::seconds(self.client.patience())
    }

    #[setter]
    fn set_timeout(&self, timeout: Given<'_, '_>) -> PyResult<()> {
        self.client.set_patience(patience(timeout, 0.0)?);
        Ok(())
    }

    /// How often ask() sends a message again.
    #[getter]
    fn retries(&self) -> u32 {
        self.client.retries()
    }

    /// Whether the client was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Return the number of the descriptor, or -1 once the client is closed.
    fn fileno(&self) -> i32 {
        self.client.number()
    }

    /// Send a datagram and return the answer to it.
    ///
    /// If none comes within the timeout the datagram is sent again, as often as there are
    /// retries, and then TimeoutError is raised: in all it waits `timeout * (1 + retries)`.
    ///
    /// Answers do not say what they answer: one to an earlier try counts as well as one to the
    /// last. After a message that was sent more than once, or in vain, what has come meanwhile is
    /// thrown away before the next is sent; what comes even later counts as the next answer,
    /// unless the messages have numbers in them.
    #[pyo3(signature = (data, /))]
    fn ask<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        let answer = with_bytes(data, |data| self.client.ask(&Interpreter(py), data))?;
        Ok(PyBytes::new(py, &answer))
    }

    /// Send a datagram, and return how many bytes it has.
    #[pyo3(signature = (data, /))]
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_bytes(data, |data_| {
            self.client.send(&Interpreter(data.py()), data_)
        })
    }

    /// Receive a datagram; what is longer than `n` bytes is cut.
    #[pyo3(signature = (n = LEFT_OUT, /), text_signature = "($self, n=65535, /)")]
    fn recv<'py>(&self, py: Python<'py>, n: Given<'_, '_>) -> PyResult<Bound<'py, PyBytes>> {
        let most = count(n, 65_535, "n")?;
        bytes(py, self.client.recv(&Interpreter(py), most))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_args), text_signature = "($self, *args)")]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    /// Close the socket. Threads that wait in a call get an OSError; closing twice is fine.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        lifecycle::forgive_reset(py.detach(|| self.client.close()))
    }
}

impl Drop for PyUdpClient {
    fn drop(&mut self) {
        warn_unclosed("UdpClient", self.client.number(), &self.client.describe());
    }
}
