//! How long an item lives.

use super::Refusal;
use super::line::integer;

/// The unix second at which an item is over; `None`: never.
pub(super) type Expiry = Option<u64>;

/// The longest time that is counted from now on; a larger number is a unix time.
const MAX_RELATIVE: u64 = 30 * 24 * 60 * 60;

/// What `word` says at `now`. Zero: never. Negative: at once.
pub(super) fn expiry(word: &[u8], now: u64) -> Result<Expiry, Refusal> {
    Ok(match u64::try_from(integer(word)?) {
        Ok(0) => None,
        Ok(seconds) if seconds <= MAX_RELATIVE => Some(now + seconds),
        Ok(moment) => Some(moment),
        Err(_) => Some(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_counted_from_now_on_and_more_is_a_unix_time() {
        let at = |text: &str| expiry(text.as_bytes(), 1_000).unwrap();
        assert_eq!(at("0"), None);
        assert_eq!(at("1"), Some(1_001));
        assert_eq!(at("2592000"), Some(2_593_000));
        assert_eq!(at("2592001"), Some(2_592_001));
        assert_eq!(at("-1"), Some(0));
    }
}
