//! Emits `profile::remove(42)` and the others beside the function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Visibility};

use crate::args::{CompanionsOption, Options};
use crate::expand::Expansion;
use crate::function::{Execution, Function};
use crate::many::Many;
use crate::returned::stored;
use crate::spans::{as_ours, local, ours_at};

/// Where the companions of a function are.
pub(crate) enum Companions {
    /// Nowhere: they are not wanted, or nothing can be added beside the function.
    None,
    /// Associated functions of a struct of this name, in the type namespace beside the function.
    Beside(Ident),
    /// Methods of the same `impl`, with this prefix.
    Siblings(Ident),
}

impl Companions {
    pub(crate) fn of(function: &Function, options: &Options) -> Self {
        let associated = function.is_associated();
        let name = match &options.companions {
            Some(CompanionsOption::Off) => return Self::None,
            Some(CompanionsOption::Named(name)) => name.clone(),
            Some(CompanionsOption::On(_)) => ours(&function.signature.ident),
            // Without a visibility this may be a trait's method, where no item can be added.
            None if associated && matches!(function.visibility, Visibility::Inherited) => {
                return Self::None;
            }
            None if matches!(function.execution, Execution::Boxed(_)) => return Self::None,
            None => ours(&function.signature.ident),
        };
        if associated {
            Self::Siblings(name)
        } else {
            Self::Beside(name)
        }
    }

