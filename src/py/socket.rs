//! The low-level class: what `_socket.socket` is to the standard module.
//!
//! Its methods are here; what they do to bytes is in `transfer`, with control data in `message`.

use std::os::fd::{IntoRawFd, OwnedFd};

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use socket2::{SockAddr, SockRef};

use super::argument::{Given, LEFT_OUT, only};
use super::call::{Interpreter, KeepErrors};
use super::lifecycle::{self, forgive_reset};
use super::{address, detour, message, number, options, raw, timeout, transfer};
use crate::net::{Patience, Socket};
use crate::sys;

/// Make a socket around a new descriptor, or around one that is there already.
///
/// What is not given is AF_INET, SOCK_STREAM and the protocol that goes with them, or what the
/// given descriptor says of itself.
#[cfg_attr(
    Py_3_10,
    pyclass(
        name = "socket",
        module = "rsock._rsock",
        subclass,
        frozen,
        immutable_type
    )
)]
#[cfg_attr(
    not(Py_3_10),
    pyclass(name = "socket", module = "rsock._rsock", subclass, frozen)
)]
#[derive(Default)]
pub(super) struct PySocket {
    pub(super) socket: Socket,
}

/// How many clients may wait to be accepted if the program does not say.
const DEFAULT_BACKLOG: i32 = 128;

#[pymethods]
impl PySocket {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    /// Open the socket, as socket(2), or take over the descriptor `fileno`.
    ///
    /// Errors: OSError from the kernel; EBADF or ENOTSOCK for a descriptor that is no socket.
    #[pyo3(signature = (family = LEFT_OUT, r#type = LEFT_OUT, proto = LEFT_OUT, fileno = LEFT_OUT))]
    fn __init__(
        slf: &Bound<'_, Self>,
        family: Given<'_, '_>,
        r#type: Given<'_, '_>,
        proto: Given<'_, '_>,
        fileno: Given<'_, '_>,
    ) -> PyResult<()> {
        let asked = lifecycle::asked(slf.py(), family, r#type, proto)?;
        lifecycle::begin(
            slf.as_any(),
            &slf.get().socket,
            asked,
            fileno.get().filter(|fileno| !fileno.is_none()),
        )
    }

    fn __repr__(&self) -> String {
        lifecycle::low_level_repr(&self.socket)
    }

    /// The address family, as a number.
    #[getter]
    fn family(&self) -> i32 {
        self.socket.kind().family
    }

    /// The type of the socket, as a number, without flags.
    #[getter]
    fn r#type(&self) -> i32 {
        self.socket.kind().kind
    }

    /// The protocol, as a number.
    #[getter]
    fn proto(&self) -> i32 {
        self.socket.kind().protocol
    }

