//! The integer constants of Python's socket module, as rows of a name and a number.
//!
//! A table holds whatever any supported Python may have, so it is larger than what one of them
//! has: that depends on the headers that it was built with. The numbers are the C library's where
//! the libc crate knows the name, else the kernel's.

#[cfg(target_os = "linux")]
mod bluetooth;
#[cfg(target_os = "linux")]
mod can;
#[cfg(target_os = "linux")]
mod families;
#[cfg(target_os = "linux")]
mod linux;
mod unix;

/// A name and its number.
pub type Row = (&'static str, i64);

/// All tables. In each the rows are in the order of their names, and no name comes twice.
pub static TABLES: &[&[Row]] = &[
    unix::ROWS,
    #[cfg(target_os = "linux")]
    linux::ROWS,
    #[cfg(target_os = "linux")]
    families::ROWS,
    #[cfg(target_os = "linux")]
    can::ROWS,
    #[cfg(target_os = "linux")]
    bluetooth::ROWS,
];

/// The constants that are text: Bluetooth addresses with a meaning of their own.
pub static TEXTS: &[(&str, &str)] = &[
    ("BDADDR_ANY", "00:00:00:00:00:00"),
    ("BDADDR_LOCAL", "00:00:00:FF:FF:FF"),
];

/// Return the number of a constant, if a table has it.
#[must_use]
pub fn number(name: &str) -> Option<i64> {
    let find = |table: &&[Row]| {
        table
            .binary_search_by_key(&name, |&(known, _)| known)
            .ok()
            .map(|index| table[index].1)
    };
    TABLES.iter().find_map(find)
}

/// Write a table down: `NAME` takes the number of the libc crate, `NAME = number` brings its own.
macro_rules! rows {
    ($($name:ident $(= $number:expr)?),* $(,)?) => {
        pub(super) static ROWS: &[super::Row] =
            &[$((stringify!($name), super::rows!(@ $name $($number)?))),*];
    };
    (@ $name:ident) => { libc::$name as i64 };
    (@ $name:ident $number:expr) => { $number as i64 };
}
use rows;
