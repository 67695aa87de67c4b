//! What the lead costs those who find what they look for: `cargo xtask bench leads`, and the
//! instructions of it in `cargo xtask budget`.

pub(crate) mod budget;
pub(super) mod callers;
pub(super) mod refresh;

use super::bars::{Bar, Rival};
use super::caller::{Load, Operation};
use super::cases::{COLUMNS, Case};
use super::cell::Work;
use super::who::Who;
use crate::cells::machine::Place;

/// A read that may be given the lead, first, and those that it is compared with. The cache asks
/// for the lead as well, and opens what it finds.
const READERS: &[&[Who]] = &[&[Who::Lead], &[Who::Plain, Who::Value, Who::Cache]];

const BARS: &[Bar] = &[
    Bar::Duration(Rival::One(Who::Plain), 1.15),
    Bar::Duration(Rival::One(Who::Value), 1.15),
];

const fn hits(callers: usize) -> Work {
    Work::Load(Load {
        operation: Operation::Get,
        size: 100,
        callers,
    })
}

/// All tables.
pub(super) const ALL: &[Case] = &[
    Case {
        name: "hit-1",
        title: "1 caller reads 100 B",
        work: hits(1),
        place: Place::Pinned,
        servers: 1,
        contenders: READERS,
        columns: COLUMNS,
        bars: BARS,
    },
    Case {
        name: "hit-256",
        title: "256 callers read 100 B",
        work: hits(256),
        place: Place::Pinned,
        servers: 1,
        contenders: READERS,
        columns: COLUMNS,
        bars: BARS,
    },
    Case {
        name: "refresh",
        title: "64 callers of two caches without L1 read what is computed anew all the time",
        work: Work::Refresh,
        place: Place::Pinned,
        servers: 1,
        contenders: &[&[Who::Cache]],
        columns: refresh::COLUMNS,
        bars: refresh::BARS,
    },
    Case {
        name: "refresh-l1",
        title: "the same with L1",
        work: Work::Refresh,
        place: Place::Pinned,
        servers: 1,
        contenders: &[&[Who::CacheL1]],
        columns: refresh::COLUMNS,
        bars: refresh::BARS,
    },
];
