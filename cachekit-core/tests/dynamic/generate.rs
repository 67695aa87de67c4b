//! Types as a release would change them, and values of them.

use proptest::prelude::*;

use super::{Content, Leaf, MAX_NODES, Node, Slot, Type, Value, Variant};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const LEAVES: [Leaf; 8] = [
    Leaf::U8,
    Leaf::I8,
    Leaf::U32,
    Leaf::I32,
    Leaf::U64,
    Leaf::Bool,
    Leaf::Char,
    Leaf::Text,
];

/// A type as a tree. The names of fields and variants go by their number, from the first one on.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Leaf(usize),
    /// An option of the struct or enum that is so far outside; a leaf where there is none.
    Recur(usize),
    Option(Box<Self>),
    Sequence(Box<Self>),
    Map(Box<Self>, Box<Self>),
    Tuple(Vec<Self>),
    Struct(usize, Vec<Self>),
    Enum(usize, Vec<Option<Self>>),
}

pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        3 => (0..LEAVES.len()).prop_map(Tree::Leaf),
        1 => (0..3_usize).prop_map(Tree::Recur),
    ];
    leaf.prop_recursive(5, 20, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let several = prop::collection::vec(inner.clone(), 1..5);
        let variants = prop::collection::vec(prop::option::weighted(0.8, inner), 1..5);
        prop_oneof![
            boxed.clone().prop_map(Tree::Option),
            boxed.clone().prop_map(Tree::Sequence),
            (boxed.clone(), boxed).prop_map(|(key, value)| Tree::Map(key, value)),
            several.clone().prop_map(Tree::Tuple),
            (0..3_usize, several).prop_map(|(first, fields)| Tree::Struct(first, fields)),
            (0..3_usize, variants).prop_map(|(first, variants)| Tree::Enum(first, variants)),
        ]
    })
}

impl Tree {
    pub(crate) fn build(&self) -> Type {
        let mut nodes = Vec::new();
        let root = self.place(&mut nodes, &mut Vec::new());
        Type {
            root,
            nodes,
            names_from: 0,
        }
    }

    fn place(&self, nodes: &mut Vec<Node>, outside: &mut Vec<usize>) -> Slot {
        let leaf = match self {
            Self::Leaf(leaf) => Some(*leaf),
            Self::Recur(_) if outside.is_empty() => Some(0),
            _ => (nodes.len() >= MAX_NODES).then_some(0),
        };
        if let Some(leaf) = leaf {
            return Slot::Leaf(LEAVES[leaf % LEAVES.len()]);
        }
        let number = nodes.len();
        nodes.push(Node::Tuple(Vec::new()));
        nodes[number] = self.node(number, nodes, outside);
        Slot::Node(number)
    }

    fn node(&self, number: usize, nodes: &mut Vec<Node>, outside: &mut Vec<usize>) -> Node {
        match self {
            Self::Leaf(_) => Node::Tuple(Vec::new()),
            Self::Recur(up) => {
                Node::Option(Slot::Node(outside[outside.len() - 1 - up % outside.len()]))
            }
            Self::Option(some) => Node::Option(some.place(nodes, outside)),
            Self::Sequence(element) => Node::Sequence(element.place(nodes, outside)),
            Self::Map(key, value) => {
                let key = key.place(nodes, outside);
                Node::Map(key, value.place(nodes, outside))
            }
            Self::Tuple(fields) => Node::Tuple(
                fields
                    .iter()
                    .map(|field| field.place(nodes, outside))
                    .collect(),
            ),
            Self::Struct(first, fields) => {
                outside.push(number);
                let slots = fields
                    .iter()
                    .map(|field| field.place(nodes, outside))
                    .collect();
                outside.pop();
                Node::Struct(names(*first, fields.len()), slots)
            }
            Self::Enum(first, variants) => {
                outside.push(number);
                let content = |variant: &Option<Self>| match variant {
                    None => Content::Unit,
                    Some(variant) => match variant.place(nodes, outside) {
                        Slot::Node(inside)
                            if matches!(nodes[inside], Node::Tuple(_) | Node::Struct(..)) =>
                        {
                            Content::Fields(inside)
                        }
                        slot => Content::Newtype(slot),
                    },
                };
                let contents = variants.iter().map(content).collect();
                outside.pop();
                Node::Enum(names(*first, variants.len()), contents)
            }
        }
    }

    /// The nodes of the tree, from the root on.
    pub(crate) fn count(&self) -> usize {
        1 + match self {
            Self::Leaf(_) | Self::Recur(_) => 0,
            Self::Option(one) | Self::Sequence(one) => one.count(),
            Self::Map(key, value) => key.count() + value.count(),
            Self::Tuple(several) | Self::Struct(_, several) => {
                several.iter().map(Self::count).sum()
            }
            Self::Enum(_, variants) => variants.iter().flatten().map(Self::count).sum(),
        }
    }

