//! Base64 with padding, read: RFC 4648, section 4.

pub(super) use crate::protocol::base64::encode;

/// What `text` stands for; `None`: it is no base64.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let digits = &text[..text.len() - padding];
    if text.is_empty() || !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let (mut bits, mut bytes) = (0_u32, Vec::new());
    for (place, &digit) in digits.iter().enumerate() {
        bits = bits << 6 | u32::from(six(digit)?);
        if place % 4 > 0 {
            // So many bits are left over for the next byte.
            let left = 6 - 2 * (place % 4);
            bytes.push((bits >> left & 0xff) as u8);
        }
    }
    Some(bytes)
}

fn six(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 1..bytes.len() {
            let bytes = &bytes[bytes.len() - length..];
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
        for text in ["", "A", "AA", "A===", "AA=A", "AA\t="] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
