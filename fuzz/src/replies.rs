//! Bytes read as replies.

use bytes::BytesMut;
use cachekit_memcached::protocol::{Malformed, Reply, parse};

/// What became of a stream of bytes.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    replies: Vec<Reply>,
    /// How it ended: what is left may be the beginning of another reply, or no reply at all.
    end: Result<usize, Malformed>,
}

/// Reads `input` as replies to meta commands: in one piece, byte by byte, and in pieces whose
/// lengths its first byte says. All must come to the same.
///
/// # Panics
/// When they do not.
pub fn meta(input: &[u8]) {
    let Some((&first, bytes)) = input.split_first() else {
        return;
    };
    let whole = read([bytes]);
    assert_eq!(read(bytes.chunks(1)), whole, "byte by byte");
    let length = usize::from(first).max(1);
    assert_eq!(read(bytes.chunks(length)), whole, "{length} at a time");
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut buffer = BytesMut::new();
    let mut replies = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match parse(&mut buffer) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(malformed) => {
                    return Read {
                        replies,
                        end: Err(malformed),
                    };
                }
            }
        }
    }
    Read {
        replies,
        end: Ok(buffer.len()),
    }
}
