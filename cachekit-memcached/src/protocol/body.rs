//! A value on its way in.

use bytes::{Buf as _, Bytes, BytesMut};

use super::Malformed;
use super::large::LargeBuffers;

/// A value of this length or more is received into memory of its own. A smaller one is copied out
/// of the buffer that all share: a slice would keep that buffer alive for a few bytes.
pub const LARGE_VALUE: usize = 64 * 1024;
/// The longest value a server can be told to hold (`-I` goes up to 1 GiB).
const MAX_VALUE: usize = 1 << 30;
/// No more memory than this is taken for what was only announced; from there on as much again as
/// has come.
const FIRST_STEP: usize = 8 * 1024 * 1024;

/// So much memory is taken at a time for the small values of a bulk read.
const SHARED: usize = 4 * 1024;

const END: &[u8] = b"\r\n";

/// Small values of bulk reads, several in one piece of memory: a piece costs as much as one value
/// would. Who keeps one value keeps no more than 4 KiB with it.
#[derive(Debug, Default)]
pub(super) struct Small(BytesMut);

impl Small {
    fn copy(&mut self, value: &[u8]) -> Bytes {
        if value.len() > SHARED / 4 {
            return Bytes::copy_from_slice(value);
        }
        if self.0.capacity() < value.len() {
            self.0 = BytesMut::with_capacity(SHARED);
        }
        self.0.extend_from_slice(value);
        self.0.split().freeze()
    }

    /// Gives back the rest of the last piece.
    pub(super) fn release(&mut self) {
        *self = Self::default();
    }
}

/// A value, from the end of its head to its own end.
#[derive(Debug)]
pub(super) struct Body {
    /// With the line end.
    length: usize,
    /// What has come of a large one.
    own: Option<BytesMut>,
}

impl Body {
    /// # Errors
    /// No server holds a value of this length.
    pub(super) const fn new(length: usize) -> Result<Self, Malformed> {
        if length > MAX_VALUE {
            return Err(Malformed("expected a value of at most 1 GiB"));
        }
        let length = length + END.len();
        Ok(Self { length, own: None })
    }

    /// Takes the value from the front of `shared`, or `None` if it is not complete yet. A large one
    /// leaves nothing there that belongs to it; its memory is from `large`. One of a bulk read may go to
    /// `small`.
    pub(super) fn take(
        &mut self,
        shared: &mut BytesMut,
        small: Option<&mut Small>,
        large: &LargeBuffers,
    ) -> Result<Option<Bytes>, Malformed> {
        if self.length < LARGE_VALUE + END.len() {
            return self.take_small(shared, small);
        }
        let first = self.length.min(FIRST_STEP);
        let own = self.own.get_or_insert_with(|| large.take(first));
        let here = shared.len().min(self.length - own.len());
        own.extend_from_slice(&shared[..here]);
        shared.advance(here);
        if own.len() < self.length {
            return Ok(None);
        }
        check_end(own)?;
        let mut own = std::mem::take(own);
        own.truncate(self.length - END.len());
        Ok(Some(large.lend(own)))
    }

    fn take_small(
        &self,
        shared: &mut BytesMut,
        small: Option<&mut Small>,
    ) -> Result<Option<Bytes>, Malformed> {
        if shared.len() < self.length {
            return Ok(None);
        }
        let value = &shared[..self.length];
        check_end(value)?;
        let value = &value[..self.length - END.len()];
        let value = match small {
            Some(small) => small.copy(value),
            None => Bytes::copy_from_slice(value),
        };
        shared.advance(self.length);
        Ok(Some(value))
    }

    /// Where the next bytes of a large value go, and how many of them belong to it.
    pub(super) fn room(&mut self) -> Option<(&mut BytesMut, usize)> {
        let own = self.own.as_mut()?;
        let missing = self.length - own.len();
        if own.len() == own.capacity() {
            own.reserve(missing.min(own.len()));
        }
        (missing > 0).then_some((own, missing))
    }
}

fn check_end(value: &[u8]) -> Result<(), Malformed> {
    if value.ends_with(END) {
        Ok(())
    } else {
        Err(Malformed("expected a value to end with CR LF"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_share_pieces_of_4_kib_and_others_do_not() {
        let mut small = Small::default();
        let values: Vec<Vec<u8>> = (0..100_u8).map(|byte| vec![byte; 100]).collect();
        let copies: Vec<Bytes> = values.iter().map(|value| small.copy(value)).collect();
        assert_eq!(copies, values);
        let end = |copy: &Bytes| copy.as_ptr_range().end;
        let pairs = copies.iter().zip(&copies[1..]);
        let pieces = pairs
            .filter(|(one, next)| end(one) != next.as_ptr())
            .count()
            + 1;
        assert_eq!(pieces, 3);
        let large = small.copy(&[0; SHARED / 4 + 1]);
        assert_eq!(large.len(), SHARED / 4 + 1);
        assert_ne!(large.as_ptr(), end(&copies[99]));
    }
}
