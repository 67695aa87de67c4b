//! The options in `#[cached(…)]`.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Error, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Path, Result, Token, parenthesized, token,
};

use crate::suggest::unknown_option;
use crate::ttl::Ttl;

/// What the user wrote between the parentheses.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) key: Option<KeyOption>,
    pub(crate) skip: Option<Skip>,
    pub(crate) cache: Option<CacheOption>,
    pub(crate) codec: Option<Path>,
    pub(crate) condition: Option<Expr>,
    pub(crate) unless: Option<Expr>,
    pub(crate) cache_none: Option<Ident>,
    pub(crate) local: Option<Ident>,
    pub(crate) companions: Option<CompanionsOption>,
    pub(crate) runtime: Option<Path>,
}

/// `key = "user:{id}"` or `key = (tenant, id)`.
pub(crate) enum KeyOption {
    Template(LitStr),
    Expression(Expr),
}

/// `cache = "catalog"` or `cache = CACHE`.
pub(crate) enum CacheOption {
    /// One that the crate has declared, at the place of its name.
    Named(Ident),
    Expression(Expr),
}

/// `skip(a, b)`
pub(crate) struct Skip {
    pub(crate) names: Punctuated<Ident, Token![,]>,
}

impl Skip {
    pub(crate) fn has(&self, name: &Ident) -> bool {
        self.names
            .iter()
            .any(|skipped| skipped.unraw() == name.unraw())
    }
}

/// `companions = false | true | other_name`.
pub(crate) enum CompanionsOption {
    Off,
    On(Span),
    Named(Ident),
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            options.parse_one(input)?;
            if input.is_empty() {
                break;
            }
            if !input.peek(Token![,]) {
                return Err(input.error("expected `,` between two options"));
            }
            input.parse::<Token![,]>()?;
        }
        options.refuse_contradictions()?;
        Ok(options)
    }
}

impl Options {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let name = option_name(input)?;
        match name.to_string().as_str() {
            "ttl" => once(
                &name,
                &mut self.ttl,
                Ttl::new(value(&name, input, "ttl = 60")?)?,
            ),
            "namespace" => {
                let text = word(&name, input, "namespace = \"users\"")?;
                once(&name, &mut self.namespace, text)
            }
            "name" => once(
                &name,
                &mut self.name,
                word(&name, input, "name = \"profile\"")?,
            ),
            "version" => once(&name, &mut self.version, version(&name, input)?),
            "key" => once(&name, &mut self.key, key(&name, input)?),
            "skip" => once(&name, &mut self.skip, skip(&name, input)?),
            "cache" => once(&name, &mut self.cache, cache(&name, input)?),
            "codec" => once(
                &name,
                &mut self.codec,
                path(&name, input, "codec = MessagePack")?,
            ),
            "condition" => {
                let condition = code(&name, input, "condition = id > 0")?;
                once(&name, &mut self.condition, condition)
            }
            "unless" => {
                let unless = code(&name, input, "unless = result.is_empty()")?;
                once(&name, &mut self.unless, unless)
            }
            "cache_none" => once(&name, &mut self.cache_none, flag(&name, input)?),
            "local" => once(&name, &mut self.local, flag(&name, input)?),
            "companions" => once(&name, &mut self.companions, companions(&name, input)?),
            "crate" => once(
                &name,
                &mut self.runtime,
                path(&name, input, "crate = ::cachekit")?,
            ),
            _ => Err(unknown_option(&name)),
        }
    }

    /// The code that gives the cache, if there is some.
    pub(crate) fn cache_code(&self) -> Option<&Expr> {
        match &self.cache {
            Some(CacheOption::Expression(expression)) => Some(expression),
            _ => None,
        }
    }

    fn refuse_contradictions(&self) -> Result<()> {
        if let (Some(local), Some(_)) = (&self.local, &self.codec) {
            let message = "`local` values are never encoded; remove `codec`, or remove `local`";
            return Err(Error::new_spanned(local, message));
        }
        let Some(skip) = self.skip.as_ref().filter(|_| self.key.is_some()) else {
            return Ok(());
        };
        let Some(surplus) = skip.names.iter().find(|name| *name != "self") else {
            return Ok(());
        };
        let message = format!(
            "`key` already says what forms the key: leave `{surplus}` out of it and remove \
             `{surplus}` from `skip`"
        );
        Err(Error::new_spanned(surplus, message))
    }
}

fn option_name(input: ParseStream<'_>) -> Result<Ident> {
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let message =
            "options have names; for the time to live write `ttl = 60` or `ttl = \"10m\"`";
        return Err(Error::new_spanned(literal, message));
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected the name of an option, as in `ttl = 60`"));
    }
    input.call(Ident::parse_any)
}

