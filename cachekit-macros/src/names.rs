//! The names that the text of a key or a tag may mention.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Signature, Token};

use crate::function::{Form, Function, arguments};
use crate::suggest::nearest;

pub(crate) struct Names {
    receiver: Option<Token![self]>,
    named: Vec<Ident>,
    /// Names that a pattern binds, where a text sees the whole argument.
    parts: Vec<Ident>,
}

impl Names {
    /// The arguments of `function`, before any pattern is taken apart.
    pub(crate) fn of(function: &Function) -> Self {
        let named = function
            .arguments
            .iter()
            .filter(|argument| argument.form == Form::Named);
        Self {
            receiver: function.receiver().map(|receiver| receiver.self_token),
            named: named.map(|argument| argument.name.clone()).collect(),
            parts: function
                .arguments
                .iter()
                .flat_map(|argument| argument.bound_names())
                .collect(),
        }
    }

    /// The arguments as the body of a function sees them, and the `result` of the body.
    pub(crate) fn in_body(signature: &Signature) -> Self {
        let bound = arguments(signature)
            .into_iter()
            .flat_map(|argument| match argument.form {
                Form::Destructured => argument.bound_names(),
                Form::Named => vec![argument.name],
                Form::Ignored => Vec::new(),
            });
        let result = Ident::new("result", Span::call_site());
        Self {
            receiver: signature.receiver().map(|receiver| receiver.self_token),
            named: bound.chain([result]).collect(),
            parts: Vec::new(),
        }
    }

    /// The argument of this name.
    pub(crate) fn find(&self, name: &str) -> Result<TokenStream, String> {
        if name == "self" {
            return match &self.receiver {
                Some(receiver) => Ok(quote!(#receiver)),
                None => Err(format!(
                    "there is no `self` in this function; write {}",
                    self.choices()
                )),
            };
        }
        if let Some(named) = self.named.iter().find(|named| named.unraw() == name) {
            return Ok(quote!(#named));
        }
        if self.parts.iter().any(|part| part.unraw() == name) {
            return Err(format!(
                "`{name}` is a part of a destructured argument; give the argument a name and write \
                 the field: `{{name.{name}}}` or `{{name.0}}`"
            ));
        }
        Err(self.no_such(name))
    }

    /// What to say of a name that no argument has.
    pub(crate) fn no_such(&self, name: &str) -> String {
        let names = self.all();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("there is no argument `{name}`; did you mean `{meant}`?"),
            None if names.is_empty() => {
                format!("there is no argument `{name}`; the function has none")
            }
            None => format!(
                "there is no argument `{name}`; write `{}`",
                names.join("` or `")
            ),
        }
    }

    /// What can stand in a placeholder.
    pub(crate) fn choices(&self) -> String {
        let names = self.all();
        if names.is_empty() {
            return "a text without placeholders, for the function has no arguments".into();
        }
        let braced: Vec<String> = names.iter().map(|name| format!("`{{{name}}}`")).collect();
        braced.join(" or ")
    }

    fn all(&self) -> Vec<String> {
        let receiver = self.receiver.map(|_| "self".to_owned());
        let named = self.named.iter().map(|name| name.unraw().to_string());
        receiver.into_iter().chain(named).collect()
    }
}
