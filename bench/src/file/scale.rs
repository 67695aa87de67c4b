//! How much of everything there is.

use crate::Failed;
use crate::file::cases::{self, Case, MANY};
use crate::file::load::Operation;

/// Of a run.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) cases: Vec<Case>,
    /// In each directory, before any is new.
    pub(super) entries: u64,
    /// In the cases of several at most.
    pub(super) processes: usize,
    /// A sample ends after so many, if it has not made its writes before.
    pub(super) seconds: f64,
    /// Of a churn.
    pub(super) churn: f64,
    /// Of the directory that is full while the collector is looked at.
    pub(super) full: u64,
    /// A sample has so many times fewer writes than usual.
    divisor: u64,
    /// Whether directories may stay until all cases are through, which spares a case from making
    /// files where many have just been removed: that takes long on some file systems.
    pub(super) keeps: bool,
}

impl Scale {
    /// `--million` and `--churn SECONDS`, and what is left of the command line.
    pub(super) fn parse<'a>(arguments: &[&'a str]) -> Result<(Self, Vec<&'a str>), Failed> {
        let mut scale = Self {
            cases: cases::usual(),
            entries: 10_000,
            processes: MANY,
            seconds: 0.2,
            churn: 20.0,
            full: 50_000,
            divisor: 1,
            keeps: true,
        };
        let mut left = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(&argument) = arguments.next() {
            match argument {
                "--million" => {
                    scale.cases = cases::of_a_million();
                    scale.entries = 1_000_000;
                    scale.keeps = false;
                }
                "--churn" => {
                    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok());
                    let seconds = seconds.filter(|&seconds: &f64| seconds > 0.0);
                    scale.churn = seconds.ok_or("--churn takes seconds, above zero")?;
                }
                other => left.push(other),
            }
        }
        Ok((scale, left))
    }

    /// The same, or just enough to see that everything runs.
    pub(super) fn of(self, quick: bool) -> Self {
        if !quick {
            return self;
        }
        Self {
            entries: 200,
            processes: 2,
            seconds: 0.01,
            churn: 0.5,
            full: 2_000,
            divisor: 50,
            ..self
        }
    }

    /// The most writes of a process, of `processes` that write values of `size` bytes.
    pub(super) const fn writes(&self, operation: Operation, size: usize, processes: usize) -> u64 {
        let writes = match operation {
            Operation::New => 3_000,
            _ => 10_000,
        };
        let of_large = if size > 10_000 { 10 } else { 1 };
        let of_several = if processes > 1 { 4 } else { 1 };
        writes / of_large / of_several / self.divisor
    }
}
