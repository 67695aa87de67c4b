//! Four servers, one of which is going to fail.

use std::time::Duration;

use cachekit_memcached::Config;
use cachekit_memcached::ring::Ring;
use cachekit_memcached::testkit::{self, Server};
use rustix::process::{Pid, Signal, kill_process};

use crate::Failed;
use crate::memcached::cell::Cell;
use crate::memcached::servers;

/// How many servers there are.
const SERVERS: usize = 4;
/// Which of them fails.
const VICTIM: usize = 0;

/// The servers, and who owns which key.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) servers: Vec<Server>,
    pub(crate) config: Config,
    ring: Ring,
}

impl Fleet {
    /// Where `cell` wants them.
    pub(crate) fn start(cell: &Cell) -> Result<Self, Failed> {
        let servers = servers::start(SERVERS, cell.place)?;
        let mut config = Config::of_servers(testkit::addresses(&servers))?;
        if cell.quick {
            config.timeout = Duration::from_millis(300);
        }
        let ring = Ring::new(config.hashing, &config.servers);
        Ok(Self {
            servers,
            config,
            ring,
        })
    }

    /// Their process ids.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::pid).collect()
    }

    /// The server that fails.
    pub(crate) fn victim(&self) -> &Server {
        &self.servers[VICTIM]
    }

    /// Kills that server, and does not wait for its end: this thread has callers to run.
    pub(crate) fn kill_victim(&self) -> Result<(), Failed> {
        let pid = i32::try_from(self.victim().pid())?;
        let pid = Pid::from_raw(pid).ok_or("a server without a process")?;
        Ok(kill_process(pid, Signal::KILL)?)
    }

    /// Whether the server that fails owns `key`.
    pub(crate) fn victim_owns(&self, key: &str) -> bool {
        self.ring.owner(key) == Some(VICTIM)
    }
}