    pub(crate) fn exist(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The name of a companion as an item, and as a path from the function.
    fn name(&self, companion: &str) -> Option<(Ident, TokenStream)> {
        match self {
            Self::None => None,
            Self::Beside(name) => {
                let item = Ident::new(companion, Span::call_site());
                let path = quote!(#name::#item);
                Some((item, path))
            }
            Self::Siblings(prefix) => {
                let item =
                    format_ident!("{}_{companion}", prefix.unraw(), span = Span::call_site());
                let path = quote!(Self::#item);
                Some((item, path))
            }
        }
    }

    /// The path of the companion that has the body.
    pub(crate) fn uncached(&self) -> Option<TokenStream> {
        self.name("uncached").map(|(_, path)| path)
    }

    /// The path of the constant that refers to the function's description.
    pub(crate) fn identity(&self) -> Option<TokenStream> {
        match self {
            Self::None => None,
            Self::Beside(name) => Some(quote!(#name::FUNCTION)),
            Self::Siblings(prefix) => {
                let constant = constant_of(prefix);
                Some(quote!(Self::#constant))
            }
        }
    }

    /// The struct knows where it is, a function around the function included.
    pub(crate) fn place(&self) -> Option<TokenStream> {
        match self {
            Self::Beside(name) => Some(quote!(.beside(::core::any::type_name::<#name>))),
            Self::None | Self::Siblings(_) => None,
        }
    }
}

/// One companion: it takes the arguments of the function and `more`, and has a body of ours.
struct Companion<'a> {
    name: &'a str,
    about: &'a str,
    asynchronous: bool,
    more: Option<TokenStream>,
    output: TokenStream,
    body: TokenStream,
}

/// The name of the function as a name of ours: lints about the case of a type stay silent.
fn ours(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(Span::call_site());
    name
}

fn constant_of(prefix: &Ident) -> Ident {
    let name = prefix.unraw().to_string().to_uppercase();
    format_ident!("{name}_FUNCTION", span = Span::call_site())
}

impl Expansion<'_> {
    pub(crate) fn companion_items(&self) -> TokenStream {
        let attributes: Vec<&Attribute> = self
            .function
            .attributes
            .iter()
            .filter(|a| a.path().is_ident("cfg"))
            .collect();
        let visibility = &self.function.visibility;
        match &self.companions {
            Companions::None => TokenStream::new(),
            Companions::Beside(name) => {
                let items = self.associated(&Ident::new("FUNCTION", Span::call_site()), &[]);
                let title = format!("Acts on the cached results of `{}`.", self.title());
                quote! {
                    #(#attributes)*
                    #[doc = #title]
                    #[allow(non_camel_case_types, dead_code)]
                    #[non_exhaustive]
                    #visibility struct #name {}
                    #(#attributes)*
                    impl #name { #items }
                }
            }
            Companions::Siblings(prefix) => self.associated(&constant_of(prefix), &attributes),
        }
    }

    fn title(&self) -> String {
        self.function.signature.ident.unraw().to_string()
    }

    fn associated(&self, constant: &Ident, attributes: &[&Attribute]) -> TokenStream {
        let runtime = &self.runtime;
        let identity = self.new_identity();
        let uncached = self.uncached_item();
        let mut companions = vec![
            self.remove(
                "remove",
                "Removes the cached result of this call: it is not served again.",
            ),
            self.remove(
                "expire",
                "Ends the freshness of the cached result of this call.",
            ),
            self.key_item(),
            self.removal(),
            self.stats(),
            self.explain(),
        ];
        if self.many.is_none() {
            companions.extend([self.peek(), self.prime(), self.refresh()]);
        }
        let attributes = quote!(#(#attributes)*);
        quote! {
            #attributes
            const #constant: &'static #runtime::Function = #identity;
            #uncached
            #(#attributes #companions)*
        }
    }

    fn companion(&self, companion: &Companion<'_>) -> TokenStream {
        let Companion {
            name,
            about,
            asynchronous,
            more,
            output,
            body,
        } = companion;
        let Some((name, _)) = self.companions.name(name) else {
            return TokenStream::new();
        };
        let quiet = self.quiet();
        let visibility = &self.function.visibility;
        let signature = &self.function.signature;
        let asynchronous = asynchronous.then(|| quote!(async));
        let (generics, conditions) = (&signature.generics, &signature.generics.where_clause);
        let receiver = self.function.receiver().map(|receiver| quote!(#receiver,));
        let arguments = self
            .function
            .arguments
            .iter()
            .map(|argument| match &self.many {
                Some(Many { ids, id, .. }) if argument.name == *ids => quote!(#ids: #id),
                _ => argument.plain(),
            });
        quote! {
            #[doc = #about]
            #[allow(dead_code, unused_variables, clippy::too_many_arguments)]
            #quiet
            #visibility #asynchronous fn #name #generics(
                #receiver #(#arguments,)* #more
            ) -> #output #conditions {
                #body
            }
        }
    }

    /// The name of `verb` in the runtime, which waits as the function itself does.
    fn verb(&self, verb: &str) -> String {
        let mode = if self.function.is_async() {
            ""
        } else {
            "_blocking"
        };
        format!("{verb}{mode}")
    }

    fn result(&self) -> TokenStream {
        let runtime = &self.runtime;
        quote!(::core::result::Result<(), #runtime::Error>)
    }

    fn remove(&self, verb: &str, about: &str) -> TokenStream {
        let prepare = self.prepare(false);
        let ask = self.ask(&self.verb(verb), None, &TokenStream::new());
        self.companion(&Companion {
            name: verb,
            about,
            asynchronous: self.function.is_async(),
            more: None,
            output: self.result(),
            body: quote!(#prepare #ask),
        })
    }

    fn peek(&self) -> TokenStream {
        let returned = &self.function.returned;
        let prepare = self.prepare(true);
        let tags = self.tags.as_ref();
        let ask = self.ask(&self.verb("peek"), tags, &TokenStream::new());
        self.companion(&Companion {
            name: "peek",
            about: "The cached result of this call, if there is one; computes nothing.",
            asynchronous: self.function.is_async(),
            more: None,
            output: quote!(::core::option::Option<#returned>),
            body: quote!(#prepare #tags #ask),
        })
    }

    fn prime(&self) -> TokenStream {
        let returned = &self.function.returned;
        let value = local("value");
        let prepare = self.prepare(true);
        let (statement, ttl) = self.ttl();
        let (tags, unless) = (self.tags.as_ref(), self.unless());
        let ask = self.ask(&self.verb("prime"), tags, &quote!(#ttl, #unless, #value));
        self.companion(&Companion {
            name: "prime",
            about: "Stores the last argument as the result of this call.",
            asynchronous: self.function.is_async(),
            more: Some(quote!(#value: #returned)),
            output: self.result(),
            body: quote!(#prepare #statement #tags #ask),
        })
    }

    fn refresh(&self) -> TokenStream {
        let returned = &self.function.returned;
        let prepare = self.prepare(true);
        let run = self.run(&self.verb("refresh"), false);
        self.companion(&Companion {
            name: "refresh",
            about: "Computes the result of this call, even if there is one, and stores it.",
            asynchronous: self.function.is_async(),
            more: None,
            output: quote!(#returned),
            body: quote!(#prepare #run),
        })
    }

    fn key_item(&self) -> TokenStream {
        let runtime = &self.runtime;
        let [key, kind] = ["key", "kind"].map(local);
        let (start, find_kind) = (self.start_key(false), self.find_kind());
        let value = match &self.many {
            Some(many) => &many.value,
            None => stored(&self.function.returned),
        };
        let form = self.form();
        let of_value = &self.runtime_of_value;
        let span = ours_at(self.function.returned.span());
        let finish = quote_spanned!(span=> #of_value::Arguments::into_key_of(#key, #kind));
        let finish = match &self.tags {
            Some(statement) => {
                let tags = local("tags");
                let tagged = quote!(|#key| #runtime::Key::tagged(#key, &#tags));
                quote!(#statement ::core::result::Result::map(#finish, #tagged))
            }
            None => finish,
        };
        self.companion(&Companion {
            name: "key",
            about: "The key of the cached result of this call, for the methods of `Cache`.",
            asynchronous: false,
            more: None,
            output: quote! {
                ::core::result::Result<#runtime::Key<#value, #form>, #runtime::Error>
            },
            body: quote!(#start #find_kind #finish),
        })
    }

    fn stats(&self) -> TokenStream {
        let Some((name, _)) = self.companions.name("stats") else {
            return TokenStream::new();
        };
        let (runtime, identity) = (&self.runtime, self.identity());
        let visibility = &self.function.visibility;
        quote! {
            #[doc = "What has happened with this function in this process."]
            #[must_use]
            #[allow(dead_code)]
            #visibility fn #name() -> #runtime::Stats {
                #runtime::Function::stats(#identity)
            }
        }
    }

    fn explain(&self) -> TokenStream {
        let runtime = &self.runtime;
        // A condition of a call for many ids sees all of them.
        let prepare = self.prepare(self.many.is_none());
        let tags = self.tags.as_ref();
        let ask = self.ask(&self.verb("explain"), tags, &TokenStream::new());
        self.companion(&Companion {
            name: "explain",
            about: "What this call would find, and why; computes nothing.",
            asynchronous: self.function.is_async(),
            more: None,
            output: quote!(#runtime::Explanation),
            body: quote!(#prepare #tags #ask),
        })
    }

    /// What `#[removes]` calls.
    fn removal(&self) -> TokenStream {
        let runtime = &self.runtime;
        let removals = local("removals");
        let prepare = self.prepare(false);
        let collect = self.call("removal", None, &quote!(#removals));
        let removal = self.companion(&Companion {
            name: "removal",
            about: "Removes the cached result of this call with others.",
            asynchronous: false,
            more: Some(quote!(#removals: &mut #runtime::Removals)),
            output: quote!(()),
            body: quote!(#prepare #collect),
        });
        quote!(#[doc(hidden)] #removal)
    }

    /// The function without the cache: it has the body, and what the user said of its lints.
    fn uncached_item(&self) -> TokenStream {
        let Some((name, _)) = self.companions.name("uncached") else {
            return TokenStream::new();
        };
        let kept = ["cfg", "allow", "expect", "warn", "deny", "forbid"];
        let attributes = self
            .function
            .attributes
            .iter()
            .filter(|attribute| kept.iter().any(|kept| attribute.path().is_ident(kept)));
        let visibility = as_ours(
            self.function.visibility.to_token_stream(),
            Span::call_site(),
        );
        let signature = self.signature_of_body(name);
        let body = &self.function.body;
        quote! {
            #[doc = "Computes the result of this call; neither reads nor fills the cache."]
            #(#attributes)*
            #visibility #signature #body
        }
    }
}
