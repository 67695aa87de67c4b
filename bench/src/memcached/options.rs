//! What the command line says.

use std::path::PathBuf;

use crate::Failed;
use crate::memcached::cases::Case;

/// As many rounds unless `--rounds` says so.
const ROUNDS: usize = 5;
/// Of a trial, which takes many seconds.
const TRIALS: usize = 3;

#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) json: Option<PathBuf>,
    pub(super) quick: bool,
    rounds: Option<usize>,
    case: Option<String>,
}

impl Options {
    /// `--json FILE`, `--rounds N`, `--case NAME` and `--quick`, of a bench with these cases.
    pub(super) fn parse(
        bench: &str,
        cases: &[Case],
        mut arguments: &[&str],
    ) -> Result<Self, Failed> {
        let mut options = Self::default();
        let usage = || usage(bench, cases);
        let is_case = |name: &str| cases.iter().any(|case| case.name == name);
        loop {
            arguments = match arguments {
                [] => return Ok(options),
                ["--quick", rest @ ..] => {
                    options.quick = true;
                    rest
                }
                ["--json", file, rest @ ..] => {
                    options.json = Some(PathBuf::from(file));
                    rest
                }
                ["--rounds", count, rest @ ..] => {
                    let count = count.parse().ok().filter(|&count| count > 0);
                    options.rounds = Some(count.ok_or_else(&usage)?);
                    rest
                }
                ["--case", name, rest @ ..] if is_case(name) => {
                    options.case = Some((*name).to_owned());
                    rest
                }
                _ => return Err(usage().into()),
            }
        }
    }

    pub(super) fn includes(&self, case: &Case) -> bool {
        self.case.as_deref().is_none_or(|name| name == case.name)
    }

    pub(super) fn rounds(&self, case: &Case) -> usize {
        match self.rounds {
            _ if self.quick => 1,
            Some(rounds) => rounds,
            None if case.is_trial() => TRIALS,
            None => ROUNDS,
        }
    }

    /// Seconds of a cell before it counts, and while it does.
    pub(super) const fn seconds(&self) -> (f64, f64) {
        if self.quick {
            (0.02, 0.05)
        } else {
            (0.12, 0.4)
        }
    }

    /// What the figures are, in a line.
    pub(super) fn heading(&self) -> String {
        let (warm_up, measured) = self.seconds();
        let quick = if self.quick {
            "QUICK RUN, no figure means anything; "
        } else {
            ""
        };
        let rounds = match self.rounds {
            _ if self.quick => "1 round".to_owned(),
            Some(rounds) => format!("{rounds} rounds"),
            None => format!("{ROUNDS} rounds, {TRIALS} of trials"),
        };
        format!(
            "{quick}{rounds} of {measured} s after {warm_up} s, medians, of trials the worst; \
             keys of 30 B, servers with -t 1 -m 1024 -c 4096; times are per call"
        )
    }
}

fn usage(bench: &str, cases: &[Case]) -> String {
    let names: Vec<_> = cases.iter().map(|case| case.name).collect();
    format!(
        "usage: {bench} [--json FILE] [--rounds N] [--case NAME] [--quick]\ncases: {}",
        names.join(", ")
    )
}
