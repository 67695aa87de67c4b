//! What cannot be cached, and why: refuses, changes nothing.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Error, FnArg, Receiver, ReceiverKind, Result, Safety, Type, TypeReference};

use crate::args::{KeyOption, Options, Skip};
use crate::function::{Execution, Form, Function, mentions};
use crate::names::Names;
use crate::returned;
use crate::template::{self, Piece, Use};
use crate::ttl::Ttl;

/// Every problem at once.
pub(crate) fn check(function: &Function, options: &Options) -> Result<()> {
    let checks = [
        qualifiers(function),
        receiver(function),
        arguments(function),
        returned::check(function, options),
        skipped(function, options),
        key_of_self(function, options),
        key_of_arguments(function, options),
        destructured_names(function, options),
        unless_sees_result(function, options),
        companions(function, options),
    ];
    let problems = checks.into_iter().filter_map(Result::err);
    problems
        .reduce(|mut all, problem| {
            all.combine(problem);
            all
        })
        .map_or(Ok(()), Err)
}

fn qualifiers(function: &Function) -> Result<()> {
    let signature = &function.signature;
    if let Some(keyword) = &signature.constness {
        let message = "a `const fn` cannot read a cache; remove `const`";
        return Err(Error::new_spanned(keyword, message));
    }
    if let Safety::Unsafe(keyword) = &signature.safety {
        let message = "what the caller of an `unsafe fn` vouches for may not hold when the value \
                       is computed for another caller; annotate a safe function that calls this one";
        return Err(Error::new_spanned(keyword, message));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new_spanned(
            variadic,
            "a variadic function has no key; list its arguments",
        ));
    }
    if let Some(abi) = &signature.abi {
        let message = "callers of a foreign ABI know nothing of the cache; annotate a Rust function \
                       and call that one from here";
        return Err(Error::new_spanned(abi, message));
    }
    Ok(())
}

const MUTABLE: &str = "what the body writes through `&mut` would be lost on a hit; return the value \
                       instead";

fn receiver(function: &Function) -> Result<()> {
    match function.receiver() {
        Some(Receiver {
            kind: ReceiverKind::Reference(_, _, Some(keyword)),
            ..
        }) => {
            let message = "what the body writes through `&mut self` would be lost on a hit; take \
                           `&self` and return the value";
            Err(Error::new_spanned(keyword, message))
        }
        Some(Receiver {
            kind: ReceiverKind::Typed(_, ty),
            ..
        }) => refuse_mutable(ty),
        _ => Ok(()),
    }
}

fn arguments(function: &Function) -> Result<()> {
    for input in &function.signature.inputs {
        let attributes = match input {
            FnArg::Receiver(receiver) => &receiver.attrs,
            FnArg::Typed(typed) => &typed.attrs,
        };
        if let Some(attribute) = attributes.iter().find(|a| a.path().is_ident("cfg")) {
            let message = "an argument that comes and goes cannot be part of a key; put `#[cfg]` on \
                           the whole function and write it twice";
            return Err(Error::new_spanned(attribute, message));
        }
    }
    function
        .arguments
        .iter()
        .try_for_each(|argument| refuse_mutable(argument.ty()))
}

fn refuse_mutable(ty: &Type) -> Result<()> {
    #[derive(Default)]
    struct Mutable<'ast>(Option<&'ast TypeReference>);
    impl<'ast> Visit<'ast> for Mutable<'ast> {
        fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
            if reference.mutability.is_some() {
                self.0 = self.0.or(Some(reference));
            }
            visit::visit_type_reference(self, reference);
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(
            &mut self,
            _: &'ast syn::ParenthesizedGenericArguments,
        ) {
        }
    }
    let mut mutable = Mutable::default();
    mutable.visit_type(ty);
    mutable.0.map_or(Ok(()), |reference| {
        Err(Error::new_spanned(reference, MUTABLE))
    })
}

