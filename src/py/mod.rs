//! The only place that knows Python: what the module `rsock._rsock` holds.

mod argument;
mod call;
mod enums;
mod error;
mod host;
mod inet;
mod number;
mod raw;
mod resolver;

use pyo3::prelude::*;

/// The native half of rsock: what `_socket` is to `socket`.
#[pymodule(gil_used = false)]
mod _rsock {
    use super::*;

    #[pymodule_export]
    use super::inet::{
        cmsg_len, cmsg_space, htonl, htons, inet_aton, inet_ntoa, inet_ntop, inet_pton, ntohl,
        ntohs,
    };
    #[pymodule_export]
    use super::resolver::{
        getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, gethostname, getnameinfo,
        getprotobyname, getservbyname, getservbyport, if_indextoname, if_nameindex, if_nametoindex,
        sethostname,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        error::init(module)
    }
}
