//! Bytes on their way out.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::ops::Range;

use bytes::{Buf, Bytes};

use crate::protocol::{Dialect, LARGE_VALUE, Request};

/// A buffer that has grown beyond this is given back after use.
const KEEP: usize = 256 * 1024;

/// Requests as they are written: one run of bytes for all of them, but for large values, which stay
/// where they are and are written from there.
///
/// `Debug` shows how many bytes are to be written only: keys, values and passwords are in them.
#[derive(Default)]
pub(super) struct Outgoing {
    text: Vec<u8>,
    /// So much of `text` is written.
    at: usize,
    /// Those that are still to be written, each with the place in `text` that it stands in front of.
    values: VecDeque<(usize, Bytes)>,
    remaining: usize,
}

/// Some of it: text, and a large value with its place therein.
pub(super) struct Part<'a> {
    text: &'a [u8],
    value: Option<(usize, Bytes)>,
}

impl Outgoing {
    /// Takes in `request`; how many bytes it has.
    pub(super) fn push(&mut self, request: &Request<'_>, dialect: Dialect, opaque: u32) -> usize {
        let before = self.text.len();
        request.encode_head(dialect, opaque, &mut self.text);
        let mut apart = 0;
        if let Some(value) = request.value() {
            if value.len() < LARGE_VALUE {
                self.text.extend_from_slice(value);
            } else {
                apart = value.len();
                self.values.push_back((self.text.len(), value.clone()));
            }
            self.text.extend_from_slice(b"\r\n");
        }
        let length = self.text.len() - before + apart;
        self.remaining += length;
        length
    }

    /// Everything but large values, written or not.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// How much of the text was written.
    pub(super) const fn written(&self) -> usize {
        self.at
    }

    /// Whether large values are to be written.
    pub(super) fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

    /// The part with the text in `range`, which is one request's. To be called for one request after
    /// the other.
    pub(super) fn split(&mut self, range: Range<usize>) -> Part<'_> {
        let here = |(place, _): &mut (usize, Bytes)| range.contains(place);
        let value = self.values.pop_front_if(here);
        Part {
            value: value.map(|(place, value)| (place - range.start, value)),
            text: &self.text[range],
        }
    }

    /// Takes in a part of another.
    pub(super) fn append(&mut self, part: Part<'_>) {
        self.remaining += part.text.len();
        if let Some((place, value)) = part.value {
            self.remaining += value.len();
            self.values.push_back((self.text.len() + place, value));
        }
        self.text.extend_from_slice(part.text);
    }

    /// Nothing is left of it but memory, and that only if it is not much.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEEP);
        self.at = 0;
        self.values.clear();
        self.remaining = 0;
    }

    /// Where the run of text ends that is to be written next.
    fn run_end(&self) -> usize {
        self.values.front().map_or(self.text.len(), |value| value.0)
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        match self.values.front() {
            Some((place, value)) if *place == self.at => value,
            _ => &self.text[self.at..self.run_end()],
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut at = self.at;
        let mut filled = 0;
        let mut fill = |bytes: &'a [u8]| {
            if let Some(slice) = slices.get_mut(filled)
                && !bytes.is_empty()
            {
                *slice = IoSlice::new(bytes);
                filled += 1;
            }
        };
        for (place, value) in &self.values {
            fill(&self.text[at..*place]);
            fill(value);
            at = *place;
        }
        fill(&self.text[at..]);
        filled
    }

    fn advance(&mut self, mut written: usize) {
        self.remaining -= written;
        while written > 0 {
            let step = written.min(self.chunk().len());
            written -= step;
            match self.values.front_mut() {
                Some((place, value)) if *place == self.at => {
                    value.advance(step);
                    if value.is_empty() {
                        self.values.pop_front();
                    }
                }
                _ => self.at += step,
            }
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} bytes)", self.remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples;

    fn set(length: usize) -> Request<'static> {
        samples::set("k", vec![b'x'; length])
    }

    /// Requests with and without large values, and what they are on the wire.
    fn filled() -> (Outgoing, Vec<u8>) {
        let (mut outgoing, mut expected) = (Outgoing::default(), Vec::new());
        for length in [1, LARGE_VALUE, LARGE_VALUE + 1, 0, LARGE_VALUE - 1] {
            outgoing.push(&set(length), Dialect::Meta, 7);
            set(length).encode(Dialect::Meta, 7, &mut expected);
        }
        (outgoing, expected)
    }

    #[test]
    fn large_values_are_written_in_their_place_however_the_writes_are_cut() {
        for step in [1_000, 65_536, usize::MAX] {
            let (mut outgoing, expected) = filled();
            let mut written = Vec::new();
            while outgoing.has_remaining() {
                let chunk = &outgoing.chunk()[..outgoing.chunk().len().min(step)];
                written.extend_from_slice(chunk);
                outgoing.advance(chunk.len());
                assert_eq!(outgoing.remaining(), expected.len() - written.len());
            }
            assert!(written == expected);
        }
    }

    #[test]
    fn one_vectored_write_takes_everything() {
        let (mut outgoing, expected) = filled();
        outgoing.advance(3);
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = outgoing.chunks_vectored(&mut slices);
        let all: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
        assert!(all == expected[3..]);
        outgoing.advance(all.len());
        assert!(!outgoing.has_remaining());
    }

    #[test]
    fn debug_does_not_show_what_is_written() {
        let (mut outgoing, expected) = filled();
        outgoing.advance(1);
        let shown = format!("Outgoing({} bytes)", expected.len() - 1);
        assert_eq!(format!("{outgoing:?}"), shown);
    }
}
