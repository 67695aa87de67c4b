//! What a hit costs on the wire, to the byte.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Ttl, Want};
use cachekit_core::key::StoreKey;

use super::key;
use super::peer::Peer;
use super::script::Script;

/// What the cache asks for on behalf of a function with a ttl of an hour.
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(6),
    early: Duration::from_secs(3_602),
    patience: Duration::from_secs(2),
};

/// What a read of `key` sends and is sent, on a connection that is there.
async fn hit(peer: &Peer, key: &StoreKey, want: Want) -> (String, String) {
    let backend = peer.backend();
    backend.get(key, want).await.unwrap();
    peer.follow(Script::Honest);
    let lookup = backend.get(key, want).await.unwrap();
    assert!(lookup.found.is_some() && lookup.lead == Lead::None);
    let progress = peer.scene().progress();
    let asked = progress.asked.into_iter().flat_map(|(_, asked)| asked);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(asked.collect()), text(progress.said))
}

/// What stands behind `flag` in a line.
fn flagged(line: &str, flag: char) -> &str {
    let mut flags = line.lines().next().unwrap().split(' ').skip(2);
    flags.find_map(|word| word.strip_prefix(flag)).unwrap()
}

#[tokio::test]
async fn the_lead_adds_two_flags_to_the_request_of_a_hit_and_nothing_to_the_reply() {
    let peer = Peer::start();
    for (key_length, length) in [(1, 1), (30, 100), (250, 10_000)] {
        let key = key("k".repeat(key_length));
        let value = "v".repeat(length);
        let (kept, bytes) = (Ttl::from_secs(7_200), Bytes::from(value.clone()));
        peer.backend().set(&key, bytes, kept, None).await.unwrap();
        for (want, flags) in [(Want::Value, ""), (LEAD, " N6 R3602")] {
            let (asked, said) = hit(&peer, &key, want).await;
            let opaque = flagged(&asked, 'O');
            let line = format!("mg {}{flags} t c f v O{opaque}\r\n", key.as_str());
            assert_eq!(asked, line);
            let [left, cas] = ['t', 'c'].map(|flag| flagged(&said, flag));
            let reply = format!("VA {length} t{left} c{cas} f0 O{opaque}\r\n{value}\r\n");
            assert_eq!(said, reply);
        }
    }
}
