//! Bars: figures that must be reached, and whether they are.

pub(crate) fn at_most(what: &str, figure: f64, bar: f64) {
    line(what, figure, &format!("≤ {bar}"), figure <= bar);
}

pub(crate) fn at_least(what: &str, figure: f64, bar: f64) {
    line(what, figure, &format!("≥ {bar}"), figure >= bar);
}

pub(crate) fn above(what: &str, figure: f64, bar: f64) {
    line(what, figure, &format!("> {bar}"), figure > bar);
}

fn line(what: &str, figure: f64, bar: &str, met: bool) {
    let verdict = if met { "met" } else { "NOT met" };
    println!("  {what}: {figure:.2} ({bar}) {verdict}");
}
