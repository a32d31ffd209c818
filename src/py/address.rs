use crate::net::Socket;
use pyo3::prelude::*;
use socket2::SockAddr;
pub(super) fn from_python(
    socket: &Socket,
    address: &Bound<'_, PyAny>,
    caller: &str,
) -> PyResult<SockAddr> {
    let _ = (socket, caller);
    let (h, p): (String, u16) = address.extract()?;
    Ok(std::net::SocketAddr::new(
        h.parse()
            .map_err(|_| pyo3::exceptions::PyOSError::new_err("stub"))?,
        p,
    )
    .into())
}
pub(super) fn to_python<'py>(
    py: Python<'py>,
    _socket: &Socket,
    address: &SockAddr,
) -> PyResult<Bound<'py, PyAny>> {
    if address.len() == 0 {
        return Ok(py.None().into_bound(py));
    }
    match address.as_socket() {
        Some(a) => Ok((a.ip().to_string(), a.port()).into_pyobject(py)?.into_any()),
        None => Ok("".into_pyobject(py)?.into_any()),
    }
}
