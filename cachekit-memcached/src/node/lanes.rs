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
/// one. So writes do not move to a connection that has less to do, and the writes of a key that
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
    /// The connection for `request`: one of its lane, for reads one that is not busy.
    pub(super) fn choose(
        &self,
        first: &Connection,
        traffic: &Traffic,
        request: &Request<'_>,
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
        let spare = self.spare(lane, reads);
        let busy = |in_flight| reads && in_flight >= BUSY;
        let wanted = match (lane, &spare) {
            (_, Some((in_flight, _))) => busy(*in_flight),
            (Lane::Large, None) => true,
            (Lane::Small, None) => busy(first.in_flight()),
        };
        // The first connection is of the small lane as well.
        let spare = spare.filter(|spare| lane == Lane::Large || spare.0 < first.in_flight());
        Choice {
            spare: spare.map(|(_, connection)| connection),
            wanted: wanted.then_some(lane),
        }
    }

    /// The earliest of `lane`, for `reads` that is not busy: what one caller does is in order while
    /// there is little to do, and few connections carry many requests at a time.
    fn spare(&self, lane: Lane, reads: bool) -> Option<(usize, Connection)> {
        let spares = self.lock();
        let of_lane: Vec<_> = spares
            .iter()
            .filter(|spare| spare.lane == lane && spare.connection.is_open())
            .map(|spare| (spare.connection.in_flight(), &spare.connection))
            .collect();
        let spare = if reads {
            let idle = of_lane.iter().find(|(in_flight, _)| *in_flight < BUSY);
            idle.or_else(|| of_lane.iter().min_by_key(|(in_flight, _)| *in_flight))
        } else {
            of_lane.first()
        };
        spare.map(|&(in_flight, connection)| (in_flight, connection.clone()))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::protocol::LARGE_VALUE;
    use crate::protocol::samples::{self, get};

    struct Scene {
        traffic: Arc<Traffic>,
        first: Connection,
        lanes: Lanes,
        peers: Vec<DuplexStream>,
    }

    impl Scene {
        fn new() -> Self {
            let traffic = Traffic::new(&"node".into(), Duration::from_secs(1));
            let (ours, theirs) = duplex(1);
            Self {
                first: Connection::open(ours, &traffic),
                lanes: Lanes::default(),
                peers: vec![theirs],
                traffic,
            }
        }

        fn add(&mut self, lane: Lane) -> Connection {
            let (ours, theirs) = duplex(1);
            let connection = Connection::open(ours, &self.traffic);
            self.peers.push(theirs);
            self.lanes.add(lane, connection.clone());
            connection
        }

        fn choose(&self, request: &Request<'_>) -> Choice {
            self.lanes.choose(&self.first, &self.traffic, request)
        }
    }

    fn set(key: &str, length: usize) -> Request<'static> {
        samples::set(key, vec![b'x'; length])
    }

    /// Leaves so many bytes in flight.
    fn load(connection: &Connection, length: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        drop(connection.send(set("load", length), deadline).unwrap());
    }

    #[tokio::test]
    async fn small_requests_take_the_first_connection_and_want_no_other() {
        let mut scene = Scene::new();
        scene.add(Lane::Large);
        scene.add(Lane::Small);
        for request in [get("k"), set("k", 1), Request::Noop] {
            let choice = scene.choose(&request);
            assert!(choice.spare.is_none() && choice.wanted.is_none());
        }
    }

    #[tokio::test]
    async fn large_values_wait_for_no_connection_of_their_own_and_want_one() {
        let mut scene = Scene::new();
        let choice = scene.choose(&set("k", LARGE_VALUE));
        assert!(choice.spare.is_none());
        assert_eq!(choice.wanted, Some(Lane::Large));
        scene.add(Lane::Large);
        for request in [set("k", LARGE_VALUE), get("k")] {
            let choice = scene.choose(&request);
            assert!(choice.spare.is_some() && choice.wanted.is_none());
        }
        assert!(scene.choose(&get("other")).spare.is_none());
    }

    #[tokio::test]
    async fn a_small_value_goes_after_the_large_one_that_it_replaces() {
        let mut scene = Scene::new();
        scene.add(Lane::Large);
        scene.choose(&set("k", LARGE_VALUE));
        assert!(scene.choose(&set("k", 1)).spare.is_some());
        assert!(scene.choose(&set("k", 1)).spare.is_none());
    }

    #[tokio::test]
    async fn reads_take_the_connection_with_the_least_to_do_and_writes_stay() {
        let mut scene = Scene::new();
        load(&scene.first, 2 * BUSY);
        let choice = scene.choose(&get("k"));
        assert!(choice.spare.is_none());
        assert_eq!(choice.wanted, Some(Lane::Small));
        let (busy, idle) = (scene.add(Lane::Small), scene.add(Lane::Small));
        load(&busy, 3 * BUSY);
        let spare = scene.choose(&get("k")).spare.unwrap();
        assert_eq!(spare.in_flight(), idle.in_flight());
        load(&idle, 3 * BUSY);
        let choice = scene.choose(&get("k"));
        assert!(choice.spare.is_none());
        assert_eq!(choice.wanted, Some(Lane::Small));
        assert!(scene.choose(&set("k", 1)).spare.is_none());
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_not_taken() {
        let mut scene = Scene::new();
        let large = scene.add(Lane::Large);
        scene.peers.pop();
        while large.is_open() {
            tokio::task::yield_now().await;
        }
        let choice = scene.choose(&set("k", LARGE_VALUE));
        assert!(choice.spare.is_none());
        assert_eq!(choice.wanted, Some(Lane::Large));
    }
}
