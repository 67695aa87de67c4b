//! One line of a reply, word by word.

use memchr::memchr;

use super::Malformed;

/// The longest line a server sends: a meta reply, an error, or the head of a value.
const MAX_LINE: usize = 2_048;

/// The length of the line at the front of `bytes` without its end, or `None` if its end is not
/// there yet. The first `searched` bytes are known to hold no end.
pub(super) fn line_len(bytes: &[u8], searched: usize) -> Result<Option<usize>, Malformed> {
    let within = &bytes[..bytes.len().min(MAX_LINE)];
    match memchr(b'\n', &within[searched..]).map(|end| end + searched) {
        Some(end) if end > 0 && bytes[end - 1] == b'\r' => Ok(Some(end - 1)),
        Some(_) => Err(Malformed("expected a line to end with CR LF")),
        None if within.len() == MAX_LINE => Err(Malformed("expected a shorter line")),
        None => Ok(None),
    }
}

/// The first word, and what follows the space behind it.
pub(super) fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b' ') {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &[]),
    }
}

/// The words of `text`. Releases before 1.6.18 send a space too many here and there.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
}

/// Digits and nothing else.
pub(super) fn number<T: TryFrom<u64>>(digits: &[u8]) -> Result<T, Malformed> {
    let add = |number: u64, &byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        let shifted = number.checked_mul(10).filter(|_| digit <= 9)?;
        shifted.checked_add(u64::from(digit))
    };
    let number = (!digits.is_empty()).then(|| digits.iter().try_fold(0, add));
    number
        .flatten()
        .and_then(|number| T::try_from(number).ok())
        .ok_or(Malformed("expected a number in range"))
}

/// What a server says, fit for a log.
pub(super) fn printable(text: &[u8]) -> String {
    let shown = &text[..text.len().min(120)];
    let shown = shown.iter().map(|&byte| match byte {
        b' '..=b'~' => byte as char,
        _ => '?',
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_that_fit() {
        assert_eq!(number::<u64>(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(number::<u32>(b"007"), Ok(7));
        for wrong in [
            b"".as_slice(),
            b"+1",
            b"-1",
            b"1 ",
            b"1.5",
            b"0x1",
            b"18446744073709551616",
            b"99999999999999999999",
        ] {
            assert!(number::<u64>(wrong).is_err(), "{wrong:?}");
        }
        assert!(number::<u32>(b"4294967296").is_err());
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        assert_eq!(line_len(b"HD\r\n", 0), Ok(Some(2)));
        assert_eq!(line_len(b"HD\r\n", 3), Ok(Some(2)));
        assert_eq!(line_len(b"HD\r", 2), Ok(None));
    }
}
