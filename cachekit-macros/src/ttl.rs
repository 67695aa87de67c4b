//! `ttl = …`: seconds, a text such as `"1h30m"`, or an expression.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, Result, UnOp};

use crate::duration;

const FORMS: &str =
    "write seconds (`ttl = 60`), a text (`ttl = \"10m\"`) or an expression of type `Duration`";

/// How long a value is fresh.
pub(crate) enum Ttl {
    /// Known at compile time.
    Fixed(Duration),
    /// Of type `Duration`, evaluated on a miss.
    Computed(Expr),
}

impl Ttl {
    pub(crate) fn new(option: &Ident, value: Expr) -> Result<Self> {
        match &value {
            Expr::Lit(ExprLit { lit, .. }) => {
                refuse_quoted_code(lit)?;
                fixed(option, &value)
            }
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_),
                expr,
                ..
            }) if matches!(**expr, Expr::Lit(_)) => fixed(option, &value),
            Expr::Closure(closure) => Err(Error::new_spanned(
                closure,
                "write the expression itself, without a closure; it may use the arguments and is \
                 evaluated on a miss",
            )),
            _ => Ok(Self::Computed(value)),
        }
    }
}

fn refuse_quoted_code(literal: &Lit) -> Result<()> {
    match literal {
        Lit::Str(text) if text.value().contains(['(', ':']) => Err(Error::new_spanned(
            text,
            "write the expression without quotes: `ttl = Duration::from_secs(60)`",
        )),
        _ => Ok(()),
    }
}

fn fixed(option: &Ident, value: &Expr) -> Result<Ttl> {
    let ttl = duration::literal(option, value, FORMS)?;
    if ttl.is_zero() {
        let message = "a ttl of zero would cache nothing; write at least `\"1ms\"`, or remove \
                       `#[cached]`";
        return Err(Error::new_spanned(value, message));
    }
    Ok(Ttl::Fixed(ttl))
}
