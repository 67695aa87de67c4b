//! Emits the computation: what runs when there is no cached result, and what becomes of its own.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericParam, ReceiverKind};

use crate::expand::Expansion;
use crate::function::{Execution, Form};
use crate::spans::{local, ours_at, regroup};

impl Expansion<'_> {
    /// Statements that take patterns apart for a body in place, and the computation itself.
    pub(crate) fn compute(&self) -> (TokenStream, TokenStream) {
        let returned = &self.function.returned;
        let span = ours_at(returned.span());
        if let Some(call) = self.call_uncached() {
            let compute = if self.function.is_async() {
                call
            } else {
                quote_spanned!(span=> || -> #returned { #call })
            };
            return (TokenStream::new(), compute);
        }
        let destructured = self
            .function
            .arguments
            .iter()
            .filter(|a| a.form == Form::Destructured);
        let rebind = destructured.map(|argument| {
            let (pattern, name) = (&argument.written.pat, &argument.name);
            quote!(let #pattern = #name;)
        });
        let body = &self.function.body;
        let compute = match &self.function.execution {
            Execution::Sync => quote_spanned!(span=> || -> #returned #body),
            Execution::Async => self.typed_block(body),
            Execution::Boxed(block) => quote!(async move #block),
        };
        (rebind.collect(), compute)
    }

    /// An async block whose type is declared by an early return that is never taken.
    pub(crate) fn typed_block(&self, body: &Group) -> TokenStream {
        let returned = &self.function.returned;
        let value = local("value");
        let span = ours_at(returned.span());
        let edge = quote_spanned! {span=>
            if let ::core::option::Option::Some(#value) = ::core::option::Option::None::<#returned> {
                return #value;
            }
        };
        let statements = body.stream();
        let block = regroup(body, quote!(#edge #statements));
        quote!(async move #block)
    }

    /// The future on the heap, made by a function with a declared type: a recursive function
    /// could not name its own future here.
    pub(crate) fn boxed(&self) -> TokenStream {
        let returned = &self.function.returned;
        let (names, types): (Vec<_>, Vec<_>) = self
            .function
            .arguments
            .iter()
            .map(|a| (&a.name, a.ty()))
            .unzip();
        // A body that is inside of this function sees its items: their names are such that nobody
        // else takes them.
        let boxed = local("boxed");
        let (item, call) = match self.call_uncached() {
            Some(call) => (TokenStream::new(), call),
            None => {
                let name = local("uncached");
                let signature = self.signature_of_body(name.clone());
                let body = &self.function.body;
                (quote!(#signature #body), quote!(#name(#(#names),*)))
            }
        };
        let (output, make) = if self.function.is_async() {
            let future = quote!(::core::future::Future<Output = #returned>);
            let boxed = quote!(::std::boxed::Box<dyn #future + ::core::marker::Send>);
            let output = quote!(::core::pin::Pin<#boxed>);
            (output, quote!(::std::boxed::Box::pin(#call)))
        } else {
            let call_once = quote!(::core::ops::FnOnce() -> #returned);
            let output = quote!(::std::boxed::Box<dyn #call_once + ::core::marker::Send>);
            (output, quote!(::std::boxed::Box::new(move || #call)))
        };
        quote!({
            #item
            fn #boxed(#(#names: #types),*) -> #output {
                #make
            }
            #boxed(#(#names),*)
        })
    }

    /// A call of the companion that has the body.
    pub(crate) fn call_uncached(&self) -> Option<TokenStream> {
        let uncached = self.companions.uncached()?;
        let receiver = self.function.receiver().map(|receiver| {
            let by_value = !matches!(receiver.kind, ReceiverKind::Reference(..));
            let receiver = &receiver.self_token;
            // The body of a function of many ids may run again.
            match self.many.is_some() && by_value {
                true => quote!(::core::clone::Clone::clone(&#receiver),),
                false => quote!(#receiver,),
            }
        });
        let names = self
            .function
            .arguments
            .iter()
            .map(|argument| &argument.name);
        let turbofish = self.turbofish();
        Some(quote!(#uncached #turbofish(#receiver #(#names),*)))
    }

    fn turbofish(&self) -> Option<TokenStream> {
        let parameters = self.function.signature.generics.params.iter();
        let names: Vec<&Ident> = parameters
            .filter_map(|parameter| match parameter {
                GenericParam::Lifetime(_) => None,
                GenericParam::Type(parameter) => Some(&parameter.ident),
                GenericParam::Const(parameter) => Some(&parameter.ident),
            })
            .collect();
        (!names.is_empty()).then(|| quote!(::<#(#names),*>))
    }

    /// What can be told to callers whose errors are those of the kind.
    pub(crate) fn voice(&self) -> TokenStream {
        let runtime = &self.runtime_of_value;
        let [kind, probe] = ["kind", "probe"].map(local);
        let span = ours_at(self.function.returned.span());
        quote_spanned!(span=> {
            use #runtime::{
                SayFrom as _, SayNothing as _, ShareClone as _, ShareFrom as _, ShareNone as _,
            };
            let #probe = #runtime::ErrorProbe::new(#kind);
            #runtime::Voice::new((&&&#probe).share(), (&&#probe).say())
        })
    }

    /// Which results are not stored.
    pub(crate) fn unless(&self) -> TokenStream {
        let returned = &self.function.returned;
        let span = ours_at(returned.span());
        match &self.options.unless {
            Some(unless) => {
                let result = Ident::new("result", Span::call_site());
                quote_spanned!(span=> |#result: &#returned| -> ::core::primitive::bool { #unless })
            }
            None => quote_spanned!(span=> |_: &#returned| false),
        }
    }
}
