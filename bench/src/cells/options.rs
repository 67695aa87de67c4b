//! What the command line says, for every bench whose samples are cells.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::row::{self, Row};
use crate::{Failed, Outcome};

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    json: Option<PathBuf>,
    pub(crate) quick: bool,
    rounds: Option<usize>,
    case: Option<String>,
}

impl Options {
    /// `--json FILE`, `--rounds N`, `--case NAME` and `--quick`, of a bench with these cases;
    /// `more` says which other options it has.
    pub(crate) fn parse(
        bench: &str,
        cases: &[&str],
        more: &str,
        mut arguments: &[&str],
    ) -> Result<Self, Failed> {
        let mut options = Self::default();
        let usage = || {
            let cases = cases.join(", ");
            format!(
                "usage: {bench} [--json FILE] [--rounds N] [--case NAME] [--quick]{more}\n\
                 cases: {cases}"
            )
        };
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
                    options.rounds = Some(count.ok_or_else(usage)?);
                    rest
                }
                ["--case", name, rest @ ..] if cases.contains(name) => {
                    options.case = Some((*name).to_owned());
                    rest
                }
                _ => return Err(usage().into()),
            }
        }
    }

    pub(crate) fn includes(&self, case: &str) -> bool {
        self.case.as_deref().is_none_or(|name| name == case)
    }

    /// As many as said, or else `usual`.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        match self.rounds {
            _ if self.quick => 1,
            Some(rounds) => rounds,
            None => usual,
        }
    }

    /// How many rounds there are, for a heading; `usual` says so where the command line does not.
    pub(crate) fn heading(&self, usual: &str) -> String {
        match self.rounds {
            _ if self.quick => "QUICK RUN, no figure means anything; 1 round".to_owned(),
            Some(rounds) => format!("{rounds} rounds"),
            None => usual.to_owned(),
        }
    }

    /// Says the last, and writes the rows where that is asked for.
    pub(crate) fn end(&self, rows: &[Row], summary: &str) -> Outcome {
        println!("\n{summary}");
        if let Some(file) = &self.json {
            row::write_json(rows, file)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
