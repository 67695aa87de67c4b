//! Which of several connections to one server a request takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Link, Node, greeting};
use crate::connection::{Connection, Traffic};
use crate::error::Failure;
use crate::protocol::Request;

/// With about so many bytes in flight, requests and expected replies, a connection is busy: reads
/// take another one.
const BUSY: usize = 256 * 1024;

/// After a further connection could not be made, so long none is tried.
const PAUSE: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Everything but large values.
    Small,
    /// Large values, so that nothing small waits behind them.
    Large,
}

/// The connections of one runtime beside its first. They come and go with what there is to do; no
/// call waits for one.
///
/// Requests on two connections have no order between them, and none here needs one: a write that
/// has to see what another one did is conditional on its CAS number, and whoever wants to see a
/// write awaits it first. What is left is a caller that gives a write up and then makes another
/// one. So writes do not move to the connection that has less to do, and the writes of a key that
/// is known to be large stay together: the second does not overtake the first, as long as the size
/// of the value does not change.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<Vec<Spare>>);

#[derive(Debug)]
struct Spare {
    lane: Lane,
    connection: Connection,
}

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Choice {
    /// `None`: to the first connection.
    pub(super) spare: Option<Connection>,
    /// One more of these would be of use.
    pub(super) wanted: Option<Lane>,
}

impl Lanes {
    /// The connection for `request`: one of its lane, for reads the one with the least to do.
    pub(super) fn choose(
        &self,
        first: &Connection,
        traffic: &Traffic,
        request: &Request,
    ) -> Choice {
        let reads = matches!(request, Request::Get(_) | Request::GetMany(_));
        let lane = if traffic.is_large(request) {
            Lane::Large
        } else {
            Lane::Small
        };
        if lane == Lane::Small && (!reads || first.in_flight() < BUSY) {
            return Choice {
                spare: None,
                wanted: None,
            };
        }
        let spares = self.lock();
        let mut of_lane = spares
            .iter()
            .filter(|spare| spare.lane == lane && spare.connection.is_open())
            .map(|spare| (spare.connection.in_flight(), &spare.connection));
        let spare = if reads {
            of_lane.min_by_key(|(in_flight, _)| *in_flight)
        } else {
            of_lane.next()
        };
        let busy = |in_flight| reads && in_flight >= BUSY;
        let wanted = match (lane, &spare) {
            (_, Some((in_flight, _))) => busy(*in_flight),
            (Lane::Large, None) => true,
            (Lane::Small, None) => busy(first.in_flight()),
        };
        // The first connection is of the small lane as well.
        let spare = spare.filter(|spare| lane == Lane::Large || spare.0 < first.in_flight());
        Choice {
            spare: spare.map(|(_, connection)| connection.clone()),
            wanted: wanted.then_some(lane),
        }
    }

    /// All that there are.
    pub(super) fn connections(&self) -> Vec<Connection> {
        let spares = self.lock();
        spares
            .iter()
            .map(|spare| spare.connection.clone())
            .collect()
    }

    /// One more connection.
    pub(super) fn add(&self, lane: Lane, connection: Connection) {
        connection.close_when_idle();
        let mut spares = self.lock();
        spares.retain(|spare| spare.connection.is_open());
        spares.push(Spare { lane, connection });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Spare>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to make a further connection to a node, until it is dropped.
#[derive(Debug)]
struct Widening(Weak<Node>);

impl Drop for Widening {
    fn drop(&mut self) {
        if let Some(node) = self.0.upgrade() {
            node.slots.widened();
        }
    }
}

/// Makes one more connection for the runtime of `link`, which is the current one, unless there are
/// enough. Nobody waits for it, so its failure is none of the node: the first connection will tell.
pub(super) fn widen(node: &Arc<Node>, link: &Link, lane: Lane) {
    if !node.slots.widen() {
        return;
    }
    let widening = Widening(Arc::downgrade(node));
    let (node, lanes) = (Arc::clone(node), Arc::clone(&link.lanes));
    let run = link.greeting.run;
    tokio::spawn(async move {
        let made = further(&node, run).await;
        drop(node);
        match made {
            Ok(Some(connection)) => lanes.add(lane, connection),
            Ok(None) | Err(_) => sleep(PAUSE).await,
        }
        drop(widening);
    });
}

/// A connection to this run of the node; `None` if another one answers.
async fn further(node: &Node, run: u64) -> Result<Option<Connection>, Failure> {
    let deadline = Instant::now() + node.connect_timeout;
    let connection = node
        .dialer
        .connect(deadline, &node.traffic)
        .await?
        .connection;
    let credentials = node.credentials.as_ref();
    let greeting = greeting::exchange(&connection, credentials, node.protocol, deadline).await?;
    let connection = connection.speaking(greeting.dialect);
    Ok((greeting.run == run).then_some(connection))
}
