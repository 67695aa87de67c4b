//! Rendezvous hashing, placed exactly as `RendezvousHash` of pymemcache 4.0 places.

use super::murmur3::Murmur3;

/// Nodes by name. A key belongs to the node whose score for it is highest.
///
/// The score is `murmur3_32` (seed 0) of `{name}-{key}`, where each character contributes the
/// lowest eight bits of its code point: for ASCII that is the byte, for anything else it is *not*
/// the UTF-8 form. Equal scores are decided for the greater name. The order in which the nodes are
/// given does not matter, and there are no weights.
#[derive(Clone, Debug)]
pub struct Rendezvous {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    name: String,
    /// The hash of `{name}-`.
    begun: Murmur3,
}

impl Rendezvous {
    /// A ring of nodes with these names. Names are expected to differ.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let nodes = names
            .into_iter()
            .map(|name| Node::new(name.into()))
            .collect();
        Self { nodes }
    }

    /// The index of the node that `key` belongs to; `None` in a ring without nodes.
    #[must_use]
    pub fn owner(&self, key: &str) -> Option<usize> {
        if self.nodes.len() <= 1 {
            return (!self.nodes.is_empty()).then_some(0);
        }
        (0..self.nodes.len()).max_by_key(|&index| self.nodes[index].rank(key))
    }

    /// The indices of all nodes, the owner first, then who would be the owner without it, and so
    /// on.
    #[must_use]
    pub fn order(&self, key: &str) -> std::vec::IntoIter<usize> {
        let mut ranked: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.rank(key))
            .enumerate()
            .collect();
        ranked.sort_unstable_by(|(_, a), (_, b)| b.cmp(a));
        let order: Vec<usize> = ranked.into_iter().map(|(index, _)| index).collect();
        order.into_iter()
    }
}

impl Node {
    fn new(name: String) -> Self {
        let mut begun = Murmur3::new(0);
        begun.write(low_bytes(&name));
        begun.write([b'-']);
        Self { name, begun }
    }

    fn rank(&self, key: &str) -> (u32, &str) {
        let mut hash = self.begun;
        if key.is_ascii() {
            hash.write_all(key.as_bytes());
        } else {
            hash.write(low_bytes(key));
        }
        (hash.finish(), &self.name)
    }
}

/// pymemcache masks every code point of a Python string with 0xff.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest eight bits are what is wanted"
)]
fn low_bytes(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.chars().map(|c| u32::from(c) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_without_nodes_has_no_owner() {
        let ring = Rendezvous::new(Vec::<String>::new());
        assert_eq!(ring.owner("k"), None);
        assert_eq!(ring.order("k").count(), 0);
    }

    #[test]
    fn the_owner_is_the_first_of_the_order() {
        let ring = Rendezvous::new(["a:1", "b:1", "c:1", "d:1"]);
        for number in 0..1_000 {
            let key = format!("key:{number}");
            assert_eq!(ring.owner(&key), ring.order(&key).next());
        }
    }

    #[test]
    fn equal_scores_are_decided_for_the_greater_name_in_either_order() {
        let tied = ["10.0.0.1:11211", "10.0.0.10:11211"];
        let score = |ring: &Rendezvous, key: &str, index: usize| ring.nodes[index].rank(key).0;
        let ring = Rendezvous::new(tied);
        let reversed = Rendezvous::new([tied[1], tied[0]]);
        // The two hash the same bytes where one name goes on as the other's key does.
        let names = Rendezvous::new(["a", "a-"]);
        assert_ne!(score(&names, "-", 0), score(&names, "x", 0));
        for number in 0..100 {
            let key = format!("key:{number}");
            let name = |ring: &Rendezvous| ring.nodes[ring.owner(&key).unwrap()].name.clone();
            assert_eq!(name(&ring), name(&reversed));
        }
    }

    #[test]
    fn taking_a_node_away_moves_only_its_own_keys() {
        let all = Rendezvous::new(["a:1", "b:1", "c:1"]);
        let two = Rendezvous::new(["a:1", "b:1"]);
        for number in 0..1_000 {
            let key = format!("key:{number}");
            let left: Vec<usize> = all.order(&key).filter(|&node| node != 2).collect();
            assert_eq!(left, two.order(&key).collect::<Vec<_>>());
        }
    }
}
