//! Which variant of an enum to read next.

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};

use super::graph::{Enum, Node, NodeId, Progress};
use super::samples::Leaf;
use super::trace::{Failed, Identity, Trace};
use super::tracer::{Position, Tracer, read};

/// One variant of an enum.
pub(super) struct Choice<'t> {
    trace: &'t mut Trace,
    at: Position,
    node: NodeId,
    variant: usize,
    name: &'static str,
}

impl<'t> Choice<'t> {
    /// Lets `visitor` read the variant that is most worth it.
    pub(super) fn read<'de, V: Visitor<'de>>(
        tracer: Tracer<'t>,
        node: NodeId,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let Tracer { trace, at } = tracer;
        let variant = trace.choose(node, at.frugal).ok_or(Failed)?;
        let Node::Enum(found) = &trace.graph.nodes[node] else {
            return Err(Failed);
        };
        let name = found.names[variant];
        let at = at
            .member(found.name, name)
            .inside(found.variants[variant].content);
        let peak = std::mem::replace(&mut trace.peak, at.depth);
        let result = visitor.visit_enum(Choice {
            trace: &mut *trace,
            at,
            node,
            variant,
            name,
        });
        let levels = trace.peak.saturating_sub(at.depth);
        trace.peak = trace.peak.max(peak);
        match &result {
            Ok(_) => trace.done(node, variant, levels),
            Err(Failed) => trace.detour_variant(node, variant),
        }
        result
    }
}

impl Trace {
    /// A variant to read: where the pass is frugal, the one that ends soonest; else one that has
    /// still something to show. `None` if there are no variants.
    fn choose(&mut self, node: NodeId, frugal: bool) -> Option<usize> {
        let Node::Enum(found) = &self.graph.nodes[node] else {
            return None;
        };
        let shortest = shortest(found);
        let begun = position(found, Progress::Begun);
        let untried = position(found, Progress::Untried);
        let choice = if frugal {
            shortest.or(untried).or(begun)
        } else {
            let open = || found.variants.iter().position(|v| self.is_open(v.content));
            begun.or(untried).or_else(open).or(shortest)
        };
        let choice = choice.or_else(|| (!found.variants.is_empty()).then_some(0))?;
        self.begin(node, choice);
        Some(choice)
    }

    fn begin(&mut self, node: NodeId, variant: usize) {
        self.forget_last();
        if let Some(progress) = self.variant_progress(node, variant)
            && *progress == Progress::Untried
        {
            *progress = Progress::Begun;
            self.progress = true;
        }
    }

    fn done(&mut self, node: NodeId, variant: usize, levels: usize) {
        let Some(progress) = self.variant_progress(node, variant) else {
            return;
        };
        let levels = match *progress {
            Progress::Done(known) => known.min(levels),
            _ => levels,
        };
        *progress = Progress::Done(levels);
    }

    /// After a variant failed: if nothing else can be tried, it is not chosen any more.
    fn detour_variant(&mut self, node: NodeId, variant: usize) {
        let detour = self.gives_up();
        let Some(progress) = self.variant_progress(node, variant) else {
            return;
        };
        if detour && *progress != Progress::Stuck {
            *progress = Progress::Stuck;
            self.went_around();
        }
    }

    /// There are more names than variants.
    fn no_such_variant(&mut self, node: NodeId) {
        if let Node::Enum(found) = &mut self.graph.nodes[node] {
            found.aliased = true;
        }
    }

    fn variant_progress(&mut self, node: NodeId, variant: usize) -> Option<&mut Progress> {
        match &mut self.graph.nodes[node] {
            Node::Enum(found) => Some(&mut found.variants[variant].progress),
            _ => None,
        }
    }
}

fn position(found: &Enum, progress: Progress) -> Option<usize> {
    found
        .variants
        .iter()
        .position(|variant| variant.progress == progress)
}

fn shortest(found: &Enum) -> Option<usize> {
    let done = found
        .variants
        .iter()
        .enumerate()
        .filter_map(|(index, variant)| {
            let Progress::Done(levels) = variant.progress else {
                return None;
            };
            Some((levels, index))
        });
    done.min().map(|(_, index)| index)
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Failed;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Failed> {
        let value = if self.trace.positional {
            let index = u32::try_from(self.variant).map_err(|_| Failed)?;
            let index: U32Deserializer<Failed> = index.into_deserializer();
            let value = seed.deserialize(index);
            if value.is_err() {
                self.trace.no_such_variant(self.node);
            }
            value?
        } else {
            let name: StrDeserializer<'_, Failed> = self.name.into_deserializer();
            seed.deserialize(name)?
        };
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Failed;

    fn unit_variant(self) -> Result<(), Failed> {
        self.trace.leaf(self.at, Leaf::Unit)?;
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failed> {
        read(self.trace, self.at, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        let identity = Identity {
            len,
            variant: Some(self.at.slot),
            ..Identity::of("tuple")
        };
        Tracer {
            trace: self.trace,
            at: self.at,
        }
        .tuple(identity, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        let name = self.name;
        let identity = Identity {
            name,
            names,
            variant: Some(self.at.slot),
            ..Identity::of("struct")
        };
        Tracer {
            trace: self.trace,
            at: self.at,
        }
        .structure(identity, visitor)
    }
}
