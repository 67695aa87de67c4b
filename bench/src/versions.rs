//! Versions of the peers, as they were built.

const LOCK: &str = include_str!("../../Cargo.lock");

/// `name` with its version: the newest, which is the last in the file, where a peer has taken an
/// older one with it.
pub(crate) fn named(name: &str) -> String {
    let heading = format!("name = \"{name}\"\nversion = \"");
    let version = LOCK
        .rsplit_once(&heading)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version);
    format!("{name} {}", version.unwrap_or("of unknown version"))
}
