//! Fetching as Python knows it: the class that `rsock/_fetch.py` wraps.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyTuple};

use super::argument::{connections, file_system_name};
use super::buffer;
use super::call::Interpreter;
use super::fetch_errors::raised;
use super::{raw, timeout};
use crate::error::Error;
use crate::http::{self, Headers, Proxies};
use crate::net::Patience;
use crate::service::fetch::{
    Audience, Client, Ended, Fetched, Fill, Order, Settings, Timings, To, Verify,
};
use crate::sys::io::Target;

/// Fetches, and keeps connections. Many threads may use it.
#[pyclass(name = "HttpCore", module = "rsock._rsock", frozen)]
pub(super) struct HttpCore {
    client: Client,
    /// Which proxies to use; without, what the environment says at each fetch.
    proxies: Option<Proxies>,
}

#[pymethods]
impl HttpCore {
    #[new]
    #[pyo3(signature = (verify, connect_to, proxies, max_idle))]
    fn new(
        verify: &Bound<'_, PyAny>,
        connect_to: Vec<Bound<'_, PyAny>>,
        proxies: Option<&Bound<'_, PyDict>>,
        max_idle: usize,
    ) -> PyResult<Self> {
        let settings = Settings {
            verify: verification(verify)?,
            connect_to: connections(&connect_to)?,
            max_idle,
        };
        Ok(Self {
            client: Client::new(settings),
            proxies: proxies.map(proxies_of).transpose()?,
        })
    }

    /// Fetch, and return when the reply is whole and its body has gone where it should.
    #[pyo3(signature = (
        method, url, headers, body, timeout, read_timeout, redirects, max_body, max_head, decode,
        keep_raw, downgrade, sink, progress
    ))]
    #[allow(clippy::too_many_arguments)]
    fn fetch<'py>(
        &self,
        py: Python<'py>,
        method: String,
        url: &Bound<'py, PyString>,
        headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
        body: Option<Vec<u8>>,
        timeout: &Bound<'py, PyAny>,
        read_timeout: &Bound<'py, PyAny>,
        redirects: usize,
        max_body: Option<u64>,
        max_head: usize,
        decode: bool,
        keep_raw: bool,
        downgrade: bool,
        sink: Option<Bound<'py, PyAny>>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<PyFetched> {
        let (to, sink) = destination(sink)?;
        let order = Order {
            method,
            url: url.to_str()?.to_owned(),
            headers,
            body,
            timeout: limit(timeout, "timeout")?,
            read_timeout: limit(read_timeout, "read_timeout")?,
            redirects,
            max_body,
            max_head,
            decode,
            keep_raw,
            downgrade,
            to,
            tells: progress.is_some(),
        };
        let method = PyString::new(py, &order.method);
        raw::audit_pair(c"rsock.fetch", &method, url)?;
        let environment;
        let proxies = match &self.proxies {
            Some(proxies) => proxies,
            // Read attached: under the global lock no other thread of Python can change it meanwhile.
            None => {
                environment = Proxies::from_environment(|name| std::env::var(name).ok());
                &environment
            }
        };
        let mut ears = Ears {
            py,
            sink,
            progress,
            held: None,
        };
        match self
            .client
            .fetch(&Interpreter(py), order, proxies, &mut ears)
        {
            Ok(fetched) => PyFetched::new(py, fetched, ears.held),
            Err(Ended::Raised(error)) => Err(error),
            Err(Ended::Failed(failure)) => Err(raised(py, *failure, ears.held)),
        }
    }

    /// How many connections are kept.
    #[getter]
    fn idle(&self) -> usize {
        self.client.idle()
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Close all connections; fetches under way end with an error.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.client.close());
    }
}

fn verification(verify: &Bound<'_, PyAny>) -> PyResult<Verify> {
    if let Ok(verify) = verify.cast::<PyBool>() {
        return Ok(match verify.is_true() {
            true => Verify::System,
            false => Verify::Nobody,
        });
    }
    if !verify.is_instance_of::<PyString>() && !verify.hasattr("__fspath__")? {
        return Err(PyTypeError::new_err(format!(
            "verify must be True, False or the path of a file of certificates, not {}",
            raw::type_name(verify)
        )));
    }
    use std::os::unix::ffi::OsStringExt;
    let path = file_system_name(verify)?.into_bytes();
    Ok(Verify::File(std::ffi::OsString::from_vec(path).into()))
}

/// Read a map of schemes to proxies.
fn proxies_of(proxies: &Bound<'_, PyDict>) -> PyResult<Proxies> {
    let mut known: Vec<(String, String)> = Vec::new();
    for (scheme, proxy) in proxies {
        if !proxy.is_none() {
            known.push((scheme.extract()?, proxy.extract()?));
        }
    }
    let get = |name: &str| {
        let found = known.iter().find(|(scheme, _)| scheme == name);
        found.map(|(_, proxy)| proxy.clone())
    };
    Ok(Proxies::from_schemes(get))
}

/// Read a time that is to leave some, or None for as long as it takes.
fn limit(seconds: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Duration>> {
    Ok(match timeout::some_patience(seconds, name)? {
        Patience::Limited(limit) => Some(limit),
        _ => None,
    })
}

type Destination<'py> = (To, Option<Bound<'py, PyAny>>);

