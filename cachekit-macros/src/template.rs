//! `key = "user:{id}"`, and the texts of tags: checked against the arguments of the function.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Index, LitStr, Result};

use crate::function::mentions;
use crate::names::Names;

/// What the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Key,
    Tag,
}

/// A part of the text.
pub(crate) enum Piece {
    Literal(String),
    /// An argument, or a field of one, that is displayed and escaped.
    Placeholder(TokenStream),
}

impl Piece {
    pub(crate) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Placeholder(path) => mentions(path.clone(), name),
        }
    }
}

/// Parses the text; every problem is reported on the literal.
pub(crate) fn parse(template: &LitStr, of: Use, names: &Names) -> Result<Vec<Piece>> {
    let text = template.value();
    let fail = |message: String| Error::new(template.span(), message);
    check_characters(&text, of).map_err(fail)?;
    let parts = split(&text).map_err(fail)?;
    if of == Use::Key {
        check_separators(&parts).map_err(fail)?;
    }
    parts
        .into_iter()
        .map(|part| match part {
            Part::Literal(text) => Ok(Piece::Literal(text)),
            Part::Placeholder(path) => placeholder(path, template, of, names)
                .map(Piece::Placeholder)
                .map_err(fail),
        })
        .collect()
}

fn check_characters(text: &str, of: Use) -> std::result::Result<(), String> {
    let strange = text.chars().find(|c| !c.is_ascii_graphic());
    match (of, strange) {
        (Use::Key, None) if text.is_empty() => {
            Err("an empty key; write one such as `key = \"user:{id}\"`".into())
        }
        (Use::Tag, None) if text.is_empty() => {
            Err("an empty tag; write one such as `\"user:{id}\"`".into())
        }
        (Use::Key, Some(c)) => Err(format!(
            "{c:?} cannot be in a key: stores take printable ASCII without spaces; write \
             `key = \"user:{{id}}\"`"
        )),
        _ => Ok(()),
    }
}

/// Placeholders are escaped to letters, digits, `-_.~` and `%`: between two of them something else
/// must stand, or `{a}{b}` would be the same for `1`, `23` and `12`, `3`.
fn check_separators(parts: &[Part<'_>]) -> std::result::Result<(), String> {
    let separates = |c: char| !c.is_ascii_alphanumeric() && !"-_.~%".contains(c);
    let mut unseparated = None;
    for part in parts {
        match (part, unseparated) {
            (Part::Literal(text), _) if text.contains(separates) => unseparated = None,
            (Part::Literal(_), _) => {}
            (Part::Placeholder(path), Some(earlier)) => {
                return Err(format!(
                    "nothing separates `{{{earlier}}}` and `{{{path}}}`, and other values would \
                     give the same key; write `{{{earlier}}}:{{{path}}}`"
                ));
            }
            (Part::Placeholder(path), None) => unseparated = Some(*path),
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Literal(String),
    Placeholder(&'a str),
}

/// Splits at the braces; `{{` and `}}` stand for themselves.
fn split(text: &str) -> std::result::Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err("`}` without `{`; a brace that stands for itself is written `}}`".into());
        }
        let Some((path, after)) = rest.split_once('}') else {
            return Err("`{` is not closed; a brace that stands for itself is written `{{`".into());
        };
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(Part::Placeholder(path));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// `id`, `self.field` or `id.0`, as an expression.
fn placeholder(
    path: &str,
    template: &LitStr,
    of: Use,
    available: &Names,
) -> std::result::Result<TokenStream, String> {
    let mut names = path.split('.');
    let root = names.next().unwrap_or_default();
    check_shape(path, root, of, available)?;
    let span = template.span();
    let mut tokens = available.find(root)?;
    for field in names {
        let member = if let Ok(index) = field.parse() {
            let index = Index { index, span };
            quote!(#index)
        } else {
            let mut field: Ident = syn::parse_str(field)
                .map_err(|_| format!("`{{{path}}}`: `{field}` is not the name of a field; write `{{{root}.name}}` or `{{{root}.0}}`"))?;
            field.set_span(span);
            quote!(#field)
        };
        tokens = quote_spanned!(span=> #tokens.#member);
    }
    Ok(tokens)
}

fn check_shape(path: &str, root: &str, of: Use, names: &Names) -> std::result::Result<(), String> {
    if path.is_empty() {
        let choices = names.choices();
        return Err(format!("`{{}}` names no argument; write {choices}"));
    }
    if root.parse::<usize>().is_ok() {
        let choices = names.choices();
        return Err(format!(
            "`{{{path}}}`: placeholders have names; write {choices}"
        ));
    }
    if let Some((name, _)) = path.split_once(':') {
        let expression = match of {
            Use::Key => format!(", or an expression: `key = ({name}, …)`"),
            Use::Tag => String::new(),
        };
        return Err(format!(
            "`{{{path}}}`: a placeholder has no format, it is displayed and escaped; write \
             `{{{name}}}`{expression}"
        ));
    }
    if path.contains(['(', ')', '[', ']', '*', '&', '!', '?']) {
        let instead = match of {
            Use::Key => {
                format!("for a computed key write an expression without quotes: `key = ({path},)`")
            }
            Use::Tag => "compute it in the caller, and make it an argument".into(),
        };
        return Err(format!(
            "`{{{path}}}`: a placeholder is an argument or a field of one; {instead}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_braces_stand_for_themselves() {
        let parts = split("a{{b}}:{id}{x.0}").unwrap();
        let expected = [
            Part::Literal("a{b}:".into()),
            Part::Placeholder("id"),
            Part::Placeholder("x.0"),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_single_brace_is_an_error() {
        assert!(split("a}").unwrap_err().contains("}}"));
        assert!(split("a{id").unwrap_err().contains("not closed"));
    }
}