fn once<T>(name: &Ident, slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(Error::new(
            name.span(),
            format!("`{name}` is given twice; keep one"),
        ));
    }
    Ok(())
}

/// Consumes the `=` and refuses a missing value.
fn equals(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<()> {
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

fn value(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Expr> {
    equals(name, input, example)?;
    input.parse()
}

/// An expression that must not stand in quotes.
fn code(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Expr> {
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

fn quoted(name: &Ident, text: &LitStr) -> Error {
    let code = text.value();
    Error::new_spanned(
        text,
        format!("code stands without quotes: write `{name} = {code}`"),
    )
}

fn path(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<Path> {
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
fn word(name: &Ident, input: ParseStream<'_>, example: &str) -> Result<LitStr> {
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

fn version(name: &Ident, input: ParseStream<'_>) -> Result<u32> {
    let value = value(name, input, "version = 2")?;
    let number = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => parse_version(number),
        _ => None,
    };
    number.ok_or_else(|| {
        Error::new_spanned(
            value,
            "`version` is a whole number from 0 to 4294967295: write `version = 2`",
        )
    })
}

fn parse_version(number: &LitInt) -> Option<u32> {
    number
        .suffix()
        .is_empty()
        .then(|| number.base10_parse().ok())?
}

fn key(name: &Ident, input: ParseStream<'_>) -> Result<KeyOption> {
    match value(name, input, "key = \"user:{id}\"")? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(template),
            ..
        }) => Ok(KeyOption::Template(template)),
        Expr::Closure(closure) => Err(Error::new_spanned(
            closure,
            "write the expression itself, without a closure, as in `key = (tenant, id)`",
        )),
        Expr::Macro(call) if call.mac.path.is_ident("format") => Err(Error::new_spanned(
            call.mac.path,
            "`key` takes the format string itself, as in `key = \"user:{id}\"`: its placeholders \
             are escaped, so that two different calls never share a key",
        )),
        expression => Ok(KeyOption::Expression(expression)),
    }
}

fn cache(name: &Ident, input: ParseStream<'_>) -> Result<CacheOption> {
    const EXAMPLE: &str = "cache = CACHE";
    if !input.peek2(LitStr) {
        return code(name, input, EXAMPLE).map(CacheOption::Expression);
    }
    equals(name, input, EXAMPLE)?;
    let text: LitStr = input.parse()?;
    let named = text.parse::<Ident>().ok().filter(|named| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        named.to_string().chars().all(allowed)
    });
    let message = format!(
        "in quotes is the name of a cache that `cachekit::caches!` declares, such as \
         `cache = \"catalog\"`; code stands without quotes: write `cache = {}`",
        text.value()
    );
    named
        .map(CacheOption::Named)
        .ok_or_else(|| Error::new_spanned(text, message))
}

fn skip(name: &Ident, input: ParseStream<'_>) -> Result<Skip> {
    const FORM: &str = "write the arguments in parentheses: `skip(a, b)`";
    if !input.peek(token::Paren) {
        return Err(Error::new(name.span(), FORM));
    }
    let content;
    parenthesized!(content in input);
    if content.is_empty() {
        return Err(Error::new(
            name.span(),
            "nothing is skipped; name the arguments: `skip(a, b)`",
        ));
    }
    let names = content
        .parse_terminated(Ident::parse_any, Token![,])
        .map_err(|error| {
            Error::new(
                error.span(),
                format!("expected the name of an argument; {FORM}"),
            )
        })?;
    for (index, skipped) in names.iter().enumerate() {
        if names.iter().take(index).any(|earlier| earlier == skipped) {
            return Err(Error::new(
                skipped.span(),
                format!("`{skipped}` is skipped twice; keep one"),
            ));
        }
    }
    Ok(Skip { names })
}

fn flag(name: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(name.clone());
    }
    let message = format!("`{name}` has no value: write `{name}` alone, or leave it out");
    Err(input.error(message))
}

fn companions(name: &Ident, input: ParseStream<'_>) -> Result<CompanionsOption> {
    const FORM: &str = "`companions` is `true`, `false` or a name: `companions = profile_cache`";
    equals(name, input, "companions = false")?;
    if input.peek(LitBool) {
        let switch: LitBool = input.parse()?;
        let on = CompanionsOption::On(switch.span);
        return Ok(if switch.value {
            on
        } else {
            CompanionsOption::Off
        });
    }
    if input.peek(LitStr) {
        return Err(quoted(name, &input.parse()?));
    }
    let start = input.span();
    input
        .parse()
        .map(CompanionsOption::Named)
        .map_err(|_| Error::new(start, FORM))
}
