//! Which commands a server has.

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The meta commands, in the form that they have since 1.6.10.
    #[default]
    Meta,
    /// The commands that every memcached has, and every proxy in front of one. Replies carry no
    /// opaque: their order alone says to which request they belong.
    Classic,
}
