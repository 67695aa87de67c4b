//! Callers that go away: every call, at every point, in every way.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::DEADLINE;
use super::calls::{CALLS, Ready, Running};
use super::honest::{Honest, assert_next_is_right};
use super::peer::Peer;
use super::script::Script;

/// How far a call has come when its caller goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Its future was never polled.
    Unpolled,
    /// It was polled once: nothing is written yet.
    Queued,
    /// It stands behind values that the server does not go on reading.
    HalfWritten,
    /// The server has said all there is to say, and nothing of it has come.
    Written,
    /// A few bytes have come.
    MidHeader,
    /// Half has come: of a large reply, that is the middle of a value.
    MidValue,
    /// All has come but the last byte.
    BeforeTheEnd,
}

const POINTS: [Point; 7] = [
    Point::Unpolled,
    Point::Queued,
    Point::HalfWritten,
    Point::Written,
    Point::MidHeader,
    Point::MidValue,
    Point::BeforeTheEnd,
];

impl Point {
    fn script(self, expected: &Honest) -> Script {
        let length = expected.said.len();
        match self {
            Self::Unpolled | Self::Queued => Script::Honest,
            Self::HalfWritten => Script::Deaf,
            Self::Written => Script::Hold(0),
            Self::MidHeader => Script::Hold(3),
            Self::MidValue => Script::Hold(length / 2),
            Self::BeforeTheEnd => Script::Hold(length - 1),
        }
    }

    /// What a call stands behind, where it is to be half written.
    fn filler(self, ready: &Ready) -> Running<'_> {
        match self {
            Self::HalfWritten => ready.fill(),
            _ => Box::pin(std::future::pending()),
        }
    }

    /// Lets `running` come as far as this.
    async fn reach(self, running: &mut Running<'_>, peer: &Peer, expected: &Honest) {
        match self {
            Self::Unpolled => {}
            Self::Queued => assert!(!poll_once(running).await, "it waits for a reply"),
            Self::HalfWritten => assert!(!goes_on(running).await, "nobody reads"),
            Self::Written | Self::MidHeader | Self::MidValue | Self::BeforeTheEnd => {
                let Script::Hold(at) = self.script(expected) else {
                    unreachable!("replies are held back")
                };
                let stopped = peer.scene().until(|p| p.done == at && p.said.len() > at);
                tokio::select! {
                    outcome = &mut *running => panic!("{self:?}: {outcome:?}"),
                    () = stopped => {}
                }
                assert!(!goes_on(running).await, "the rest is held back");
            }
        }
    }
}

/// Whether `running` ended by being polled once.
async fn poll_once(running: &mut Running<'_>) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(running.as_mut().poll(context).is_ready())
    })
    .await
}

/// Lets `running`, and what it started, do what they can without the peer. Whether it ended.
async fn goes_on(running: &mut Running<'_>) -> bool {
    timeout(Duration::from_millis(3), running).await.is_ok()
}

/// Lets every call come to every point and `leave`; the others, on the same connections, get what
/// is theirs.
async fn every_caller_goes(leave: for<'a> fn(Running<'a>)) {
    let peer = Peer::start();
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        for point in POINTS {
            let case = format!("{call}, {point:?}");
            let ready = Ready::on(&peer, peer.config(), call).await;
            peer.follow(point.script(&expected));
            let mut filler = point.filler(&ready);
            assert!(
                !goes_on(&mut filler).await,
                "{case}: it fits into the sockets"
            );
            let mut running = (call.make)(&ready);
            point.reach(&mut running, &peer, &expected).await;
            leave(running);
            peer.scene().go_on();
            if point == Point::HalfWritten {
                assert!(filler.await.iter().all(Result::is_ok), "{case}");
            }
            assert_next_is_right(&peer, &ready, &case).await;
            for key in ready.keys() {
                ready.next(key).await;
            }
            assert_eq!(ready.lost(&peer), 0, "{case}");
        }
    }
}

#[tokio::test]
async fn a_caller_that_goes_anywhere_disturbs_no_other() {
    every_caller_goes(|running| drop(running)).await;
}

#[tokio::test]
async fn a_caller_that_is_forgotten_anywhere_disturbs_no_other() {
    every_caller_goes(|running| std::mem::forget(running)).await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_ends_anywhere_fails_its_calls_and_those_of_the_next_are_right() {
    let (peer, next) = (Peer::start(), runtime());
    for call in CALLS {
        let expected = next.block_on(Honest::of(&peer, call));
        for point in POINTS {
            let case = format!("{call}, {point:?}");
            let first = runtime();
            let ready = first.block_on(Ready::on(&peer, peer.config(), call));
            peer.follow(point.script(&expected));
            let mut filler = point.filler(&ready);
            first.block_on(goes_on(&mut filler));
            let mut running = (call.make)(&ready);
            first.block_on(point.reach(&mut running, &peer, &expected));
            drop(first);
            peer.scene().go_on();
            let ended = next.block_on(async { timeout(DEADLINE, running).await });
            expected.assert_right_or_failed(&ended.expect("it does not hang"), &case);
            drop(filler);
            next.block_on(assert_next_is_right(&peer, &ready, &case));
        }
    }
}
