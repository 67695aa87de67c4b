//! All contenders of a case, in rounds, in another order in each round.

use std::collections::BTreeMap;

use crate::Failed;
use crate::cells::machine::{self, QUIET};
use crate::cells::options::Options;
use crate::cells::python::Python;
use crate::cells::{FOREIGN, Figures};
use crate::file::Standing;
use crate::file::cases::{Case, Kind};
use crate::file::cell::Work;
use crate::file::crew;
use crate::file::disk;
use crate::file::load::{Load, Operation};
use crate::file::scale::Scale;
use crate::file::shelf::{Root, Shelf};
use crate::file::trials;
use crate::file::who::Who;

/// As many rounds unless `--rounds` says so.
pub(super) const ROUNDS: usize = 5;
/// How often a sample is taken until no other program disturbs it; the best of them counts.
const TRIES: usize = 3;
/// What a file of a contender occupies at least, and what its disk may take of other things.
const BLOCK: usize = 4_096;

#[derive(Debug)]
pub(super) struct Rounds<'a> {
    options: &'a Options,
    scale: &'a Scale,
    python: Option<Python>,
    root: Root,
    shelves: BTreeMap<&'static str, Shelf>,
    taken: usize,
    disturbed: usize,
    /// What went wrong, by contender.
    problems: Vec<String>,
}

impl<'a> Rounds<'a> {
    /// Of these `cases`, if the disk has room for them.
    pub(super) fn new(
        options: &'a Options,
        scale: &'a Scale,
        python: Option<Python>,
        cases: &[&Case],
    ) -> Result<Self, Failed> {
        let root = Root::make()?;
        let (bytes, files) = need(scale, cases);
        disk::require(root.path(), bytes, files)?;
        Ok(Self {
            options,
            scale,
            python,
            root,
            shelves: BTreeMap::new(),
            taken: 0,
            disturbed: 0,
            problems: Vec::new(),
        })
    }

    /// What all contenders of `case` come to, in their order.
    pub(super) fn of(&mut self, case: &Case) -> Result<Vec<Standing>, Failed> {
        let mut contenders = case.contenders.clone();
        contenders
            .retain(|who| who.is_built() && (*who != Who::Diskcache || self.python.is_some()));
        self.fill(case, &mut contenders);
        let mut samples = vec![Vec::new(); contenders.len()];
        let mut order: Vec<_> = (0..contenders.len()).collect();
        let rounds = match case.work {
            Kind::Disk | Kind::Full | Kind::Clear | Kind::Churn => 1,
            Kind::Load(..) | Kind::Open | Kind::Collector => self.options.rounds(ROUNDS),
        };
        for round in 1..=rounds {
            eprintln!("{}: round {round} of {rounds}", case.name);
            fastrand::shuffle(&mut order);
            for &index in &order {
                samples[index].extend(self.quiet_sample(case, contenders[index]));
            }
        }
        if case.work == Kind::Clear
            && let Some(mut shelf) = self.shelves.remove(case.shelf())
        {
            shelf.remove()?;
        }
        let standings = contenders.iter().zip(&samples);
        Ok(standings
            .filter_map(|(&who, samples)| Standing::of(who, samples, false))
            .collect())
    }

    /// Fills the directories of all `contenders`; those that cannot be filled are left out.
    fn fill(&mut self, case: &Case, contenders: &mut Vec<Who>) {
        let entries = match case.work {
            Kind::Churn => return,
            Kind::Collector => self.scale.full,
            _ => self.scale.entries,
        };
        let name = case.shelf();
        let shelf = self
            .shelves
            .entry(name)
            .or_insert_with(|| Shelf::new(&self.root, name, case.size.bytes, entries));
        contenders.retain(|&who| {
            let filled = shelf.fill(who, self.python.as_ref());
            filled
                .map_err(|problem| {
                    let problem = format!("{}, {}: fill: {problem}", case.name, who.name());
                    self.problems.push(problem);
                })
                .is_ok()
        });
    }

