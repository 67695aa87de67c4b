//! Servers of other releases than the one installed.

use cachekit_core::backend::{Backend as _, Want};

use super::key;
use super::peer::{Peer, Release};

#[tokio::test]
async fn a_server_of_1_5_16_is_asked_nothing_that_it_does_not_know() {
    let peer = Peer::of(Release::V1_5_16);
    let _ = peer.backend().get(&key("k"), Want::Value).await;
    let asked = peer.scene().progress().asked;
    let meta = |line: &[u8]| matches!(line, [b'm', _, b' ', ..] | [b'm', b'n', ..]);
    assert!(!asked.is_empty());
    assert!(!asked.split(|&byte| byte == b'\n').any(meta));
}
