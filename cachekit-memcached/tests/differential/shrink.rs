//! From a sequence that is answered differently to a short one that still is.

use crate::pair::{Difference, Pair};
use crate::step::Step;

/// How to see it again, and the shortest sequence found in which it is.
pub(crate) fn report(seed: u64, steps: Vec<Step>, first: &Difference, args: &[&str]) -> String {
    let difference = |steps: &[Step]| Pair::start(args).first_difference(steps);
    let steps = shrunk(steps, |steps| difference(steps).is_some());
    let lines: String = steps.iter().map(|step| format!("  {step}\n")).collect();
    let told = difference(&steps).map_or_else(
        || format!("alike on servers that are new; on the others:\n{first}"),
        |difference| difference.to_string(),
    );
    format!("CACHEKIT_TEST_SEED={seed} {args:?}\n{lines}{told}")
}

/// `steps` without those that `differs` does not need. They are left out in halves, quarters and so
/// on, as in Zeller's delta debugging.
fn shrunk(mut steps: Vec<Step>, differs: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let mut length = steps.len() / 2;
    while length > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut shorter = steps.clone();
            shorter.drain(from..(from + length).min(steps.len()));
            if differs(&shorter) {
                steps = shorter;
            } else {
                from += length;
            }
        }
        length /= 2;
    }
    steps
}
