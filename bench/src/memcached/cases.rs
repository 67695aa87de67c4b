//! What is measured, and which bars there are.

use crate::cells::machine::Place;
use crate::cells::{FOREIGN, MEDIAN, P99, RATE};
use crate::memcached::bars::{Bar, Rival};
use crate::memcached::caller::{Load, Operation};
use crate::memcached::cell::{CLIENT, SERVER, Work};
use crate::memcached::trials::{killed, memory, mixed, stopped};
use crate::memcached::who::Who;

/// One table.
#[derive(Debug)]
pub(super) struct Case {
    /// For `--case`.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) work: Work,
    pub(super) place: Place,
    /// How many servers are started for it; the trials of an outage start their own.
    pub(super) servers: usize,
    pub(super) contenders: &'static [&'static [Who]],
    pub(super) columns: &'static [&'static str],
    pub(super) bars: &'static [Bar],
}

const OURS: Who = Who::Ours { clients: 1 };
/// Of a load.
pub(super) const COLUMNS: &[&str] = &[RATE, MEDIAN, P99, CLIENT, SERVER, FOREIGN];

const US: &[Who] = &[OURS];
/// Clients of Rust whose calls are awaited, for one server.
const ASYNC: &[Who] = &[
    Who::AsyncMemcachedPool,
    Who::AsyncMemcachedOwn,
    Who::MemcacheAsync,
    Who::Mcmc,
    Who::MemcacheExpAsync,
    Who::CachekitRs,
];
/// Clients of Rust whose calls block: a thread for each caller.
const BLOCKING: &[Who] = &[Who::MemcacheExp, Who::MemcacheR2d2];
/// Clients of Rust that know several servers.
const SHARDING: &[Who] = &[Who::MemcacheExpAsync, Who::MemcacheExp, Who::MemcacheR2d2];
const PYTHON: &[Who] = &[Who::Pymemcache, Who::Pylibmc];
/// For small values on one server.
const PEERS: &[&[Who]] = &[US, ASYNC, BLOCKING, PIPELINED];
const ASYNC_PEERS: &[&[Who]] = &[US, ASYNC, PIPELINED];
const PIPELINED: &[Who] = &[Who::Pipelined];
/// For larger values: not the one behind a blocking pool.
const VALUE_PEERS: &[&[Who]] = &[US, ASYNC, &[Who::MemcacheExp]];

const fn gets(callers: usize, size: usize) -> Work {
    load(Operation::Get, callers, size)
}

const fn load(operation: Operation, callers: usize, size: usize) -> Work {
    Work::Load(Load {
        operation,
        size,
        callers,
    })
}

