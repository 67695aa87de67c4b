//! `#[cached(many)]`: one entry for each id in a list of them.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, GenericArgument, PathArguments, Result, Type};

use crate::args::{KeyOption, ManyOption, Options};
use crate::expand::Expansion;
use crate::function::{Argument, Execution, Form, Function, mentions};
use crate::names::Names;
use crate::returned::stored;
use crate::spans::{local, ours_at};
use crate::template::{self, Use};

/// The list, and what is in it and in the map that is returned.
pub(crate) struct Many {
    pub(crate) ids: Ident,
    pub(crate) id: Type,
    pub(crate) value: Type,
}

impl Many {
    pub(crate) fn of(function: &Function, options: &Options) -> Result<Option<Self>> {
        let Some(many) = &options.many else {
            return Ok(None);
        };
        let ids = match many {
            ManyOption::Named(name) => named(name, function)?,
            ManyOption::Only(flag) => only(flag, function)?,
        };
        let (Some([id]), Some(value)) = (arguments_of(ids.ty(), "Vec"), value(&function.returned))
        else {
            let message = "`many` is for a function of a `Vec<K>` that returns `HashMap<K, V>`, \
                           `Result<HashMap<K, V>, E>` or `HashMap<K, Result<V, E>>`";
            return Err(Error::new_spanned(&function.returned, message));
        };
        refuse_keys_without(&ids.name, function, options)?;
        Ok(Some(Self {
            ids: ids.name.clone(),
            id: (*id).clone(),
            value: value.clone(),
        }))
    }
}

fn named<'a>(name: &Ident, function: &'a Function) -> Result<&'a Argument> {
    let mut arguments = function.arguments.iter();
    arguments
        .find(|argument| argument.form == Form::Named && argument.name == *name)
        .ok_or_else(|| {
            let message = Names::of(function).no_such(&name.to_string());
            Error::new(name.span(), message)
        })
}

fn only<'a>(flag: &Ident, function: &'a Function) -> Result<&'a Argument> {
    let lists = function.arguments.iter().filter(|argument| {
        argument.form == Form::Named && arguments_of::<1>(argument.ty(), "Vec").is_some()
    });
    let lists: Vec<&Argument> = lists.collect();
    match lists.as_slice() {
        [ids] => Ok(ids),
        [] => {
            let message = "`many` needs the ids in an argument: write `ids: Vec<K>`";
            Err(Error::new(flag.span(), message))
        }
        [first, ..] => {
            let first = &first.name;
            let message =
                format!("several arguments are a `Vec`; say which has the ids: `many = {first}`");
            Err(Error::new(flag.span(), message))
        }
    }
}

/// The type arguments of `ty`, if its name is this.
fn arguments_of<'a, const N: usize>(ty: &'a Type, name: &str) -> Option<[&'a Type; N]> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.take(N).collect::<Vec<_>>().try_into().ok()
}

/// `V` in `HashMap<K, V>`, `Result<HashMap<K, V>, E>` or `HashMap<K, Result<V, E>>`.
fn value(returned: &Type) -> Option<&Type> {
    let [_, value] = arguments_of(stored(returned), "HashMap")?;
    Some(stored(value))
}

fn refuse_keys_without(ids: &Ident, function: &Function, options: &Options) -> Result<()> {
    if let Some(skip) = options.skip.as_ref().filter(|skip| skip.has(ids)) {
        let message = format!("each of the `{ids}` has an entry of its own; remove it from `skip`");
        return Err(Error::new_spanned(&skip.names, message));
    }
    let word = ids.to_string();
    let (key, has_id) = match &options.key {
        None => return Ok(()),
        Some(KeyOption::Template(text)) => {
            let pieces = template::parse(text, Use::Key, &Names::of(function))?;
            let has_id = pieces.iter().any(|piece| piece.mentions(&word));
            (text.to_token_stream(), has_id)
        }
        Some(KeyOption::Expression(key)) => {
            let key = key.to_token_stream();
            (key.clone(), mentions(key, &word))
        }
    };
    if has_id {
        return Ok(());
    }
    let ids = ids.unraw();
    let message = format!(
        "each id has an entry of its own: in `key` the name `{ids}` stands for one of them, as in \
         `key = \"user:{{{ids}}}\"`"
    );
    Err(Error::new_spanned(key, message))
}

