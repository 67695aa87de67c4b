//! What stands in `#[removes(…)]`.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token};

use crate::args::{CacheOption, cache};
use crate::removes::target::Target;
use crate::values::{once, path, value, word};

#[derive(Default)]
pub(crate) struct Args {
    pub(crate) removals: Vec<Removal>,
    /// The cache of the tags and namespaces; a function knows its own.
    pub(crate) cache: Option<CacheOption>,
    pub(crate) runtime: Option<Path>,
}

pub(crate) enum Removal {
    /// `profile(id)`
    Entry(Target),
    /// `tag = "user:{id}"`
    Tag(LitStr),
    /// `namespace = "users"`
    Namespace(LitStr),
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            args.parse_one(input)?;
            if input.is_empty() {
                break;
            }
            if !input.peek(Token![,]) {
                return Err(input.error("expected `,` between two removals"));
            }
            input.parse::<Token![,]>()?;
        }
        args.refuse_nothing()?;
        Ok(args)
    }
}

impl Args {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let named = input.peek(Ident::peek_any) && input.peek2(Token![=]);
        if !named || input.peek2(Token![==]) {
            let target = Target::new(input.parse()?)?;
            self.removals.push(Removal::Entry(target));
            return Ok(());
        }
        let name = input.call(Ident::parse_any)?;
        match name.to_string().as_str() {
            "tag" => self.removals.push(Removal::Tag(tag(&name, input)?)),
            "namespace" => {
                let namespace = word(&name, input, "namespace = \"users\"")?;
                self.removals.push(Removal::Namespace(namespace));
            }
            "cache" => once(&name, &mut self.cache, cache(&name, input)?)?,
            "crate" => {
                let runtime = path(&name, input, "crate = ::cachekit")?;
                once(&name, &mut self.runtime, runtime)?;
            }
            _ => return Err(unknown(&name)),
        }
        Ok(())
    }

    fn refuse_nothing(&self) -> Result<()> {
        if self.removals.is_empty() {
            let message = "nothing is removed; name the call whose result has changed, \
                           `profile(id)`, or a tag, `tag = \"user:{id}\"`";
            return Err(Error::new(Span::call_site(), message));
        }
        let knows_its_cache = |removal: &Removal| matches!(removal, Removal::Entry(_));
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        if !self.removals.iter().all(knows_its_cache) {
            return Ok(());
        }
        let span = match cache {
            CacheOption::Named(name) => name.span(),
            CacheOption::Expression(expression) => expression.span(),
        };
        let message = "a cached function knows its cache, and no tag and no namespace is removed \
                       here; remove `cache`";
        Err(Error::new(span, message))
    }
}

fn tag(name: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    match value(name, input, "tag = \"user:{id}\"")? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(Error::new_spanned(
            other,
            "a tag is a text: write `tag = \"user:{id}\"`",
        )),
    }
}

fn unknown(name: &Ident) -> Error {
    let message = match name.to_string().as_str() {
        "tags" => "one `tag = …` for each: write `tag = \"user:{id}\", tag = \"users\"`".into(),
        other => format!(
            "`{other}` is nothing that can be removed; write a call such as `profile(id)`, `tag = \
             \"user:{{id}}\"` or `namespace = \"users\"`"
        ),
    };
    Error::new(name.span(), message)
}