/// Under many callers, and on one server unless it says so.
pub(super) const ALL: &[Case] = &[
    Case {
        name: "get-1",
        title: "1 caller gets 100 B",
        work: gets(1, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: &[US, ASYNC, BLOCKING, PYTHON, &[Who::OneByOne]],
        columns: COLUMNS,
        bars: &[
            Bar::Duration(Rival::One(Who::OneByOne), 1.15),
            Bar::AtLeast(RATE, Rival::Async, 1.0),
        ],
    },
    Case {
        name: "get-16",
        title: "16 callers get 100 B",
        work: gets(16, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: PEERS,
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 1.4)],
    },
    Case {
        name: "get-256",
        title: "256 callers get 100 B",
        work: gets(256, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: PEERS,
        columns: COLUMNS,
        bars: &[
            Bar::AtLeast(RATE, Rival::Rust, 6.0),
            Bar::Figure(CLIENT, 1.0),
        ],
    },
    Case {
        name: "get-1024",
        title: "1024 callers get 100 B",
        work: gets(1_024, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: ASYNC_PEERS,
        columns: COLUMNS,
        bars: &[
            Bar::AtLeast(RATE, Rival::One(Who::Pipelined), 0.85),
            Bar::AtLeast(RATE, Rival::Rust, 7.0),
        ],
    },
    Case {
        name: "get-256-free",
        title: "256 callers get 100 B, two workers, nothing pinned",
        work: gets(256, 100),
        place: Place::Free,
        servers: 1,
        contenders: ASYNC_PEERS,
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 5.0)],
    },
    Case {
        name: "get-1024-free",
        title: "1024 callers get 100 B, two workers, nothing pinned",
        work: gets(1_024, 100),
        place: Place::Free,
        servers: 1,
        contenders: ASYNC_PEERS,
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 5.0)],
    },
    Case {
        name: "get-16-connections",
        title: "16 callers get 100 B over two to four connections: ours are several clients, the best of which counts",
        work: gets(16, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: &[
            &[
                Who::Ours { clients: 2 },
                Who::Ours { clients: 3 },
                Who::Ours { clients: 4 },
            ],
            ASYNC,
            &[Who::MemcacheExp],
        ],
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 2.0)],
    },
    Case {
        name: "get-many",
        title: "1 caller gets 100 keys of 100 B at once",
        work: load(Operation::GetMany, 1, 100),
        place: Place::Pinned,
        servers: 1,
        contenders: &[
            US,
            // Those that read in bulk; a pool is of no use to one caller.
            &[
                Who::AsyncMemcachedOwn,
                Who::MemcacheAsync,
                Who::Mcmc,
                Who::MemcacheExpAsync,
            ],
            BLOCKING,
            PYTHON,
            &[Who::MultiGet],
        ],
        columns: COLUMNS,
        bars: &[
            Bar::AtLeast(RATE, Rival::One(Who::MultiGet), 0.85),
            Bar::AtLeast(RATE, Rival::Rust, 1.0),
        ],
    },
    Case {
        name: "get-many-3-servers",
        title: "1 caller gets 100 keys of 100 B at once from three servers",
        work: load(Operation::GetMany, 1, 100),
        place: Place::Pinned,
        servers: 3,
        contenders: &[US, SHARDING, PYTHON],
        columns: COLUMNS,
        bars: &[
            Bar::AtLeast(RATE, Rival::One(Who::Pylibmc), 1.0),
            Bar::AtLeast(RATE, Rival::Rust, 1.3),
        ],
    },
    Case {
        name: "get-many-16-3-servers",
        title: "16 callers get 100 keys of 100 B at once from three servers",
        work: load(Operation::GetMany, 16, 100),
        place: Place::Pinned,
        servers: 3,
        contenders: &[US, SHARDING],
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 2.0)],
    },
    Case {
        name: "get-500KB",
        title: "16 callers get 500 KB",
        work: gets(16, 500_000),
        place: Place::Pinned,
        servers: 1,
        contenders: VALUE_PEERS,
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 0.9)],
    },
    Case {
        name: "set-500KB",
        title: "16 callers set 500 KB (memcache-async waits for no reply to a set, and is left out)",
        work: load(Operation::Set, 16, 500_000),
        place: Place::Pinned,
        servers: 1,
        contenders: &[
            US,
            &[
                Who::AsyncMemcachedPool,
                Who::AsyncMemcachedOwn,
                Who::Mcmc,
                Who::MemcacheExpAsync,
                Who::CachekitRs,
                Who::MemcacheExp,
            ],
        ],
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 0.9)],
    },
    Case {
        name: "get-10KB",
        title: "64 callers get 10 KB",
        work: gets(64, 10_000),
        place: Place::Pinned,
        servers: 1,
        contenders: VALUE_PEERS,
        columns: COLUMNS,
        bars: &[Bar::AtLeast(RATE, Rival::Rust, 2.0)],
    },
    Case {
        name: "mixed",
        title: "64 callers get 100 B while one gets 500 MB a second, 1 MB each: figures of the small ones",
        work: Work::Mixed,
        place: Place::Pinned,
        servers: 1,
        contenders: &[US, &[Who::TwoSockets]],
        columns: &[RATE, MEDIAN, P99, mixed::LARGE, CLIENT, SERVER, FOREIGN],
        bars: &[
            Bar::AtMost(P99, Rival::One(Who::TwoSockets), 1.3),
            Bar::AtLeast(mixed::LARGE, Rival::One(Who::TwoSockets), 0.95),
        ],
    },
    Case {
        name: "killed",
        title: "64 callers, 1 of 4 servers killed: percentiles are those of calls to the others",
        work: Work::Killed,
        place: Place::Pinned,
        servers: 0,
        contenders: &[US],
        columns: &[
            killed::CALLS,
            killed::FAILED,
            killed::BEFORE,
            killed::AFTER,
            killed::RATIO,
            FOREIGN,
        ],
        bars: &[
            Bar::Figure(killed::FAILED, 0.0),
            Bar::Figure(killed::RATIO, 2.0),
        ],
    },
    Case {
        name: "stopped",
        title: "32 callers, 1 of 4 servers stopped for 4 timeouts: ejection is what it took beyond RETRY_ATTEMPTS timeouts",
        work: Work::Stopped,
        place: Place::Pinned,
        servers: 0,
        contenders: &[US],
        columns: &[
            stopped::BEYOND,
            stopped::EJECTED,
            stopped::RETURNED,
            stopped::STALE,
            stopped::WRONG,
        ],
        // 50 ms for the tick of the timer and the turn of 32 callers; 20 s for two probes, which are
        // 10 s apart at most.
        bars: &[
            Bar::Figure(stopped::BEYOND, 50.0),
            Bar::Figure(stopped::EJECTED, 50.0),
            Bar::Figure(stopped::RETURNED, 20.0),
            Bar::Figure(stopped::STALE, 0.0),
            Bar::Figure(stopped::WRONG, 0.0),
        ],
    },
    Case {
        name: "memory",
        title: "256 callers, 1 % of all calls given up: resident memory after a tenth of the calls, and after all",
        work: Work::Memory,
        place: Place::Pinned,
        servers: 1,
        contenders: &[US],
        columns: &[
            memory::CALLS,
            memory::ABORTED,
            memory::EARLY,
            memory::LATE,
            memory::GROWTH,
        ],
        bars: &[Bar::Figure(memory::GROWTH, 1.0)],
    },
];

impl Case {
    /// Sizes of the values that its servers are filled with.
    pub(super) fn sizes(&self) -> Vec<usize> {
        match self.work {
            Work::Load(load) => vec![load.size],
            Work::Mixed => vec![mixed::SMALL.size, mixed::LARGE_SIZE],
            Work::Memory => vec![memory::SIZE],
            Work::Killed | Work::Stopped | Work::Refresh => Vec::new(),
        }
    }

    /// Whether a cell takes so long that a few rounds have to do, the worst of which counts.
    pub(super) const fn is_trial(&self) -> bool {
        matches!(
            self.work,
            Work::Killed | Work::Stopped | Work::Memory | Work::Refresh
        )
    }

    /// Whether clients of Python take part.
    pub(super) fn has_python(&self) -> bool {
        let mut contenders = self.contenders.iter().copied().flatten();
        contenders.any(|who| who.is_python())
    }
}
