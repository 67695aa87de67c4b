//! What the fuzzer found worth keeping, read again: `fuzz/corpus`.

#[path = "../../fuzz/src/replies.rs"]
pub mod replies;

use std::path::Path;

fn read_all(target: &str, read: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut count = 0;
    for file in std::fs::read_dir(corpus.join(target)).unwrap() {
        read(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "an empty corpus");
}

#[test]
fn replies_to_meta_commands_are_the_same_however_they_are_cut() {
    read_all("meta", replies::meta);
}

#[test]
fn replies_to_classic_commands_are_the_same_however_they_are_cut() {
    read_all("classic", replies::classic);
}
