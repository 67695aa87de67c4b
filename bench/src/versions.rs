//! Versions of the peers, as they were built.

const LOCK: &str = include_str!("../../Cargo.lock");

/// `name` with its version.
pub(crate) fn named(name: &str) -> String {
    let heading = format!("name = \"{name}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != heading).skip(1);
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version = \""))
        .and_then(|line| line.strip_suffix('"'));
    format!("{name} {}", version.unwrap_or("of unknown version"))
}
