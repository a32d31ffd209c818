//! The constants of the module: our numbers, under the names that this Python has.
//!
//! Which names there are depends on the headers that Python was built with, and programs ask
//! `hasattr(socket, ...)`. So the standard module's dict says which names, and our tables say
//! which numbers. A name that no table has yet, of a newer Python, comes over as it is.

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString};

use crate::sys::constants::{TEXTS, number};

/// What is neither a number nor a text, and belongs to the build of Python: whether it has IPv6,
/// and the capsule from which `types` takes the class of all capsules.
const TAKEN_OVER: [&str; 2] = ["has_ipv6", "CAPI"];

/// Add the constants in one pass over the standard module: this is import time.
pub(super) fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let ours = module.dict();
    for (key, value) in py.import("_socket")?.dict() {
        let Ok(key) = key.cast_into::<PyString>() else {
            continue;
        };
        let name = key.to_str()?;
        if let Ok(theirs) = value.cast_exact::<PyInt>() {
            match number(name) {
                // The object that is there already saves making another.
                Some(number) if theirs.extract::<i64>().ok() != Some(number) => {
                    ours.set_item(&key, number)?;
                }
                _ => ours.set_item(&key, theirs)?,
            }
        } else if let Some((_, text)) = TEXTS.iter().find(|(known, _)| *known == name) {
            ours.set_item(&key, text)?;
        } else if TAKEN_OVER.contains(&name) {
            ours.set_item(&key, value)?;
        }
    }
    Ok(())
}

/// Name what the module has under a name of the standard one, and not as the very same object.
///
/// The face fills itself with what the standard module has, but for these.
pub(super) fn own_names<'py>(module: &Bound<'py, PyModule>) -> PyResult<Bound<'py, PyList>> {
    let names = PyList::empty(module.py());
    let standard = module.py().import("_socket")?.dict();
    for (name, value) in module.dict() {
        let theirs = standard.get_item(&name)?;
        if theirs.is_some_and(|theirs| !theirs.is(&value)) {
            names.append(name)?;
        }
    }
    Ok(names)
}