fn skipped(function: &Function, options: &Options) -> Result<()> {
    let Some(Skip { names, .. }) = &options.skip else {
        return Ok(());
    };
    for name in names {
        if name == "self" && function.receiver().is_some() {
            continue;
        }
        if name == "self" {
            let message = "there is no `self` in this function to skip; remove it from `skip`";
            return Err(Error::new(name.span(), message));
        }
        let matches = |ident: &Ident| ident.unraw() == name.unraw();
        let mut arguments = function.arguments.iter();
        if arguments
            .clone()
            .any(|argument| argument.bound_names().iter().any(matches))
        {
            let message = format!(
                "`{name}` is a part of a destructured argument; give the argument a name to skip it"
            );
            return Err(Error::new(name.span(), message));
        }
        if !arguments.any(|argument| argument.form == Form::Named && matches(&argument.name)) {
            return Err(Error::new(
                name.span(),
                Names::of(function).no_such(&name.to_string()),
            ));
        }
    }
    Ok(())
}

/// `self` is never left out of the key silently.
fn key_of_self(function: &Function, options: &Options) -> Result<()> {
    let Some(receiver) = function.receiver() else {
        return Ok(());
    };
    let skipped = options
        .skip
        .as_ref()
        .and_then(|skip| skip.names.iter().find(|n| *n == "self"));
    let in_key = match &options.key {
        Some(KeyOption::Template(text)) => {
            match template::parse(text, Use::Key, &Names::of(function)) {
                Ok(pieces) => pieces.iter().any(|piece| piece.mentions("self")),
                Err(_) => return Ok(()), // reported with the other arguments
            }
        }
        Some(KeyOption::Expression(key)) => mentions(key.to_token_stream(), "self"),
        None => false,
    };
    match (in_key, skipped) {
        (true, Some(skipped)) => Err(Error::new(
            skipped.span(),
            "`key` mentions `self`, and `skip(self)` says that instances share their entries; keep \
             one of them",
        )),
        (false, None) => {
            let example = example_key(function);
            let message = format!(
                "must two instances share their entries? If not, name what tells them apart: `key = \
                 {example}`. If they must, write `skip(self)`"
            );
            Err(Error::new_spanned(receiver, message))
        }
        _ => Ok(()),
    }
}

fn example_key(function: &Function) -> String {
    let named = function
        .arguments
        .iter()
        .filter(|argument| argument.form == Form::Named);
    let names: Vec<String> = named.map(|argument| argument.name.to_string()).collect();
    if names.is_empty() {
        return "(self.id,)".into();
    }
    format!("(self.id, {})", names.join(", "))
}

fn key_of_arguments(function: &Function, options: &Options) -> Result<()> {
    let (key, names_one) = match &options.key {
        Some(KeyOption::Template(text)) => {
            let pieces = template::parse(text, Use::Key, &Names::of(function))?;
            let names_one = pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Placeholder(_)));
            (text.to_token_stream(), names_one)
        }
        Some(KeyOption::Expression(key)) => {
            let key = key.to_token_stream();
            let names_one = mentions_any_argument(&key, function);
            (key, names_one)
        }
        None => return Ok(()),
    };
    if names_one || options.skip.is_some() || function.arguments.is_empty() {
        return Ok(());
    }
    let named = function.arguments.iter().filter(|a| a.form == Form::Named);
    let names: Vec<String> = named.map(|argument| argument.name.to_string()).collect();
    let names = names.join(", ");
    let message = match names.is_empty() {
        true => {
            "this key is the same for every call; give the argument that the value depends on a \
                 name, and take it apart in the body"
                .into()
        }
        false => format!(
            "this key is the same for every call; name what the value depends on, as in `key = \
             ({names},)`; or remove `key` and skip what it does not depend on: `skip({names})`"
        ),
    };
    Err(Error::new_spanned(key, message))
}

