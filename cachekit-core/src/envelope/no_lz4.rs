//! In place of compression, where the feature `lz4` is off.

/// Whether compressed entries can be read.
pub(super) const AVAILABLE: bool = false;

pub(super) fn compress(_: &[u8]) -> Option<Vec<u8>> {
    None
}

pub(super) fn decompress(_: &[u8]) -> Option<Vec<u8>> {
    None
}
