//! What our client has to reach, as a ratio to something in the same run.

use crate::bar;
use crate::cells::RATE;
use crate::memcached::Standing;
use crate::memcached::who::{Role, Who};

/// One bar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bar {
    /// A figure of ours to that of a rival.
    AtLeast(&'static str, Rival, f64),
    /// A figure of ours to that of a rival.
    AtMost(&'static str, Rival, f64),
    /// What one call of ours takes, to one of a rival, where there is one caller.
    Duration(Rival, f64),
    /// A figure of ours is at most this.
    Figure(&'static str, f64),
}

/// Whom we are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rival {
    /// The fastest client of Rust whose calls are awaited.
    Async,
    /// The fastest client of Rust.
    Rust,
    One(Who),
}

impl Bar {
    const fn rival(self) -> Option<Rival> {
        match self {
            Self::AtLeast(_, rival, _) | Self::AtMost(_, rival, _) | Self::Duration(rival, _) => {
                Some(rival)
            }
            Self::Figure(..) => None,
        }
    }
}

impl Rival {
    fn includes(self, who: Who) -> bool {
        match self {
            Self::Async => who.role() == Role::Async,
            Self::Rust => matches!(who.role(), Role::Async | Role::Blocking),
            Self::One(one) => who == one,
        }
    }
}

/// Prints whether `bar` is met; the fastest of ours counts.
pub(super) fn print(bar: Bar, standings: &[Standing]) {
    let ours = best(standings, |who| who.role() == Role::Ours);
    let rival = match bar.rival() {
        Some(rival) => best(standings, |who| rival.includes(who)),
        None => ours,
    };
    let (Some(ours), Some(rival)) = (ours, rival) else {
        println!("  no sample of one of the two, NOT met: {bar:?}");
        return;
    };
    let ratio = |figure| ours.figure(figure) / rival.figure(figure);
    let over = |what: &str| format!("{what}, ours / {}", rival.who.name());
    match bar {
        Bar::AtLeast(figure, _, least) => bar::at_least(&over(figure), ratio(figure), least),
        Bar::AtMost(figure, _, most) => bar::at_most(&over(figure), ratio(figure), most),
        Bar::Duration(_, most) => bar::at_most(&over("time"), ratio(RATE).recip(), most),
        Bar::Figure(figure, most) => bar::at_most(figure, ours.figure(figure), most),
    }
}

/// The one with the highest rate; the only one, where there is no rate.
fn best(standings: &[Standing], included: impl Fn(Who) -> bool) -> Option<&Standing> {
    let included = standings.iter().filter(|standing| included(standing.who));
    included.max_by(|one, other| one.figure(RATE).total_cmp(&other.figure(RATE)))
}
