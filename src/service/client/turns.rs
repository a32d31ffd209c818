//! Threads that want the same thing, one after the other.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::failure::Cause;
use crate::net::{Caller, Deadline};

/// How long a thread waits before it looks whether its caller was interrupted: a signal does not
/// wake whoever waits for a lock.
const LOOK: Duration = Duration::from_millis(25);

/// A value for one thread at a time. Unlike a mutex it is waited for until a deadline, and the
/// wait can be interrupted.
#[derive(Debug, Default)]
pub(super) struct Turns<T> {
    taken: Mutex<bool>,
    freed: Condvar,
    value: Mutex<T>,
}

impl<T: Send> Turns<T> {
    /// Wait for a turn. Errors: [`Cause::Busy`] when the deadline passes.
    pub(super) fn take<C: Caller>(
        &self,
        caller: &C,
        deadline: &mut Deadline,
    ) -> Result<Turn<'_, T>, Cause<C::Error>> {
        let mut taken = self.try_take();
        while !taken {
            let left = deadline.remaining().map_err(|_| Cause::Busy)?;
            let slice = left.map_or(LOOK, |left| left.min(LOOK));
            taken = caller.release(|| self.wait(slice));
            if !taken {
                caller.interrupted().map_err(Cause::Raised)?;
            }
        }
        Ok(Turn {
            turns: self,
            value: unpoisoned(self.value.lock()),
        })
    }

    fn try_take(&self) -> bool {
        !std::mem::replace(&mut *unpoisoned(self.taken.lock()), true)
    }

    fn wait(&self, time: Duration) -> bool {
        let taken = unpoisoned(self.taken.lock());
        let (mut taken, _) = self
            .freed
            .wait_timeout_while(taken, time, |taken| *taken)
            .unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut *taken, true)
    }
}

/// The value, for as long as this lives.
#[derive(Debug)]
pub(super) struct Turn<'a, T> {
    turns: &'a Turns<T>,
    value: MutexGuard<'a, T>,
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        *unpoisoned(self.turns.taken.lock()) = false;
        self.turns.freed.notify_one();
    }
}

/// A panic elsewhere leaves what is locked here as good as it was.
fn unpoisoned<G>(guard: Result<G, PoisonError<G>>) -> G {
    guard.unwrap_or_else(PoisonError::into_inner)
}
