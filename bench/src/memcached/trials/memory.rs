//! Memory after many calls, some of which were given up.

use std::cell::Cell as Count;
use std::pin::pin;
use std::rc::Rc;

use std::future::poll_fn;
use std::task::Poll;

use cachekit_memcached::{Client, Config};
use tokio::task::LocalSet;

use crate::Failed;
use crate::cells::Figures;
use crate::cells::machine::resident;
use crate::memcached::caller::Caller;
use crate::memcached::cell::Cell;
use crate::memcached::keys::Keys;

/// Resident bytes after the first tenth of all calls, and after all of them.
pub(crate) const EARLY: &str = "early MiB";
pub(crate) const LATE: &str = "late MiB";
pub(crate) const GROWTH: &str = "growth MiB";
pub(crate) const ABORTED: &str = "aborted";
pub(crate) const CALLS: &str = "calls";

const CALLERS: usize = 256;
pub(crate) const SIZE: usize = 100;
const MANY: u64 = 10_000_000;
const QUICK: u64 = 20_000;
/// One call of so many is given up when it has been polled once, and one is a set.
const ABORTS: u32 = 100;
const SETS: u32 = 10;

#[derive(Debug)]
struct Shared {
    keys: Keys,
    left: Count<u64>,
    aborted: Count<u64>,
}

pub(crate) fn run(cell: &Cell) -> Result<Figures, Failed> {
    let calls = if cell.quick { QUICK } else { MANY };
    let shared = Rc::new(Shared {
        keys: Keys::of(SIZE),
        left: Count::new(calls),
        aborted: Count::new(0),
    });
    let client = Client::new(Config::of_servers(&cell.servers)?)?;
    let runtime = cell.runtime()?;
    let early = some_calls(&runtime, &client, &shared, calls - calls / 10)?;
    let late = some_calls(&runtime, &client, &shared, 0)?;
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Figures::from([
        (CALLS.to_owned(), calls as f64),
        (ABORTED.to_owned(), shared.aborted.get() as f64),
        (EARLY.to_owned(), mebibytes(early)),
        (LATE.to_owned(), mebibytes(late)),
        (GROWTH.to_owned(), mebibytes(late) - mebibytes(early)),
    ]))
}

/// Calls until so many are `left`; the resident size then.
fn some_calls(
    runtime: &tokio::runtime::Runtime,
    client: &Client,
    shared: &Rc<Shared>,
    left: u64,
) -> Result<u64, Failed> {
    LocalSet::new().block_on(runtime, async {
        let callers = (0..CALLERS)
            .map(|_| tokio::task::spawn_local(call(client.clone(), Rc::clone(shared), left)));
        for caller in callers.collect::<Vec<_>>() {
            caller.await??;
        }
        Ok(resident())
    })
}

async fn call(mut client: Client, shared: Rc<Shared>, left: u64) -> Result<(), Failed> {
    let mut random = fastrand::Rng::new();
    while shared.left.get() > left {
        shared.left.set(shared.left.get() - 1);
        let key = shared.keys.choose(&mut random);
        let sets = random.u32(..SETS) == 0;
        let mut outcome = pin!(async {
            match sets {
                true => Caller::set(&mut client, key, &shared.keys.value).await,
                false => Caller::get(&mut client, key).await.map(drop),
            }
        });
        if random.u32(..ABORTS) == 0 {
            let first = poll_fn(|context| Poll::Ready(outcome.as_mut().poll(context))).await;
            shared
                .aborted
                .set(shared.aborted.get() + u64::from(first.is_pending()));
        } else {
            outcome.await?;
        }
    }
    Ok(())
}
