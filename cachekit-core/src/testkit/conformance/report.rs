//! What a run found.

use std::fmt;

use crate::error::Error;

/// What was seen instead of what a line of the contract says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    pub(super) const fn new(seen: String) -> Self {
        Self(seen)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An operation failed that must work on a store that is there.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("an error: {error}"))
    }
}

/// Which lines of the contract a backend keeps. `Display` prints one row for each.
#[derive(Clone, Debug)]
#[must_use = "a report says nothing until it is asserted or shown"]
pub struct Report(Vec<(&'static str, Result<(), Failure>)>);

impl Report {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, name: &'static str, outcome: Result<(), Failure>) {
        self.0.push((name, outcome));
    }

    /// Names of the lines that were run.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// The lines that do not hold, and what was seen instead.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &Failure)> {
        self.0
            .iter()
            .filter_map(|(name, outcome)| Some((*name, outcome.as_ref().err()?)))
    }

    /// # Panics
    /// If a line does not hold; the message names each that does not.
    #[track_caller]
    pub fn assert_passed(&self) {
        let failed: Vec<_> = self
            .failures()
            .map(|(name, seen)| format!("\n  {name}: {seen}"))
            .collect();
        assert!(
            failed.is_empty(),
            "the contract is broken:{}",
            failed.concat()
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.0 {
            match outcome {
                Ok(()) => writeln!(f, "holds   {name}")?,
                Err(seen) => writeln!(f, "BROKEN  {name}: {seen}")?,
            }
        }
        Ok(())
    }
}
