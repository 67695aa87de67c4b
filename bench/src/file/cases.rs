//! What is measured, and which bars there are.

use crate::cells::{FOREIGN, MEDIAN, P99, RATE};
use crate::file::bars::Bar;
use crate::file::cell::{CLEARED, FIRST_GET, FIRST_PUT};
use crate::file::crew::{PROCESSOR_TIME, TIME};
use crate::file::load::{MISSES, Operation};
use crate::file::shelf::DISK;
use crate::file::trials::{DRIFT, ENTRIES, MOST, WRITES};
use crate::file::who::Who;

/// One table.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// For `--case`.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) work: Kind,
    pub(super) size: Size,
    pub(super) contenders: Vec<Who>,
    pub(super) columns: &'static [&'static str],
    pub(super) bars: Vec<Bar>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of so many processes at once.
    Load(Operation, usize),
    /// What the directory occupied when it was filled.
    Disk,
    Open,
    /// The first puts into a directory that is full.
    Full,
    Clear,
    /// Reads while the collector works.
    Collector,
    Churn,
}

impl Case {
    /// The name of the directories that it uses.
    pub(super) fn shelf(&self) -> &'static str {
        match self.work {
            Kind::Collector => "collector",
            _ => self.size.name,
        }
    }
}

/// Of the values of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: usize,
    pub(super) name: &'static str,
}

const SMALL: Size = Size {
    bytes: 300,
    name: "300B",
};
const MIDDLE: Size = Size {
    bytes: 1_000,
    name: "1KB",
};
const LARGE: Size = Size {
    bytes: 100_000,
    name: "100KB",
};

/// Processes of the cases of several.
pub(super) const MANY: usize = 8;

const OURS: &[Who] = &[Who::Ours, Who::OursTokio, Who::OursWorkers];
const LIMITS: &[Who] = &[Who::Bare, Who::Hop];
const SHARED: &[Who] = &[
    Who::Cacache,
    Who::CachekitRs,
    Who::Diskcache,
    Who::RedbShared,
];
const ALONE: &[Who] = &[Who::Redb, Who::Fjall, Who::Foyer];
/// Of a million entries: those that are filled in a minute, and in as much disk as ours.
const OF_A_MILLION: &[Who] = &[Who::Diskcache, Who::Redb];

const OPERATIONS: [Operation; 4] = [
    Operation::Get,
    Operation::Miss,
    Operation::Overwrite,
    Operation::New,
];

/// 10,000 entries, and what is no question of how many there are.
pub(super) fn usual() -> Vec<Case> {
    let one = [OURS, LIMITS, SHARED, ALONE].concat();
    let many = [OURS, LIMITS, SHARED].concat();
    let mut cases = Vec::new();
    for size in [MIDDLE, SMALL, LARGE] {
        cases.extend(OPERATIONS.map(|operation| load(operation, 1, size, &one)));
        cases.extend(OPERATIONS.map(|operation| load(operation, MANY, size, &many)));
        cases.extend([open(size, &one), disk(size, &one)]);
    }
    cases.extend([collector(), churn()]);
    cases.extend([MIDDLE, SMALL, LARGE].map(|size| clear(size, &one)));
    cases
}

/// 1,000,000 entries.
pub(super) fn of_a_million() -> Vec<Case> {
    let all = [OURS, LIMITS, OF_A_MILLION].concat();
    let of_size = |size| {
        let loads = OPERATIONS.map(|operation| load(operation, 1, size, &all));
        let others = [
            open(size, &all),
            disk(size, &all),
            full(size),
            clear(size, &all),
        ];
        loads.into_iter().chain(others)
    };
    [MIDDLE, SMALL].into_iter().flat_map(of_size).collect()
}

