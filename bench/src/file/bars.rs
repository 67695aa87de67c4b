//! What the file backend has to reach, as a ratio to something in the same run.

use crate::bar;
use crate::file::Standing;
use crate::file::crew::TIME;
use crate::file::who::{Role, Who};

/// One bar.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bar {
    /// A figure of the first is at most so many times that of the second.
    AtMost(&'static str, Who, Who, f64),
    /// The first is at least so many times faster than the second.
    Faster(Who, Who, f64),
    /// Faster than every peer that several processes can share.
    AheadOfShared(Who),
    /// A figure of one is at most this.
    Figure(&'static str, Who, f64),
}

/// Prints whether `bar` is met.
pub(super) fn print(bar: Bar, standings: &[Standing]) {
    let of = |who| standings.iter().find(|standing| standing.who == who);
    let shared = standings
        .iter()
        .filter(|standing| standing.who.role() == Role::Shared)
        .min_by(|one, other| one.figure(TIME).total_cmp(&other.figure(TIME)));
    let (ours, rival) = match bar {
        Bar::AtMost(_, ours, rival, _) | Bar::Faster(ours, rival, _) => (of(ours), of(rival)),
        Bar::AheadOfShared(ours) => (of(ours), shared),
        Bar::Figure(_, ours, _) => (of(ours), of(ours)),
    };
    let (Some(ours), Some(rival)) = (ours, rival) else {
        println!("  no sample of one of the two, NOT met: {bar:?}");
        return;
    };
    let what = |what: &str| format!("{}: {what} / {}", ours.who.name(), rival.who.name());
    let ratio = |figure| ours.figure(figure) / rival.figure(figure);
    match bar {
        Bar::AtMost(figure, .., most) => bar::at_most(&what(figure), ratio(figure), most),
        Bar::Faster(.., least) => bar::at_least(
            &format!("{}: faster than {}", ours.who.name(), rival.who.name()),
            ratio(TIME).recip(),
            least,
        ),
        Bar::AheadOfShared(_) => bar::at_most(&what("time, beside shared peers"), ratio(TIME), 1.0),
        Bar::Figure(figure, _, most) => {
            bar::at_most(
                &format!("{}: {figure}", ours.who.name()),
                ours.figure(figure),
                most,
            );
        }
    }
}
