//! What the fuzzer found worth keeping, read again: `fuzz/corpus/entry`.

#[path = "../../fuzz/src/entries.rs"]
pub mod entries;

use std::path::Path;

#[test]
fn entries_of_any_kind_are_refused_or_come_back_after_they_were_sealed_again() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/entry");
    let mut count = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        entries::entry(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "an empty corpus");
}
