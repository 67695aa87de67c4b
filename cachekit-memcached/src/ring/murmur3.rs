//! `MurmurHash3_x86_32` by Austin Appleby, fed byte by byte.

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// The hash of `bytes` from `seed`.
#[must_use]
pub fn murmur3_32(bytes: impl IntoIterator<Item = u8>, seed: u32) -> u32 {
    let mut state = Murmur3::new(seed);
    state.write(bytes);
    state.finish()
}

/// A hash on its way. A copy of it goes on from the same place, so that what many inputs begin
/// with is hashed once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Murmur3 {
    hash: u32,
    /// The bytes since the last whole block of four, the first of them lowest.
    tail: u32,
    len: u32,
}

impl Murmur3 {
    pub(super) const fn new(seed: u32) -> Self {
        Self {
            hash: seed,
            tail: 0,
            len: 0,
        }
    }

    pub(super) fn write(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            let place = self.len % 4;
            self.tail |= u32::from(byte) << (8 * place);
            self.len = self.len.wrapping_add(1);
            if place == 3 {
                self.mix(self.tail);
                self.tail = 0;
            }
        }
    }

    /// [`write`](Self::write) for bytes that lie side by side: four at a time.
    pub(super) fn write_all(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        let shift = 8 * (self.len % 4);
        for &block in blocks {
            // Four more bytes behind the tail are a whole block and a tail as long as before.
            let both = u64::from(self.tail) | (u64::from(u32::from_le_bytes(block)) << shift);
            let [a, b, c, d, tail @ ..] = both.to_le_bytes();
            self.mix(u32::from_le_bytes([a, b, c, d]));
            self.tail = u32::from_le_bytes(tail);
            self.len = self.len.wrapping_add(4);
        }
        self.write(rest.iter().copied());
    }

    const fn mix(&mut self, block: u32) {
        self.hash ^= scramble(block);
        self.hash = self
            .hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }

    pub(super) const fn finish(self) -> u32 {
        // Without a tail this is the identity.
        let mut hash = self.hash ^ scramble(self.tail);
        hash ^= self.len;
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bytes_at_a_time_come_to_the_same_as_byte_by_byte() {
        let bytes: Vec<u8> = (0..40_u8).map(|n| n.wrapping_mul(37)).collect();
        for begun in 0..8 {
            for end in begun..=bytes.len() {
                let mut state = Murmur3::new(7);
                state.write(bytes[..begun].iter().copied());
                state.write_all(&bytes[begun..end]);
                let whole = murmur3_32(bytes[..end].iter().copied(), 7);
                assert_eq!(state.finish(), whole);
            }
        }
    }
}
