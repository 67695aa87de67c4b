//! Bytes of a key, on the stack while they are few.

use std::fmt;

/// Most keys are shorter; a longer one moves to the heap.
const INLINE: usize = 128;

/// A growing byte string that allocates only beyond 128 bytes: a cache hit builds its key here
/// and frees nothing.
///
/// Bytes are gathered in a register and stored once, as whole, aligned words. The hash reads words,
/// and a processor that has to put a word together from several fresh stores waits for them: that
/// costs as much as the rest of a look-up. To move a buffer that was just written costs the same.
pub struct KeyBuffer {
    len: usize,
    /// The word that `len` lies in, as far as it is known: `inline` gets it when it is whole.
    word: u64,
    inline: [u8; INLINE],
    /// All bytes, once they are more than `INLINE`.
    spilled: Vec<u8>,
}

const WORD: usize = size_of::<u64>();

impl KeyBuffer {
    /// An empty one.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self::with(0, 0)
    }

    /// One that begins with the four bytes of `number`, lowest first.
    #[inline]
    pub(crate) const fn starting_with(number: u32) -> Self {
        Self::with(size_of::<u32>(), number as u64)
    }

    #[inline]
    const fn with(len: usize, word: u64) -> Self {
        Self {
            len,
            word,
            inline: [0; INLINE],
            spilled: Vec::new(),
        }
    }

    /// Appends `bytes`.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        if self.len + bytes.len() > INLINE {
            return self.spill(bytes);
        }
        let (words, rest) = bytes.as_chunks();
        let used = self.len % WORD;
        let (places, _) = self.inline[self.len - used..].as_chunks_mut();
        for (place, word) in places.iter_mut().zip(words) {
            let bits = u64::from_le_bytes(*word);
            *place = (self.word | bits << (used * 8)).to_le_bytes();
            self.word = beyond(bits, used);
        }
        self.len += size_of_val(words);
        if !rest.is_empty() {
            let bits = match bytes.last_chunk() {
                Some(last) => u64::from_le_bytes(*last) >> ((WORD - rest.len()) * 8),
                None => rest
                    .iter()
                    .rev()
                    .fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
            };
            self.push_word(bits, rest.len());
        }
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.push_word(u64::from(byte), 1);
    }

    /// Appends the lower `count` bytes of `bits`, 1 to 8, lowest first; the others are zero.
    #[inline]
    pub(crate) fn push_word(&mut self, bits: u64, count: usize) {
        if self.len + count > INLINE {
            return self.spill(&bits.to_le_bytes()[..count]);
        }
        let used = self.len % WORD;
        self.word |= bits << (used * 8);
        if used + count >= WORD {
            self.store_word();
            self.word = beyond(bits, used);
        }
        self.len += count;
    }

    #[inline]
    fn store_word(&mut self) {
        let start = self.len / WORD * WORD;
        self.inline[start..start + WORD].copy_from_slice(&self.word.to_le_bytes());
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            self.spilled = self.bytes().to_vec();
        }
        self.spilled.extend_from_slice(bytes);
        // No more room: whatever follows is spilled as well.
        self.len = INLINE;
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
    pub fn bytes(&mut self) -> &[u8] {
        if !self.spilled.is_empty() {
            return &self.spilled;
        }
        if self.len < INLINE {
            self.store_word();
        }
        &self.inline[..self.len]
    }
}

/// The part of `bits` that does not fit behind the `used` bytes of a word.
#[inline]
const fn beyond(bits: u64, used: usize) -> u64 {
    // In two steps: of an empty word it is nothing, and no shift is by the whole width.
    bits >> 1 >> (WORD * 8 - 1 - used * 8)
}

impl Default for KeyBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBuffer({} bytes)", self.len.max(self.spilled.len()))
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
            assert_eq!(buffer.bytes(), expected);
        }
    }

    #[test]
    fn an_append_that_spills_an_empty_buffer_keeps_its_bytes() {
        let mut buffer = KeyBuffer::new();
        buffer.extend(&[7; 300]);
        buffer.push(8);
        assert_eq!(buffer.bytes().len(), 301);
        assert_eq!(buffer.bytes()[300], 8);
    }

    #[test]
    fn appends_of_any_length_at_any_place_are_the_bytes_one_after_the_other() {
        let bytes: Vec<u8> = (1..=200).collect();
        for before in 0..=INLINE {
            for count in 0..=40 {
                let mut buffer = KeyBuffer::new();
                bytes[..before].iter().for_each(|byte| buffer.push(*byte));
                buffer.extend(&bytes[before..before + count]);
                buffer.push(0);
                let mut expected = bytes[..before + count].to_vec();
                expected.push(0);
                assert_eq!(buffer.bytes(), expected, "{count} after {before}");
            }
        }
    }

    #[test]
    fn a_separator_in_a_placeholder_is_escaped() {
        let mut buffer = KeyBuffer::new();
        buffer.push_escaped(&"a:b%c ä");
        assert_eq!(buffer.bytes(), b"a%3Ab%25c%20%C3%A4");
    }
}
