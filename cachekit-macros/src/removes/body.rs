//! How the body of the function comes to its result.

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Result, ReturnType, Type, TypeParamBound, parse_quote};

use crate::function::mentions;
use crate::future::{async_block, boxed_output, future_output, is_named_future};
use crate::item::Item;
use crate::spans::{local, ours_at, regroup};

pub(crate) struct Body {
    pub(crate) returned: Type,
    pub(crate) execution: Execution,
    block: Group,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    Sync,
    Async,
    /// The block is in what `#[async_trait]` makes of an `async fn`.
    Boxed,
}

impl Body {
    pub(crate) fn of(item: &Item) -> Result<Self> {
        if let Some(keyword) = &item.signature.constness {
            let message = "a `const fn` changes nothing; remove `const`";
            return Err(Error::new_spanned(keyword, message));
        }
        let returned = match &item.signature.output {
            ReturnType::Type(_, returned) => (**returned).clone(),
            ReturnType::Default => parse_quote!(()),
        };
        let (returned, execution, block) = if item.signature.asyncness.is_some() {
            (returned, Execution::Async, item.body.clone())
        } else {
            match (boxed_output(&returned), async_block(&item.body)) {
                (Some(output), Some(block)) => (output, Execution::Boxed, block),
                (None, _) if !is_future(&returned) => {
                    (returned, Execution::Sync, item.body.clone())
                }
                _ => {
                    let message =
                        "what returns a future has not run when it returns: write `async fn`";
                    return Err(Error::new_spanned(returned, message));
                }
            }
        };
        Ok(Self {
            returned,
            execution,
            block,
        })
    }

    /// The expression that runs the body, so that `return` and `?` end nothing else. The body takes
    /// the arguments, unless they are to be `kept` as far as it only borrows them.
    pub(crate) fn run(&self, runtime: &TokenStream, kept: bool) -> TokenStream {
        let Self {
            returned, block, ..
        } = self;
        let capture = (!kept).then(|| quote!(move));
        match self.execution {
            Execution::Sync => {
                let output = (!self.is_opaque()).then(|| quote!(-> #returned));
                quote!(#runtime::once(#capture || #output #block))
            }
            Execution::Async => {
                let block = self.typed_block();
                quote!(async #capture #block.await)
            }
            Execution::Boxed => quote!(async #capture #block.await),
        }
    }

    /// A block whose type is declared by an early return that is never taken.
    fn typed_block(&self) -> Group {
        let returned = &self.returned;
        let value = local("value");
        let span = ours_at(returned.span());
        let edge = (!self.is_opaque()).then(|| {
            quote_spanned! {span=>
                if let ::core::option::Option::Some(#value) = ::core::option::Option::None::<#returned> {
                    return #value;
                }
            }
        });
        let statements = self.block.stream();
        regroup(&self.block, quote!(#edge #statements))
    }

    /// Whether the type of the result can be named in the signature only.
    pub(crate) fn is_opaque(&self) -> bool {
        mentions(self.returned.to_token_stream(), "impl")
    }
}

fn is_future(returned: &Type) -> bool {
    let Type::ImplTrait(opaque) = returned else {
        return is_named_future(returned);
    };
    opaque.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => future_output(&bound.path).is_some(),
        _ => false,
    })
}
