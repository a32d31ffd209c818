//! The clients as Python knows them.

use pyo3::exceptions::{PyEOFError, PyOSError, PyTimeoutError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString, PyTuple, PyType};
use socket2::SockAddr;

use super::argument::{Given, LEFT_OUT, file_system_name, wrong_type};
use super::buffer::{Readable, Slot};
use super::call::Interpreter;
use super::{address, host, lifecycle, number, raw, timeout};
use crate::error::Error;
use crate::net::{Patience, Socket, ip};
use crate::service::client::{Cause, Destination, Failure, TcpClient, UdpClient};
use crate::sys::io::Source;

/// The longest line, and the most before a delimiter, unless the program says otherwise.
const LIMIT: usize = 65_536;

/// The other side closed the connection before everything that was waited for had come.
///
/// `partial` holds what did come; `expected` says how many bytes were waited for, or is None.
#[pyclass(name = "IncompleteReadError", module = "rsock", extends = PyEOFError, frozen)]
pub(super) struct IncompleteReadError {
    message: String,
    /// What did come.
    #[pyo3(get)]
    partial: Py<PyBytes>,
    /// How many bytes were waited for, or None for a delimiter.
    #[pyo3(get)]
    expected: Option<usize>,
}

#[pymethods]
impl IncompleteReadError {
    #[new]
    fn new(message: String, partial: Py<PyBytes>, expected: Option<usize>) -> Self {
        Self {
            message,
            partial,
            expected,
        }
    }

    fn __str__(&self) -> &str {
        &self.message
    }
}

/// More than `limit` bytes came without the delimiter. They are kept for the next call.
#[pyclass(name = "LimitOverrunError", module = "rsock", extends = PyValueError, frozen)]
pub(super) struct LimitOverrunError {
    message: String,
    /// How many bytes the call would have taken.
    #[pyo3(get)]
    limit: usize,
}

#[pymethods]
impl LimitOverrunError {
    #[new]
    fn new(message: String, limit: usize) -> Self {
        Self { message, limit }
    }

    fn __str__(&self) -> &str {
        &self.message
    }
}

/// Say in Python's terms why a call of a client failed.
fn raised(py: Python<'_>, failure: Failure<PyErr>) -> PyErr {
    let Failure { cause, message } = failure;
    match cause {
        Cause::Raised(error) => error,
        Cause::Core(Error::TimedOut) | Cause::Busy | Cause::Lost { .. } => {
            PyTimeoutError::new_err(message)
        }
        Cause::Core(Error::Os(error)) => match error.raw_os_error() {
            Some(errno) => PyOSError::new_err((errno, message)),
            None => PyOSError::new_err(message),
        },
        Cause::Core(Error::AddressInfo { code, .. }) => Error::AddressInfo { code, message }.into(),
        Cause::Core(_) => PyOSError::new_err(message),
        Cause::Ended { partial, expected } => {
            let partial = PyBytes::new(py, &partial).unbind();
            PyErr::new::<IncompleteReadError, _>((message, partial, expected))
        }
        Cause::TooLong { limit } => PyErr::new::<LimitOverrunError, _>((message, limit)),
        Cause::Closed => PyOSError::new_err((libc::EBADF, message)),
    }
}

/// Read where a client is to connect to.
fn destination(address: &Bound<'_, PyAny>) -> PyResult<Destination> {
    if address.is_instance_of::<PyInt>() && !address.is_instance_of::<PyBool>() {
        return Ok(Destination::loopback(port(address)?));
    }
    if let Ok(tuple) = address.cast::<PyTuple>() {
        return inet(tuple);
    }
    let path = address.is_instance_of::<PyString>()
        || address.is_instance_of::<PyBytes>()
        || address.hasattr("__fspath__")?;
    if !path {
        let class = address.get_type();
        return Err(PyTypeError::new_err(format!(
            "address must be (host, port), a port of this machine, or the path of a Unix socket, \
             not {}; of a server take its .address",
            class.name()?
        )));
    }
    let path = match address.cast::<PyBytes>() {
        // An abstract name begins with a NUL, which no path may hold.
        Ok(name) if name.as_bytes().first() == Some(&0) => name.as_bytes().to_vec(),
        _ if is_abstract(address) => address.extract::<String>()?.into_bytes(),
        _ => file_system_name(address)?.into_bytes(),
    };
    if path.is_empty() {
        return Err(PyValueError::new_err("the path of a Unix socket is empty"));
    }
    Ok(Destination::Unix(path))
}

