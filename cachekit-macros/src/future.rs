//! Futures in signatures, and what `#[async_trait]` makes of an `async fn`.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{GenericArgument, Path, PathArguments, Type, TypeParamBound};

/// `T` in `Pin<Box<dyn Future<Output = T> + …>>`.
pub(crate) fn boxed_output(returned: &Type) -> Option<Type> {
    let boxed = only_type_argument(returned, "Pin")?;
    let Type::TraitObject(object) = only_type_argument(boxed, "Box")? else {
        return None;
    };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        future_output(&bound.path)
    })
}

/// `T` in `Future<Output = T>`.
pub(crate) fn future_output(path: &Path) -> Option<Type> {
    let future = path
        .segments
        .last()
        .filter(|segment| segment.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &future.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty.clone()),
        _ => None,
    })
}

fn only_type_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(argument)) if arguments.args.len() == 1 => Some(argument),
        _ => None,
    }
}

pub(crate) fn is_named_future(returned: &Type) -> bool {
    let Type::Path(path) = returned else {
        return boxed_output(returned).is_some();
    };
    let last = path
        .path
        .segments
        .last()
        .map(|segment| segment.ident.to_string());
    matches!(last.as_deref(), Some("BoxFuture" | "LocalBoxFuture"))
        || boxed_output(returned).is_some()
}

/// The block, where the whole body is `Box::pin(async move { … })`.
pub(crate) fn async_block(body: &Group) -> Option<Group> {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let (TokenTree::Group(call), path) = tokens.split_last()? else {
        return None;
    };
    let path: TokenStream = path.iter().cloned().collect();
    let path: Path = syn::parse2(path).ok()?;
    let names: Vec<_> = path
        .segments
        .iter()
        .rev()
        .take(2)
        .map(|s| s.ident.to_string())
        .collect();
    if names != ["pin", "Box"] || call.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let inside: Vec<TokenTree> = call.stream().into_iter().collect();
    match inside.as_slice() {
        [
            TokenTree::Ident(first),
            TokenTree::Ident(second),
            TokenTree::Group(block),
        ] if first == "async" && second == "move" && block.delimiter() == Delimiter::Brace => {
            Some(block.clone())
        }
        _ => None,
    }
}
