//! From steps with which something goes wrong to few with which it still does.

/// `steps` without those that `is_wrong` does not need. They are left out in halves, quarters and so
/// on, as in Zeller's delta debugging, until each of them is needed.
#[must_use]
pub fn shrunk<T: Clone>(mut steps: Vec<T>, mut is_wrong: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut length = steps.len();
    while length > 0 {
        let before = steps.len();
        let mut from = 0;
        while from < steps.len() {
            let to = (from + length).min(steps.len());
            let fewer = [&steps[..from], &steps[to..]].concat();
            if is_wrong(&fewer) {
                steps = fewer;
            } else {
                from = to;
            }
        }
        if length > 1 || steps.len() == before {
            length /= 2;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays_in_its_order() {
        let needs = |steps: &[u32]| [7, 40, 41].iter().all(|one| steps.contains(one));
        assert_eq!(shrunk((0..100).collect(), needs), [7, 40, 41]);
    }

    #[test]
    fn of_steps_with_which_all_goes_wrong_none_is_left() {
        assert!(shrunk(vec![1, 2, 3], |_| true).is_empty());
    }
}