    /// The one that other programs disturbed least.
    fn quiet_sample(&mut self, case: &Case, who: Who) -> Option<Figures> {
        let mut best: Option<Figures> = None;
        let foreign = |figures: &Figures| figures.get(FOREIGN).copied().unwrap_or(0.0);
        let tries = match case.work {
            // A second time there would be nothing to clear, and a churn is long.
            Kind::Clear | Kind::Churn => 1,
            _ => TRIES,
        };
        for _ in 0..tries {
            if !self.options.quick {
                machine::wait_for_quiet();
            }
            let figures = match self.sample(case, who) {
                Ok(figures) => figures,
                Err(problem) => {
                    let problem = format!("{}, {}: {problem}", case.name, who.name());
                    self.problems.push(problem);
                    return best;
                }
            };
            self.taken += 1;
            let quiet = foreign(&figures) <= QUIET;
            if best
                .as_ref()
                .is_none_or(|best| foreign(&figures) < foreign(best))
            {
                best = Some(figures);
            }
            if quiet || self.options.quick {
                return best;
            }
        }
        self.disturbed += 1;
        best
    }

    fn sample(&mut self, case: &Case, who: Who) -> Result<Figures, Failed> {
        if case.work == Kind::Churn {
            return trials::churn(&self.root, self.scale);
        }
        let python = self.python.as_ref();
        let shelf = self.shelves.get_mut(case.shelf()).ok_or("no directories")?;
        let work = match case.work {
            Kind::Load(operation, processes) => {
                return load(self.scale, shelf, who, operation, processes, python);
            }
            Kind::Disk => return shelf.occupied(who).ok_or_else(|| "it is empty".into()),
            Kind::Full => return trials::full(shelf),
            Kind::Collector => return trials::collector(self.scale, shelf, who),
            Kind::Open | Kind::Churn => Work::Open,
            Kind::Clear => Work::Clear,
        };
        Ok(crew::together(&crew::run(
            &[shelf.cell(who, work)],
            python,
        )?))
    }

    /// How many samples were disturbed, and what went wrong.
    pub(super) fn summary(&self) -> String {
        let Self {
            taken, disturbed, ..
        } = self;
        let disturbed = format!(
            "{disturbed} of {taken} samples count although other programs had over {QUIET} cores"
        );
        let problems = self.problems.iter();
        let problems = problems.map(|problem| format!("failed: {problem}"));
        problems.chain([disturbed]).collect::<Vec<_>>().join("\n")
    }
}

fn load(
    scale: &Scale,
    shelf: &mut Shelf,
    who: Who,
    operation: Operation,
    processes: usize,
    python: Option<&Python>,
) -> Result<Figures, Failed> {
    let processes = processes.min(scale.processes);
    let writes = scale.writes(operation, shelf.size, processes);
    let cells: Vec<_> = (0..processes)
        .map(|_| {
            let keys = match operation {
                Operation::New => {
                    let first = shelf.new_keys(who, writes);
                    first..first + writes
                }
                _ => 0..shelf.entries,
            };
            let load = Load {
                operation,
                keys,
                writes,
                seconds: scale.seconds,
                may_miss: who == Who::Foyer,
            };
            shelf.cell(who, Work::Load(load))
        })
        .collect();
    if operation.writes() {
        shelf.settle()?;
    }
    Ok(crew::together(&crew::run(&cells, python)?))
}

/// Bytes of disk and files that `cases` need at once.
fn need(scale: &Scale, cases: &[&Case]) -> (u64, u64) {
    let mut sizes: Vec<(usize, u64)> = Vec::new();
    for case in cases {
        let mut owners: Vec<_> = case.contenders.iter().map(|who| who.owner()).collect();
        owners.dedup();
        let need = (case.size.bytes, owners.len() as u64);
        match sizes.iter_mut().find(|(bytes, _)| *bytes == need.0) {
            Some((_, owners)) => *owners = need.1.max(*owners),
            None => sizes.push(need),
        }
    }
    let of_size = |&(bytes, owners): &(usize, u64)| {
        let entries = owners * scale.entries;
        (entries * bytes.next_multiple_of(BLOCK) as u64, entries)
    };
    let sizes = sizes.iter().map(of_size);
    if scale.keeps {
        // What is new, and versions that are not gone yet, are about as much again.
        sizes.fold((0, 0), |all, of| (all.0 + 2 * of.0, all.1 + 2 * of.1))
    } else {
        sizes.max().unwrap_or_default()
    }
}
