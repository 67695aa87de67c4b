//! A duration in an option: whole seconds, or a text such as `"1h30m"`.

use std::time::Duration;

use proc_macro2::Ident;
use syn::{Error, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Result, UnOp};

/// The duration that `value` is; `forms` is what to write instead of anything else.
pub(crate) fn literal(option: &Ident, value: &Expr, forms: &str) -> Result<Duration> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Int(seconds) => whole_seconds(option, seconds),
            Lit::Str(text) => units(option, text),
            Lit::Float(_) => {
                let message = format!(
                    "`{option}` has no fractions; write milliseconds: `{option} = \"1500ms\"`"
                );
                Err(Error::new_spanned(lit, message))
            }
            other => {
                let message = format!("`{option}` is a duration; {forms}");
                Err(Error::new_spanned(other, message))
            }
        },
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_), ..
        }) => {
            let message = format!("`{option}` cannot be negative; {forms}");
            Err(Error::new_spanned(value, message))
        }
        _ => {
            let message = format!("`{option}` is the same for every call; {forms}");
            Err(Error::new_spanned(value, message))
        }
    }
}

fn whole_seconds(option: &Ident, seconds: &LitInt) -> Result<Duration> {
    if !seconds.suffix().is_empty() {
        let digits = seconds.base10_digits();
        let message = format!("seconds have no suffix; write `{option} = {digits}`");
        return Err(Error::new_spanned(seconds, message));
    }
    seconds.base10_parse().map(Duration::from_secs)
}

fn units(option: &Ident, text: &LitStr) -> Result<Duration> {
    let option = option.to_string();
    parse_units(&option, &text.value()).map_err(|message| Error::new_spanned(text, message))
}

/// One or more numbers, each with its unit, added up: `1h30m`.
fn parse_units(option: &str, text: &str) -> std::result::Result<Duration, String> {
    const UNITS: &str = "units are `ms`, `s`, `m`, `h` and `d`, as in \"1h30m\"";
    if text.is_empty() {
        return Err(format!("`{option}` is empty; {UNITS}"));
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
        let too_long = || format!("`{text}` is too long; write a shorter duration");
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => {
                return Err(format!(
                    "`{number}` has no unit; {UNITS}; or write `{option} = {number}`"
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
        assert_eq!(parse_units("ttl", "1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_units("ttl", "500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(
            parse_units("ttl", "2d3s"),
            Ok(Duration::from_secs(2 * 86_400 + 3))
        );
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
            ("Duration::from_secs(5)", "expected a number"),
        ] {
            let error = parse_units("ttl", text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
