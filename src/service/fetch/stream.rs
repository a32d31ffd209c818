//! A connection, plain or over TLS, whose calls return when they would have to wait.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustls::client::ClientConnection;
use socket2::Socket;

use super::certificate;
use super::clock::{Clock, Stop};
use super::failure::Cause;
use crate::sys;
use crate::sys::io::{Source, Target};
use crate::sys::poll::Readiness;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The other side said that this is all.
    Said,
    /// It did not, as TLS wants it: somebody else may have cut the connection.
    Unsaid,
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// So many bytes.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The end.
    End(End),
}

/// A connection to one server or proxy.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    tls: Option<Tls>,
}

#[derive(Debug)]
struct Tls {
    session: Box<ClientConnection>,
    /// For messages.
    host: String,
}

impl Stream {
    pub(super) const fn plain(socket: Socket) -> Self {
        Self { socket, tls: None }
    }

    /// Speak TLS from here on; [`Stream::handshake`] comes first.
    pub(super) fn secure(&mut self, session: ClientConnection, host: &str) -> io::Result<()> {
        // The end of a handshake and a request are two writes, of which the second is not to wait
        // until the other side has acknowledged the first.
        self.socket.set_tcp_nodelay(true)?;
        self.tls = Some(Tls {
            session: Box::new(session),
            host: host.to_owned(),
        });
        Ok(())
    }

    pub(super) const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Do the handshake of TLS, where there is TLS.
    pub(super) fn handshake(&mut self, clock: &mut Clock) -> Result<(), Stop> {
        let Some(tls) = &mut self.tls else {
            return Ok(());
        };
        while tls.session.is_handshaking() {
            clock.tick()?;
            let readiness = match tls.session.wants_write() {
                true => Readiness::Write,
                false => Readiness::Read,
            };
            let outcome = match readiness {
                Readiness::Write => tls.session.write_tls(&mut Wire(&self.socket)).map(drop),
                _ => match tls.session.read_tls(&mut Wire(&self.socket)) {
                    Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {
                        tls.process(&self.socket)?;
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = outcome {
                if error.kind() == ErrorKind::UnexpectedEof {
                    let host = &tls.host;
                    let message = format!("{host} closed the connection during the TLS handshake");
                    return Err(Cause::Tls(message).into());
                }
                clock.mends(error)?;
                clock.wait(self.socket.as_fd(), readiness)?;
            }
        }
        Ok(())
    }

    /// Write some bytes, and return how many were taken; what is taken may still be here.
    pub(super) fn write(&mut self, bytes: &[u8], clock: &mut Clock) -> Result<usize, Stop> {
        let outcome = match &mut self.tls {
            None => Wire(&self.socket).write(bytes),
            Some(tls) => tls.session.writer().write(bytes),
        };
        match outcome {
            Ok(count) => Ok(count),
            Err(error) => clock.mends(error).map(|()| 0),
        }
    }

    /// Write what was taken and is still here, and return whether nothing is.
    pub(super) fn flush(&mut self, clock: &mut Clock) -> Result<bool, Stop> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.session.wants_write() {
            if let Err(error) = tls.session.write_tls(&mut Wire(&self.socket)) {
                return clock.mends(error).map(|()| false);
            }
        }
        Ok(true)
    }

    /// Return whether bytes or the end are here already: what came over TLS right behind a
    /// handshake was received with it, and no wait for the socket would tell of it.
    pub(super) fn is_ahead(&mut self) -> bool {
        let Some(tls) = &mut self.tls else {
            return false;
        };
        (tls.session.process_new_packets())
            .is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Read some bytes.
    pub(super) fn read(&mut self, into: &mut [u8], clock: &mut Clock) -> Result<Came, Stop> {
        let Some(tls) = &mut self.tls else {
            return match Wire(&self.socket).read(into) {
                Ok(0) => Ok(Came::End(End::Said)),
                Ok(count) => Ok(Came::Bytes(count)),
                Err(error) => clock.mends(error).map(|()| Came::Nothing),
            };
        };
        loop {
            match tls.session.reader().read(into) {
                Ok(0) => return Ok(Came::End(End::Said)),
                Ok(count) => return Ok(Came::Bytes(count)),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(Came::End(End::Unsaid));
                }
                Err(_) => {}
            }
            match tls.session.read_tls(&mut Wire(&self.socket)) {
                Ok(_) => tls.process(&self.socket)?,
                Err(error) => return clock.mends(error).map(|()| Came::Nothing),
            }
        }
    }

    /// Read some bytes, where there is no TLS, into memory that nobody looks into here.
    pub(super) fn read_plain(
        &mut self,
        into: &mut Target<'_>,
        clock: &mut Clock,
    ) -> Result<Came, Stop> {
        match sys::io::recv(self.socket.as_fd(), into, 0) {
            Ok(0) => Ok(Came::End(End::Said)),
            Ok(count) => Ok(Came::Bytes(count)),
            Err(error) => clock.mends(error).map(|()| Came::Nothing),
        }
    }

    /// Return whether a kept connection is still quiet: what came unasked answers no request, and
    /// an end is one.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match &mut self.tls {
            None => is_early(Wire(&self.socket).read(&mut byte)),
            Some(tls) => {
                let last = loop {
                    match tls.session.read_tls(&mut Wire(&self.socket)) {
                        // Tickets for a later session may come at any time.
                        Ok(1..) if tls.process(&self.socket).is_ok() => {}
                        outcome => break outcome,
                    }
                };
                is_early(last) && is_early(tls.session.reader().read(&mut byte))
            }
        }
    }

    /// Close the connection; over TLS say before that this is the end, if that takes no wait.
    pub(super) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.session.send_close_notify();
            let _ = tls.session.write_tls(&mut Wire(&self.socket));
        }
    }
}

fn is_early(outcome: io::Result<usize>) -> bool {
    outcome.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

impl Tls {
    /// Look at what was read.
    fn process(&mut self, socket: &Socket) -> Result<(), Cause> {
        self.session
            .process_new_packets()
            .map(drop)
            .map_err(|error| {
                // The other side is told why; whether it hears is its own affair.
                let _ = self.session.write_tls(&mut Wire(socket));
                Cause::Tls(certificate::words(&error, &self.host))
            })
    }
}

/// The socket itself: sending to a side that is gone is an error, and no signal.
struct Wire<'a>(&'a Socket);

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sys::io::send(self.0.as_fd(), Source::from(bytes), libc::MSG_NOSIGNAL)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
