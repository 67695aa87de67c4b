//! Leaders that are killed while they compute.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::Failed;
use crate::fleet::clock::{pass, some};
use crate::fleet::crew::Crew;

/// How long the fleet is left alone after a kill, to start the process that replaces it.
const REST: Duration = Duration::from_millis(500);

/// Who is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kills {
    /// Of all who compute, this share, at some moment of their computation.
    Share(f64),
    /// The first so many to compute, at once.
    First(u32),
}

/// Kills and replaces workers until it is dropped.
pub(super) async fn run(kills: Kills, crew: &Crew) -> Result<(), Failed> {
    match kills {
        Kills::Share(share) => some_of_them(share, crew).await,
        Kills::First(count) => the_first(count, crew).await,
    }
}

async fn some_of_them(share: f64, crew: &Crew) -> Result<(), Failed> {
    let mut begun = crew.begun();
    loop {
        match begun.recv().await {
            Ok(computation) if fastrand::f64() < share => {
                pass(some(computation.takes)).await;
                crew.replace(computation.process)?;
                pass(REST).await;
                begun = begun.resubscribe();
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn the_first(count: u32, crew: &Crew) -> Result<(), Failed> {
    let mut begun = crew.begun();
    for _ in 0..count {
        crew.replace(begun.recv().await?.process)?;
    }
    std::future::pending().await
}
