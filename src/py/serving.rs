//! The life of a server that Python holds: bound, started, ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::argument::seconds;
use crate::error::Result;

/// How long a wait lasts before it looks for signals.
const SIGNAL_TURN: Duration = Duration::from_millis(50);
/// How long a server that nobody refers to any more is waited for.
const DROPPED: Duration = Duration::from_secs(1);

/// A server as soon as it has started.
pub(super) trait Runs: Sized + Send + Sync {
    /// What it is made of.
    type Parts: Send;
    /// What is let go of when it has ended, even if somebody still waits for it.
    type Kept: Send;
    /// What it has done.
    type Counts: Copy + Default + Send;

    fn start(parts: Self::Parts) -> Result<(Self, Self::Kept)>;
    fn is_running(&self) -> bool;
    fn stop(&self, timeout: Duration) -> bool;
    /// Come to rest as the process ends; what cannot simply be left stops.
    fn leave(self: Arc<Self>, timeout: Duration) -> bool {
        self.stop(timeout)
    }
    fn wait(&self, timeout: Option<Duration>) -> bool;
    fn counts(&self) -> Self::Counts;
}

enum State<S: Runs> {
    Bound(S::Parts),
    Started(Arc<S>, S::Kept),
    /// Stopped: all that is left is what it has done.
    Ended(S::Counts),
}

impl<S: Runs> State<S> {
    fn counts(&self) -> S::Counts {
        match self {
            Self::Bound(_) => S::Counts::default(),
            Self::Started(server, _) => server.counts(),
            Self::Ended(counts) => *counts,
        }
    }
}

/// A server, from the place that is bound for it to what is left of it.
pub(super) struct Life<S: Runs>(Mutex<State<S>>);

impl<S: Runs> Life<S> {
    pub(super) fn new(parts: S::Parts) -> Self {
        Self(Mutex::new(State::Bound(parts)))
    }

    /// Begin to serve; a second time does nothing.
    pub(super) fn start(&self) -> PyResult<()> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Ended(S::Counts::default())) {
            State::Bound(parts) => {
                let (server, kept) = S::start(parts)?;
                *state = State::Started(Arc::new(server), kept);
                Ok(())
            }
            before => {
                let runs = matches!(&before, State::Started(server, _) if server.is_running());
                *state = before;
                if runs {
                    Ok(())
                } else {
                    Err(PyRuntimeError::new_err(
                        "a server that was stopped cannot start again: make a new one",
                    ))
                }
            }
        }
    }

    /// End everything that was started, and return whether it ended in time; None is as long as it
    /// takes.
    pub(super) fn stop(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout = timeout.map_or(Ok(Duration::from_secs(u32::MAX.into())), |limit| {
            seconds(limit, "timeout")
        })?;
        let ended = match self.server() {
            Some(server) => py.detach(|| server.stop(timeout)),
            None => true,
        };
        if ended {
            self.end(py);
        }
        Ok(ended)
    }

    /// Come to rest as the process ends.
    pub(super) fn leave(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let timeout = seconds(timeout, "timeout")?;
        if let Some(server) = self.server() {
            py.detach(|| server.leave(timeout));
        }
        self.end(py);
        Ok(())
    }

    /// Wait until the server is stopped, with an eye on signals.
    pub(super) fn wait(&self, py: Python<'_>) -> PyResult<()> {
        let Some(server) = self.server() else {
            return Ok(());
        };
        while !py.detach(|| server.wait(Some(SIGNAL_TURN))) {
            py.check_signals()?;
        }
        Ok(())
    }

    /// End a server that nobody refers to any more; what it runs may need the interpreter to end.
    pub(super) fn clear(&self, py: Python<'_>) {
        if let Some(server) = self.server() {
            py.detach(|| server.stop(DROPPED));
        }
        self.end(py);
    }

    /// Return the server, if it was started and has not ended.
    pub(super) fn server(&self) -> Option<Arc<S>> {
        match &*self.state() {
            State::Started(server, _) => Some(server.clone()),
            _ => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.server().is_some_and(|server| server.is_running())
    }

    pub(super) fn counts(&self) -> S::Counts {
        self.state().counts()
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Let go of all that a server which runs no more has held.
    fn end(&self, py: Python<'_>) {
        let mut state = self.state();
        let counts = state.counts();
        let before = std::mem::replace(&mut *state, State::Ended(counts));
        // What is dropped may be the last reference to an object that asks for the state.
        drop(state);
        // And to drop it may be to wait for a thread that needs the interpreter.
        py.detach(|| drop(before));
    }
}

impl<S: Runs> Drop for Life<S> {
    fn drop(&mut self) {
        if self.server().is_some() {
            Python::attach(|py| self.clear(py));
        }
    }
}
