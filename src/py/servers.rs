//! Servers as Python holds them: `rsock/_servers.py` gives them their arguments and their names.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::argument::{at_least_one, framing_of, seconds};
use super::calls::{self, Calls};
use super::pages;
use super::place::{place_of, shown};
use super::reported::Reported;
use super::serving::{Life, Runs};
use crate::error::Error;
use crate::service::echo::Echo;
use crate::service::hello::{Hello, Words};
use crate::service::listener::{ListenOptions, Listener};
use crate::service::server::Server;
use crate::service::template::Template;
use crate::service::{Concurrency, Service, Settings, Snapshot};

impl Runs for Server {
    type Parts = (Listener, Arc<dyn Service>, Settings);
    /// It has its listener to itself.
    type Kept = ();
    type Counts = Snapshot;

    fn start((listener, service, settings): Self::Parts) -> Result<(Self, ()), Error> {
        Ok((Self::start(listener, service, settings)?, ()))
    }

    fn is_running(&self) -> bool {
        self.is_running()
    }

    fn stop(&self, timeout: Duration) -> bool {
        self.stop(timeout)
    }

    fn leave(self: Arc<Self>, timeout: Duration) -> bool {
        Server::leave(self, timeout)
    }

    fn wait(&self, timeout: Option<Duration>) -> bool {
        self.wait(timeout)
    }

    fn counts(&self) -> Snapshot {
        self.stats()
    }
}

/// The Python functions that a server calls, for the garbage collector: a server whose functions
/// refer to it is a cycle.
struct Functions {
    report: Arc<Py<PyAny>>,
    calls: Option<Arc<Calls>>,
}

/// A server of streams: start, stop, and what can be asked of it.
#[pyclass(module = "rsock._rsock", frozen)]
pub(super) struct StreamServer {
    address: socket2::SockAddr,
    life: Life<Server>,
    functions: Mutex<Option<Functions>>,
}

#[pymethods]
impl StreamServer {
    #[new]
    #[pyo3(signature = (
        place, service, report, all_of_it, *, concurrency, event_threads, max_connections,
        idle_timeout, max_pending, backlog, reuse_port, dualstack
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "as many as a server has settings"
    )]
    fn new(
        py: Python<'_>,
        place: &Bound<'_, PyTuple>,
        service: &Bound<'_, PyTuple>,
        report: Py<PyAny>,
        all_of_it: bool,
        concurrency: &str,
        event_threads: usize,
        max_connections: usize,
        idle_timeout: Option<f64>,
        max_pending: usize,
        backlog: i32,
        reuse_port: bool,
        dualstack: bool,
    ) -> PyResult<Self> {
        let settings = Settings {
            concurrency: match concurrency {
                "events" => Concurrency::Events,
                "threads" => Concurrency::Threads,
                other => {
                    let text = format!("concurrency must be 'events' or 'threads', not {other:?}");
                    return Err(PyValueError::new_err(text));
                }
            },
            event_threads: at_least_one(event_threads, "event_threads")?,
            max_connections: at_least_one(max_connections, "max_connections")?,
            idle_timeout: idle_timeout
                .map(|limit| seconds(limit, "idle_timeout"))
                .transpose()?,
            max_pending: at_least_one(max_pending, "max_pending")?,
            ..Settings::default()
        };
        let report = Arc::new(report);
        let told = all_of_it.then(|| Arc::clone(&report));
        let (service, calls) = conversation_of(service, told)?;
        let functions = Functions {
            report: report.clone(),
            calls,
        };
        let service: Arc<dyn Service> = Arc::new(Reported {
            service,
            report,
            all_of_it,
        });
        let place = place_of(place)?;
        let options = ListenOptions {
            backlog,
            reuse_port,
            dualstack,
        };
        let listener = py.detach(|| Listener::bind(&place, &options))?;
        Ok(Self {
            address: listener.address(),
            life: Life::new((listener, service, settings)),
            functions: Mutex::new(Some(functions)),
        })
    }

    /// Begin to serve; a second time does nothing.
    fn start(&self) -> PyResult<()> {
        self.life.start()
    }

    /// End everything that was started, and return whether it ended in time.
    #[pyo3(signature = (timeout))]
    fn stop(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        self.life.stop(py, timeout)
    }

    /// Come to rest as the process ends, and leave the connections to the kernel.
    fn leave(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.life.leave(py, timeout)
    }

    /// Wait until the server is stopped, with an eye on signals.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        self.life.wait(py)
    }

    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shown(py, &self.address)
    }

    #[getter]
    fn connections(&self) -> usize {
        let server = self.life.server();
        server.map_or(0, |server| server.connections())
    }

    #[getter]
    fn running(&self) -> bool {
        self.life.is_running()
    }

    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.life.counts();
        counters(
            py,
            &[
                ("accepted", counts.accepted),
                ("active", counts.active),
                ("closed", counts.closed),
                ("messages", counts.messages),
                ("bytes_in", counts.bytes_in),
                ("bytes_out", counts.bytes_out),
                ("refused", counts.refused),
                ("errors", counts.errors),
            ],
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(functions) = self.functions.try_lock() else {
            return Ok(());
        };
        let Some(functions) = &*functions else {
            return Ok(());
        };
        visit.call(&*functions.report)?;
        functions
            .calls
            .iter()
            .try_for_each(|calls| calls.visit(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.life.clear(py);
        let functions = self
            .functions
            .try_lock()
            .ok()
            .and_then(|mut held| held.take());
        drop(functions);
    }
}

/// What a server says, and the Python functions that say it, if they do.
type Said = (Box<dyn Service>, Option<Arc<Calls>>);

/// Find out what a server is to say, and whom a server tells that has more to tell than all have.
fn conversation_of(
    description: &Bound<'_, PyTuple>,
    told: Option<Arc<Py<PyAny>>>,
) -> PyResult<Said> {
    let kind: String = description.get_item(0)?.extract()?;
    match kind.as_str() {
        "hello" => {
            let (_, greeting, reply, exit, delay, framing, max_message) = description.extract::<(
                String,
                Option<Vec<u8>>,
                Vec<u8>,
                Option<Vec<u8>>,
                f64,
                String,
                usize,
            )>(
            )?;
            let reply = Template::new(&reply)
                .map_err(|error| PyValueError::new_err(format!("reply: {error}")))?;
            let words = Words {
                greeting,
                reply,
                exit,
                delay: seconds(delay, "delay")?,
                framing: framing_of(&framing)?,
                max_message: at_least_one(max_message, "max_message")?,
            };
            Ok((Box::new(Hello::new(words)), None))
        }
        "echo" => {
            let (_, framing, max_message) = description.extract::<(String, String, usize)>()?;
            let echo = Echo {
                framing: framing_of(&framing)?,
                max_message: at_least_one(max_message, "max_message")?,
            };
            Ok((Box::new(echo), None))
        }
        "pages" => Ok((pages::service(description, told)?, None)),
        "calls" => {
            let calls = Calls::new(description)?;
            Ok((calls::service(calls.clone()), Some(calls)))
        }
        _ => Err(PyValueError::new_err(format!(
            "no such kind of service: {kind}"
        ))),
    }
}

/// Give counters to Python by their names.
pub(super) fn counters<'py>(
    py: Python<'py>,
    counts: &[(&str, u64)],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, count) in counts {
        dict.set_item(name, count)?;
    }
    Ok(dict)
}
