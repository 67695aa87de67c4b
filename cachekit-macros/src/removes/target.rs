//! A call whose cached result is removed, as `profile(id)` or `self.profile(id)`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprCall, ExprMethodCall, ExprPath, Path, PathArguments, Result, Token};

use crate::spans::ours_at;

pub(crate) struct Target {
    /// The companion that collects the removal, and its receiver.
    companion: TokenStream,
    arguments: Vec<Expr>,
}

impl Target {
    pub(crate) fn new(call: Expr) -> Result<Self> {
        match call {
            Expr::Call(ExprCall { func, args, .. }) => match *func {
                Expr::Path(function) => Ok(Self {
                    companion: companion_of(function),
                    arguments: arguments(args)?,
                }),
                other => Err(not_a_call(&other)),
            },
            Expr::MethodCall(ExprMethodCall {
                receiver,
                method,
                turbofish,
                args,
                ..
            }) => {
                let method = sibling(&method);
                Ok(Self {
                    companion: quote!(#receiver.#method #turbofish),
                    arguments: arguments(args)?,
                })
            }
            other => Err(not_a_call(&other)),
        }
    }

    pub(crate) fn companion(&self) -> &TokenStream {
        &self.companion
    }

    /// The arguments of the call. One that is a name or a field is cloned, because the body needs
    /// it; any other is evaluated as it is written.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = TokenStream> {
        self.arguments.iter().map(|argument| {
            if !is_place(argument) {
                return argument.to_token_stream();
            }
            let span = ours_at(argument.span());
            quote_spanned!(span=> ::core::clone::Clone::clone(&#argument))
        })
    }
}

fn not_a_call(found: &Expr) -> Error {
    let message = match found {
        Expr::Path(option) if option.path.is_ident("tag") || option.path.is_ident("namespace") => {
            let option = option.to_token_stream();
            format!("`{option}` needs a value: write `{option} = \"users\"`")
        }
        Expr::Path(function) => {
            let function = function.to_token_stream();
            format!("write the whole call whose result has changed, as in `{function}(id)`")
        }
        Expr::Lit(_) => "a tag has a name: write `tag = \"user:{id}\"`".into(),
        Expr::Await(_) | Expr::Try(_) => {
            "write the call alone; it is not made, only its cached result is removed".into()
        }
        _ => "write the call whose result has changed, as in `profile(id)` or `self.profile(id)`"
            .into(),
    };
    Error::new_spanned(found, message)
}

fn arguments(arguments: Punctuated<Expr, Token![,]>) -> Result<Vec<Expr>> {
    for argument in &arguments {
        if matches!(argument, Expr::Range(range) if range.start.is_none() && range.end.is_none()) {
            let message = "there is no list of all calls; give the function a namespace, and write \
                           `namespace = \"users\"`, or tags, and write `tag = \"users\"`";
            return Err(Error::new_spanned(argument, message));
        }
    }
    Ok(arguments.into_iter().collect())
}

/// `users::profile::<T>` has its companions in the type `users::profile`, and `Users::profile`
/// beside it, in the type `Users`: types are told by their capital letter.
fn companion_of(mut function: ExprPath) -> TokenStream {
    let of_type = function.qself.is_some() || in_type(&function.path);
    let Some(last) = function.path.segments.last_mut() else {
        return function.into_token_stream();
    };
    if of_type {
        last.ident = sibling(&last.ident);
        return function.into_token_stream();
    }
    let removal = Ident::new("removal", Span::call_site().located_at(last.ident.span()));
    let arguments = std::mem::replace(&mut last.arguments, PathArguments::None);
    let turbofish = (!arguments.is_none()).then_some(arguments);
    quote!(#function::#removal #turbofish)
}

fn in_type(path: &Path) -> bool {
    let before = path.segments.iter().rev().nth(1);
    before.is_some_and(|segment| {
        let name = segment.ident.unraw().to_string();
        name.starts_with(|first: char| first.is_uppercase())
    })
}

fn sibling(method: &Ident) -> Ident {
    format_ident!("{}_removal", method.unraw(), span = method.span())
}

fn is_place(expression: &Expr) -> bool {
    match expression {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        _ => false,
    }
}
