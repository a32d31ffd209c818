//! The fields of an address that is a tuple, read as CPython reads arguments.

use std::fmt;
use std::ops::RangeInclusive;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple};

use crate::py::number;
use crate::py::raw::type_name;

/// In which words a field or their number is refused.
#[derive(Clone, Copy)]
pub(super) enum Words {
    /// Always in these.
    Message(&'static str),
    /// In those for a call of a function of this name.
    Function(&'static str),
    /// In those for a call of a function without a name.
    Nameless,
}

/// The fields of a tuple.
pub(super) struct Fields<'a, 'py> {
    tuple: &'a Bound<'py, PyTuple>,
    words: Words,
}

impl<'a, 'py> Fields<'a, 'py> {
    /// Look at an address as a tuple; call and family are named in the error.
    pub(super) fn of_tuple(
        address: &'a Bound<'py, PyAny>,
        whose: impl fmt::Display,
    ) -> PyResult<Self> {
        match address.cast::<PyTuple>() {
            Ok(tuple) => Ok(Self {
                tuple,
                words: Words::Nameless,
            }),
            Err(_) => {
                let name = type_name(address);
                let text = format!("{whose} address must be tuple, not {name}");
                Err(PyTypeError::new_err(text))
            }
        }
    }

    /// Insist on so many fields.
    pub(super) fn counted(self, count: RangeInclusive<usize>, words: Words) -> PyResult<Self> {
        let len = self.tuple.len();
        if count.contains(&len) {
            return Ok(Self { words, ..self });
        }
        let (least, most) = count.into_inner();
        let (bound, limit) = match () {
            () if least == most => ("exactly", least),
            () if len < least => ("at least", least),
            () => ("at most", most),
        };
        let plural = if limit == 1 { "" } else { "s" };
        let takes = format!("takes {bound} {limit} argument{plural} ({len} given)");
        Err(PyTypeError::new_err(match words {
            Words::Message(message) => message.to_owned(),
            Words::Function(name) => format!("{name}() {takes}"),
            Words::Nameless => format!("function {takes}"),
        }))
    }

    /// Return a field that is known to be there.
    pub(super) fn at(&self, index: usize) -> &'a Bound<'py, PyAny> {
        &self.tuple.as_slice()[index]
    }

    /// Read a field if it is there.
    pub(super) fn optional<T>(
        &self,
        index: usize,
        read: impl FnOnce(&Self, usize) -> PyResult<T>,
    ) -> PyResult<Option<T>> {
        if index < self.tuple.len() {
            read(self, index).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Read a C int.
    pub(super) fn int(&self, index: usize) -> PyResult<i32> {
        number::int(self.at(index))
    }

    /// Read the low 32 bits of any integer.
    pub(super) fn mask(&self, index: usize) -> PyResult<u32> {
        number::wrapping_unsigned(self.at(index))
    }

    /// Read the low 64 bits of any integer.
    pub(super) fn wide_mask(&self, index: usize) -> PyResult<u64> {
        number::wrapping_unsigned_wide(self.at(index))
    }

    /// Read the low 64 bits of what is an integer already, and not only good for one.
    pub(super) fn strict_mask(&self, index: usize) -> PyResult<u64> {
        if self.at(index).is_instance_of::<PyInt>() {
            self.wide_mask(index)
        } else {
            Err(self.refuse(index, "int"))
        }
    }

    /// Read text without NUL.
    pub(super) fn text(&self, index: usize) -> PyResult<&'a str> {
        let Ok(text) = self.at(index).cast::<PyString>() else {
            return Err(self.refuse(index, "str"));
        };
        plain_text(text)
    }

    fn refuse(&self, index: usize, wanted: &str) -> PyErr {
        let value = self.at(index);
        let name = if value.is_none() {
            "None".into()
        } else {
            type_name(value)
        };
        let prefix = match self.words {
            Words::Message(message) => return PyTypeError::new_err(message),
            Words::Function(name) => format!("{name}() "),
            Words::Nameless => String::new(),
        };
        let place = index + 1;
        PyTypeError::new_err(format!(
            "{prefix}argument {place} must be {wanted}, not {name}"
        ))
    }
}

/// Return text as UTF-8, provided that there is no NUL in it.
pub(super) fn plain_text<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    let text = text.to_str()?;
    if text.contains('\0') {
        return Err(PyValueError::new_err("embedded null character"));
    }
    Ok(text)
}
