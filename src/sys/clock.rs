//! The time of day where this program runs.

use std::mem::MaybeUninit;

/// A moment as a clock on the wall and a calendar show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The year.
    pub year: i64,
    /// The month, from 0 for January.
    pub month: usize,
    /// The day of the month, from 1.
    pub day: u8,
    /// The day of the week, from 0 for Sunday.
    pub weekday: usize,
    /// The hour.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second, up to 60.
    pub second: u8,
}

/// Tell the time of day at so many seconds after 1970, as localtime_r(3); `None` past what it knows.
#[must_use]
pub fn local(seconds: i64) -> Option<Local> {
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        reason = "32 bits on some systems"
    )]
    let seconds: libc::time_t = seconds.try_into().ok()?;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: reads one number and fills in one struct, both ours; zeros are a value of it.
    let parts = unsafe {
        if libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    Some(Local {
        year: i64::from(parts.tm_year) + 1900,
        month: usize::try_from(parts.tm_mon).ok()?,
        day: u8::try_from(parts.tm_mday).ok()?,
        weekday: usize::try_from(parts.tm_wday).ok()?,
        hour: u8::try_from(parts.tm_hour).ok()?,
        minute: u8::try_from(parts.tm_min).ok()?,
        second: u8::try_from(parts.tm_sec).ok()?,
    })
}
