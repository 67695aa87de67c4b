//! Pieces of commands.

/// What ends a line and a value.
pub(super) const END: &[u8] = b"\r\n";

/// Appends `flag` and the digits of `number`. Every request has numbers in it: this costs a
/// fraction of what formatting costs.
pub(super) fn number(out: &mut Vec<u8>, flag: &str, number: impl Into<u64>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number.into();
    loop {
        first -= 1;
        digits[first] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(flag.as_bytes());
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_of_a_number_is_written() {
        for (wanted, text) in [
            (0, " O0"),
            (9, " O9"),
            (10, " O10"),
            (u64::MAX, " O18446744073709551615"),
        ] {
            let mut out = Vec::new();
            number(&mut out, " O", wanted);
            assert_eq!(out, text.as_bytes());
        }
    }
}