fn mentions_any_argument(tokens: &TokenStream, function: &Function) -> bool {
    let bound = function.arguments.iter().flat_map(|argument| {
        let mut names = argument.bound_names();
        names.push(argument.name.clone());
        names
    });
    let receiver = function
        .receiver()
        .map(|receiver| Ident::from(receiver.self_token));
    bound
        .chain(receiver)
        .any(|name| mentions(tokens.clone(), &name.to_string()))
}

/// Options see arguments by the names in the signature, before any pattern is taken apart.
fn destructured_names(function: &Function, options: &Options) -> Result<()> {
    let key = match &options.key {
        Some(KeyOption::Expression(key)) => Some(key),
        _ => None,
    };
    let ttl = match &options.ttl {
        Some(Ttl::Computed(ttl)) => Some(ttl),
        _ => None,
    };
    let expressions = [key, ttl, options.condition.as_ref(), options.cache_code()];
    for expression in expressions.into_iter().flatten() {
        for argument in &function.arguments {
            for name in argument.bound_names() {
                let Some(mention) = find(expression.to_token_stream(), &name) else {
                    continue;
                };
                let message = format!(
                    "`{name}` is a part of a destructured argument, which options do not see; give \
                     the argument a name, and take it apart in the body"
                );
                return Err(Error::new(mention.span(), message));
            }
        }
    }
    Ok(())
}

fn find(tokens: TokenStream, name: &Ident) -> Option<Ident> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == *name => Some(ident),
        TokenTree::Group(group) => find(group.stream(), name),
        _ => None,
    })
}

fn unless_sees_result(function: &Function, options: &Options) -> Result<()> {
    let Some(unless) = &options.unless else {
        return Ok(());
    };
    if !mentions(unless.to_token_stream(), "result") {
        let message = "`unless` decides by the `result`, a reference to the returned value, as in \
                       `unless = result.is_empty()`; for the arguments write `condition = …`";
        return Err(Error::new_spanned(unless, message));
    }
    let mut variables = Variables::default();
    variables.visit_expr(unless);
    let argument = variables.0.iter().find(|variable| {
        let names = function.arguments.iter().map(|argument| &argument.name);
        **variable == "self" || names.into_iter().any(|name| name == **variable)
    });
    let Some(argument) = argument.filter(|argument| **argument != "result") else {
        return Ok(());
    };
    let message = format!(
        "`unless` sees only the `result`, for the body may have consumed `{argument}`; what the \
         arguments decide goes into `condition = …`, or into the returned value"
    );
    Err(Error::new(argument.span(), message))
}

/// The plain names in an expression: not fields, not methods.
#[derive(Default)]
struct Variables<'ast>(Vec<&'ast Ident>);

impl<'ast> Visit<'ast> for Variables<'ast> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.0.extend(path.path.get_ident());
    }
}

fn companions(function: &Function, options: &Options) -> Result<()> {
    use crate::args::CompanionsOption::{Named, Off, On};
    let asked = match &options.companions {
        Some(Named(name)) => Some(name.span()),
        Some(On(span)) => Some(*span),
        Some(Off) => return Ok(()),
        None => None,
    };
    if let (Some(span), Execution::Boxed(_)) = (asked, &function.execution) {
        let message = "no item can be added beside a method of a trait implementation; remove \
                       `companions`";
        return Err(Error::new(span, message));
    }
    let name = function.signature.ident.to_string();
    let renamed = matches!(options.companions, Some(Named(_)));
    if !renamed && !function.is_associated() && PRIMITIVES.contains(&name.as_str()) {
        let message = format!(
            "the companions of `{name}` would hide the primitive type of that name; rename the \
             function, or write `companions = {name}_cache` or `companions = false`"
        );
        return Err(Error::new(function.signature.ident.span(), message));
    }
    Ok(())
}

/// Names that a type must not take from the language.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
    "u32", "u64", "u128", "usize",
];
