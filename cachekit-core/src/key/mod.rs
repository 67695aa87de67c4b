//! Keys: from the arguments of a function to the key under which a store holds its result.

mod arguments;
mod buffer;
mod store;

pub use arguments::{Unserializable, write_argument};
pub use buffer::KeyBuffer;
pub use store::StoreKey;
