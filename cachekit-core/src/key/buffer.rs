//! Bytes of a key, on the stack while they are few.

use std::fmt;

/// Most keys are shorter; a longer one moves to the heap.
const INLINE: usize = 128;

/// A growing byte string that allocates only beyond 128 bytes: a cache hit builds its key here
/// and frees nothing.
pub struct KeyBuffer {
    len: usize,
    inline: [u8; INLINE],
    spilled: Vec<u8>,
}

impl KeyBuffer {
    /// An empty one.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self { len: 0, inline: [0; INLINE], spilled: Vec::new() }
    }

    /// Appends `bytes`.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.spilled.is_empty() && end <= INLINE {
            self.inline[self.len..end].copy_from_slice(bytes);
        } else {
            self.spill(bytes);
        }
        self.len = end;
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            self.spilled.extend_from_slice(&self.inline[..self.len]);
        }
        self.spilled.extend_from_slice(bytes);
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    /// Appends what `value` displays, escaped so that it holds no separator: every byte but
    /// letters, digits, `-`, `_`, `.` and `~` becomes `%` and two hex digits. Two different
    /// lists of placeholders never give the same key.
    pub fn push_escaped(&mut self, value: &dyn fmt::Display) {
        use fmt::Write;
        // An Escape never fails; a `Display` that does leaves what it wrote so far.
        let _ = write!(Escape(self), "{value}");
    }

    /// The bytes so far.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        if self.spilled.is_empty() { &self.inline[..self.len] } else { &self.spilled }
    }
}

impl Default for KeyBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBuffer({} bytes)", self.len)
    }
}

struct Escape<'a>(&'a mut KeyBuffer);

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                self.0.push(byte);
            } else {
                let digit = |half: u8| HEX[usize::from(half)];
                self.0.extend(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_move_to_the_heap() {
        let mut buffer = KeyBuffer::new();
        let mut expected = Vec::new();
        for byte in 0..=255_u8 {
            buffer.push(byte);
            expected.push(byte);
            assert_eq!(buffer.as_bytes(), expected);
        }
    }

    #[test]
    fn an_append_that_spills_an_empty_buffer_keeps_its_bytes() {
        let mut buffer = KeyBuffer::new();
        buffer.extend(&[7; 300]);
        buffer.push(8);
        assert_eq!(buffer.as_bytes().len(), 301);
        assert_eq!(buffer.as_bytes()[300], 8);
    }

    #[test]
    fn a_separator_in_a_placeholder_is_escaped() {
        let mut buffer = KeyBuffer::new();
        buffer.push_escaped(&"a:b%c ä");
        assert_eq!(buffer.as_bytes(), b"a%3Ab%25c%20%C3%A4");
    }
}
