//! One table per area, peers in the same run
