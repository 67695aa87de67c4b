//! What our client has to reach, as a ratio to something in the same run.

use crate::bar;
use crate::memcached::Standing;
use crate::memcached::cell::RATE;
use crate::memcached::who::{Role, Who};

/// One bar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bar {
    /// Our rate to that of a rival.
    AtLeast(Rival, f64),
    /// What one call of ours takes, to one of a limit.
    RoundTrips(Who, f64),
    /// A figure of ours to that of a limit.
    RatioAtMost(&'static str, Who, f64),
    /// A figure of ours.
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
    fn name(self) -> String {
        match self {
            Self::AtLeast(Rival::One(who), _)
            | Self::RoundTrips(who, _)
            | Self::RatioAtMost(_, who, _) => format!("ours / {}", who.name()),
            Self::AtLeast(Rival::Async | Rival::Rust, _) => "ours / the best peer".to_owned(),
            Self::Figure(figure, _) => figure.to_owned(),
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
    let rival = match bar {
        Bar::AtLeast(rival, _) => best(standings, |who| rival.includes(who)),
        Bar::RoundTrips(who, _) | Bar::RatioAtMost(_, who, _) => {
            best(standings, |other| other == who)
        }
        Bar::Figure(..) => ours,
    };
    let (Some(ours), Some(rival)) = (ours, rival) else {
        println!("  {}: no sample, NOT met", bar.name());
        return;
    };
    let ratio = |figure| ours.figure(figure) / rival.figure(figure);
    let name = rival.who.name();
    match bar {
        Bar::AtLeast(_, least) => bar::at_least(&format!("ours / {name}"), ratio(RATE), least),
        Bar::RoundTrips(_, most) => {
            bar::at_most(&format!("time of ours / {name}"), ratio(RATE).recip(), most);
        }
        Bar::RatioAtMost(figure, _, most) => {
            bar::at_most(&format!("{figure}, ours / {name}"), ratio(figure), most);
        }
        Bar::Figure(figure, most) => bar::at_most(figure, ours.figure(figure), most),
    }
}

/// The one with the highest rate; the only one, where there is no rate.
fn best(standings: &[Standing], included: impl Fn(Who) -> bool) -> Option<&Standing> {
    let included = standings.iter().filter(|standing| included(standing.who));
    included.max_by(|one, other| one.figure(RATE).total_cmp(&other.figure(RATE)))
}