/// Read where the body goes: into memory, a descriptor, or a function.
fn destination(sink: Option<Bound<'_, PyAny>>) -> PyResult<Destination<'_>> {
    let Some(sink) = sink else {
        return Ok((To::Memory, None));
    };
    if sink.is_instance_of::<PyInt>() && !sink.is_instance_of::<PyBool>() {
        let lent: BorrowedFd<'_> = raw::lend(descriptor(&sink)?);
        let own: OwnedFd = lent.try_clone_to_owned().map_err(Error::Os)?;
        return Ok((To::File(own), None));
    }
    if !sink.is_callable() {
        return Err(PyTypeError::new_err(format!(
            "sink must be a function, a descriptor or None, not {}",
            raw::type_name(&sink)
        )));
    }
    Ok((To::Caller, Some(sink)))
}

fn descriptor(number: &Bound<'_, PyAny>) -> PyResult<i32> {
    let number: i32 = number.extract()?;
    if number < 0 {
        let text = "a descriptor cannot be negative";
        return Err(PyValueError::new_err(text));
    }
    Ok(number)
}

/// The functions that hear of a fetch.
struct Ears<'py> {
    py: Python<'py>,
    sink: Option<Bound<'py, PyAny>>,
    progress: Option<Bound<'py, PyAny>>,
    /// The body, where it was received straight into Python's memory.
    held: Option<Bound<'py, PyBytes>>,
}

impl Audience for Ears<'_> {
    type Error = PyErr;

    fn take(&mut self, piece: &[u8]) -> PyResult<()> {
        match &self.sink {
            Some(sink) => sink.call1((PyBytes::new(sink.py(), piece),)).map(drop),
            None => Ok(()),
        }
    }

    fn hold(&mut self, length: usize, fill: Fill<'_, Self>) -> PyResult<()> {
        let py = self.py;
        let receive = |memory: &mut Target<'_>| Ok((fill(self, memory)?, ()));
        let (bytes, ()) = buffer::receive(py, length, 0, receive)?;
        self.held = Some(bytes);
        Ok(())
    }

    fn hear(&mut self, done: u64, total: Option<u64>) -> PyResult<()> {
        match &self.progress {
            Some(progress) => progress.call1((done, total)).map(drop),
            None => Ok(()),
        }
    }
}

/// What a fetch brought.
#[pyclass(name = "Fetched", module = "rsock._rsock", frozen)]
pub(super) struct PyFetched {
    fetched: Fetched,
    body: Py<PyBytes>,
    history: Vec<Py<PyFetched>>,
}

impl PyFetched {
    /// Make it of what was fetched, and of the body if that is in Python's memory already.
    pub(super) fn new(
        py: Python<'_>,
        mut fetched: Fetched,
        held: Option<Bound<'_, PyBytes>>,
    ) -> PyResult<Self> {
        let came = std::mem::take(&mut fetched.body);
        let body = held.unwrap_or_else(|| PyBytes::new(py, &came)).unbind();
        let history = std::mem::take(&mut fetched.history)
            .into_iter()
            .map(|earlier| Py::new(py, Self::new(py, earlier, None)?))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            fetched,
            body,
            history,
        })
    }
}

#[pymethods]
impl PyFetched {
    /// The status.
    #[getter]
    fn status(&self) -> u16 {
        self.fetched.head.status
    }

    /// What the server says of the status.
    #[getter]
    fn reason(&self) -> String {
        latin(&self.fetched.head.reason)
    }

    /// The version, as in "1.1".
    #[getter]
    fn version(&self) -> String {
        self.fetched.head.version()
    }

    /// The headers, in order.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        listed(py, &self.fetched.head.headers)
    }

    /// The head as it came.
    #[getter]
    fn head<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.fetched.head.raw)
    }

    /// Every byte as it came, where that was asked for.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.fetched.raw.as_ref().map(|raw| PyBytes::new(py, raw))
    }

    /// The body, unless it went elsewhere.
    #[getter]
    pub(super) fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.body.bind(py).clone()
    }

    /// What came behind a chunked body.
    #[getter]
    fn trailers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        listed(py, &self.fetched.trailers)
    }

    /// Where it came from.
    #[getter]
    fn url(&self) -> &str {
        &self.fetched.url
    }

    /// The redirects that led there.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.history)
    }

    /// After how many seconds each step was done.
    #[getter]
    fn timings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Timings {
            lookup,
            connect,
            tls,
            first_byte,
            total,
        } = self.fetched.timings;
        let times = [lookup, connect, tls, first_byte, total];
        PyTuple::new(py, times.map(|time| time.map(|time| time.as_secs_f64())))
    }

    /// The request as it was sent.
    #[getter]
    fn request<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.fetched.request)
    }

    /// Return the text of the body, and the name of its charset.
    fn text(&self, py: Python<'_>) -> (String, String) {
        let (body, headers) = (self.body.as_bytes(py), &self.fetched.head.headers);
        let http::Text { text, encoding } = py.detach(|| http::text(body, headers));
        (text, encoding)
    }

    /// Return whether the body is a page.
    fn is_html(&self, py: Python<'_>) -> bool {
        http::is_html(self.body.as_bytes(py), &self.fetched.head.headers)
    }
}

/// Read bytes as ISO 8859-1, in which all of them mean something.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn listed<'py>(py: Python<'py>, headers: &Headers) -> PyResult<Bound<'py, PyList>> {
    let pairs = headers
        .iter()
        .map(|(name, value)| (latin(name), latin(value)));
    PyList::new(py, pairs.collect::<Vec<_>>())
}
