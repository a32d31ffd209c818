//! Fork, and the threads that Python did not start.
//!
//! Such a thread gets its record when it first attaches, for which it holds a lock of the
//! interpreter, but not the global one. A process that forks at this very moment has a child in
//! which nobody ever opens that lock; before Python 3.12 the child waits for it at once. So nobody
//! forks while a thread of ours gets its record.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use pyo3::prelude::*;

/// Held shared by whoever gets a record, and alone by whoever forks.
static RECORDS: RwLock<()> = RwLock::new(());

thread_local! {
    /// What the thread that forks holds meanwhile; in the child it is the only thread.
    static FORKING: RefCell<Option<RwLockWriteGuard<'static, ()>>> = const { RefCell::new(None) };
}

/// Attach a thread that Python may not know yet; None when the interpreter is ending.
pub(super) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let entering = RECORDS.read().unwrap_or_else(PoisonError::into_inner);
    Python::try_attach(|py| {
        drop(entering);
        work(py)
    })
}

/// Wait until no thread of ours is getting its record, and let none begin.
///
/// Asked a second time it does nothing: who loads the servers anew asks for it once more, and there
/// is no way to take back what was asked for before.
#[pyfunction]
pub(super) fn before_fork(py: Python<'_>) {
    if FORKING.with(|held| held.borrow().is_some()) {
        return;
    }
    // Detached: whoever gets a record waits for the interpreter next.
    py.detach(|| {
        let forking = RECORDS.write().unwrap_or_else(PoisonError::into_inner);
        FORKING.with(|held| *held.borrow_mut() = Some(forking));
    });
}

/// Let threads get their records again, in the parent and in the child.
#[pyfunction]
pub(super) fn after_fork() {
    FORKING.with(|held| held.borrow_mut().take());
}
