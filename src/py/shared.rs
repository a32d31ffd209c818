//! The class that scripts use, as far as it needs no Python: sockets that files are made of.
//!
//! The standard library writes these methods in Python. Each is a frame, and some are several;
//! here they are none. What is left in Python is `rsock/_socket.py`.

use std::os::fd::{IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::argument::{Given, LEFT_OUT};
use super::call::Interpreter;
use super::lifecycle;
use super::names::names;
use super::socket::PySocket;
use super::{address, enums, number, raw, timeout};
use crate::net::{Patience, Socket};
use crate::sys;

/// A socket that stays open for as long as files that were made of it do.
#[cfg_attr(Py_3_10, pyclass(name = "_SharedSocket", module = "rsock._rsock", extends = PySocket, subclass, frozen, immutable_type))]
#[cfg_attr(not(Py_3_10), pyclass(name = "_SharedSocket", module = "rsock._rsock", extends = PySocket, subclass, frozen))]
#[derive(Default)]
pub(super) struct SharedSocket {
    /// How many files are open on it.
    files: AtomicI64,
    /// Whether it was closed, though files may keep it open.
    closed: AtomicBool,
}

/// Where the class is looked for that `accept` makes.
struct Face {
    /// The face's names, where programs may put a class of their own in place of ours.
    namespace: Py<PyDict>,
    /// Ours, which can be made without running its `__init__`.
    class: Py<PyType>,
}

static FACE: PyOnceLock<Face> = PyOnceLock::new();

/// Tell the core where to look for the class that `accept` makes.
#[pyfunction]
#[pyo3(signature = (namespace, /))]
pub(super) fn _bind(namespace: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = namespace.py();
    let class = namespace
        .as_any()
        .get_item(&names(py).socket)?
        .cast_into::<PyType>()?;
    let face = Face {
        namespace: namespace.clone().unbind(),
        class: class.unbind(),
    };
    // Set once: a face that is loaded again has the same names.
    let _ = FACE.set(py, face);
    Ok(())
}

#[pymethods]
impl SharedSocket {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        PyClassInitializer::from(PySocket::default()).add_subclass(Self::default())
    }

    /// Open the socket, as socket(2), or take over the descriptor `fileno`.
    ///
    /// The subclass makes this its `__init__`: a native one is a slot, which cannot show its
    /// arguments.
    #[pyo3(
        signature = (family = LEFT_OUT, r#type = LEFT_OUT, proto = LEFT_OUT, fileno = LEFT_OUT),
        text_signature = "($self, family=-1, type=-1, proto=-1, fileno=None)"
    )]
    fn _init(
        slf: &Bound<'_, Self>,
        family: Given<'_, '_>,
        r#type: Given<'_, '_>,
        proto: Given<'_, '_>,
        fileno: Given<'_, '_>,
    ) -> PyResult<()> {
        let asked = lifecycle::asked(slf.py(), family, r#type, proto)?;
        let fileno = fileno.get().filter(|fileno| !fileno.is_none());
        // As in the standard library: the audit hooks hear what a new socket will be.
        let asked = if fileno.is_none() {
            lifecycle::with_defaults(asked)
        } else {
            asked
        };
        lifecycle::begin(slf.as_any(), core(slf), asked, fileno)?;
        slf.get().files.store(0, Ordering::Relaxed);
        slf.get().closed.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_args), text_signature = "($self, *args)")]
    fn __exit__(slf: &Bound<'_, Self>, _args: &Bound<'_, PyTuple>) -> PyResult<()> {
        if slf.get()._closed() {
            return Ok(());
        }
        slf.call_method0(&names(slf.py()).close).map(drop)
    }

    fn __getstate__(slf: &Bound<'_, Self>) -> PyResult<()> {
        let name = slf.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "cannot pickle '{name}' object"
        )))
    }

    /// The address family.
    #[getter]
    fn family<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        enums::family(slf.py(), core(slf).kind().family)
    }

    /// The type of the socket, without flags.
    #[getter]
    fn r#type<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        enums::kind(slf.py(), core(slf).kind().kind)
    }

    #[getter]
    fn _io_refs(&self) -> i64 {
        self.files.load(Ordering::Relaxed)
    }

    #[setter(_io_refs)]
    fn set_io_refs(&self, count: i64) {
        self.files.store(count, Ordering::Relaxed);
    }

    #[getter]
    fn _closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    #[setter(_closed)]
    fn set_closed(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Wait for a client: return a socket for the connection, and the client's address.
    fn accept<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, socket) = (slf.py(), core(slf));
        address::known(socket)?;
        let (fd, peer) = socket.accept(&Interpreter(py))?;
        let peer = address::to_python(py, socket, &peer)?;
        Ok((connection(slf, fd)?, peer))
    }

    /// Close the socket, or let the last file that was made of it do so.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        // One order for all threads: of this and the end of the last file, which looks at the two
        // the other way round, one sees that it has to close.
        this.closed.store(true, Ordering::SeqCst);
        if this.files.load(Ordering::SeqCst) > 0 {
            return Ok(());
        }
        slf.call_method0(&names(py).real_close).map(drop)
    }

    /// Count one more file, in one step: other threads may open and close files meanwhile.
    fn _incref_socketios(&self) {
        self.files.fetch_add(1, Ordering::SeqCst);
    }

    fn _decref_socketios(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let _ = this
            .files
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |files| {
                (files > 0).then(|| files - 1)
            });
        if !this.closed.load(Ordering::SeqCst) {
            return Ok(());
        }
        slf.call_method0(&names(py).close).map(drop)
    }

    /// Close the socket now. `_ss`, which the standard library has, is of no use here.
    #[pyo3(signature = (_ss = None))]
    fn _real_close(slf: &Bound<'_, Self>, _ss: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        slf.as_super().get().close(slf.py())
    }

    /// Give the descriptor away without closing it, and return its number.
    fn detach(slf: &Bound<'_, Self>) -> i32 {
        slf.get().closed.store(true, Ordering::Relaxed);
        core(slf).take().map_or(-1, OwnedFd::into_raw_fd)
    }

    /// Return whether programs that this one starts get the descriptor.
    fn get_inheritable(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(core(slf).with(sys::inheritable)?)
    }

    /// Set whether programs that this one starts get the descriptor.
    fn set_inheritable(slf: &Bound<'_, Self>, inheritable: &Bound<'_, PyAny>) -> PyResult<()> {
        let inheritable =
            number::int(inheritable).map_err(|error| number::plainly(slf.py(), error))? != 0;
        Ok(core(slf).with(|fd| sys::set_inheritable(fd, inheritable))?)
    }
}

