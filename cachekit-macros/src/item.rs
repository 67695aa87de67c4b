//! The function under an attribute, before anything is known of it.

use proc_macro2::Group;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Result, Signature, Token, Visibility};

/// A function with a body. The body stays tokens: a half-typed one is rustc's to complain about.
pub(crate) struct Item {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Item {
    /// Parses what stands below `attribute`; `no_body` is what to say of a function without one.
    pub(crate) fn parse(attribute: &str, no_body: &str, input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        refuse_other_items(attribute, input)?;
        let signature: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(Error::new(signature.ident.span(), no_body));
        }
        let body = input.parse()?;
        Ok(Self {
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

fn refuse_other_items(attribute: &str, input: ParseStream<'_>) -> Result<()> {
    let item = match () {
        () if input.peek(Token![impl]) => "an `impl` block",
        () if input.peek(Token![struct]) => "a struct",
        () if input.peek(Token![enum]) => "an enum",
        () if input.peek(Token![trait]) => "a trait",
        () if input.peek(Token![mod]) => "a module",
        () if input.peek(Token![static]) => "a static",
        () if input.peek(Token![type]) => "a type alias",
        () if input.peek(Token![const]) && input.peek2(syn::Ident) => "a constant",
        () => return Ok(()),
    };
    let place = if item == "an `impl` block" || item == "a trait" {
        "put it on the methods themselves"
    } else {
        "put it on a function"
    };
    Err(input.error(format!("`{attribute}` cannot be on {item}; {place}")))
}
