//! The `#[cached]` attribute.

mod args;
mod checks;
mod companions;
mod expand;
mod function;
mod key;
mod spans;
mod suggest;
mod template;
mod ttl;

use proc_macro::TokenStream;

/// Caches the results of a function.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached(options.into(), item.into()).into()
}
