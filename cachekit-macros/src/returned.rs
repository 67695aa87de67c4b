//! Return types that cannot be cached, and why.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Error, GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments, Result, Type,
    TypeFnPtr, TypeImplTrait, TypeReference,
};

use crate::args::Options;
use crate::function::Function;
use crate::future::future_output;

pub(crate) fn check(function: &Function, options: &Options) -> Result<()> {
    let returned = &function.returned;
    match returned {
        Type::Never(_) => Err(Error::new_spanned(
            returned,
            "a function that never returns has no value to cache; remove `#[cached]`",
        )),
        Type::Tuple(tuple) if tuple.elems.is_empty() => Err(Error::new_spanned(
            returned,
            "`()` is no value: a hit would only skip the effects of the function; return a value, \
             or remove `#[cached]`",
        )),
        _ => {
            refuse_type_parameter(function)?;
            refuse_impl(returned)?;
            refuse_borrowed(returned, options.local.is_some())
        }
    }
}

/// Whether a type parameter is a `Result` cannot be known, and its `Err` would be cached.
fn refuse_type_parameter(function: &Function) -> Result<()> {
    let Type::Path(path) = &function.returned else {
        return Ok(());
    };
    let is_parameter = |ident: &Ident| {
        function
            .type_parameters()
            .any(|parameter| parameter == ident)
    };
    let qualified = path.qself.as_ref().map(|qself| &*qself.ty);
    let ty = match qualified {
        Some(Type::Path(qualified)) => qualified.path.segments.first(),
        _ => path.path.segments.first(),
    };
    let Some(parameter) = ty.filter(|segment| is_parameter(&segment.ident)) else {
        return Ok(());
    };
    let message = format!(
        "`{}` may turn out to be a `Result`, whose `Err` would be cached as a value; return a \
         `Result` or an `Option` of it, or a type that wraps it",
        parameter.ident,
    );
    Err(Error::new_spanned(&function.returned, message))
}

fn refuse_impl(returned: &Type) -> Result<()> {
    #[derive(Default)]
    struct Opaque<'ast>(Option<&'ast TypeImplTrait>);
    impl<'ast> Visit<'ast> for Opaque<'ast> {
        fn visit_type_impl_trait(&mut self, opaque: &'ast TypeImplTrait) {
            self.0 = self.0.or(Some(opaque));
        }
    }
    let mut opaque = Opaque::default();
    opaque.visit_type(returned);
    let Some(opaque) = opaque.0 else {
        return Ok(());
    };
    let is_future = opaque.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => future_output(&bound.path).is_some(),
        _ => false,
    });
    let message = if is_future {
        "a future cannot be cached, only what it gives: write `async fn` and return that"
    } else {
        "a cache stores values of a type with a name; return one, such as a `Vec` of the items or \
         an `Arc<dyn Trait>` with `local`"
    };
    Err(Error::new_spanned(opaque, message))
}

fn refuse_borrowed(returned: &Type, local: bool) -> Result<()> {
    if let Some(borrowed) = References::of(returned).borrowed {
        let message = "a cached value outlives the call that computed it and cannot borrow; return \
                       an owned type such as `String`, `Vec<T>` or `Arc<T>`";
        return Err(Error::new_spanned(borrowed, message));
    }
    match References::of(stored(returned)).statics.filter(|_| !local) {
        None => Ok(()),
        Some(reference) => Err(Error::new_spanned(
            reference,
            "a `&'static` reference cannot be read back from a store; return an owned type, or keep \
             the value in this process with `local`",
        )),
    }
}

/// The part that is stored: not the error, which may be what it likes. An alias of another name
/// than `Result` is not seen through.
pub(crate) fn stored(returned: &Type) -> &Type {
    let Type::Path(path) = returned else {
        return returned;
    };
    let Some(last) = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Result")
    else {
        return returned;
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(ok)) => ok,
            _ => returned,
        },
        _ => returned,
    }
}

/// The first of each kind in a type; those of functions in it are no borrows.
#[derive(Default)]
struct References {
    borrowed: Option<TokenStream>,
    statics: Option<TokenStream>,
}

impl References {
    fn of(ty: &Type) -> Self {
        let mut references = Self::default();
        references.visit_type(ty);
        references
    }
}

impl<'ast> Visit<'ast> for References {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let lifetime = reference.lifetime.as_ref();
        let slot = match lifetime.is_some_and(|lifetime| lifetime.ident == "static") {
            true => &mut self.statics,
            false => &mut self.borrowed,
        };
        slot.get_or_insert_with(|| reference.to_token_stream());
        visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.borrowed
                .get_or_insert_with(|| lifetime.to_token_stream());
        }
    }

    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}
