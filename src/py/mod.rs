//! The only place that knows Python: what the module `rsock._rsock` holds.

mod address;
mod argument;
mod buffer;
mod call;
mod calls;
mod class;
mod clients;
mod constants;
mod datagrams;
mod descriptors;
mod detour;
mod enums;
mod error;
mod fast;
mod fetch;
mod fetch_errors;
mod fork;
mod holder;
mod host;
mod inet;
mod lifecycle;
mod message;
mod names;
mod number;
mod options;
mod pages;
mod place;
mod raw;
mod reported;
mod resolver;
mod servers;
mod serving;
mod shared;
mod socket;
mod timeout;
mod transfer;
mod uncaught;

use pyo3::prelude::*;

/// The native half of rsock: what `_socket` is to `socket`.
#[pymodule(gil_used = false)]
mod _rsock {
    use super::*;

    #[pymodule_export]
    use super::calls::Connection;
    #[pymodule_export]
    use super::clients::{IncompleteReadError, LimitOverrunError, PyTcpClient, PyUdpClient};
    #[pymodule_export]
    use super::datagrams::DatagramServer;
    #[pymodule_export]
    use super::descriptors::{close, dup, socketpair};
    #[pymodule_export]
    use super::detour::_detour;
    #[pymodule_export]
    use super::fetch::{HttpCore, PyFetched};
    #[pymodule_export]
    use super::fork::{after_fork, before_fork};
    #[pymodule_export]
    use super::holder::_port_holder;
    #[pymodule_export]
    use super::inet::{
        cmsg_len, cmsg_space, htonl, htons, inet_aton, inet_ntoa, inet_ntop, inet_pton, ntohl,
        ntohs,
    };
    #[pymodule_export]
    use super::place::{ListeningPlace, listen};
    #[pymodule_export]
    use super::resolver::{
        getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, gethostname, getnameinfo,
        getprotobyname, getservbyname, getservbyport, if_indextoname, if_nameindex, if_nametoindex,
        sethostname,
    };
    #[pymodule_export]
    use super::servers::StreamServer;
    #[pymodule_export]
    use super::shared::_bind;
    #[pymodule_export]
    use super::timeout::{getdefaulttimeout, setdefaulttimeout};
    #[pymodule_export]
    use super::uncaught::{_no_such_name, _report_uncaught};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        error::init(module)?;
        fetch_errors::init(module)?;
        constants::init(module)?;
        enums::init(py)?;
        names::names(py);
        let low = py.get_type::<socket::PySocket>();
        module.add("socket", &low)?;
        module.add("SocketType", &low)?;
        let shared = py.get_type::<shared::SharedSocket>();
        module.add(
            "SharedSocket",
            class::with_finalizer(&shared, c"rsock._rsock.SharedSocket")?,
        )?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("_own", constants::own_names(module)?)?;
        module.add("_CONNECT_TO", crate::http::ConnectTo::VARIABLE)?;
        // PyO3 makes this list; `_socket` has none.
        module.delattr("__all__")
    }
}