impl Expansion<'_> {
    /// Asks for all ids together; the name of the list is that of one id where its key is made.
    pub(crate) fn many_body(&self, many: &Many) -> TokenStream {
        let runtime = &self.runtime_of_value;
        let [key, call, of_many] = ["key", "call", "many"].map(local);
        let ids = &many.ids;
        let span = ours_at(self.function.returned.span());
        let (find_kind, choice, cache) = (self.find_kind(), self.choice_of_cache(), self.cache());
        let (ttl_statement, ttl) = self.ttl();
        let form = self.form();
        let start_key = self.start_key(false);
        let (tags, tags_statement) = match &self.tags {
            Some(statement) => (local("tags").into_token_stream(), Some(statement)),
            None => (quote!(#runtime::Tags::new()), None),
        };
        let add = quote! {
            for #ids in #ids {
                #start_key
                #tags_statement
                #runtime::CallMany::add(&mut #call, #ids, #key, #tags);
            }
        };
        let add = match &self.options.condition {
            Some(condition) => quote! {
                if #condition { #add } else { #runtime::CallMany::bypass(&mut #call, #ids); }
            },
            None => add,
        };
        let start = quote_spanned!(span=> #runtime::CallMany::<_, #form>::new(#of_many));
        let (verb, wait, compute) = self.many_compute(many);
        let voice = self.voice();
        let run = quote_spanned!(span=> #runtime::CallMany::#verb(#call, #cache, #ttl, #voice, #compute)#wait);
        quote! {
            #choice
            #ttl_statement
            #find_kind
            let mut #call = #start;
            #add
            return #run;
        }
    }

    /// The verb of the runtime, how to wait for it, and the computation of the ids that miss.
    fn many_compute(&self, many: &Many) -> (Ident, Option<TokenStream>, TokenStream) {
        let ids = &many.ids;
        let returned = &self.function.returned;
        let list = self.function.arguments.iter().find(|a| a.name == *ids);
        let (pattern, ty) = match list {
            Some(list) if !self.body_moved() => (list.written.pat.to_token_stream(), list.ty()),
            Some(list) => (ids.to_token_stream(), list.ty()),
            None => (ids.to_token_stream(), &many.id),
        };
        let span = ours_at(returned.span());
        let verb = |verb| Ident::new(verb, span);
        let wait = Some(quote!(.await));
        let copies = self.copies(many);
        if self.is_detached() {
            let boxed = self.boxed();
            let compute = quote_spanned!(span=> move |#pattern: #ty| { #copies #boxed });
            let compute = quote_spanned!(span=> ::std::boxed::Box::new(#compute));
            return (verb("run_detached"), wait, compute);
        }
        let body = match (self.call_uncached(), &self.function.execution) {
            (Some(call), _) => call,
            (None, Execution::Sync) => self.function.body.to_token_stream(),
            (None, Execution::Async) => self.typed_block(&self.function.body),
            (None, Execution::Boxed(block)) => quote!(async move #block),
        };
        match self.function.execution {
            Execution::Sync => {
                let compute =
                    quote_spanned!(span=> move |#pattern: #ty| -> #returned { #copies #body });
                (verb("run_blocking"), None, compute)
            }
            Execution::Async | Execution::Boxed(_) => {
                let compute = quote_spanned!(span=> move |#pattern: #ty| { #copies #body });
                (verb("run_inline"), wait, compute)
            }
        }
    }

    /// Statements that copy the other arguments: the body runs again for ids that another caller
    /// was computing and did not.
    fn copies(&self, many: &Many) -> TokenStream {
        let others = self
            .function
            .arguments
            .iter()
            .filter(|a| a.name != many.ids);
        let copies = others.map(|argument| {
            let name = &argument.name;
            let pattern = match argument.form {
                _ if self.body_moved() => name.to_token_stream(),
                Form::Ignored => return TokenStream::new(),
                Form::Named | Form::Destructured => argument.written.pat.to_token_stream(),
            };
            let span = ours_at(argument.ty().span());
            quote_spanned!(span=> let #pattern = ::core::clone::Clone::clone(&#name);)
        });
        copies.collect()
    }

    /// Statements that leave the kind of the whole, `many`, and that of one value, `kind`.
    pub(crate) fn find_kind_of_many(&self) -> TokenStream {
        let [kind, of_many] = ["kind", "many"].map(local);
        let returned = &self.function.returned;
        let (runtime, form) = (&self.runtime_of_value, self.form());
        let span = ours_at(returned.span());
        quote_spanned! {span=>
            let #of_many = {
                use #runtime::{OfMap as _, OfMapOfResults as _, OfResultOfMap as _};
                (&&#runtime::Probe::<#returned>::new()).many()
            };
            let #kind = #runtime::checked::<#form, _>(#runtime::Many::one(#of_many));
        }
    }
}
