//! How large a value may be.

/// What memcached adds to an item besides key, value and client flags: its header, the CAS number
/// and the line ends. Measured on 1.6.18 and 1.6.45.
const OVERHEAD: usize = 59;

/// The bytes of client flags in an item; flags of zero are not stored.
const FLAGS: usize = 4;

/// The largest value that a server with `item_size_max` (its `-I`) takes under a key of `key_len`
/// bytes: `item_size_max - 59 - key_len`, and 4 less if `client_flags` are not zero. One without
/// CAS numbers (`-C`) takes 8 more, which are not made use of.
#[must_use]
pub const fn max_value_len(item_size_max: usize, key_len: usize, client_flags: u32) -> usize {
    let flags = if client_flags == 0 { 0 } else { FLAGS };
    item_size_max.saturating_sub(OVERHEAD + key_len + flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_1_mib_server_is_as_measured() {
        assert_eq!(max_value_len(1_048_576, 1, 0), 1_048_516);
        assert_eq!(max_value_len(1_048_576, 250, 0), 1_048_267);
        assert_eq!(max_value_len(1_048_576, 250, 1), 1_048_263);
    }

    #[test]
    fn a_limit_below_the_overhead_leaves_room_for_nothing() {
        assert_eq!(max_value_len(60, 250, 0), 0);
    }
}
