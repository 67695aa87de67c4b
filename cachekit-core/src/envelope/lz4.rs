//! Payloads in fewer bytes: the length of the payload in four, little endian, and one LZ4 block.

use lz4_flex::block;

use super::MAX_PAYLOAD;

/// Whether compressed entries can be read.
pub(super) const AVAILABLE: bool = true;

/// Smaller payloads are left as they are: most of the time of a request is not in their bytes.
const WORTHWHILE: usize = 1 << 10;

/// What a block can be at most, times its own length: a byte of it stands for 255 of the payload.
const MAX_RATIO: usize = 255;

/// `payload` in at least a tenth fewer bytes; `None` if it is small, or does not get that much
/// smaller.
pub(super) fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < WORTHWHILE || payload.len() > MAX_PAYLOAD {
        return None;
    }
    let compressed = block::compress_prepend_size(payload);
    (compressed.len() <= payload.len() / 10 * 9).then_some(compressed)
}

/// The payload again; `None` if `compressed` is not one. What is allocated is what it says its
/// length is, if that is possible.
pub(super) fn decompress(compressed: &[u8]) -> Option<Vec<u8>> {
    let (len, block) = block::uncompressed_size(compressed).ok()?;
    if len > MAX_PAYLOAD || len / MAX_RATIO > block.len() {
        return None;
    }
    let payload = block::decompress(block, len).ok()?;
    (payload.len() == len).then_some(payload)
}