    /// Changes the node that is `at` nodes further, and says how many are left if it is not here.
    pub(crate) fn change(&mut self, at: usize, how: usize) -> Option<usize> {
        let Some(mut at) = at.checked_sub(1) else {
            self.change_here(how);
            return None;
        };
        let inside: Vec<&mut Self> = match self {
            Self::Leaf(_) | Self::Recur(_) => Vec::new(),
            Self::Option(one) | Self::Sequence(one) => vec![one],
            Self::Map(key, value) => vec![key, value],
            Self::Tuple(several) | Self::Struct(_, several) => several.iter_mut().collect(),
            Self::Enum(_, variants) => variants.iter_mut().flatten().collect(),
        };
        for tree in inside {
            at = tree.change(at, how)?;
        }
        Some(at)
    }

    /// One of the changes that a release makes: retyped, gained, lost, renamed, wrapped.
    fn change_here(&mut self, how: usize) {
        *self = match (self.clone(), how % 4) {
            (Self::Leaf(leaf), 0..2) => Self::Leaf((leaf + 1) % LEAVES.len()),
            (Self::Struct(first, fields), 0) => Self::Struct((first + 1) % 4, fields),
            (Self::Struct(first, mut fields), 1) => {
                fields.push(Self::Leaf(0));
                Self::Struct(first, fields)
            }
            (Self::Struct(first, mut fields), 2) if fields.len() > 1 => {
                fields.pop();
                Self::Struct(first, fields)
            }
            (Self::Enum(first, variants), 0) => Self::Enum((first + 1) % 4, variants),
            (Self::Enum(first, mut variants), 1) => {
                variants.push(None);
                Self::Enum(first, variants)
            }
            (Self::Enum(first, mut variants), 2) if variants.len() > 1 => {
                variants.pop();
                Self::Enum(first, variants)
            }
            (Self::Option(some), 0) => *some,
            (Self::Sequence(element), 0) => Self::Option(element),
            (other, _) => Self::Sequence(Box::new(other)),
        };
    }
}

fn names(first: usize, count: usize) -> &'static [&'static str] {
    // A few bytes a case, as static as those that a derive writes.
    (0..count)
        .map(|index| NAMES[(first + index) % NAMES.len()])
        .collect::<Vec<_>>()
        .leak()
}

/// A value of a type, picked by `seed`.
pub(crate) fn value(of: &Type, slot: Slot, depth: usize, seed: &mut u64) -> Value {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let pick = usize::try_from(*seed >> 40).unwrap_or(0);
    let node = match slot {
        Slot::Leaf(leaf) => return leaf_value(leaf, pick),
        Slot::Node(node) => &of.nodes[node],
    };
    let count = if depth > 5 { 0 } else { pick % 3 };
    let mut inside = |slot: Slot| value(of, slot, depth + 1, seed);
    match node {
        Node::Option(some) => Value::Option((count > 0).then(|| Box::new(inside(*some)))),
        Node::Sequence(element) => Value::Sequence((0..count).map(|_| inside(*element)).collect()),
        Node::Map(key, value) => {
            Value::Map((0..count).map(|_| (inside(*key), inside(*value))).collect())
        }
        Node::Tuple(slots) => Value::Tuple(slots.iter().copied().map(inside).collect()),
        Node::Struct(names, slots) => {
            Value::Struct(names, slots.iter().copied().map(inside).collect())
        }
        Node::Enum(names, contents) => {
            let index = pick % contents.len();
            let variant = match contents[index] {
                Content::Unit => Variant::Unit,
                Content::Newtype(slot) => Variant::Newtype(inside(slot)),
                Content::Fields(node) => match inside(Slot::Node(node)) {
                    Value::Struct(names, values) => Variant::Struct(names, values),
                    Value::Tuple(values) => Variant::Tuple(values),
                    other => Variant::Newtype(other),
                },
            };
            Value::Variant(
                u32::try_from(index).unwrap(),
                names[index],
                Box::new(variant),
            )
        }
    }
}

fn leaf_value(leaf: Leaf, pick: usize) -> Value {
    let [low, high, ..] = pick.to_le_bytes();
    match leaf {
        Leaf::U8 => Value::U8(low),
        Leaf::I8 => Value::I8(low.cast_signed()),
        Leaf::U32 => Value::U32(u32::from(low) << (high % 24)),
        Leaf::I32 => Value::I32(-(i32::from(low) << (high % 20))),
        Leaf::U64 => Value::U64(u64::from(low) << (high % 56)),
        Leaf::Bool => Value::Bool(low.is_multiple_of(2)),
        Leaf::Char => Value::Char(char::from(low)),
        Leaf::Text => Value::Text("x".repeat(usize::from(low % 5))),
    }
}
