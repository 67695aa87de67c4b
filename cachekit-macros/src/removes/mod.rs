//! The `#[removes]` attribute: `args` parses what is to be removed, `target` the calls in it, `body`
//! runs the function, and `expand` emits what comes before and after that.

mod args;
mod body;
mod expand;
mod target;

pub(crate) use expand::removes;
