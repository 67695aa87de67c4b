//! Emits the tags of a call.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::args::Options;
use crate::function::Function;
use crate::key::piece_statement;
use crate::names::Names;
use crate::spans::local;
use crate::template::{self, Use};

/// A statement that builds the `tags` of the call while its arguments are still there; nothing for
/// a function without any.
pub(crate) fn statement(
    function: &Function,
    options: &Options,
    runtime: &TokenStream,
) -> Result<Option<TokenStream>> {
    let Some(texts) = &options.tags else {
        return Ok(None);
    };
    let tags = local("tags");
    let names = Names::of(function);
    let mut statements = TokenStream::new();
    for text in texts {
        let pieces = template::parse(text, Use::Tag, &names)?;
        let pieces = pieces.iter().map(|piece| piece_statement(piece, &tags));
        statements.extend(quote!(#tags.begin(); #(#pieces)*));
    }
    Ok(Some(quote! {
        let mut #tags = #runtime::Tags::new();
        #statements
    }))
}
