//! Emits the cached function.
//!
//! Where companions exist the body moves into the companion `uncached`, and the function and
//! `refresh` call it there; elsewhere it stays in place, as a closure or an async block.

use proc_macro2::{Delimiter, Group, Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Path, Result, parse_quote};

use crate::args::{KeyOption, Options};
use crate::checks;
use crate::companions::Companions;
use crate::function::{Execution, Function};
use crate::many::Many;
use crate::spans::{as_ours, local, ours_at};
use crate::ttl::Ttl;
use crate::{key, policy, tags};

/// The attribute; after a problem the item itself and the errors, so that the rest of the crate
/// and the editor still see the function.
pub(crate) fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    try_cached(options, item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    })
}

fn try_cached(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: Function = syn::parse2(item)?;
    let options: Options = syn::parse2(options)?;
    checks::check(&function, &options)?;
    let expansion = Expansion::new(&function, &options)?;
    let cached = expansion.function();
    let companions = expansion.companion_items();
    Ok(quote!(#cached #companions))
}

/// What the parts of one expansion share.
pub(crate) struct Expansion<'a> {
    pub(crate) function: &'a Function,
    pub(crate) companions: Companions,
    /// The path of the runtime, `::cachekit::__private`.
    pub(crate) runtime: TokenStream,
    /// The same path in the place of the return type, to which errors about values point.
    pub(crate) runtime_of_value: TokenStream,
    pub(crate) options: &'a Options,
    /// The statements that make the key.
    pub(crate) key: TokenStream,
    /// The statement that makes the tags, where there are any.
    pub(crate) tags: Option<TokenStream>,
    pub(crate) many: Option<Many>,
}

impl<'a> Expansion<'a> {
    fn new(function: &'a Function, options: &'a Options) -> Result<Self> {
        let path: Path = options
            .runtime
            .clone()
            .unwrap_or_else(|| parse_quote!(::cachekit));
        let runtime = quote!(#path::__private);
        Ok(Self {
            function,
            companions: Companions::of(function, options),
            runtime_of_value: as_ours(runtime.clone(), function.returned.span()),
            key: key::statements(function, options, &local("key"))?,
            tags: tags::statement(function, options, &runtime)?,
            many: Many::of(function, options)?,
            runtime,
            options,
        })
    }

    fn function(&self) -> TokenStream {
        let attributes = self.attributes();
        let visibility = &self.function.visibility;
        let signature = self.signature();
        let body = self.cached_body();
        let body = match self.function.execution {
            Execution::Boxed(_) => quote!(return ::std::boxed::Box::pin(async move { #body });),
            Execution::Sync | Execution::Async => body,
        };
        // With braces of ours the compiler would not say that the function is never used.
        let mut braces = Group::new(Delimiter::Brace, body);
        braces.set_span(self.function.body.span());
        let quiet = self.quiet();
        quote!(#(#attributes)* #quiet #visibility #signature #braces)
    }

    /// Answers from this process, or runs the call.
    fn cached_body(&self) -> TokenStream {
        if let Some(many) = &self.many {
            return self.many_body(many);
        }
        let runtime = &self.runtime_of_value;
        let [key, kind, value] = ["key", "kind", "value"].map(local);
        let cache = self.cache();
        let (check, prepare) = (self.check_none(), self.prepare(true));
        let verb = match self.function.execution {
            Execution::Sync if self.is_threaded() => "run_threaded",
            Execution::Sync => "run_blocking",
            Execution::Async if self.is_detached() => "run_detached",
            Execution::Async | Execution::Boxed(_) => "run_inline",
        };
        let run = self.run(verb, self.leaves_caller());
        let span = ours_at(self.function.returned.span());
        let hit = quote_spanned! {span=>
            if let ::core::option::Option::Some(#value) = #runtime::hit(#kind, #cache, &mut #key) {
                return #value;
            }
        };
        quote!(#check #prepare #hit #run)
    }

    /// A statement that compiles if there is a `None` where an option is about one: only the type
    /// knows, for an alias may hide it.
    fn check_none(&self) -> Option<TokenStream> {
        let Options {
            cache_none,
            negative_ttl,
            ..
        } = self.options;
        let about_none = cache_none.is_some() || negative_ttl.is_some();
        let (runtime, returned) = (&self.runtime_of_value, &self.function.returned);
        let span = ours_at(returned.span());
        about_none.then(|| quote_spanned!(span=> #runtime::may_be_none::<#returned>();))
    }

    pub(crate) fn body_moved(&self) -> bool {
        self.companions.exist() || self.leaves_caller()
    }

    /// Whether the computation can go on without its caller.
    fn leaves_caller(&self) -> bool {
        self.is_detached() || self.is_threaded()
    }

    /// An owned sync signature computes on a thread of its own, if the caller may go on before it.
    fn is_threaded(&self) -> bool {
        let Options {
            timeout,
            stale_while_refresh,
            many,
            ..
        } = self.options;
        let goes_on =
            timeout.is_some_and(|timeout| !timeout.is_zero()) || stale_while_refresh.is_some();
        matches!(self.function.execution, Execution::Sync)
            && goes_on
            && many.is_none()
            && self.function.is_owned()
    }

    /// An owned async signature computes in a task of its own.
    pub(crate) fn is_detached(&self) -> bool {
        matches!(self.function.execution, Execution::Async) && self.function.is_owned()
    }

    /// Statements that leave a `key`, a `cache` and the `kind` of the returned value.
    pub(crate) fn prepare(&self, conditional: bool) -> TokenStream {
        let start_key = self.start_key(conditional);
        let choice_of_cache = self.choice_of_cache();
        let find_kind = self.find_kind();
        quote!(#start_key #choice_of_cache #find_kind)
    }

    /// Statements that leave a `key`.
    pub(crate) fn start_key(&self, conditional: bool) -> TokenStream {
        let runtime = &self.runtime;
        let key = local("key");
        let identity = self.identity();
        let start = match self.options.key {
            Some(KeyOption::Template(_)) => quote!(readable),
            _ => quote!(new),
        };
        let types = self.types(&key);
        let statements = &self.key;
        let statements = match self.options.condition.as_ref().filter(|_| conditional) {
            Some(condition) => quote! {
                if #condition { #types #statements } else { #key.bypass(); }
            },
            None => quote!(#types #statements),
        };
        quote! {
            let mut #key = #runtime::Arguments::#start(#identity);
            #statements
        }
    }

    /// A statement that leaves the `kind` of the returned value.
    pub(crate) fn find_kind(&self) -> TokenStream {
        if self.many.is_some() {
            return self.find_kind_of_many();
        }
        let kind = local("kind");
        let returned = &self.function.returned;
        let span = ours_at(returned.span());
        let form = self.form();
        let value = &self.runtime_of_value;
        quote_spanned! {span=>
            let #kind = {
                use #value::{OfOption as _, OfOptionalResult as _, OfPlain as _, OfResult as _};
                #value::checked::<#form, _>((&&&&#value::Probe::<#returned>::new()).kind())
            };
        }
    }

    /// Clippy takes a reference to a cache for a lock that is held too long, and one id that has
    /// the name of the list for a mistake.
    pub(crate) fn quiet(&self) -> Option<TokenStream> {
        let cache = self.options.cache_code();
        let of_cache = cache.map(|_| quote!(#[allow(clippy::significant_drop_tightening)]));
        let of_ids = self.many.as_ref();
        let of_ids =
            of_ids.map(|_| quote!(#[allow(clippy::shadow_reuse, clippy::shadow_unrelated)]));
        (of_cache.is_some() || of_ids.is_some()).then(|| quote!(#of_cache #of_ids))
    }

    /// What tells this function from all others, and its instances from each other.
    fn types(&self, key: &Ident) -> TokenStream {
        match &self.companions {
            Companions::Beside(_) => key::types(self.function, key),
            Companions::Siblings(_) => {
                let parameters = key::types(self.function, key);
                quote!(#key.types(::core::any::type_name::<Self>()); #parameters)
            }
            // The name of a closure has the place and every generic argument, those of an
            // enclosing `impl` included.
            Companions::None => quote!(#key.types(::core::any::type_name_of_val(&|| ()));),
        }
    }

    /// A reference to the static that describes the function.
    pub(crate) fn identity(&self) -> TokenStream {
        self.companions
            .identity()
            .unwrap_or_else(|| self.new_identity())
    }

    pub(crate) fn new_identity(&self) -> TokenStream {
        let runtime = &self.runtime;
        let name = self.function.signature.ident.unraw().to_string();
        let place = self.companions.place();
        let namespace = self
            .options
            .namespace
            .as_ref()
            .map(|text| quote!(.namespace(#text)));
        let version = self
            .options
            .version
            .map(|version| quote!(.version(#version)));
        let policy = policy::of(self.options, runtime);
        let explicit = self.options.name.as_ref().map(|text| quote!(.name(#text)));
        quote!({
            static FUNCTION: #runtime::Function =
                #runtime::Function::new(::core::module_path!(), #name)
                    #place #namespace #version #explicit #policy;
            &FUNCTION
        })
    }

    /// The expression that answers a call that was no hit.
    pub(crate) fn run(&self, verb: &str, detached: bool) -> TokenStream {
        let (ttl_statement, ttl) = self.ttl();
        let unless = self.unless();
        let (rebind, compute) = if detached {
            (TokenStream::new(), self.boxed())
        } else {
            self.compute()
        };
        let span = ours_at(self.function.returned.span());
        let voice = self.voice();
        let tags = self.tags.as_ref();
        let ask = self.ask(verb, tags, &quote!(#ttl, #unless, #voice, #compute));
        let answer = quote_spanned!(span=> return #ask;);
        quote!(#ttl_statement #tags #rebind #answer)
    }

    /// A statement that evaluates the ttl of this call before the body takes the arguments, and
    /// that ttl. One that is the same for every call is in the description of the function.
    pub(crate) fn ttl(&self) -> (TokenStream, TokenStream) {
        match &self.options.ttl {
            None | Some(Ttl::Fixed(_)) => {
                (TokenStream::new(), quote!(::core::option::Option::None))
            }
            Some(Ttl::Computed(expression)) => {
                let ttl = local("ttl");
                let statement = quote!(let #ttl: ::core::time::Duration = #expression;);
                (statement, quote!(::core::option::Option::Some(#ttl)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(options: &str, item: &str) -> String {
        cached(options.parse().unwrap(), item.parse().unwrap()).to_string()
    }

    #[test]
    fn a_half_typed_body_is_still_a_cached_function() {
        let expanded = expanded(
            "",
            "fn profile(id: u64) -> u64 { let user = users. ; id + }",
        );
        assert!(expanded.contains("fn profile (id : u64) -> u64"));
        assert!(expanded.contains("let user = users . ; id +"));
        assert!(!expanded.contains("compile_error"));
    }

    #[test]
    fn after_a_mistake_the_function_is_still_there() {
        let item = "fn profile (id : u64) -> u64 { id }";
        for mistake in ["tll = 5", "ttl = ", "key = \"{idd}\"", "???"] {
            let expanded = expanded(mistake, item);
            assert!(expanded.starts_with(item), "{mistake}");
            assert!(expanded.contains("compile_error"), "{mistake}");
        }
    }

    #[test]
    fn a_half_typed_signature_is_left_to_the_compiler() {
        let expanded = expanded("", "fn profile (id : ) ->");
        assert!(expanded.starts_with("fn profile"));
    }
}
