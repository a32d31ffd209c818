//! Bodies that decode to very much out of very little: tables of zeros, and bombs.
//!
//! The first are wanted whole, and of the second not even the beginning may fill memory; which of
//! them a body is, only its end shows. So from some length on the body is counted and not kept. What
//! it was decoded from, which is little, is kept instead, and decoded once more when all of it is
//! known to be no more than is allowed.

use super::clock::{Clock, Stop};
use super::failure::Cause;
use super::sink::Sink;
use crate::http::{Decoder, Headers};

/// How much is kept of a body before decoding, until it is counted; one that has more is not made
/// of very little.
const MOST: usize = 1024 * 1024;

/// A body before decoding, as long as it is short or counted.
#[derive(Debug, Default)]
pub(super) struct Dense {
    coded: Vec<u8>,
    /// Whether there was too much of it.
    is_long: bool,
    /// How much of it was decoded once more, and by what.
    again: Option<(usize, Decoder)>,
}

impl Dense {
    /// Keep what a decoder took. From when the body is only counted there is no other copy of it:
    /// then all of it is kept, however little more it decodes to. Errors: [`Cause::NoMemory`].
    pub(super) fn keep(&mut self, coded: &[u8], counts: bool) -> Result<(), Cause> {
        if self.is_long {
            return Ok(());
        }
        let fits = counts || self.coded.len() + coded.len() <= MOST;
        if fits && self.coded.try_reserve(coded.len()).is_ok() {
            self.coded.extend_from_slice(coded);
        } else if counts {
            return Err(Cause::NoMemory);
        } else {
            (self.is_long, self.coded) = (true, Vec::new());
        }
        Ok(())
    }

    /// Return whether all of it is here.
    pub(super) const fn is_whole(&self) -> bool {
        !self.is_long
    }

    /// Decode all of it once more, into a sink that has counted it.
    pub(super) fn again(
        &mut self,
        headers: &Headers,
        sink: &mut Sink,
        clock: &mut Clock,
    ) -> Result<(), Stop> {
        if self.again.is_none() {
            sink.make_room()?;
            self.again = Decoder::of(headers)?.map(|decoder| (0, decoder));
        }
        while let Some((at, decoder)) = &mut self.again {
            clock.tick()?;
            let (taken, made) = decoder.pull(&self.coded[*at..])?;
            sink.put(made)?;
            if taken == 0 && made.is_empty() {
                break;
            }
            *at += taken;
        }
        sink.end_counting();
        Ok(())
    }
}