fn load(operation: Operation, processes: usize, size: Size, contenders: &[Who]) -> Case {
    let (name, what) = match operation {
        Operation::Get => ("get", "get"),
        Operation::Miss => ("miss", "miss"),
        Operation::Overwrite => ("put-over", "put over an entry"),
        Operation::New => ("put-new", "put a new key"),
    };
    let (behind, who) = match processes {
        1 => (String::new(), "1 process".to_owned()),
        several => (format!("-{several}"), format!("{several} processes")),
    };
    Case {
        name: format!("{name}-{}{behind}", size.name),
        title: format!("{what}, {}, {who}", size.name),
        work: Kind::Load(operation, processes),
        size,
        contenders: contenders.to_vec(),
        columns: match operation {
            Operation::Get => &[TIME, MEDIAN, P99, RATE, PROCESSOR_TIME, MISSES, FOREIGN],
            _ => &[TIME, MEDIAN, P99, RATE, PROCESSOR_TIME, FOREIGN],
        },
        bars: match size {
            MIDDLE => bars(operation, processes),
            _ => Vec::new(),
        },
    }
}

fn bars(operation: Operation, processes: usize) -> Vec<Bar> {
    let ahead = OURS.iter().copied().map(Bar::AheadOfShared);
    match (operation, processes) {
        (Operation::Get, 1) => OURS
            .iter()
            .map(|&ours| Bar::AtMost(TIME, ours, Who::Bare, 1.5))
            .chain(ahead)
            .collect(),
        (Operation::Get, _) => ahead.collect(),
        (Operation::New, 1) => vec![
            Bar::AtMost(TIME, Who::Ours, Who::Bare, 1.4),
            Bar::AtMost(TIME, Who::OursTokio, Who::Hop, 1.4),
        ],
        (Operation::Overwrite, 1) => vec![Bar::Faster(Who::Ours, Who::Bare, 3.0)],
        _ => Vec::new(),
    }
}

fn open(size: Size, contenders: &[Who]) -> Case {
    Case {
        name: format!("open-{}", size.name),
        title: format!("a new process opens the directory, {}", size.name),
        work: Kind::Open,
        size,
        contenders: contenders.to_vec(),
        columns: &[FIRST_GET, FIRST_PUT, FOREIGN],
        bars: vec![Bar::Figure(FIRST_GET, Who::Ours, 50.0)],
    }
}

fn disk(size: Size, contenders: &[Who]) -> Case {
    let mut owners: Vec<_> = contenders.iter().map(|who| who.owner()).collect();
    owners.dedup();
    Case {
        name: format!("disk-{}", size.name),
        title: format!("bytes of disk for each byte of a value, {}", size.name),
        work: Kind::Disk,
        size,
        contenders: owners,
        columns: &[DISK],
        bars: Vec::new(),
    }
}

fn full(size: Size) -> Case {
    Case {
        name: format!("full-{}", size.name),
        title: format!(
            "a new process puts 1,000 keys into a full directory, {}",
            size.name
        ),
        work: Kind::Full,
        size,
        contenders: vec![Who::Ours],
        columns: &[TIME, MEDIAN, P99, ENTRIES],
        bars: vec![Bar::Figure(ENTRIES, Who::Ours, 1.05)],
    }
}

fn clear(size: Size, contenders: &[Who]) -> Case {
    let mut case = disk(size, contenders);
    case.name = format!("clear-{}", size.name);
    case.title = format!("remove every entry, {}", size.name);
    case.work = Kind::Clear;
    case.columns = &[CLEARED];
    case
}

fn collector() -> Case {
    Case {
        name: "collector".to_owned(),
        title: "get, 1KB, while another process puts".to_owned(),
        work: Kind::Collector,
        size: MIDDLE,
        contenders: vec![Who::Ours, Who::Beside, Who::BesideCollector],
        columns: &[TIME, MEDIAN, P99, MISSES, WRITES, ENTRIES, FOREIGN],
        bars: vec![
            Bar::AtMost(P99, Who::BesideCollector, Who::Beside, 2.0),
            Bar::Figure(ENTRIES, Who::BesideCollector, 1.05),
        ],
    }
}

fn churn() -> Case {
    Case {
        name: "churn".to_owned(),
        title: "8 processes set, get, expire and remove 1,000 keys under a cap of 20 MB".to_owned(),
        work: Kind::Churn,
        size: MIDDLE,
        contenders: vec![Who::Ours],
        columns: &[RATE, MOST, DRIFT],
        bars: vec![
            Bar::Figure(MOST, Who::Ours, 1.05),
            Bar::Figure(DRIFT, Who::Ours, 1.0),
        ],
    }
}
