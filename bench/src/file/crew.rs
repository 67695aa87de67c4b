//! Processes that work on one directory at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Failed;
use crate::cells::machine::Usage;
use crate::cells::{FOREIGN, Figures, MEDIAN, P99, RATE};
use crate::file::cell::{Cell, GO, READY};
use crate::file::load::{CALLS, MISSES, PROCESSOR, SECONDS};
use crate::file::who::Who;
use crate::measure;

use crate::cells::python::Python;

/// Of a call, in one process.
pub(super) const TIME: &str = "µs";
/// Processor time of a call.
pub(super) const PROCESSOR_TIME: &str = "cpu µs";

/// Processes, which end with this.
#[derive(Debug)]
struct Crew(Vec<Hand>);

#[derive(Debug)]
struct Hand {
    child: Child,
    told: ChildStdin,
    says: BufReader<ChildStdout>,
}

/// Runs `cells`, each in a process; they begin when all of them could. What each comes to.
pub(super) fn run(cells: &[Cell], python: Option<&Python>) -> Result<Vec<Figures>, Failed> {
    let hands = cells.iter().map(|cell| Hand::start(cell, python));
    let mut crew = Crew(hands.collect::<Result<_, _>>()?);
    for hand in &mut crew.0 {
        hand.expect_ready()?;
    }
    let before = Usage::now(&[]);
    for hand in &mut crew.0 {
        writeln!(hand.told, "{GO}")?;
    }
    let mut all = Vec::new();
    for hand in &mut crew.0 {
        all.push(serde_json::from_str::<Figures>(&hand.line()?)?);
    }
    let spent = Usage::now(&[]).since(before);
    for hand in &mut crew.0 {
        hand.end()?;
    }
    let own: f64 = all
        .iter()
        .filter_map(|figures| figures.get(PROCESSOR))
        .sum();
    let foreign = spent.foreign - own / spent.elapsed.as_secs_f64();
    for figures in &mut all {
        figures.insert(FOREIGN.to_owned(), foreign.max(0.0));
    }
    Ok(all)
}

/// What processes that did the same come to together: a call takes the mean of the time of all,
/// the 99th percentile is that of the process where it is worst. What a process alone has beside
/// calls stays as it is.
pub(super) fn together(all: &[Figures]) -> Figures {
    let each = |name| {
        let figures = all.iter().filter_map(move |figures| figures.get(name));
        figures.copied().collect::<Vec<f64>>()
    };
    let sum = |name| each(name).iter().sum::<f64>();
    let most = |name| each(name).into_iter().fold(0.0, f64::max);
    let mut figures = match all {
        [alone] => alone.clone(),
        _ => Figures::new(),
    };
    let calls = sum(CALLS);
    if calls > 0.0 {
        let of_calls = [
            (RATE, calls / most(SECONDS)),
            (TIME, sum(SECONDS) * 1e6 / calls),
            (P99, most(P99)),
            (PROCESSOR_TIME, sum(PROCESSOR) * 1e6 / calls),
            (MISSES, sum(MISSES)),
            (FOREIGN, most(FOREIGN)),
        ];
        figures.extend(of_calls.map(|(name, value)| (name.to_owned(), value)));
        let medians = each(MEDIAN);
        if !medians.is_empty() {
            figures.insert(MEDIAN.to_owned(), measure::median(medians));
        }
    }
    figures
}

impl Hand {
    fn start(cell: &Cell, python: Option<&Python>) -> Result<Self, Failed> {
        let mut command = match (cell.who, python) {
            (Who::Diskcache, Some(python)) => python.command(),
            _ => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("file-cell");
                command
            }
        };
        command.arg(serde_json::to_string(cell)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let (told, says) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            told: told.ok_or("no pipe")?,
            says: BufReader::new(says.ok_or("no pipe")?),
        })
    }

    fn expect_ready(&mut self) -> Result<(), Failed> {
        match self.line()?.as_str() {
            READY => Ok(()),
            other => Err(format!("{other:?} instead of {READY:?}").into()),
        }
    }

    /// The next line; if there is none, what it said of its failure.
    fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        if self.says.read_line(&mut line)? > 0 {
            return Ok(line.trim_end().to_owned());
        }
        self.end()?;
        Err("it ended without its figures".into())
    }

    fn end(&mut self) -> Result<(), Failed> {
        let mut problem = String::new();
        if let Some(errors) = &mut self.child.stderr {
            errors.read_to_string(&mut problem)?;
        }
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{status}: {}", problem.trim()).into()),
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for hand in &mut self.0 {
            let _ = hand.child.kill();
            let _ = hand.child.wait();
        }
    }
}
