//! The options in `#[cached(…)]`.

use std::time::Duration;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Error, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Path, Result, Token, parenthesized, token,
};

use crate::suggest::unknown_option;
use crate::ttl::Ttl;
use crate::values::{code, equals, fixed, flag, once, path, quoted, texts, value, word};

/// What the user wrote between the parentheses.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) grace: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) stale_while_refresh: Option<Ident>,
    pub(crate) tags: Option<Vec<LitStr>>,
    pub(crate) many: Option<ManyOption>,
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

/// How many tags an entry can carry.
const MOST_TAGS: usize = 8;

const NO_NEGATIVE_TTL: &str =
    "without `negative_ttl` a `None` is not stored either; remove it, or write at least `\"1ms\"`";

/// `key = "user:{id}"` or `key = (tenant, id)`.
pub(crate) enum KeyOption {
    Template(LitStr),
    Expression(Expr),
}

/// `many` or `many = ids`.
pub(crate) enum ManyOption {
    /// The ids are in the only list there is.
    Only(Ident),
    Named(Ident),
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
        let known = self.parse_time(&name, input)?
            || self.parse_key(&name, input)?
            || self.parse_result(&name, input)?
            || self.parse_place(&name, input)?;
        match known {
            true => Ok(()),
            false => Err(unknown_option(&name)),
        }
    }

    /// When results end; false if `name` says nothing of that.
    fn parse_time(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match name.to_string().as_str() {
            "ttl" => {
                let ttl = Ttl::new(name, value(name, input, "ttl = 60")?)?;
                once(name, &mut self.ttl, ttl)?;
            }
            "grace" => {
                let grace = fixed(name, input, "grace = \"10m\"", None)?;
                once(name, &mut self.grace, grace)?;
            }
            "timeout" => {
                let timeout = fixed(name, input, "timeout = \"2s\"", None)?;
                once(name, &mut self.timeout, timeout)?;
            }
            "negative_ttl" => {
                let ttl = fixed(name, input, "negative_ttl = 30", Some(NO_NEGATIVE_TTL))?;
                once(name, &mut self.negative_ttl, ttl)?;
            }
            "stale_while_refresh" => {
                once(name, &mut self.stale_while_refresh, flag(name, input)?)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// By what results are found and removed; false if `name` says nothing of that.
    fn parse_key(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match name.to_string().as_str() {
            "namespace" => {
                let text = word(name, input, "namespace = \"users\"")?;
                once(name, &mut self.namespace, text)?;
            }
            "name" => {
                let text = word(name, input, "name = \"profile\"")?;
                once(name, &mut self.name, text)?;
            }
            "version" => once(name, &mut self.version, version(name, input)?)?,
            "key" => once(name, &mut self.key, key(name, input)?)?,
            "skip" => once(name, &mut self.skip, skip(name, input)?)?,
            "many" => once(name, &mut self.many, many(name, input)?)?,
            "tags" => {
                let tags = texts(name, input, "tags = [\"user:{id}\"]", MOST_TAGS)?;
                once(name, &mut self.tags, tags)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Which results are stored; false if `name` says nothing of that.
    fn parse_result(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match name.to_string().as_str() {
            "condition" => {
                let condition = code(name, input, "condition = id > 0")?;
                once(name, &mut self.condition, condition)?;
            }
            "unless" => {
                let unless = code(name, input, "unless = result.is_empty()")?;
                once(name, &mut self.unless, unless)?;
            }
            "cache_none" => once(name, &mut self.cache_none, flag(name, input)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Where results, companions and the crate are; false if `name` says nothing of that.
    fn parse_place(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match name.to_string().as_str() {
            "cache" => once(name, &mut self.cache, cache(name, input)?)?,
            "local" => once(name, &mut self.local, flag(name, input)?)?,
            "codec" => {
                let codec = path(name, input, "codec = MessagePack")?;
                once(name, &mut self.codec, codec)?;
            }
            "companions" => once(name, &mut self.companions, companions(name, input)?)?,
            "crate" => {
                let runtime = path(name, input, "crate = ::cachekit")?;
                once(name, &mut self.runtime, runtime)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
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
        if let (Some(flag), Some(Duration::ZERO)) = (&self.stale_while_refresh, self.grace) {
            let message = "what is served while one refreshes is in grace, and `grace = 0` says \
                           that there is none; remove one of them";
            return Err(Error::new_spanned(flag, message));
        }
        if let (Some(cache_none), Some(_)) = (&self.cache_none, self.negative_ttl) {
            let message = "`negative_ttl` stores `None` already, for that long; remove \
                           `cache_none`, or remove `negative_ttl` to store it as long as any \
                           other value";
            return Err(Error::new_spanned(cache_none, message));
        }
        if let (Some(_), Some(cache_none)) = (&self.many, &self.cache_none) {
            let message = "an id that is not in the map has no value; to remember that write \
                           `negative_ttl = 30`";
            return Err(Error::new_spanned(cache_none, message));
        }
        if let (Some(_), Some(unless)) = (&self.many, &self.unless) {
            let message = "`unless` decides on one result, and `many` has one for each id; remove \
                           `unless`";
            return Err(Error::new_spanned(unless, message));
        }
        self.refuse_skipped_twice()
    }

    fn refuse_skipped_twice(&self) -> Result<()> {
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

pub(crate) fn cache(name: &Ident, input: ParseStream<'_>) -> Result<CacheOption> {
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

fn many(name: &Ident, input: ParseStream<'_>) -> Result<ManyOption> {
    if !input.peek(Token![=]) {
        return flag(name, input).map(ManyOption::Only);
    }
    equals(name, input, "many = ids")?;
    let start = input.span();
    let message = "`many` names the argument that has the ids: write `many = ids`";
    let named = input.parse().map_err(|_| Error::new(start, message))?;
    Ok(ManyOption::Named(named))
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