fn core<'a>(slf: &'a Bound<'_, SharedSocket>) -> &'a Socket {
    &slf.as_super().get().socket
}

/// Make the socket for a connection that a listener accepted.
fn connection<'py>(slf: &Bound<'py, SharedSocket>, fd: OwnedFd) -> PyResult<Bound<'py, PyAny>> {
    let (py, kind) = (slf.py(), core(slf).kind());
    let Some(face) = FACE.get(py) else {
        return make(slf.get_type().as_any(), slf, fd);
    };
    let class = face
        .namespace
        .bind(py)
        .as_any()
        .get_item(&names(py).socket)?;
    if !class.is(&face.class) {
        return make(&class, slf, fd);
    }
    let connection = raw::instance(face.class.bind(py))?;
    raw::audit_new(&connection, kind.family, kind.kind, kind.protocol)?;
    // The kernel made it a blocking one, which is what a socket without a default timeout is.
    lifecycle::settle(&connection.cast::<PySocket>()?.get().socket, fd, kind)?;
    Ok(connection)
}

/// Make a socket of a class that a program put in place of ours.
fn make<'py>(
    class: &Bound<'py, PyAny>,
    slf: &Bound<'py, SharedSocket>,
    fd: OwnedFd,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, kind) = (slf.py(), core(slf).kind());
    let keywords = PyDict::new(py);
    keywords.set_item(&names(py).fileno, fd.into_raw_fd())?;
    let family = enums::family(py, kind.family)?;
    let arguments = (family, enums::kind(py, kind.kind)?, kind.protocol);
    let connection = class.call(arguments, Some(&keywords))?;
    if timeout::default() == Patience::Endless && core(slf).patience() != Patience::None {
        connection.call_method1(&names(py).setblocking, (true,))?;
    }
    Ok(connection)
}