    // A member of the C struct in the standard module, which says this of itself.
    #[setter(proto)]
    fn set_proto(&self, _value: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyAttributeError::new_err("readonly attribute"))
    }

    /// The timeout in seconds, or None.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.gettimeout()
    }

    /// Return the number of the descriptor, or -1 when closed.
    fn fileno(&self) -> i32 {
        self.socket.number()
    }

    /// Give the descriptor away without closing it, and return its number.
    fn detach(&self) -> i32 {
        self.socket.take().map_or(-1, OwnedFd::into_raw_fd)
    }

    /// Close the socket. What others have been told of its descriptor no longer holds.
    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        forgive_reset(py.detach(|| self.socket.close()))
    }

    /// Bind the socket to a local address.
    #[pyo3(signature = (*address), text_signature = "($self, address, /)")]
    fn bind(slf: &Bound<'_, Self>, address: &Bound<'_, PyTuple>) -> PyResult<()> {
        let address = &only(address, "bind")?;
        let (py, socket) = (slf.py(), &slf.get().socket);
        let target = address::from_python(socket, address, "bind")?;
        raw::audit_pair(c"socket.bind", slf.as_any(), address)?;
        Ok(py.detach(|| socket.with(|fd| SockRef::from(&fd).bind(&target)))?)
    }

    /// Let clients connect; `backlog` of them may wait to be accepted.
    #[pyo3(signature = (backlog = LEFT_OUT, /), text_signature = "($self, backlog=128, /)")]
    fn listen(&self, py: Python<'_>, backlog: Given<'_, '_>) -> PyResult<()> {
        let backlog = backlog.int_or(DEFAULT_BACKLOG)?.max(0);
        Ok(py.detach(|| self.socket.with(|fd| SockRef::from(&fd).listen(backlog)))?)
    }

    /// Connect to an address and wait until it is done.
    #[pyo3(signature = (*address), text_signature = "($self, address, /)")]
    fn connect(slf: &Bound<'_, Self>, address: &Bound<'_, PyTuple>) -> PyResult<()> {
        let target = aimed(slf, address, "connect")?;
        slf.get().socket.connect(&Interpreter(slf.py()), &target)
    }

    /// Connect to an address, and return 0 or the number of the error instead of raising it.
    #[pyo3(signature = (*address), text_signature = "($self, address, /)")]
    fn connect_ex(slf: &Bound<'_, Self>, address: &Bound<'_, PyTuple>) -> PyResult<i32> {
        let target = aimed(slf, address, "connect_ex")?;
        match slf.get().socket.connect(&KeepErrors(slf.py()), &target) {
            Ok(()) => Ok(0),
            Err(failure) => failure.errno(),
        }
    }

    /// Return the local address.
    fn getsockname(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        address::known(&self.socket)?;
        let name = self.socket.with(|fd| SockRef::from(&fd).local_addr())?;
        address::to_python(py, &self.socket, &name).map(Bound::unbind)
    }

    /// Return the address of the other side.
    fn getpeername(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        address::known(&self.socket)?;
        let name = self.socket.with(|fd| SockRef::from(&fd).peer_addr())?;
        address::to_python(py, &self.socket, &name).map(Bound::unbind)
    }

    /// Wait for a client, and return the number of its descriptor and its address.
    fn _accept(&self, py: Python<'_>) -> PyResult<(i32, Py<PyAny>)> {
        address::known(&self.socket)?;
        let (fd, peer) = self.socket.accept(&Interpreter(py))?;
        let peer = address::to_python(py, &self.socket, &peer)?;
        Ok((fd.into_raw_fd(), peer.unbind()))
    }

    /// Let calls wait for ever (a true flag), or not at all.
    #[pyo3(signature = (flag, /))]
    fn setblocking(&self, flag: &Bound<'_, PyAny>) -> PyResult<()> {
        let waits = if cfg!(Py_3_12) {
            flag.is_truthy()?
        } else {
            number::sole_long(flag)? != 0
        };
        Ok(self.socket.set_patience(if waits {
            Patience::Endless
        } else {
            Patience::None
        })?)
    }

    /// Return whether calls wait at all.
    fn getblocking(&self) -> bool {
        self.socket.patience() != Patience::None
    }

    /// Set how many seconds a call may take: None for ever, 0 returns at once.
    #[pyo3(signature = (value, /))]
    fn settimeout(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(self.socket.set_patience(timeout::patience(value)?)?)
    }

    /// Return how many seconds a call may take, or None.
    fn gettimeout(&self) -> Option<f64> {
        timeout::seconds(self.socket.patience())
    }

    /// Set an option: to an int, to bytes, or to None with a length.
    #[pyo3(signature = (level, optname, value, optlen = LEFT_OUT, /), text_signature = "($self, level, optname, value, optlen=0, /)")]
    fn setsockopt(
        &self,
        level: &Bound<'_, PyAny>,
        optname: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        optlen: Given<'_, '_>,
    ) -> PyResult<()> {
        options::set(&self.socket, level, optname, value, optlen)
    }

    /// Return an option as an int, or as at most `buflen` bytes.
    #[pyo3(signature = (level, optname, buflen = LEFT_OUT, /), text_signature = "($self, level, optname, buflen=0, /)")]
    fn getsockopt<'py>(
        &self,
        py: Python<'py>,
        level: &Bound<'py, PyAny>,
        optname: &Bound<'py, PyAny>,
        buflen: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        options::get(py, &self.socket, level, optname, buflen)
    }

    /// End one direction of the connection (SHUT_RD, SHUT_WR) or both (SHUT_RDWR).
    #[pyo3(signature = (how, /))]
    fn shutdown(&self, py: Python<'_>, how: &Bound<'_, PyAny>) -> PyResult<()> {
        let how = number::sole_int(how).map_err(|error| number::plainly(py, error))?;
        Ok(py.detach(|| self.socket.with(|fd| sys::shutdown(fd, how)))?)
    }

    /// Receive at most `bufsize` bytes; none at all is the end of the stream.
    #[pyo3(signature = (bufsize, flags = LEFT_OUT, /), text_signature = "($self, bufsize, flags=0, /)")]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        bufsize: &Bound<'py, PyAny>,
        flags: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        transfer::recv(py, &self.socket, bufsize, flags)
    }

    /// Receive into a buffer, as much as fits or at most `nbytes`, and return how many came.
    #[pyo3(signature = (buffer, nbytes = LEFT_OUT, flags = LEFT_OUT), text_signature = "($self, buffer, nbytes=0, flags=0)")]
    fn recv_into(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        nbytes: Given<'_, '_>,
        flags: Given<'_, '_>,
    ) -> PyResult<usize> {
        transfer::recv_into(py, &self.socket, buffer, nbytes, flags)
    }

    /// Receive at most `bufsize` bytes of a message, and return them and who sent it.
    #[pyo3(signature = (bufsize, flags = LEFT_OUT, /), text_signature = "($self, bufsize, flags=0, /)")]
    fn recvfrom<'py>(
        &self,
        py: Python<'py>,
        bufsize: &Bound<'py, PyAny>,
        flags: Given<'_, 'py>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyAny>)> {
        transfer::recvfrom(py, &self.socket, bufsize, flags)
    }

    /// Receive a message into a buffer, and return how many bytes came and who sent it.
    #[pyo3(signature = (buffer, nbytes = LEFT_OUT, flags = LEFT_OUT), text_signature = "($self, buffer, nbytes=0, flags=0)")]
    fn recvfrom_into<'py>(
        &self,
        py: Python<'py>,
        buffer: &Bound<'py, PyAny>,
        nbytes: Given<'_, 'py>,
        flags: Given<'_, 'py>,
    ) -> PyResult<(usize, Bound<'py, PyAny>)> {
        transfer::recvfrom_into(py, &self.socket, buffer, nbytes, flags)
    }

    /// Receive a message with control data: `(data, ancdata, msg_flags, address)`.
    #[pyo3(signature = (bufsize, ancbufsize = LEFT_OUT, flags = LEFT_OUT, /), text_signature = "($self, bufsize, ancbufsize=0, flags=0, /)")]
    fn recvmsg<'py>(
        &self,
        py: Python<'py>,
        bufsize: &Bound<'py, PyAny>,
        ancbufsize: Given<'_, 'py>,
        flags: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        message::recvmsg(py, &self.socket, bufsize, ancbufsize, flags)
    }

    /// Receive a message into several buffers: `(nbytes, ancdata, msg_flags, address)`.
    #[pyo3(signature = (buffers, ancbufsize = LEFT_OUT, flags = LEFT_OUT, /), text_signature = "($self, buffers, ancbufsize=0, flags=0, /)")]
    fn recvmsg_into<'py>(
        &self,
        py: Python<'py>,
        buffers: &Bound<'py, PyAny>,
        ancbufsize: Given<'_, 'py>,
        flags: Given<'_, 'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        message::recvmsg_into(py, &self.socket, buffers, ancbufsize, flags)
    }

    /// Send bytes, and return how many of them the kernel took.
    #[pyo3(signature = (data, flags = LEFT_OUT, /), text_signature = "($self, data, flags=0, /)")]
    fn send(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        flags: Given<'_, '_>,
    ) -> PyResult<usize> {
        transfer::send(py, &self.socket, data, flags)
    }

    /// Send all bytes. After an error nobody knows how many went out.
    #[pyo3(signature = (data, flags = LEFT_OUT, /), text_signature = "($self, data, flags=0, /)")]
    fn sendall(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        flags: Given<'_, '_>,
    ) -> PyResult<()> {
        transfer::sendall(py, &self.socket, data, flags)
    }

    /// Send a message to an address: `sendto(data, address)` or `sendto(data, flags, address)`.
    #[pyo3(signature = (*args))]
    fn sendto(slf: &Bound<'_, Self>, args: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let (flags, to) = match args.len() {
            2 => (None, args.get_borrowed_item(1)?),
            3 => (Some(args.get_borrowed_item(1)?), args.get_borrowed_item(2)?),
            count => {
                let text = format!("sendto() takes 2 or 3 arguments ({count} given)");
                return Err(PyTypeError::new_err(text));
            }
        };
        let data = args.get_borrowed_item(0)?;
        transfer::sendto(
            slf.as_any(),
            &slf.get().socket,
            &data,
            Given::from(flags),
            &to,
        )
    }

    /// Send a message in pieces, with control data: `sendmsg(buffers, ancdata, flags, address)`.
    #[pyo3(signature = (buffers, ancdata = LEFT_OUT, flags = LEFT_OUT, address = LEFT_OUT, /), text_signature = "($self, buffers, ancdata=(), flags=0, address=None, /)")]
    fn sendmsg(
        slf: &Bound<'_, Self>,
        buffers: &Bound<'_, PyAny>,
        ancdata: Given<'_, '_>,
        flags: Given<'_, '_>,
        address: Given<'_, '_>,
    ) -> PyResult<usize> {
        message::sendmsg(
            slf.as_any(),
            &slf.get().socket,
            buffers,
            ancdata,
            flags,
            address,
        )
    }

    /// Send a message to the kernel's cryptography, and what it is to do with it.
    #[cfg(target_os = "linux")]
    #[pyo3(signature = (msg = LEFT_OUT, *, op = LEFT_OUT, iv = LEFT_OUT, assoclen = LEFT_OUT, flags = LEFT_OUT), text_signature = "($self, msg=(), *, op, iv=None, assoclen=0, flags=0)")]
    fn sendmsg_afalg(
        &self,
        py: Python<'_>,
        msg: Given<'_, '_>,
        op: Given<'_, '_>,
        iv: Given<'_, '_>,
        assoclen: Given<'_, '_>,
        flags: Given<'_, '_>,
    ) -> PyResult<usize> {
        message::sendmsg_afalg(py, &self.socket, (msg, op, iv, assoclen), flags)
    }
}

/// Find out where a call is to connect to, and tell the audit hooks of it.
fn aimed(
    slf: &Bound<'_, PySocket>,
    given: &Bound<'_, PyTuple>,
    caller: &str,
) -> PyResult<SockAddr> {
    let (socket, address) = (&slf.get().socket, only(given, caller)?);
    let target = match detour::target(socket, &address)? {
        Some(elsewhere) => elsewhere,
        None => address::from_python(socket, &address, caller)?,
    };
    raw::audit_pair(c"socket.connect", slf.as_any(), &address)?;
    Ok(target)
}

impl Drop for PySocket {
    /// Warn of a socket that nobody closed. The finalizer has done so for all but the direct
    /// instances of this class, which have none.
    fn drop(&mut self) {
        if self.socket.number() >= 0 {
            Python::attach(|py| {
                raw::keep_error(py, || lifecycle::warn_unclosed(py, &self.__repr__(), None))
            });
        }
    }
}
