//! The client against a peer that cuts, holds back, repeats, forgets and mistakes its replies, and
//! against callers that go away at any point of a call.

mod bytes;
mod calls;
mod cancel;
mod cuts;
#[path = "../eventually/mod.rs"]
mod eventually;
mod honest;
mod lost;
mod mistakes;
mod peer;
mod relay;
mod releases;
mod script;

use std::time::Duration;

use cachekit_core::backend::{Ttl, Want};
use cachekit_core::key::StoreKey;

use eventually::eventually;

const TTL: Ttl = Ttl::from_secs(300);
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(30),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(60);

fn key(text: impl std::fmt::Display) -> StoreKey {
    StoreKey::new(text.to_string()).unwrap()
}
