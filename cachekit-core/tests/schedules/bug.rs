//! Mistakes that are made on purpose, for the oracle to find.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A computation writes its result without looking whether something newer happened.
    BlindFill,
    /// Tags are read after the computation of their entry.
    LateTags,
    /// The token of a namespace stays when it is removed.
    KeptNamespace,
    /// An origin that has an id says that it does not.
    FalseAbsence,
    /// Nobody is told that a result is not to be stored.
    StoredAnyway,
    /// What a computation asks for does not know of the computation.
    LostChain,
    /// There is one place more than there should be.
    OnePlaceMore,
    /// Who is to wait for another process is told that the store cannot say who computes.
    NobodyWaits,
}
