//! Emits the function: what is known is collected before the body takes the arguments, the rest when
//! the result is there, and then all is removed.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, LitStr, Path, Result, parse_quote};

use crate::args::CacheOption;
use crate::function::arguments;
use crate::item::Item;
use crate::names::Names;
use crate::removes::args::{Args, Removal};
use crate::removes::body::{Body, Execution};
use crate::removes::target::Target;
use crate::spans::{as_ours, local, ours_at};
use crate::template::{self, Piece, Use};

/// The attribute; after a problem the item itself and the errors.
pub(crate) fn removes(args: TokenStream, item: TokenStream) -> TokenStream {
    try_removes(args, item.clone()).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    })
}

fn try_removes(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let item = item_of.parse2(item)?;
    let args: Args = syn::parse2(args)?;
    let body = Body::of(&item)?;
    let removing = Removing::new(&item, &args)?;
    let content = removing.around(&body);
    let mut braces = Group::new(Delimiter::Brace, content);
    braces.set_span(item.body.span());
    let Item {
        attributes,
        visibility,
        signature,
        ..
    } = &item;
    Ok(quote!(#(#attributes)* #visibility #signature #braces))
}

fn item_of(input: ParseStream<'_>) -> Result<Item> {
    let no_body = "there is no body that changes anything; put `#[removes]` on the implementation";
    Item::parse("#[removes]", no_body, input)
}

/// What is emitted around the body.
struct Removing {
    runtime: TokenStream,
    /// The statement that chooses the cache of tags and namespaces, and a reference to it.
    choice_of_cache: Option<TokenStream>,
    cache: TokenStream,
    before: TokenStream,
    after: TokenStream,
}

impl Removing {
    fn new(item: &Item, args: &Args) -> Result<Self> {
        let path: Path = args
            .runtime
            .clone()
            .unwrap_or_else(|| parse_quote!(::cachekit));
        let runtime = quote!(#path::__private);
        let (cache, choice_of_cache) = cache(args.cache.as_ref(), &runtime);
        let names = Names::in_body(&item.signature);
        let mut removing = Self {
            runtime,
            choice_of_cache,
            cache,
            before: TokenStream::new(),
            after: TokenStream::new(),
        };
        for (index, removal) in args.removals.iter().enumerate() {
            match removal {
                Removal::Entry(target) => removing.entry(index, target),
                Removal::Tag(text) => removing.tag(index, text, &names)?,
                Removal::Namespace(text) => removing.namespace(text),
            }
        }
        if !removing.after.is_empty() && takes_result(item) {
            let message = "`result` is what the function returns; rename the argument";
            return Err(Error::new(item.signature.ident.span(), message));
        }
        Ok(removing)
    }

    fn entry(&mut self, index: usize, target: &Target) {
        let (companion, removals) = (target.companion(), local("removals"));
        let late = sees_result(companion.clone()) || target.arguments().any(sees_result);
        let arguments: Vec<TokenStream> = target
            .arguments()
            .enumerate()
            .map(|(place, argument)| {
                if late && !sees_result(argument.clone()) {
                    self.keep(index, place, &argument)
                } else {
                    argument
                }
            })
            .collect();
        let statement = quote!(#companion(#(#arguments,)* &mut #removals););
        self.collect(late, statement);
    }

    fn tag(&mut self, index: usize, text: &LitStr, names: &Names) -> Result<()> {
        let pieces = template::parse(text, Use::Tag, names)?;
        let is_late = |piece: &Piece| match piece {
            Piece::Literal(_) => false,
            Piece::Placeholder(path) => sees_result(path.clone()),
        };
        let late = pieces.iter().any(is_late);
        let mut format = String::new();
        let mut shown = Vec::new();
        for (place, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Literal(text) => format += &text.replace('{', "{{").replace('}', "}}"),
                Piece::Placeholder(path) => {
                    format += "{}";
                    let span = ours_at(path.span());
                    let value = quote_spanned!(span=> &#path);
                    shown.push(if late && !is_late(piece) {
                        let text =
                            quote_spanned!(span=> ::std::string::ToString::to_string(#value));
                        self.keep(index, place, &text)
                    } else {
                        value
                    });
                }
            }
        }
        let (runtime, removals, cache) = (&self.runtime, local("removals"), &self.cache);
        let name = quote!(&::std::format!(#format #(, #shown)*));
        let statement = quote!(#runtime::Removals::tag(&mut #removals, #cache, #name););
        self.collect(late, statement);
        Ok(())
    }

    fn namespace(&mut self, text: &LitStr) {
        let (runtime, removals, cache) = (&self.runtime, local("removals"), &self.cache);
        let statement = quote!(#runtime::Removals::namespace(&mut #removals, #cache, #text););
        self.collect(false, statement);
    }

    /// A variable that keeps for later what the body may take.
    fn keep(&mut self, index: usize, place: usize, value: &TokenStream) -> TokenStream {
        let kept = local(&format!("kept_{index}_{place}"));
        self.before.extend(quote!(let #kept = #value;));
        kept.into_token_stream()
    }

    fn collect(&mut self, late: bool, statement: TokenStream) {
        if late {
            self.after.extend(statement);
        } else {
            self.before.extend(statement);
        }
    }

    /// The body, with what comes before and after it.
    fn around(&self, body: &Body) -> TokenStream {
        let Self {
            runtime,
            choice_of_cache,
            before,
            after,
            ..
        } = self;
        let [removals, returned, succeeded] = ["removals", "returned", "succeeded"].map(local);
        let declared = &body.returned;
        let span = ours_at(declared.span());
        let annotation = (!body.is_opaque()).then(|| quote!(: #declared));
        let run = body.run(runtime, !after.is_empty());
        let run = quote_spanned!(span=> let #returned #annotation = #run;);
        let result = match after.is_empty() {
            true => quote!(_),
            false => Ident::new("result", Span::call_site()).into_token_stream(),
        };
        let send = match body.execution {
            Execution::Sync => quote!(#runtime::Removals::send_blocking(#removals)),
            Execution::Async | Execution::Boxed => {
                quote!(#runtime::Removals::send(#removals).await)
            }
        };
        let statements = quote! {
            let mut #removals = #runtime::Removals::new();
            #choice_of_cache
            #before
            #run
            let #succeeded = {
                use #runtime::{OfAnything as _, OfFallible as _};
                match (&&#runtime::Answer::new(&#returned)).value() {
                    ::core::option::Option::Some(#result) => { #after true }
                    ::core::option::Option::None => false,
                }
            };
            if #succeeded {
                #send;
            }
            return #returned;
        };
        match body.execution {
            Execution::Boxed => quote!(return ::std::boxed::Box::pin(async move { #statements });),
            Execution::Sync | Execution::Async => statements,
        }
    }
}

/// The cache of tags and namespaces, after the statement that chooses it.
fn cache(
    option: Option<&CacheOption>,
    runtime: &TokenStream,
) -> (TokenStream, Option<TokenStream>) {
    let cache = local("cache");
    match option {
        None => (quote!(&#runtime::default_cache()), None),
        Some(CacheOption::Named(name)) => {
            let named = as_ours(quote!(&crate::caches::#name()), name.span());
            (named, None)
        }
        Some(CacheOption::Expression(expression)) => {
            let span = ours_at(expression.span());
            let choice = quote_spanned! {span=>
                let #cache = &(#expression);
                let #cache: #runtime::Cache = ::core::clone::Clone::clone(#cache);
            };
            (quote!(&#cache), Some(choice))
        }
    }
}

/// Whether `result` is a variable in `tokens`, not a field.
fn sees_result(tokens: TokenStream) -> bool {
    let mut after_dot = false;
    tokens.into_iter().any(|token| {
        let found = match &token {
            TokenTree::Ident(ident) => !after_dot && ident == "result",
            TokenTree::Group(group) => sees_result(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        };
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        found
    })
}

fn takes_result(item: &Item) -> bool {
    arguments(&item.signature).iter().any(|argument| {
        let bound = argument.bound_names();
        argument.name == "result" || bound.iter().any(|name| name == "result")
    })
}
