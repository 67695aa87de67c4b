//! Ketama, placed exactly as libmemcached 1.1 places with `MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED`.

/// The points of a node whose weight is the average of the ring.
const POINTS: f32 = 160.0;
/// One MD5 gives four points.
const POINTS_PER_ROUND: f32 = 4.0;

/// Nodes by name and weight, each with points on a circle of 2³² places. A key belongs to the node
/// of the first point at or after its hash.
///
/// The hash of a key is the first word (little endian) of its MD5. Round `n` of a node gives it
/// the four words of the MD5 of `{name}-{n}`. It has `⌊weight / total × 40 × nodes⌋` rounds, in
/// `f32`, so 40 where all weights are equal, give or take one that rounding costs. Without a node,
/// the weights of the others are shares of a smaller total: they may gain points, or lose some to
/// rounding. Points at one place belong to the node that is given first.
#[derive(Clone, Debug)]
pub struct Ketama {
    weights: Vec<u32>,
    /// The rounds of each node while all are there.
    rounds: Vec<u32>,
    /// Every point that a node has beside any others of the ring, in the order of the circle.
    points: Vec<Point>,
}

/// In the order of the circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    place: u32,
    node: usize,
    /// It counts if its node has more rounds than this.
    round: u32,
}

impl Ketama {
    /// A ring of nodes with these names and weights. Names are expected to differ, and weights to
    /// be at least 1.
    pub fn new<S: AsRef<str>>(nodes: impl IntoIterator<Item = (S, u32)>) -> Self {
        let (names, weights): (Vec<S>, Vec<u32>) = nodes.into_iter().unzip();
        let most = most_rounds(&weights);
        let points_of = |node: usize| {
            let name = names[node].as_ref();
            (0..most[node]).flat_map(move |round| points(name, node, round))
        };
        let mut points: Vec<Point> = (0..names.len()).flat_map(points_of).collect();
        points.sort_unstable();
        let rounds = rounds(&weights, &vec![true; weights.len()]);
        Self {
            weights,
            rounds,
            points,
        }
    }

    /// The index of the node that `key` belongs to; `None` in a ring without nodes.
    #[must_use]
    pub fn owner(&self, key: &str) -> Option<usize> {
        if self.weights.len() <= 1 {
            return (!self.weights.is_empty()).then_some(0);
        }
        self.first(hash(key), &self.rounds)
    }

    /// The indices of all nodes, the owner first, then who would be the owner in a ring without
    /// it, and so on. Each is looked up when it is asked for.
    #[must_use]
    pub fn order(&self, key: &str) -> Order<'_> {
        Order {
            ring: self,
            hash: hash(key),
            live: vec![true; self.weights.len()],
        }
    }

    /// The node of the first point at or after `hash` that counts where each node has `rounds`.
    fn first(&self, hash: u32, rounds: &[u32]) -> Option<usize> {
        let start = self.points.partition_point(|point| point.place < hash);
        let (before, after) = self.points.split_at(start);
        let counts = |point: &&Point| point.round < rounds[point.node];
        let point = after.iter().chain(before).find(counts)?;
        Some(point.node)
    }
}

/// The nodes that a key belongs to, one after the other.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    ring: &'a Ketama,
    hash: u32,
    /// Those that have not come yet.
    live: Vec<bool>,
}

impl Iterator for Order<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let rounds = rounds(&self.ring.weights, &self.live);
        let node = self.ring.first(self.hash, &rounds)?;
        self.live[node] = false;
        Some(node)
    }
}

fn hash(key: &str) -> u32 {
    words(key.as_bytes())[0]
}

fn points(name: &str, node: usize, round: u32) -> [Point; 4] {
    words(format!("{name}-{round}").as_bytes()).map(|place| Point { place, node, round })
}

fn words(bytes: &[u8]) -> [u32; 4] {
    let md5::Digest(digest) = md5::compute(bytes);
    let (words, _) = digest.as_chunks();
    [0, 1, 2, 3].map(|word| u32::from_le_bytes(words[word]))
}

