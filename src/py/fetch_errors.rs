//! What a fetch fails with, as Python knows it.

use pyo3::exceptions::{PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use super::error::in_words;
use super::fetch::PyFetched;
use crate::http;
use crate::service::fetch::{Cause, Failure, Fetched};

/// The classes, in the order of [`CLASSES`].
#[derive(Clone, Copy)]
enum Class {
    Fetch,
    BadReply,
    Incomplete,
    TooLarge,
    Redirect,
    Tls,
    Timeout,
}

/// Their names, and what they say of themselves; all but the first are kinds of the first.
const CLASSES: [(&str, &str); 7] = [
    (
        "FetchError",
        "A fetch failed.\n\n\
          `url` is what was being fetched, `response` is what came of the reply, or None, and\n\
          `partial` holds the bytes of its body that came.",
    ),
    ("BadReplyError", "The reply breaks the rules of HTTP."),
    (
        "IncompleteReplyError",
        "The connection ended before the reply was whole; `partial` holds what came.",
    ),
    ("TooLargeError", "The reply is larger than a limit allows."),
    (
        "RedirectError",
        "Too many redirects, or one to what is not fetched.",
    ),
    (
        "TlsError",
        "The server is not who it should be, or cannot prove it, or TLS failed.",
    ),
    ("FetchTimeoutError", "The fetch took longer than it may."),
];

static TYPES: PyOnceLock<Vec<Py<PyType>>> = PyOnceLock::new();

/// Give the classes to the module.
pub(super) fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for (class, (name, _)) in types(module.py())?.iter().zip(CLASSES) {
        module.add(name, class)?;
    }
    Ok(())
}

/// Make the classes, as a `class` statement does: one of them has two bases, which is beyond
/// `#[pyclass]`.
fn types(py: Python<'_>) -> PyResult<&'static Vec<Py<PyType>>> {
    TYPES.get_or_try_init(py, || {
        let mut made: Vec<Py<PyType>> = Vec::new();
        for (place, (name, doc)) in CLASSES.into_iter().enumerate() {
            let inside = PyDict::new(py);
            inside.set_item("__module__", "rsock")?;
            inside.set_item("__doc__", doc)?;
            let bases = match made.first() {
                None => {
                    inside.set_item("url", py.None())?;
                    inside.set_item("response", py.None())?;
                    inside.set_item("partial", PyBytes::new(py, b""))?;
                    PyTuple::new(py, [py.get_type::<PyOSError>()])?
                }
                Some(first) if place == Class::Timeout as usize => {
                    let first = first.bind(py).clone();
                    PyTuple::new(py, [first, py.get_type::<PyTimeoutError>()])?
                }
                Some(first) => PyTuple::new(py, [first])?,
            };
            let class = py.get_type::<PyType>().call1((name, bases, inside))?;
            made.push(class.cast_into::<PyType>()?.unbind());
        }
        Ok(made)
    })
}

/// Say in Python's terms why a fetch failed.
pub(super) fn raised(py: Python<'_>, failure: Failure, held: Option<Bound<'_, PyBytes>>) -> PyErr {
    let Failure {
        cause,
        message,
        url,
        reply,
    } = failure;
    let class = match &cause {
        Cause::Core(error) | Cause::Sink(error) => {
            return describe(py, in_words(error, message), (url, reply, held));
        }
        Cause::Http(error) => match error.kind() {
            http::Kind::Argument => return PyValueError::new_err(message),
            http::Kind::BadReply => Class::BadReply,
            http::Kind::Incomplete => Class::Incomplete,
            http::Kind::TooLarge => Class::TooLarge,
            http::Kind::Redirect => Class::Redirect,
        },
        Cause::TimedOut | Cause::Quiet => Class::Timeout,
        Cause::Tls(_) => Class::Tls,
        Cause::Cut => Class::Incomplete,
        Cause::TooLarge(_) => Class::TooLarge,
        Cause::NoMemory => return pyo3::exceptions::PyMemoryError::new_err(message),
        _ => Class::Fetch,
    };
    let error = types(py).map(|types| {
        let class = types[class as usize].bind(py).clone();
        PyErr::from_type(class, message)
    });
    describe(py, error.unwrap_or_else(|error| error), (url, reply, held))
}

/// Where from, and what of it.
type Came<'py> = (String, Option<Box<Fetched>>, Option<Bound<'py, PyBytes>>);

/// Tell an error what had come. Nothing that fails on the way hides the error itself.
fn describe(py: Python<'_>, error: PyErr, (url, reply, held): Came<'_>) -> PyErr {
    let value = error.value(py);
    let attributes = || -> PyResult<()> {
        value.setattr("url", url)?;
        let response = reply
            .map(|reply| PyFetched::new(py, *reply, held))
            .transpose()?;
        let partial = match &response {
            Some(response) => response.body(py),
            None => PyBytes::new(py, b""),
        };
        value.setattr("partial", partial)?;
        value.setattr("response", response)
    };
    match attributes() {
        Ok(()) => error,
        Err(other) => {
            other.set_cause(py, Some(error));
            other
        }
    }
}
