//! How the value of an option is written.

use std::time::Duration;

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token, bracketed, token};

use crate::duration;

pub(crate) fn once<T>(name: &Ident, slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(Error::new(
            name.span(),
            format!("`{name}` is given twice; keep one"),
        ));
    }
    Ok(())
}

/// Consumes the `=` and refuses a missing value.
pub(crate) fn equals(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<()> {
    let message = format!("`{name}` needs a value: write `{example}`");
    if !input.peek(Token![=]) {
        return Err(Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(name.span(), message));
    }
    Ok(())
}

pub(crate) fn value(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Expr> {
    equals(name, input, example)?;
    input.parse()
}

/// An expression that must not stand in quotes.
pub(crate) fn code(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Expr> {
    match value(name, input, example)? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Err(quoted(name, &text)),
        Expr::Closure(closure) => {
            let message =
                format!("write the expression itself, without a closure, as in `{example}`");
            Err(Error::new_spanned(closure, message))
        }
        expression => Ok(expression),
    }
}

pub(crate) fn quoted(name: &Ident, text: &LitStr) -> Error {
    let code = text.value();
    Error::new_spanned(
        text,
        format!("code stands without quotes: write `{name} = {code}`"),
    )
}

pub(crate) fn path(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Path> {
    equals(name, input, example)?;
    if input.peek(LitStr) {
        return Err(quoted(name, &input.parse()?));
    }
    let start = input.span();
    let expected = |_| Error::new(start, format!("expected a path, as in `{example}`"));
    if name == "crate" {
        return input.call(Path::parse_mod_style).map_err(expected);
    }
    input.parse().map_err(expected)
}

/// A literal that becomes a part of the key as it is.
pub(crate) fn word(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<LitStr> {
    let value = value(name, input, example)?;
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = value
    else {
        let message = format!("`{name}` is a string literal: write `{example}`");
        return Err(Error::new_spanned(value, message));
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.value().is_empty() || !text.value().chars().all(allowed) {
        let message = format!(
            "`{name}` is a part of every key: write one or more ASCII letters, digits, `-`, `_`, \
             `.` or `/`, as in `{example}`"
        );
        return Err(Error::new_spanned(text, message));
    }
    Ok(text)
}

pub(crate) fn flag(name: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(name.clone());
    }
    let message = format!("`{name}` has no value: write `{name}` alone, or leave it out");
    Err(input.error(message))
}

/// A duration that is the same for every call; `zero` is what to say where it must not be zero.
pub(crate) fn fixed(
    name: &Ident,
    input: ParseStream<'_>,
    example: &str,
    zero: Option<&str>,
) -> Result<Duration> {
    let value = value(name, input, example)?;
    let forms =
        format!("write seconds (`{name} = 60`) or a text with units (`{name} = \"1m30s\"`)");
    let duration = duration::literal(name, &value, &forms)?;
    match zero.filter(|_| duration.is_zero()) {
        Some(message) => Err(Error::new_spanned(value, message)),
        None => Ok(duration),
    }
}

/// `["user:{id}", "users"]`, without doubles.
pub(crate) fn texts(
    name: &Ident,
    input: ParseStream<'_>,
    example: &str,
    most: usize,
) -> Result<Vec<LitStr>> {
    equals(name, input, example)?;
    let expected = |span| {
        let message = format!("`{name}` is a list of texts: write `{example}`");
        Error::new(span, message)
    };
    if !input.peek(token::Bracket) {
        return Err(expected(input.span()));
    }
    let content;
    let brackets = bracketed!(content in input);
    let texts: Punctuated<LitStr, Token![,]> =
        Punctuated::parse_terminated(&content).map_err(|error| expected(error.span()))?;
    let texts: Vec<LitStr> = texts.into_iter().collect();
    if texts.is_empty() {
        return Err(expected(brackets.span.join()));
    }
    for (index, text) in texts.iter().enumerate() {
        if texts[..index].contains(text) {
            let message = format!("`{}` is in the list twice; keep one", text.value());
            return Err(Error::new(text.span(), message));
        }
    }
    if let Some(surplus) = texts.get(most) {
        let message = format!("an entry has at most {most} of `{name}`; leave some out");
        return Err(Error::new(surplus.span(), message));
    }
    Ok(texts)
}
