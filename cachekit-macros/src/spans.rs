//! Where tokens of ours claim to be, and whose they are.
//!
//! The place decides to what an error points; the hygiene decides what a name means, and whether
//! a lint takes the code for the user's.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// A variable of ours. It neither sees nor hides variables of the user; the prefix is for their
/// statics, constants and unit structs, which no hygiene keeps apart: a pattern of such a name is
/// no variable.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(&format!("__cachekit_{name}"), Span::mixed_site())
}

/// The place of the user's tokens with the hygiene of ours.
pub(crate) fn ours_at(place: Span) -> Span {
    Span::mixed_site().located_at(place)
}

/// The same tokens as ours, in the place of the user's: the names in them mean what they mean to
/// the user.
pub(crate) fn as_ours(tokens: TokenStream, place: Span) -> TokenStream {
    let span = ours_at(place);
    let respanned = tokens.into_iter().map(|mut token| {
        match &token {
            TokenTree::Group(group) => {
                token = Group::new(group.delimiter(), as_ours(group.stream(), place)).into();
            }
            // Only its span says which crate it is.
            TokenTree::Ident(name) if name == "$crate" => return token,
            _ => {}
        }
        token.set_span(span);
        token
    });
    respanned.collect()
}

/// New content where the braces of the user are: to lints it is not the user's.
pub(crate) fn regroup(braces: &Group, content: TokenStream) -> Group {
    let mut group = Group::new(braces.delimiter(), content);
    group.set_span(ours_at(braces.span()));
    group
}
