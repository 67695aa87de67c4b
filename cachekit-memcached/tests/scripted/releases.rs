//! Servers of other releases than the one installed.

use super::calls::{CALLS, Ready};
use super::peer::{Peer, Release};
use super::script::Script;

#[tokio::test]
async fn a_server_of_1_5_16_is_asked_nothing_that_it_does_not_know() {
    let peer = Peer::of(Release::V1_5_16);
    for call in CALLS.iter().filter(|call| call.is_classic()) {
        peer.follow(Script::Honest);
        let ready = Ready::on(&peer, peer.config(), call).await;
        let outcome = (call.make)(&ready).await;
        assert!(outcome.iter().all(Result::is_ok), "{call}: {outcome:?}");
        let asked = peer.scene().progress().asked;
        let meta = |line: &[u8]| matches!(line, [b'm', b'g' | b's' | b'd' | b'a', b' ', ..]);
        assert!(!asked.is_empty());
        let lines = asked
            .iter()
            .flat_map(|(_, asked)| asked.split(|&byte| byte == b'\n'));
        assert!(!lines.into_iter().any(meta), "{call}");
    }
}
