//! Emits the call of the runtime: the cache it is made of, the form of its values, what it does.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::args::CacheOption;
use crate::expand::Expansion;
use crate::spans::{as_ours, local, ours_at};

impl Expansion<'_> {
    /// The statement that chooses the cache: borrowed first and dereferenced then, so that the
    /// expression may be of any type that leads to one.
    pub(crate) fn choice_of_cache(&self) -> Option<TokenStream> {
        let runtime = &self.runtime;
        let expression = self.options.cache_code()?;
        let cache = local("cache");
        let span = ours_at(expression.span());
        Some(quote_spanned! {span=>
            let #cache = &(#expression);
            let #cache: &#runtime::Cache = #cache;
        })
    }

    /// The cache. One that no code gives is asked for each time, and needs no variable to be quiet
    /// about.
    pub(crate) fn cache(&self) -> TokenStream {
        let runtime = &self.runtime_of_value;
        let cache = local("cache");
        let span = ours_at(self.function.returned.span());
        match &self.options.cache {
            Some(CacheOption::Expression(_)) => quote!(#cache),
            Some(CacheOption::Named(name)) => as_ours(quote!(&crate::caches::#name()), name.span()),
            None => quote_spanned!(span=> &#runtime::default_cache()),
        }
    }

    /// `verb` of the call, waited for as the function is.
    pub(crate) fn ask(
        &self,
        verb: &str,
        tags: Option<&TokenStream>,
        arguments: &TokenStream,
    ) -> TokenStream {
        let call = self.call(verb, tags, arguments);
        let wait = self.function.is_async().then(|| quote!(.await));
        let span = ours_at(self.function.returned.span());
        quote_spanned!(span=> #call #wait)
    }

    /// `verb` of the call, as a path: of a method, the bounds that do not hold would be reported
    /// once more.
    pub(crate) fn call(
        &self,
        verb: &str,
        tags: Option<&TokenStream>,
        arguments: &TokenStream,
    ) -> TokenStream {
        let runtime = &self.runtime_of_value;
        let [key, kind] = ["key", "kind"].map(local);
        let cache = self.cache();
        let verb = Ident::new(verb, Span::mixed_site());
        let form = self.form();
        let span = ours_at(self.function.returned.span());
        let call = quote_spanned!(span=> #runtime::Call::new(#kind, #cache, #key));
        let call = quote_spanned!(span=> #runtime::Call::form::<#form>(#call));
        let call = match tags {
            Some(_) => {
                let tags = local("tags");
                quote_spanned!(span=> #runtime::Call::tags(#call, #tags))
            }
            None => call,
        };
        quote_spanned!(span=> #runtime::Call::#verb(#call, #arguments))
    }

    /// The form of the values outside of the process.
    pub(crate) fn form(&self) -> TokenStream {
        let runtime = &self.runtime_of_value;
        let span = ours_at(self.function.returned.span());
        match (&self.options.local, &self.options.codec) {
            (Some(_), _) => quote_spanned!(span=> #runtime::Local),
            (None, Some(codec)) => quote!(#codec),
            (None, None) => quote_spanned!(span=> #runtime::Bincode),
        }
    }
}
