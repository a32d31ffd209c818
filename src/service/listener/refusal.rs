//! Why an address cannot be had, and who is in the way.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::error::Error;
use crate::sys;
use crate::sys::holder::{self, Ports};

/// Say what went wrong at which address, and who is in the way.
pub(super) fn refused(error: &io::Error, address: SocketAddr, kind: i32) -> Error {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    let (ip, port) = (address.ip(), address.port());
    let reason = match errno {
        libc::EADDRINUSE => match holder::find(ports(kind), ip, port) {
            Some(holder) if holder.pid == std::process::id() => {
                "; this process itself holds it: stop that server first, or take another port"
                    .to_owned()
            }
            Some(holder) => format!(
                "; {} (process {}) holds it: stop that one first, or take another port",
                holder.name, holder.pid
            ),
            None => "; take another port, or stop who holds it".to_owned(),
        },
        libc::EACCES if port < 1024 => "; ports below 1024 are for privileged programs".to_owned(),
        libc::EADDRNOTAVAIL => "; that is no address of this machine".to_owned(),
        _ => String::new(),
    };
    Error::System {
        errno,
        message: format!(
            "{}: port {port} of {}{reason}",
            sys::strerror(errno),
            shown(ip)
        ),
    }
}

fn shown(ip: IpAddr) -> String {
    if ip.is_unspecified() {
        "all interfaces".to_owned()
    } else {
        ip.to_string()
    }
}

fn ports(kind: i32) -> Ports {
    if kind == libc::SOCK_DGRAM {
        Ports::Udp
    } else {
        Ports::Tcp
    }
}
