//! What a process of the fleet is told.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fleet::reader::Through;

/// What a worker needs to know. The writer, in the parent, goes by one as well.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Its number, which no other process of the run has.
    pub(super) process: u32,
    pub(super) through: Through,
    /// Addresses of the memcached servers.
    pub(super) servers: Vec<String>,
    /// Where values are files, if they are.
    pub(super) directory: PathBuf,
    /// The socket of the origin.
    pub(super) origin: PathBuf,
    /// Where it writes what it has read.
    pub(super) history: PathBuf,
    pub(super) tasks: u32,
    pub(super) keys: u32,
    pub(super) ttl: Duration,
    /// How long values stay in the process; `None`: not at all.
    pub(super) l1: Option<Duration>,
    pub(super) reads: Reads,
}

/// How the tasks of a process read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reads {
    /// All the time, some key each, with about this pause in between.
    Steadily { pause: Duration },
    /// Every key once, each time they are told to.
    InRounds,
}
