//! Small values while large ones flow: what the small ones wait for the others.

use std::sync::Arc;

use cachekit_memcached::{Client, Config};

use crate::Failed;
use crate::memcached::caller::{Gate, Load, Operation, work};
use crate::memcached::cell::{Cell, Figures};
use crate::memcached::limits::two_sockets;
use crate::memcached::who::Who;

/// Callers that get small values, while one gets a large one after another.
pub(crate) const SMALL: Load = Load {
    operation: Operation::Get,
    size: 100,
    callers: 64,
};
const LARGE_LOAD: Load = Load {
    operation: Operation::Get,
    size: LARGE_SIZE,
    callers: 1,
};
/// Just below what a server keeps by default.
pub(crate) const LARGE_SIZE: usize = 1_000_000;
/// How many large values flow.
pub(crate) const LARGE: &str = "large/s";

/// All figures but one are those of the small values.
pub(crate) fn run(cell: &Cell) -> Result<Figures, Failed> {
    let small = Gate::new(SMALL.callers, SMALL.size);
    let large = Gate::new(1, LARGE_SIZE);
    let gates = [Arc::clone(&small), Arc::clone(&large)];
    let server = &cell.servers[0];
    cell.runtime()?.block_on(async {
        let tasks = if cell.who == Who::TwoSockets {
            vec![
                tokio::spawn(two_sockets::small(server.clone(), SMALL.callers, small)),
                tokio::spawn(two_sockets::large(server.clone(), large)),
            ]
        } else {
            let client = Client::new(Config::of_servers([server])?)?;
            let callers = (0..SMALL.callers)
                .map(|index| tokio::spawn(work(client.clone(), index, SMALL, Arc::clone(&small))));
            let other = tokio::spawn(work(client.clone(), 0, LARGE_LOAD, large));
            callers.chain([other]).collect()
        };
        cell.measure(&gates, tasks).await
    })
}
