//! Bytes read as replies.

use cachekit_memcached::protocol::{Code, Decoder, Expected, KeyLine, Malformed, Reply, Words};

/// What became of a stream of bytes.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    replies: Vec<Reply>,
    /// Whether it ended with a whole reply, or with what is none.
    end: Result<bool, Malformed>,
}

/// Reads `input` as replies to meta commands and to commands without keys. See [`whole_or_cut`].
pub fn meta(input: &[u8]) {
    let expected = [
        Expected::Meta { opaque: 1 },
        Expected::Noop,
        Expected::Version,
        Expected::Stats,
    ];
    whole_or_cut(input, &expected);
}

/// Reads `input` as replies to classic commands. See [`whole_or_cut`].
pub fn classic(input: &[u8]) {
    let keys = |keys: &[&str]| {
        let mut line = KeyLine::default();
        for key in keys {
            line.push_bytes(key.as_bytes()).expect("a key");
        }
        line
    };
    let expected = [
        Expected::Values(Box::new(keys(&["k"]))),
        Expected::Values(Box::new(keys(&["a", "b", "a", "c"]))),
        Expected::Item(Box::new(keys(&["k"]))),
        Expected::Word(WORDS),
        Expected::Number,
    ];
    whole_or_cut(input, &expected);
}

const WORDS: Words = &[
    ("STORED", Code::Done),
    ("NOT_STORED", Code::NotStored),
    ("EXISTS", Code::Exists),
    ("NOT_FOUND", Code::NotFound),
];

/// Reads what follows the first two bytes of `input` in one piece, byte by byte, and in pieces
/// whose lengths the first byte says. The second says which of `expected` all requests wait for.
///
/// # Panics
/// When they do not all come to the same.
fn whole_or_cut(input: &[u8], expected: &[Expected]) {
    let [length, choice, bytes @ ..] = input else {
        return;
    };
    let expected = &expected[usize::from(*choice) % expected.len()];
    let whole = read([bytes], expected);
    assert_eq!(read(bytes.chunks(1), expected), whole, "byte by byte");
    let length = usize::from(*length).max(1);
    let cut = read(bytes.chunks(length), expected);
    assert_eq!(cut, whole, "{length} at a time");
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, expected: &Expected) -> Read {
    let mut decoder = Decoder::default();
    let mut replies = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next(expected) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(malformed) => {
                    let end = Err(malformed);
                    return Read { replies, end };
                }
            }
        }
    }
    let end = Ok(decoder.is_empty());
    Read { replies, end }
}
