//! The attributes and the signatures of what is emitted: those of the user, with as little changed
//! as can be.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, FnArg, PatType, Signature, parse_quote};

use crate::args::Options;
use crate::expand::Expansion;
use crate::function::{Argument, Form, mentions};
use crate::ttl::Ttl;

impl Expansion<'_> {
    /// The attributes of the user. Where the body has moved, an `expect` would find nothing here.
    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = self.function.attributes.clone();
        if self.companions.exist() {
            for attribute in &mut attributes {
                if let syn::Meta::List(list) = &mut attribute.meta
                    && list.path.is_ident("expect")
                {
                    list.path = Ident::new("allow", Span::mixed_site()).into();
                }
            }
        }
        attributes
    }

    /// The signature of the user, with a name of ours where a pattern stands.
    pub(crate) fn signature(&self) -> Signature {
        let mut signature = self.function.signature.clone();
        let body_moved = self.body_moved();
        for (typed, argument) in typed_inputs(&mut signature).zip(&self.function.arguments) {
            let is_ids = matches!(&self.many, Some(many) if many.ids == argument.name);
            if body_moved || is_ids || argument.form == Form::Destructured {
                let name = &argument.name;
                typed.pat = parse_quote!(#name);
            }
        }
        signature
    }

    /// The signature of the user for the function that has the body: as an item it is ours, and
    /// lints about items pass it by. An argument that only the key or another option uses is used.
    pub(crate) fn signature_of_body(&self, name: Ident) -> Signature {
        let mut signature = self.function.signature.clone();
        signature.ident = name;
        signature.fn_token.span = Span::mixed_site();
        if let Some(asyncness) = &mut signature.asyncness {
            asyncness.span = Span::mixed_site();
        }
        for (typed, argument) in typed_inputs(&mut signature).zip(&self.function.arguments) {
            if self.options_use(argument) {
                typed.attrs.push(parse_quote!(#[allow(unused_variables)]));
            }
        }
        signature
    }

    fn options_use(&self, argument: &Argument) -> bool {
        let Options { ttl, condition, .. } = self.options;
        let ttl = match ttl {
            Some(Ttl::Computed(ttl)) => Some(ttl),
            _ => None,
        };
        let (key, tags, cache) = (&self.key, &self.tags, self.options.cache_code());
        mentions(
            quote!(#key #tags #ttl #condition #cache),
            &argument.name.to_string(),
        )
    }
}

impl Argument {
    /// `name: Type`, without the attributes and the pattern of the user.
    pub(crate) fn plain(&self) -> TokenStream {
        let (name, ty) = (&self.name, self.ty());
        quote!(#name: #ty)
    }
}

/// The arguments of a signature but `self`.
fn typed_inputs(signature: &mut Signature) -> impl Iterator<Item = &mut PatType> {
    signature.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}
