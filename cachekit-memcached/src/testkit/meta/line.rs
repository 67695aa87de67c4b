//! A command without its data: words with spaces between them.

use super::{BAD_LINE, Refusal, UNKNOWN};

/// The longest key, in bytes, as it is written.
const MAX_KEY_LEN: usize = 250;

pub(super) struct Line<'a> {
    words: Vec<&'a [u8]>,
}

impl<'a> Line<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        let words = line.split(|&byte| byte == b' ');
        Self {
            words: words.filter(|word| !word.is_empty()).collect(),
        }
    }

    pub(super) fn command(&self) -> &'a [u8] {
        self.word(0)
    }

    /// The word at `place`, empty if there are not as many.
    pub(super) fn word(&self, place: usize) -> &'a [u8] {
        self.words.get(place).copied().unwrap_or_default()
    }

    /// The words from `place` on.
    pub(super) fn words(&self, place: usize) -> &[&'a [u8]] {
        self.words.get(place..).unwrap_or_default()
    }

    pub(super) fn key(&self) -> Result<&'a [u8], Refusal> {
        key(self.word(1))
    }

    /// How long a value follows, if one does. To a line that does not say so well enough to be
    /// understood, the value is the next command.
    pub(super) fn data_len(&self) -> Option<usize> {
        let place = match self.command() {
            b"ms" => 2,
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => 4,
            _ => return None,
        };
        let numbers = self.words.get(2..=place)?;
        let understood = numbers.iter().all(|word| integer(word).is_ok());
        let len = number(numbers.last()?).ok().filter(|_| understood)?;
        self.key().is_ok().then_some(len)
    }
}

pub(super) fn key(word: &[u8]) -> Result<&[u8], Refusal> {
    match word.len() {
        0 => Err(UNKNOWN),
        1..=MAX_KEY_LEN => Ok(word),
        _ => Err(BAD_LINE),
    }
}

/// A whole number that is not negative.
pub(super) fn number<T: TryFrom<u64>>(word: &[u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(word).map_err(|_| BAD_LINE)?;
    let number: u64 = text.parse().map_err(|_| BAD_LINE)?;
    T::try_from(number).map_err(|_| BAD_LINE)
}

/// A whole number, of which the low 32 bits count.
pub(super) fn integer(word: &[u8]) -> Result<i32, Refusal> {
    let text = std::str::from_utf8(word).map_err(|_| BAD_LINE)?;
    let number: i64 = text.parse().map_err(|_| BAD_LINE)?;
    let low = u32::try_from(number & i64::from(u32::MAX)).expect("32 bits");
    Ok(low.cast_signed())
}
