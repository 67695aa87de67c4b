//! How long an entry lives.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use crate::backend::Ttl;

/// `ttl` less 0 to 10 %, so that entries written together do not end together. What is named
/// "never" keeps its name.
pub(crate) fn jittered(ttl: Ttl) -> Ttl {
    if ttl.is_never() {
        return ttl;
    }
    let share = f64::from(random() % 1_000) / 10_000.0;
    let whole = ttl.duration();
    Ttl::new(whole.saturating_sub(whole.mul_f64(share))).unwrap_or(ttl)
}

thread_local! {
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
}

/// Xorshift, seeded per thread: spreading needs no more.
pub(crate) fn random() -> u32 {
    RANDOM.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        (x >> 32) as u32 // the better half
    })
}

/// Makes what this thread draws from now on a consequence of `seed`.
#[cfg(feature = "testkit")]
pub(crate) fn seed(seed: u64) {
    RANDOM.set(seed | 1); // zero would stay zero
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn jitter_takes_away_up_to_a_tenth_and_adds_nothing() {
        let ttl = Ttl::from_secs(1_000);
        let (low, high) = (Duration::from_secs(900), Duration::from_secs(1_000));
        let spread: Vec<_> = (0..1_000).map(|_| jittered(ttl).duration()).collect();
        assert!(spread.iter().all(|ttl| (low..=high).contains(ttl)));
        assert!(spread.iter().any(|ttl| *ttl < Duration::from_secs(930)));
        assert!(spread.iter().any(|ttl| *ttl > Duration::from_secs(970)));
    }

    #[test]
    fn the_longest_ttl_can_be_jittered() {
        let longest = Ttl::from_secs(u64::MAX);
        assert!((0..20_000).all(|_| jittered(longest) <= longest));
    }

    #[test]
    fn never_is_not_jittered() {
        assert!(jittered(Ttl::NEVER).is_never());
    }
}
