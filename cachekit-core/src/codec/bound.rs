//! The bound that every codec keeps.

use std::io;

use super::{CodecError, MAX_DECODED};

/// Fails when more than [`MAX_DECODED`] bytes are written.
pub(super) struct Bound<W> {
    out: W,
    left: usize,
    exceeded: bool,
}

impl<W: io::Write> Bound<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            left: MAX_DECODED,
            exceeded: false,
        }
    }

    /// What an encoding came to whose format says `result`.
    pub(super) fn close<T, E>(
        self,
        result: Result<T, E>,
        text: impl FnOnce(E) -> String,
    ) -> Result<(), CodecError> {
        match result {
            Ok(_) => Ok(()),
            Err(_) if self.exceeded => Err(CodecError::TooLarge),
            Err(error) => Err(CodecError::Encode(text(error))),
        }
    }
}

impl<W: io::Write> io::Write for Bound<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `bytes`, unless they are too many to be decoded.
pub(super) fn bounded(bytes: &[u8]) -> Result<&[u8], CodecError> {
    if bytes.len() > MAX_DECODED {
        Err(CodecError::TooLarge)
    } else {
        Ok(bytes)
    }
}
