//! The annotated function, as the expansion needs it.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Error, FnArg, GenericParam, Lifetime, Pat, PatIdent, PatType, Receiver, Result,
    ReturnType, Signature, Type, TypeReference, Visibility,
};

use crate::future::{async_block, boxed_output, is_named_future};
use crate::item::Item;
use crate::spans::{local, ours_at};

/// The function, taken apart.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) returned: Type,
    pub(crate) execution: Execution,
}

/// An argument other than `self`.
pub(crate) struct Argument {
    /// The user's name, or ours where a pattern stands.
    pub(crate) name: Ident,
    pub(crate) form: Form,
    pub(crate) written: PatType,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Named,
    /// `(a, b): (A, B)`
    Destructured,
    /// `_: A`; the body cannot see it.
    Ignored,
}

/// How the body comes to its value.
pub(crate) enum Execution {
    Sync,
    Async,
    /// What `#[async_trait]` makes of an `async fn`: `Box::pin(async move { … })`, with its block.
    Boxed(Group),
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let no_body = "there is no body to cache; put `#[cached]` on the implementation";
        let Item {
            attributes,
            visibility,
            signature,
            body,
        } = Item::parse("#[cached]", no_body, input)?;
        let (returned, execution) = execution(&signature, &body)?;
        let arguments = arguments(&signature);
        Ok(Self {
            attributes,
            visibility,
            signature,
            body,
            arguments,
            returned,
            execution,
        })
    }
}

fn execution(signature: &Signature, body: &Group) -> Result<(Type, Execution)> {
    let returned = match &signature.output {
        ReturnType::Type(_, returned) => (**returned).clone(),
        ReturnType::Default => {
            let message = "a function without a value has nothing to cache: a hit would only skip \
                           its effects; return a value, or remove `#[cached]`";
            return Err(Error::new(signature.ident.span(), message));
        }
    };
    if signature.asyncness.is_some() {
        return Ok((returned, Execution::Async));
    }
    match (boxed_output(&returned), async_block(body)) {
        (Some(output), Some(block)) => Ok((output, Execution::Boxed(block))),
        (None, _) if !is_named_future(&returned) => Ok((returned, Execution::Sync)),
        _ => {
            let message = "a future cannot be cached, only what it gives: write `async fn` and \
                           return that";
            Err(Error::new_spanned(returned, message))
        }
    }
}

/// The arguments other than `self`.
pub(crate) fn arguments(signature: &Signature) -> Vec<Argument> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    typed
        .enumerate()
        .map(|(index, written)| Argument::new(index, written))
        .collect()
}

impl Argument {
    fn new(index: usize, written: &PatType) -> Self {
        let ours = || {
            let mut name = local(&format!("argument_{index}"));
            name.set_span(ours_at(written.pat.span()));
            name
        };
        let (name, form) = match &*written.pat {
            Pat::Ident(PatIdent {
                by_ref: None,
                ident,
                subpat: None,
                ..
            }) => (ident.clone(), Form::Named),
            Pat::Wild(_) => (ours(), Form::Ignored),
            _ => (ours(), Form::Destructured),
        };
        Self {
            name,
            form,
            written: written.clone(),
        }
    }

    pub(crate) fn ty(&self) -> &Type {
        &self.written.ty
    }

    /// The names that a destructuring pattern binds.
    pub(crate) fn bound_names(&self) -> Vec<Ident> {
        #[derive(Default)]
        struct Names(Vec<Ident>);
        impl<'ast> Visit<'ast> for Names {
            fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
                self.0.push(pattern.ident.clone());
                visit::visit_pat_ident(self, pattern);
            }
        }
        let mut names = Names::default();
        if self.form == Form::Destructured {
            names.visit_pat(&self.written.pat);
        }
        names.0
    }
}

impl Function {
    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.signature.receiver()
    }

    pub(crate) fn is_async(&self) -> bool {
        !matches!(self.execution, Execution::Sync)
    }

    /// Whether it is certainly part of an `impl` or a trait. An associated function that has
    /// neither `self` nor `Self` looks like a free one.
    pub(crate) fn is_associated(&self) -> bool {
        let signature = self.signature.to_token_stream();
        self.receiver().is_some()
            || mentions(signature, "Self")
            || mentions_outer_self(self.body.stream())
    }

    /// Whether the future owns all that it needs, so that it may run in a task of its own.
    pub(crate) fn is_owned(&self) -> bool {
        self.signature.generics.params.is_empty()
            && !self.is_associated()
            && self
                .arguments
                .iter()
                .all(|argument| is_owned(argument.ty()))
    }

    /// The type parameters of the function, lifetimes and constants left out.
    pub(crate) fn type_parameters(&self) -> impl Iterator<Item = &Ident> {
        self.signature
            .generics
            .params
            .iter()
            .filter_map(|parameter| match parameter {
                GenericParam::Type(parameter) => Some(&parameter.ident),
                _ => None,
            })
    }
}

fn is_owned(ty: &Type) -> bool {
    struct Borrows(bool);
    impl<'ast> Visit<'ast> for Borrows {
        fn visit_type_reference(&mut self, _: &'ast TypeReference) {
            self.0 = true;
        }
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0 |= lifetime.ident != "static";
        }
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut borrows = Borrows(false);
    borrows.visit_type(ty);
    !borrows.0
}

/// Whether the identifier `word` is anywhere in `tokens`.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether `tokens` mention the `Self` around them: not that of an item inside.
fn mentions_outer_self(tokens: TokenStream) -> bool {
    let mut in_item = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => return true,
            TokenTree::Ident(ident) => {
                in_item |= ["impl", "trait", "struct", "enum"]
                    .iter()
                    .any(|item| ident == *item);
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => in_item = false,
            TokenTree::Group(group) if in_item => in_item = group.delimiter() != Delimiter::Brace,
            TokenTree::Group(group) if mentions_outer_self(group.stream()) => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_self_of_an_item_inside_is_not_that_of_the_function() {
        let mentions = |body: &str| mentions_outer_self(body.parse().unwrap());
        assert!(mentions("if id > 0 { Self::load(id) } else { 0 }"));
        assert!(mentions("struct Unit; Self::load(id)"));
        assert!(mentions(
            "impl Inner { fn new() -> Self { Self } } Self::load(id)"
        ));
        assert!(!mentions(
            "impl Inner { fn new() -> Self { Self } } Inner::new().load(id)"
        ));
        assert!(!mentions(
            "struct List(Option<Box<Self>>); List(None).len()"
        ));
    }
}
