//! Statements that build the key of a call.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, GenericParam, Result, Type};

use crate::args::{KeyOption, Options};
use crate::function::{Argument, Form, Function};
use crate::names::Names;
use crate::spans::ours_at;
use crate::template::{self, Piece, Use};

/// The statements that add to `key`, a variable of the runtime's type `Arguments`.
pub(crate) fn statements(
    function: &Function,
    options: &Options,
    key: &Ident,
) -> Result<TokenStream> {
    match &options.key {
        Some(KeyOption::Template(template)) => {
            let pieces = template::parse(template, Use::Key, &Names::of(function))?;
            Ok(pieces
                .iter()
                .map(|piece| piece_statement(piece, key))
                .collect())
        }
        Some(KeyOption::Expression(Expr::Tuple(tuple))) => Ok(tuple
            .elems
            .iter()
            .map(|element| expression(element, key))
            .collect()),
        Some(KeyOption::Expression(single)) => Ok(expression(single, key)),
        None => {
            let skipped = |argument: &Argument| {
                options
                    .skip
                    .as_ref()
                    .is_some_and(|skip| skip.has(&argument.name))
            };
            let arguments = function.arguments.iter();
            let seen = arguments.filter(|a| a.form != Form::Ignored && !skipped(a));
            Ok(seen
                .map(|argument| argument_statement(argument, key))
                .collect())
        }
    }
}

pub(crate) fn piece_statement(piece: &Piece, key: &Ident) -> TokenStream {
    match piece {
        Piece::Literal(text) => quote!(#key.text(#text);),
        Piece::Placeholder(path) => {
            let span = ours_at(path.span());
            quote_spanned!(span=> #key.placeholder(&#path);)
        }
    }
}

/// Borrows a place, so that `key = (tenant, id)` moves nothing out of the arguments.
fn expression(element: &Expr, key: &Ident) -> TokenStream {
    let span = ours_at(element.span());
    quote_spanned!(span=> #key.argument(&(#element));)
}

fn argument_statement(argument: &Argument, key: &Ident) -> TokenStream {
    let name = &argument.name;
    let span = ours_at(name.span());
    let borrowed = quote_spanned!(span=> &#name);
    quote_spanned!(span=> #key.argument(#borrowed);)
}

/// The statements that add what the generic parameters of the function stand for.
pub(crate) fn types(function: &Function, key: &Ident) -> TokenStream {
    let parameters = function
        .signature
        .generics
        .params
        .iter()
        .map(|parameter| match parameter {
            GenericParam::Lifetime(_) => TokenStream::new(),
            GenericParam::Type(parameter) => {
                let name = &parameter.ident;
                quote!(#key.types(::core::any::type_name::<#name>());)
            }
            GenericParam::Const(parameter) => {
                let name = &parameter.ident;
                quote!(#key.argument(&#name);)
            }
        });
    let opaque = function
        .arguments
        .iter()
        .filter(|a| has_impl(a.ty()))
        .map(|argument| {
            let name = &argument.name;
            quote!(#key.types(::core::any::type_name_of_val(&#name));)
        });
    parameters.chain(opaque).collect()
}

fn has_impl(ty: &Type) -> bool {
    crate::function::mentions(ty.to_token_stream(), "impl")
}