fn is_abstract(address: &Bound<'_, PyAny>) -> bool {
    let text = address.cast::<PyString>().ok();
    text.is_some_and(|text| text.to_str().is_ok_and(|text| text.starts_with('\0')))
}

/// Read `(host, port)`, or the four fields that IPv6 has.
fn inet(tuple: &Bound<'_, PyTuple>) -> PyResult<Destination> {
    if !matches!(tuple.len(), 2..=4) {
        return Err(PyTypeError::new_err(format!(
            "address must be (host, port), not a tuple of {}",
            tuple.len()
        )));
    }
    let port = port(&tuple.get_item(1)?)?;
    let name = tuple.get_item(0)?;
    let name = host::older_host(&name, "the host of an address")?;
    if tuple.len() == 2 {
        return Ok(match ip::parse(&name) {
            Some(ip) => Destination::Inet((ip, port).into()),
            None => Destination::Host(name.into_owned(), port),
        });
    }
    let Some(std::net::IpAddr::V6(ip)) = ip::parse(&name) else {
        return Err(PyValueError::new_err(
            "an address with flow information needs an IPv6 address as its host",
        ));
    };
    let flow = number::wrapping_unsigned(&tuple.get_item(2)?)?;
    let scope = match tuple.len() {
        4 => number::wrapping_unsigned(&tuple.get_item(3)?)?,
        _ => 0,
    };
    let address = std::net::SocketAddrV6::new(ip, port, flow.to_be(), scope);
    Ok(Destination::Inet(address.into()))
}

/// Read the port of a server.
fn port(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(wrong_type("the port of an address", "int", value));
    }
    match value.extract::<u16>() {
        Ok(0) | Err(_) => Err(PyValueError::new_err(format!(
            "the port of a server is 1 to 65535, not {}; one that was started with port 0 says in \
             .address which it got",
            value.str()?
        ))),
        Ok(port) => Ok(port),
    }
}

/// Read a timeout, which has to leave some time.
fn patience(seconds: Given<'_, '_>, default: f64) -> PyResult<Patience> {
    let patience = match seconds.get() {
        Some(seconds) => timeout::patience(seconds)?,
        None => Patience::Limited(std::time::Duration::from_secs_f64(default)),
    };
    if patience == Patience::None {
        return Err(PyValueError::new_err(
            "timeout must be more than 0, or None to wait for ever",
        ));
    }
    Ok(patience)
}

/// Read how many bytes are wanted.
fn count(value: Given<'_, '_>, default: usize, name: &str) -> PyResult<usize> {
    let Some(value) = value.get() else {
        return Ok(default);
    };
    let size = number::size(value)?;
    usize::try_from(size)
        .map_err(|_| PyValueError::new_err(format!("{name} must not be negative, and is {size}")))
}

/// Run something with the bytes of an argument: a buffer, or text in UTF-8.
fn with_bytes<T>(
    data: &Bound<'_, PyAny>,
    work: impl FnOnce(Source<'_>) -> Result<T, Failure<PyErr>>,
) -> PyResult<T> {
    let py = data.py();
    let outcome = match data.cast::<PyString>() {
        Ok(text) => work(Source::from(text.to_str()?.as_bytes())),
        Err(_) => work(Readable::new(&mut Slot::empty(), data)?.source()),
    };
    outcome.map_err(|failure| raised(py, failure))
}

fn bytes<'py>(
    py: Python<'py>,
    outcome: Result<Vec<u8>, Failure<PyErr>>,
) -> PyResult<Bound<'py, PyBytes>> {
    match outcome {
        Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
        Err(failure) => Err(raised(py, failure)),
    }
}

/// Give the address of either end to Python.
fn place<'py>(py: Python<'py>, address: &SockAddr) -> PyResult<Bound<'py, PyAny>> {
    address::to_python(py, &Socket::default(), address)
}

/// Say that a client was left open, unless the interpreter is ending: then nobody would hear.
fn warn_unclosed(class: &str, number: i32, description: &str) {
    if number >= 0 {
        let text = format!("<rsock.{class} {description}>");
        let _ = Python::try_attach(|py| {
            raw::keep_error(py, || lifecycle::warn_unclosed(py, &text, None));
        });
    }
}

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
pub(super) struct PyTcpClient {
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
        place(py, self.client.local())
    }

    /// Where the server is.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        place(py, self.client.peer())
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
            Err(_) => super::argument::bytes(delim)?.into_owned(),
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
pub(super) struct PyUdpClient {
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
        place(py, self.client.local())
    }

    /// Where the server is.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        place(py, self.client.peer())
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
