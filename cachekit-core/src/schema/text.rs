//! The canonical text of a shape, from which its fingerprint is taken.
//!
//! Types of the same shape are one: first the nodes are sorted into classes that nothing in their
//! names, leaves and slots tells apart (partition refinement, as one minimises an automaton), then
//! the classes are written from the root on, each in full where it first occurs and as a number
//! after that.

use std::collections::HashMap;
use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::graph::{Graph, Node, NodeId, ROOT, Slot, SlotId};

pub(super) fn fingerprint(graph: &Graph) -> u64 {
    xxh3_64(text(graph).as_bytes())
}

/// The whole shape in one line.
pub(super) fn text(graph: &Graph) -> String {
    let mut writer = Writer {
        graph,
        classes: classes(graph),
        numbers: HashMap::new(),
    };
    let mut text = String::new();
    writer.slot(&mut text, ROOT);
    text
}

/// For each node the number of its class.
fn classes(graph: &Graph) -> Vec<usize> {
    let mut classes = vec![0; graph.nodes.len()];
    let mut count = 1;
    loop {
        let mut seen = HashMap::new();
        let refined: Vec<usize> = (0..graph.nodes.len())
            .map(|node| {
                let next = seen.len();
                *seen
                    .entry((classes[node], signature(graph, node, &classes)))
                    .or_insert(next)
            })
            .collect();
        let refined_count = seen.len();
        classes = refined;
        if refined_count <= count {
            return classes;
        }
        count = refined_count;
    }
}

fn signature(graph: &Graph, node: NodeId, classes: &[usize]) -> String {
    let mut text = String::new();
    write_node(
        graph,
        node,
        &mut text,
        &mut |text, slot| match graph.slots[slot] {
            Slot::Node(inside) => number(text, classes[inside]),
            leaf => write_leaf(text, leaf),
        },
    );
    text
}

struct Writer<'g> {
    graph: &'g Graph,
    classes: Vec<usize>,
    /// The classes written so far, in the order of their first occurrence.
    numbers: HashMap<usize, usize>,
}

impl Writer<'_> {
    fn slot(&mut self, text: &mut String, slot: SlotId) {
        let Slot::Node(node) = self.graph.slots[slot] else {
            return write_leaf(text, self.graph.slots[slot]);
        };
        let next = self.numbers.len();
        if let Some(&known) = self.numbers.get(&self.classes[node]) {
            return number(text, known);
        }
        self.numbers.insert(self.classes[node], next);
        write_node(self.graph, node, text, &mut |text, slot| {
            self.slot(text, slot)
        });
    }
}

fn number(text: &mut String, number: usize) {
    // Writing to a string does not fail.
    let _ = write!(text, "#{number}");
}

fn write_leaf(text: &mut String, slot: Slot) {
    text.push_str(match slot {
        Slot::Leaf(leaf) => leaf.name(),
        Slot::Varying => "varying",
        Slot::Unknown | Slot::Node(_) => "?",
    });
}

/// Writes a node; what is inside is up to `write_slot`. Names have their length in front, so that
/// none can look like anything else.
fn write_node(
    graph: &Graph,
    node: NodeId,
    text: &mut String,
    write_slot: &mut dyn FnMut(&mut String, SlotId),
) {
    let mut list = |text: &mut String, open, names: &[&str], slots: &[SlotId], close| {
        text.push_str(open);
        for (index, &slot) in slots.iter().enumerate() {
            if let Some(name) = names.get(index) {
                let _ = write!(text, "{}:{name}=", name.len());
            }
            write_slot(text, slot);
            text.push(',');
        }
        text.push_str(close);
    };
    match &graph.nodes[node] {
        Node::Option { some } => list(text, "option(", &[], &[*some], ")"),
        Node::Sequence { element } => list(text, "sequence(", &[], &[*element], ")"),
        Node::Map { key, value } => list(text, "map(", &[], &[*key, *value], ")"),
        Node::Tuple { elements, .. } => list(text, "(", &[], elements, ")"),
        Node::Struct(found) => list(text, "{", found.names, &found.fields, "}"),
        Node::Enum(found) => {
            let contents: Vec<_> = found
                .variants
                .iter()
                .map(|variant| variant.content)
                .collect();
            list(text, "enum{", found.names, &contents, "}");
        }
    }
}
