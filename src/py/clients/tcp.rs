//! The client of streams.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};

use super::destination::destination;
use super::errors::raised;
use super::{bytes, count, patience, warn_unclosed, with_bytes};
use crate::py::argument::{self, Given, LEFT_OUT};
use crate::py::call::Interpreter;
use crate::py::place::shown;
use crate::py::{lifecycle, raw, timeout};
use crate::service::client::TcpClient;

/// The longest line, and the most before a delimiter, unless the program says otherwise.
const LIMIT: usize = 65_536;

/// Connect to a server over TCP, or over a Unix socket.
///
/// `address` is (host, port), a port of this machine, the path of a Unix socket, or what
/// `server.address` says. `timeout` is in seconds and holds for each call as a whole, connecting
/// included, however many pieces the call is made of; None waits for ever. A name is looked up
/// within that time, though the look-up itself cannot be cut short.
///
/// What came before a call timed out is kept, and the next call finds it. Text is sent as UTF-8;
/// what is received is bytes. Several threads may use a client: one can receive while another
/// sends, and more wait for their turn, each until its own timeout. Iterating gives lines, with
/// their newlines, as files do.
///
/// All methods but close() wait, and so does making a client; Ctrl+C ends the wait. In a running
/// event loop say `await asyncio.to_thread(client.ask, b"...")`.
///
/// Errors: TimeoutError; ConnectionRefusedError if nobody listens; socket.gaierror for an unknown
/// host; ConnectionResetError and BrokenPipeError when the server is gone; OSError (EBADF) after
/// close().
#[pyclass(name = "TcpClient", module = "rsock", frozen, subclass, weakref)]
pub(in crate::py) struct PyTcpClient {
    client: TcpClient,
}

#[pymethods]
impl PyTcpClient {
    #[new]
    #[classmethod]
    #[pyo3(signature = (address, timeout = LEFT_OUT), text_signature = "(address, timeout=5.0)")]
    fn new(
        class: &Bound<'_, PyType>,
        address: &Bound<'_, PyAny>,
        timeout: Given<'_, '_>,
    ) -> PyResult<Self> {
        let py = class.py();
        let (to, patience) = (destination(address)?, patience(timeout, 5.0)?);
        raw::audit_pair(c"socket.connect", class.as_any(), address)?;
        let client = TcpClient::connect(&Interpreter(py), &to, patience);
        let client = client.map_err(|failure| raised(py, failure))?;
        Ok(Self { client })
    }

    fn __repr__(&self) -> String {
        format!("<rsock.TcpClient {}>", self.client.describe())
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

    /// How many seconds each call may take, or None for ever. It can be set.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        timeout::seconds(self.client.patience())
    }

    #[setter]
    fn set_timeout(&self, timeout: Given<'_, '_>) -> PyResult<()> {
        self.client.set_patience(patience(timeout, 0.0)?);
        Ok(())
    }

    /// Whether the client was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Return the number of the descriptor, or -1 once the client is closed.
    ///
    /// What the client has received and nobody took yet does not make the descriptor ready.
    fn fileno(&self) -> i32 {
        self.client.number()
    }

    /// Send some of the data, and return how many bytes were taken.
    #[pyo3(signature = (data, /))]
    fn send(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        with_bytes(data, |data_| {
            self.client.send(&Interpreter(data.py()), data_)
        })
    }

    /// Send all of the data. A TimeoutError says how much was sent.
    #[pyo3(signature = (data, /))]
    fn sendall(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        with_bytes(data, |data_| {
            self.client.send_all(&Interpreter(data.py()), data_)
        })
    }

    /// Receive up to `n` bytes, as soon as there are any; b"" once the server has closed.
    #[pyo3(signature = (n = LEFT_OUT, /), text_signature = "($self, n=65536, /)")]
    fn recv<'py>(&self, py: Python<'py>, n: Given<'_, '_>) -> PyResult<Bound<'py, PyBytes>> {
        let most = count(n, LIMIT, "n")?;
        bytes(py, self.client.recv(&Interpreter(py), most))
    }

    /// Receive exactly `n` bytes.
    ///
    /// Errors: IncompleteReadError, whose `partial` holds what came, if the server closes before.
    #[pyo3(signature = (n, /))]
    fn recv_exactly<'py>(
        &self,
        py: Python<'py>,
        n: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let wanted = count(n, 0, "n")?;
        bytes(py, self.client.recv_exactly(&Interpreter(py), wanted))
    }

    /// Receive up to and with the first `delim`, in all no more than `limit` bytes.
    ///
    /// Errors: LimitOverrunError when more came, which is kept for the next call;
    /// IncompleteReadError, whose `partial` holds what came, if the server closes before.
    #[pyo3(signature = (delim, limit = LEFT_OUT), text_signature = "($self, delim, limit=65536)")]
    fn recv_until<'py>(
        &self,
        py: Python<'py>,
        delim: &Bound<'py, PyAny>,
        limit: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let limit = count(limit, LIMIT, "limit")?;
        let delimiter = match delim.cast::<PyString>() {
            Ok(text) => text.to_str()?.as_bytes().to_vec(),
            Err(_) => argument::bytes(delim)?.into_owned(),
        };
        if delimiter.is_empty() {
            return Err(PyValueError::new_err("delim must not be empty"));
        }
        bytes(
            py,
            self.client.recv_until(&Interpreter(py), &delimiter, limit),
        )
    }

    /// Receive a line, with its newline, of no more than `limit` bytes.
    ///
    /// As with files: a last line may lack its newline, and then comes b"". Errors:
    /// LimitOverrunError when more came, which is kept for the next call.
    #[pyo3(signature = (limit = LEFT_OUT), text_signature = "($self, limit=65536)")]
    fn recv_line<'py>(
        &self,
        py: Python<'py>,
        limit: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let limit = count(limit, LIMIT, "limit")?;
        bytes(py, self.client.recv_line(&Interpreter(py), limit))
    }

    /// Send all of the data, then receive once: the answer, if it comes in one piece.
    ///
    /// b"" says that the server closed the connection. What was received before and not taken, a
    /// greeting for example, counts as the answer: take it first. For answers in several pieces
    /// say sendall(), and then recv_line(), recv_until() or recv_exactly().
    #[pyo3(signature = (data, /))]
    fn ask<'py>(&self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        let answer = with_bytes(data, |data| self.client.ask(&Interpreter(py), data))?;
        Ok(PyBytes::new(py, &answer))
    }

    /// Ask one message after the other, and return the list of answers.
    ///
    /// Each answer has the whole timeout for itself.
    #[pyo3(signature = (messages, /))]
    fn talk<'py>(&self, messages: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        if messages.is_instance_of::<PyString>() || messages.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "talk() takes a list of messages; for a single one say ask()",
            ));
        }
        let answers = messages.try_iter()?.map(|message| self.ask(&message?));
        answers.collect()
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = bytes(py, self.client.recv_line(&Interpreter(py), LIMIT))?;
        Ok((!line.as_bytes().is_empty()).then_some(line))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_args), text_signature = "($self, *args)")]
    fn __exit__(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    /// Close the connection. Threads that wait in a call get an OSError; closing twice is fine.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        lifecycle::forgive_reset(py.detach(|| self.client.close()))
    }
}

impl Drop for PyTcpClient {
    fn drop(&mut self) {
        warn_unclosed("TcpClient", self.client.number(), &self.client.describe());
    }
}
