//! What schedules have in common.

/// Schedules of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) topic: Topic,
    /// Whether the processes share a store; else each is alone.
    pub(crate) shared: bool,
    /// Whether the store fails, loses replies, and is away for some or for all.
    pub(crate) troubled: bool,
    /// Whether requests and replies may take seconds.
    pub(crate) slow: bool,
    /// Whether computations fail, panic and never return.
    pub(crate) moody: bool,
}

/// What a family is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Single entries, and the tags of some.
    Entries,
    /// The function has a namespace, which is removed now and then.
    Namespaces,
    /// Most calls are for many ids, some of which the origin does not have.
    Many,
    /// Some results are not to be stored.
    Unstored,
    /// Computations ask for other keys, and for their own.
    Nested,
    /// There are places for one or two computations, and calls for many keys.
    Crowded,
    /// Entries come to the last part of their ttl again and again, and nobody writes.
    Refreshed,
}

/// Nothing goes wrong but calls that are dropped.
pub(crate) const CALM: Family = Family {
    name: "calm",
    topic: Topic::Entries,
    shared: true,
    troubled: false,
    slow: false,
    moody: false,
};
pub(crate) const TROUBLED: Family = Family {
    name: "troubled",
    troubled: true,
    ..CALM
};
pub(crate) const SLOW: Family = Family {
    name: "slow",
    slow: true,
    moody: true,
    ..TROUBLED
};
pub(crate) const MOODY: Family = Family {
    name: "moody",
    moody: true,
    ..CALM
};
pub(crate) const ALONE: Family = Family {
    name: "alone",
    shared: false,
    moody: true,
    ..CALM
};
pub(crate) const NAMESPACES: Family = Family {
    name: "namespaces",
    topic: Topic::Namespaces,
    ..CALM
};
pub(crate) const TROUBLED_NAMESPACES: Family = Family {
    name: "troubled namespaces",
    troubled: true,
    ..NAMESPACES
};
pub(crate) const MANY: Family = Family {
    name: "many",
    topic: Topic::Many,
    ..CALM
};
pub(crate) const TROUBLED_MANY: Family = Family {
    name: "troubled many",
    troubled: true,
    moody: true,
    ..MANY
};
pub(crate) const UNSTORED: Family = Family {
    name: "unstored",
    topic: Topic::Unstored,
    ..CALM
};
pub(crate) const NESTED: Family = Family {
    name: "nested",
    topic: Topic::Nested,
    ..CALM
};
pub(crate) const CROWDED: Family = Family {
    name: "crowded",
    topic: Topic::Crowded,
    ..CALM
};
pub(crate) const REFRESHED: Family = Family {
    name: "refreshed",
    topic: Topic::Refreshed,
    ..CALM
};

impl Family {
    /// The same without a store.
    pub(crate) const fn alone(self) -> Self {
        Self {
            shared: false,
            ..self
        }
    }
}
