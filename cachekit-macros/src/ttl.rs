//! `ttl = …`: seconds, a text such as `"1h30m"`, or an expression.

use std::time::Duration;

use syn::{Error, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Result, UnOp};

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
    pub(crate) fn new(value: Expr) -> Result<Self> {
        match value {
            Expr::Lit(ExprLit { lit, .. }) => literal(&lit).map(Self::Fixed),
            Expr::Unary(ExprUnary {
                op: UnOp::Neg(_),
                ref expr,
                ..
            }) if matches!(**expr, Expr::Lit(_)) => Err(Error::new_spanned(
                value,
                format!("a ttl cannot be negative; {FORMS}"),
            )),
            Expr::Closure(closure) => Err(Error::new_spanned(
                closure,
                "write the expression itself, without a closure; it may use the arguments and is \
                 evaluated on a miss",
            )),
            computed => Ok(Self::Computed(computed)),
        }
    }
}

fn literal(literal: &Lit) -> Result<Duration> {
    let ttl = match literal {
        Lit::Int(seconds) => whole_seconds(seconds)?,
        Lit::Str(text) => units(text)?,
        Lit::Float(_) => {
            let message = "a ttl has no fractions; write milliseconds: `ttl = \"1500ms\"`";
            return Err(Error::new_spanned(literal, message));
        }
        other => return Err(Error::new_spanned(other, format!("not a ttl; {FORMS}"))),
    };
    if ttl.is_zero() {
        let message = "a ttl of zero would cache nothing; write at least `\"1ms\"`, or remove \
                       `#[cached]`";
        return Err(Error::new_spanned(literal, message));
    }
    Ok(ttl)
}

fn whole_seconds(seconds: &LitInt) -> Result<Duration> {
    if !seconds.suffix().is_empty() {
        let digits = seconds.base10_digits();
        let message = format!("seconds have no suffix; write `ttl = {digits}`");
        return Err(Error::new_spanned(seconds, message));
    }
    seconds.base10_parse().map(Duration::from_secs)
}

fn units(text: &LitStr) -> Result<Duration> {
    parse_units(&text.value()).map_err(|message| Error::new_spanned(text, message))
}

/// One or more numbers, each with its unit, added up: `1h30m`.
fn parse_units(text: &str) -> std::result::Result<Duration, String> {
    const UNITS: &str = "units are `ms`, `s`, `m`, `h` and `d`, as in \"1h30m\"";
    if text.contains('(') || text.contains("::") {
        return Err("write the expression without quotes: `ttl = Duration::from_secs(60)`".into());
    }
    if text.is_empty() {
        return Err(format!("an empty ttl; {UNITS}"));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len()
            - after
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() {
            return Err(format!("expected a number before `{rest}`; {UNITS}"));
        }
        let too_long = || format!("`{text}` is too long for a ttl; write a shorter one");
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => {
                return Err(format!(
                    "`{number}` has no unit; {UNITS}; or write `ttl = {number}`"
                ));
            }
            other => return Err(format!("unknown unit `{other}`; {UNITS}")),
        };
        let part = number.checked_mul(milliseconds).ok_or_else(too_long)?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(too_long)?;
        rest = after;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        assert_eq!(parse_units("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_units("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_units("2d3s"), Ok(Duration::from_secs(2 * 86_400 + 3)));
    }

    #[test]
    fn a_text_without_sense_says_what_is_wrong() {
        for (text, expected) in [
            ("", "empty"),
            ("10", "no unit"),
            ("m", "expected a number"),
            ("10 m", "no unit"),
            ("10min", "unknown unit `min`"),
            ("99999999999999999999s", "too long"),
            ("18446744073709551615d", "too long"),
            ("Duration::from_secs(5)", "without quotes"),
        ] {
            let error = parse_units(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
