//! Small values while large ones flow: what the small ones wait for the others.

use std::sync::Arc;
use std::time::Duration;

use cachekit_memcached::{Client, Config};
use tokio::time::{Interval, MissedTickBehavior};

use crate::Failed;
use crate::cells::Figures;
use crate::cells::histogram::Histogram;
use crate::memcached::caller::{Caller, Gate, Load, Operation, work};
use crate::memcached::cell::Cell;
use crate::memcached::limits::two_sockets;
use crate::memcached::who::Who;

/// Callers that get small values as fast as they come, while one gets large ones at a fixed pace:
/// whoever is slow with those would have it easier with the small ones otherwise.
pub(crate) const SMALL: Load = Load {
    operation: Operation::Get,
    size: 100,
    callers: 64,
};
/// Just below what a server keeps by default.
pub(crate) const LARGE_SIZE: usize = 1_000_000;
const PACE: Duration = Duration::from_millis(2);
/// How many large values came.
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
            let other = tokio::spawn(get_large(client.clone(), large));
            callers.chain([other]).collect()
        };
        cell.measure(&gates, tasks).await
    })
}

/// One large value at each tick until the gate is closed.
async fn get_large(mut client: Client, gate: Arc<Gate>) -> Result<Histogram, Failed> {
    let mut random = fastrand::Rng::new();
    let mut pace = pace();
    while !gate.is_closed() {
        pace.tick().await;
        let length = Caller::get(&mut client, gate.keys.choose(&mut random)).await?;
        if length != LARGE_SIZE {
            return Err(format!("{length} bytes instead of {LARGE_SIZE}").into());
        }
        gate.add(0, 1);
    }
    Ok(Histogram::default())
}

/// When the next large value is asked for.
pub(crate) fn pace() -> Interval {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}