/// The rounds of each node in a ring of those that are `live`; none for the others.
fn rounds(weights: &[u32], live: &[bool]) -> Vec<u32> {
    let of_live = || weights.iter().zip(live).filter(|(_, live)| **live);
    let total = of_live().map(|(&weight, _)| u64::from(weight)).sum();
    let count = of_live().count();
    let rounds = |(&weight, &live)| if live { share(weight, total, count) } else { 0 };
    weights.iter().zip(live).map(rounds).collect()
}

/// The most rounds that each node has in any ring of these. Of all rings of one size, that is the
/// one beside the lightest others.
fn most_rounds(weights: &[u32]) -> Vec<u32> {
    let mut lightest: Vec<usize> = (0..weights.len()).collect();
    lightest.sort_by_key(|&node| weights[node]);
    let most = |node: usize| {
        let mut total = u64::from(weights[node]);
        let mut most = share(weights[node], total, 1);
        let others = lightest.iter().filter(|&&other| other != node);
        for (others, &other) in others.enumerate() {
            total += u64::from(weights[other]);
            most = most.max(share(weights[node], total, others + 2));
        }
        most
    };
    (0..weights.len()).map(most).collect()
}

/// libmemcached's arithmetic, step by step. It adds 1e-10 before it rounds, which changes no `f32`
/// of one or more.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "libmemcached computes so, and the points depend on it"
)]
fn share(weight: u32, total: u64, nodes: usize) -> u32 {
    let part = weight as f32 / total as f32;
    (part * POINTS / POINTS_PER_ROUND * nodes as f32).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points_of(weights: &[u32]) -> Vec<u32> {
        let rounds = rounds(weights, &vec![true; weights.len()]);
        rounds.iter().map(|rounds| rounds * 4).collect()
    }

    #[test]
    fn a_ring_without_nodes_has_no_owner() {
        let ring = Ketama::new(Vec::<(String, u32)>::new());
        assert_eq!(ring.owner("k"), None);
        assert_eq!(ring.order("k").count(), 0);
    }

    #[test]
    fn the_points_of_a_node_follow_its_weight_and_are_rounded_down() {
        assert_eq!(points_of(&[1, 1, 1]), [160, 160, 160]);
        assert_eq!(points_of(&[3, 2, 1]), [240, 160, 80]);
        assert_eq!(points_of(&[1, 2]), [104, 212]);
        assert_eq!(points_of(&[1, 1_000]), [0, 316]);
    }

    #[test]
    fn the_order_has_every_node_once_even_those_too_light_for_a_point() {
        let ring = Ketama::new([("a", 1_000), ("b", 1), ("c", 3)]);
        for number in 0..100 {
            let mut order: Vec<usize> = ring.order(&format!("key:{number}")).collect();
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2]);
        }
    }

    /// The points of a ring are kept for all rings that are left when nodes go: what is looked up
    /// must be what a ring of just the others would say.
    #[test]
    fn the_order_goes_on_as_a_ring_of_the_others_would_begin() {
        let sets = [
            vec![1; 7],
            vec![1, 2, 3, 4, 5],
            vec![1_000, 1, 10, 100],
            vec![7, 7, 1, 7],
        ];
        for weights in sets {
            let nodes: Vec<(String, u32)> = weights
                .iter()
                .enumerate()
                .map(|(node, &weight)| (format!("mc{node}"), weight))
                .collect();
            let ring = Ketama::new(nodes.clone());
            for number in 0..20 {
                let key = format!("key:{number}");
                let mut left: Vec<usize> = (0..nodes.len()).collect();
                for node in ring.order(&key) {
                    let others = Ketama::new(left.iter().map(|&node| nodes[node].clone()));
                    let place = others.owner(&key).unwrap();
                    assert_eq!(node, left.remove(place), "{weights:?} {key}");
                }
            }
        }
    }

    #[test]
    fn points_at_one_place_belong_to_the_node_that_is_given_first() {
        let ring = Ketama::new([("same", 1), ("same", 1), ("other", 1)]);
        let owners = (0..300).filter_map(|number| ring.owner(&format!("key:{number}")));
        assert!(owners.clone().any(|owner| owner == 0));
        assert!(owners.clone().all(|owner| owner != 1));
    }
}
