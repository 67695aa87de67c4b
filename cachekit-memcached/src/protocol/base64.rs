//! Base64 with padding: RFC 4648, section 4.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';

pub(crate) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = bits >> (18 - 6 * place) & 0x3f;
            let written = place <= three.len();
            text.push(if written { ALPHABET[six as usize] } else { PAD });
        }
    }
    text
}

/// How many bytes `text` stands for.
pub(super) fn decoded_len(text: &[u8]) -> usize {
    let padding = text.iter().rev().take_while(|&&byte| byte == PAD).count();
    text.len() / 4 * 3 - padding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in vectors {
            assert_eq!(encode(bytes.as_bytes()), text.as_bytes());
            assert_eq!(decoded_len(text.as_bytes()), bytes.len());
        }
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), b"+//+");
    }
}
