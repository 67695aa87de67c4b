//! The computation in the future of the caller.

use std::future::Future;
use std::pin::pin;

use tracing::Instrument;

use super::outcome::{Landed, joined};
use super::turn::Turn;
use super::{Around, Entered, Job};
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::cache::sought::Begun;
use crate::cache::stats::Event;
use crate::policy::flight::Leader;
use crate::policy::race::race;
use crate::policy::reentry::Chain;

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// Computes in this future. When its time is over, and there is something else to give or to
    /// say, the computation is dropped: one of the waiters begins again.
    pub(crate) async fn inline(self, compute: impl Future<Output = K::Returned>) -> K::Returned {
        let around = match self.enter() {
            Entered::Into(around) => around,
            Entered::Told(returned) => return returned,
            Entered::Through => return Chain::current().aside().run_async(compute).await,
        };
        // Passed on by reference: each future that it was moved into would be twice as large.
        let compute = pin!(compute);
        let returned = {
            let run = pin!(async {
                let (mut leader, refreshing) = match self.turn(&around).await {
                    Turn::Return(returned) => return returned,
                    Turn::Alone => return self.alone(&around, compute).await,
                    Turn::Lead { leader, refreshing } => (leader, refreshing),
                };
                let (landing, settled) = self.lead(&mut leader, refreshing, &around, compute).await;
                leader.land(landing);
                joined::<K>(settled)
            });
            self.in_time(run, &around).await
        };
        around.outer.regain(self.inner.address()).await;
        returned
    }

    /// Looks into the backend and, if need be, computes.
    pub(super) async fn lead(
        &self,
        leader: &mut Leader,
        refreshing: bool,
        around: &Around,
        compute: impl Future<Output = K::Returned>,
    ) -> Landed<K> {
        let computation = match self.begin(leader, refreshing, around).await {
            Begun::Compute(computation) => computation,
            Begun::Found(found) => return self.landed_as(found),
            Begun::Refresh(found, refresh, computation) => {
                leader.land_early(found.landing());
                *leader = refresh;
                computation
            }
        };
        let permit = match self.admit(&around.outer, &computation, leader).await {
            Ok(permit) => permit,
            Err(turned_away) => return turned_away,
        };
        let computing = around.begin(permit, &computation);
        let compute = around.chain.run_async(compute.instrument(self.span()));
        let returned = race(compute, computing.leave_when(leader.overdue())).await;
        let (settled, ending) = self.settle(computing.end(), returned);
        let ending = match leader.is_overdue() {
            true => ending.late(),
            false => ending,
        };
        let ended = self.end(*computation, ending).await;
        self.landed(settled, ended)
    }

    /// Computes past the flight; nothing is stored.
    pub(super) async fn alone(
        &self,
        around: &Around,
        compute: impl Future<Output = K::Returned>,
    ) -> K::Returned {
        let permit = self.inner.place_alone(&around.outer).await;
        let computing = around.begin_alone(permit);
        self.count(Event::Computed);
        let compute = compute.instrument(self.span());
        let returned = around.chain.run_async(compute).await;
        computing.end();
        returned
    }
}
