//! Many values with one command a server.

use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::span::CallSpan;
use super::{Client, Keys, Value, join_all, keys, unexpected};
use crate::error::Failure;
use crate::node::Node;
use crate::protocol::{GetMany, Item, KeyLine, Reply, Request};

/// As many commands of one batch are in flight at one node, so that no batch fills a connection:
/// 8 MiB of keys.
const WINDOW: usize = 128;

type Outcome = Result<Option<Value>, Failure>;

/// The keys of one batch that lie on one node.
#[derive(Debug)]
struct Group {
    /// Which keys of the batch they are.
    indices: Vec<usize>,
    /// As they are written, in as many commands as it takes.
    lines: Vec<KeyLine>,
    /// About how many there will be.
    expected: usize,
}

impl Group {
    fn with_capacity(expected: usize) -> Self {
        Self {
            indices: Vec::with_capacity(expected),
            lines: Vec::new(),
            expected,
        }
    }

    /// Adds a key, if there is a form of it that can stand beside others.
    fn push(&mut self, index: usize, key: &[u8], keys: &Keys) {
        if self.lines.last().is_none_or(KeyLine::is_full) {
            let left = self.expected.saturating_sub(self.indices.len());
            self.lines.push(KeyLine::with_capacity(left));
        }
        let line = self.lines.last_mut().expect("there is one by now");
        if keys.append(key, line) {
            self.indices.push(index);
        } else if line.is_empty() {
            self.lines.pop();
        }
    }
}

impl Client {
    /// Reads many keys: all nodes at the same time, and each in the form that costs it least. What
    /// that form does not tell is asked for key by key: what an empty item is, what is there in place
    /// of an item that an outage made old, and what else there is to try for the keys of a node that
    /// turns out not to be there.
    pub(super) async fn read_many<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        deadline: Instant,
    ) -> Vec<Outcome> {
        let first = self.cluster.deadlines(deadline).first;
        let refused = |key: &K| keys::check(key.as_ref()).err().map(Err);
        let mut outcomes: Vec<Option<Outcome>> = keys.iter().map(refused).collect();
        let groups = self.groups(keys).into_iter().enumerate();
        let groups = groups.filter(|(_, group)| !group.indices.is_empty());
        let asked = groups.map(async |(node, group)| {
            let span = CallSpan::of_batch(&self.cluster.nodes[node], group.indices.len());
            span.operation("get");
            let items = self.ask(node, group.lines, first).await;
            let items = items.inspect_err(|failure| span.failed(failure));
            (node, group.indices, items)
        });
        for (node, indices, items) in join_all(asked.collect()).await {
            settle(&mut outcomes, &self.cluster.nodes[node], &indices, items);
        }
        let open = |(key, outcome): (_, &Option<Outcome>)| outcome.is_none().then_some(key);
        let open: Vec<&K> = keys.iter().zip(&outcomes).filter_map(open).collect();
        let mut rest = Vec::new();
        if !open.is_empty() {
            rest = self.read_each(&open, deadline).await;
        }
        let mut rest = rest.into_iter();
        let outcome = |outcome: Option<Outcome>| outcome.or_else(|| rest.next());
        outcomes.into_iter().filter_map(outcome).collect()
    }

    /// The keys of each node.
    fn groups<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Group> {
        let nodes = self.cluster.nodes.len();
        let group = || Group::with_capacity(keys.len() / nodes);
        let mut groups: Vec<Group> = Vec::new();
        groups.resize_with(nodes, group);
        for (index, key) in keys.iter().enumerate() {
            let key = key.as_ref();
            let place = self.cluster.place(&self.route(key));
            groups[place.node].push(index, key, &self.cluster.keys);
        }
        groups
    }

    /// The items of one node, in the order of its keys.
    async fn ask(
        &self,
        node: usize,
        lines: Vec<KeyLine>,
        deadline: Instant,
    ) -> Result<Vec<Option<Item>>, Failure> {
        let node = &self.cluster.nodes[node];
        let link = node.link(deadline).await?;
        let send = |keys| {
            let request = Request::GetMany(GetMany { keys, cas: true });
            node.send(&link, request, deadline)
        };
        let mut lines = lines.into_iter();
        let mut items = Vec::new();
        while lines.len() > 0 {
            let window: Vec<_> = lines.by_ref().take(WINDOW).map(send).collect();
            for sent in window {
                match sent?.await?.take() {
                    Reply::Values(found) => items.extend(found),
                    _ => return Err(unexpected()),
                }
            }
        }
        Ok(items)
    }
}

/// Writes down what is certain.
fn settle(
    outcomes: &mut [Option<Outcome>],
    node: &Node,
    indices: &[usize],
    items: Result<Vec<Option<Item>>, Failure>,
) {
    match items {
        Ok(items) => {
            for (&index, item) in indices.iter().zip(items) {
                // An item without value and flags may hold the place of an entry.
                let uncertain = |item: &Item| {
                    let stub = item.value.is_empty() && item.client_flags == 0;
                    stub || node.is_old(item.cas.unwrap_or(0))
                };
                if !item.as_ref().is_some_and(uncertain) {
                    outcomes[index] = Some(Ok(item.map(value)));
                }
            }
        }
        Err(failure) if matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::Timeout) => {}
        Err(failure) => {
            for &index in indices {
                outcomes[index] = Some(Err(failure.clone()));
            }
        }
    }
}

fn value(item: Item) -> Value {
    Value {
        data: item.value,
        flags: item.client_flags,
        cas: item.cas.unwrap_or(0),
    }
}
