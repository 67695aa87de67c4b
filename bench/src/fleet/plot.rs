//! How often the origin was asked over time, in two runs: a picture for light and dark pages.

use std::fmt::Write as _;

use cachekit_core::testkit::history::{History, Record};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 358.0;
/// The frame that the lines are drawn in.
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 18.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = HEIGHT - 50.0;

/// About as many steps has a line, and as many marks an axis.
const STEPS: f64 = 50.0;
const MARKS: f64 = 5.0;

/// What the second run is drawn with is filled, so that the two differ without their colours.
const STYLE: &str = "\
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .page { fill: #ffffff }
    .grid { stroke: #d1d9e0; fill: none }
    .first { stroke: #0757b0; stroke-width: 2.5; fill: none }
    .second { stroke: #bc4c00; stroke-width: 1.25; fill: #bc4c00; fill-opacity: 0.2 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .page { fill: #0d1117 }
      .grid { stroke: #3d444d }
      .first { stroke: #6cb6ff }
      .second { stroke: #f0883e; fill: #f0883e }
    }
  </style>
";

/// When the origin was asked in a run.
#[derive(Clone, Debug)]
pub(super) struct Series {
    name: String,
    /// Seconds since the run began.
    calls: Vec<f64>,
    /// How long the run was, in seconds.
    length: f64,
}

impl Series {
    /// The computations in `history`.
    pub(super) fn of(name: &str, history: &History) -> Self {
        let began = history.records.iter().map(began).min().unwrap_or(0);
        let seconds = |record: &Record| seconds_between(began, self::began(record));
        let is_call = |record: &&Record| matches!(record, Record::Computation { .. });
        let calls = history.records.iter().filter(is_call).map(seconds);
        Self {
            name: name.to_owned(),
            calls: calls.collect(),
            length: history.records.iter().map(seconds).fold(0.0, f64::max),
        }
    }

    /// Calls a second in each step of `step` seconds.
    fn rates(&self, step: f64, steps: usize) -> Vec<f64> {
        let mut rates = vec![0.0; steps];
        for call in &self.calls {
            let index = ((call / step) as usize).min(steps - 1);
            rates[index] += 1.0 / step;
        }
        rates
    }
}

const fn began(record: &Record) -> u64 {
    match *record {
        Record::Read { began, .. }
        | Record::Computation { began, .. }
        | Record::Invalidation { began, .. } => began,
        Record::Killed { at, .. } | Record::NodeLost { at, .. } => at,
    }
}

fn seconds_between(from: u64, to: u64) -> f64 {
    (to - from) as f64 / 1e9
}

/// The picture, whose text depends on nothing but what is given: calls a second in even steps of
/// time, of `second` as a filled line, and of `first` above it.
pub(super) fn svg(title: [&str; 2], first: &Series, second: &Series) -> String {
    let length = first.length.max(second.length).max(1.0);
    let step = round_step(length, STEPS);
    let steps = (length / step).ceil() as usize;
    let [first_rates, second_rates] = [first, second].map(|series| series.rates(step, steps));
    let highest = first_rates.iter().chain(&second_rates);
    let scale = Scale {
        seconds: step * steps as f64,
        rate: highest.copied().fold(1.0, f64::max),
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"title\">\n  <title id=\"title\">{}</title>\n{STYLE}  \
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        escaped(&title.join(": "))
    );
    let mut draw = |element: String| {
        text.push_str("  ");
        text.push_str(&element);
        text.push('\n');
    };
    // All in one line would not fit.
    draw(label([LEFT, 24.0], "start", title[0]));
    draw(label([LEFT, 43.0], "start", title[1]));
    axes(&scale, &mut draw);
    draw(curve("second", &scale, step, &second_rates));
    draw(curve("first", &scale, step, &first_rates));
    legend("first", LEFT, first, &mut draw);
    legend("second", f64::midpoint(LEFT, RIGHT), second, &mut draw);
    text.push_str("</svg>\n");
    text
}

/// What the far edges of the frame stand for; the near ones are zero.
struct Scale {
    seconds: f64,
    rate: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * seconds / self.seconds
    }

    fn y(&self, rate: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * rate / self.rate
    }
}

fn axes(scale: &Scale, draw: &mut impl FnMut(String)) {
    for mark in marks(scale.rate) {
        let y = scale.y(mark);
        draw(format!(
            "<path class=\"grid\" d=\"M{LEFT:.1} {y:.1}H{RIGHT:.1}\"/>"
        ));
        draw(label([LEFT - 8.0, y + 4.0], "end", &short(mark)));
    }
    for mark in marks(scale.seconds) {
        let x = scale.x(mark);
        let end = BOTTOM + 5.0;
        draw(format!(
            "<path class=\"grid\" d=\"M{x:.1} {BOTTOM:.1}V{end:.1}\"/>"
        ));
        draw(label([x, BOTTOM + 20.0], "middle", &short(mark)));
    }
    let (across, up) = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
    draw(label(
        [across, HEIGHT - 10.0],
        "middle",
        "seconds since the start",
    ));
    draw(format!(
        "<text transform=\"translate(16 {up:.1}) rotate(-90)\" \
         text-anchor=\"middle\">origin calls a second</text>"
    ));
}

/// A line that goes in steps; it comes back to zero, so that it can be filled.
fn curve(class: &str, scale: &Scale, step: f64, rates: &[f64]) -> String {
    let mut path = format!("M{LEFT:.1} {BOTTOM:.1}");
    for (index, rate) in rates.iter().enumerate() {
        let end = step * (index + 1) as f64;
        let _ = write!(path, "V{:.1}H{:.1}", scale.y(*rate), scale.x(end));
    }
    format!("<path class=\"{class}\" d=\"{path}V{BOTTOM:.1}\"/>")
}

fn legend(class: &str, x: f64, series: &Series, draw: &mut impl FnMut(String)) {
    let (top, middle, bottom) = (58.0, 65.0, 72.0);
    let end = x + 26.0;
    // As the curve looks: a line, or an area below one.
    let sample = match class {
        "first" => format!("M{x:.1} {middle:.1}H{end:.1}"),
        _ => format!("M{x:.1} {bottom:.1}V{top:.1}H{end:.1}V{bottom:.1}"),
    };
    draw(format!("<path class=\"{class}\" d=\"{sample}\"/>"));
    let text = format!("{}: {} calls", series.name, series.calls.len());
    draw(label([end + 8.0, middle + 4.0], "start", &text));
}

fn label([x, y]: [f64; 2], anchor: &str, text: &str) -> String {
    let text = escaped(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Round numbers from zero to `end`.
fn marks(end: f64) -> Vec<f64> {
    let step = round_step(end, MARKS);
    // What is in the way of the last one is how floats are divided.
    let count = (end / step + 1e-6).floor() as usize;
    (0..=count).map(|mark| mark as f64 * step).collect()
}

/// One, two or five tens, hundreds and so on, of which at most `count` make `whole`.
fn round_step(whole: f64, count: f64) -> f64 {
    let least = whole / count;
    let power = 10_f64.powf(least.log10().floor());
    let mut steps = [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter();
    steps
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// Without the digits that are noise.
fn short(number: f64) -> String {
    ((number * 1e6).round() / 1e6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, calls: impl Iterator<Item = f64>) -> Series {
        Series {
            name: name.to_owned(),
            calls: calls.collect(),
            length: 20.0,
        }
    }

    fn picture() -> String {
        let on = series("leads on", (0..60).map(|call| f64::from(call) / 3.0));
        let off = series("leads off", (0..900).map(|call| f64::from(call % 97) / 5.0));
        svg(["churn", "100 keys & <16> tasks"], &on, &off)
    }

    #[test]
    fn axes_legend_and_title_say_what_is_drawn() {
        let picture = picture();
        for text in [
            "<title id=\"title\">churn: 100 keys &amp; &lt;16&gt; tasks</title>",
            ">churn<",
            ">100 keys &amp; &lt;16&gt; tasks<",
            ">origin calls a second<",
            ">seconds since the start<",
            ">leads on: 60 calls<",
            ">leads off: 900 calls<",
            ">0<",
            ">20<",
            "prefers-color-scheme: dark",
        ] {
            assert!(picture.contains(text), "{text}");
        }
    }

    #[test]
    fn the_same_calls_make_the_same_picture() {
        assert_eq!(picture(), picture());
    }

    #[test]
    fn every_line_stays_in_the_frame() {
        let empty = series("none", std::iter::empty());
        let last = series("at the end", [19.999, 20.0].into_iter());
        for picture in [
            picture(),
            svg([""; 2], &empty, &last),
            svg([""; 2], &empty, &empty),
        ] {
            let curve = |class| format!("class=\"{class}\" d=\"M62.0 308.0V");
            let is_curve = |line: &&str| {
                ["first", "second"]
                    .map(curve)
                    .iter()
                    .any(|one| line.contains(one))
            };
            let curves: Vec<_> = picture.lines().filter(is_curve).collect();
            assert_eq!(curves.len(), 2);
            for curve in curves {
                let (_, path) = curve.split_once("d=\"M62.0 ").expect("a path");
                let (path, _) = path.split_once('"').expect("its end");
                assert!(coordinates(path, 'V').all(|y| (TOP..=BOTTOM).contains(&y)));
                assert!(coordinates(path, 'H').all(|x| (LEFT..=RIGHT).contains(&x)));
            }
        }
    }

    /// To where `path` goes by its commands of one letter.
    fn coordinates(path: &str, command: char) -> impl Iterator<Item = f64> {
        let commands = path.split(command).skip(1);
        commands.map(|rest| {
            let end = rest.find(['V', 'H']).unwrap_or(rest.len());
            rest[..end].parse().expect("a number")
        })
    }

    #[test]
    fn calls_are_counted_from_the_first_record_of_a_run_on() {
        let mut history = History::default();
        let text = "read 1 0 2000000000 2500000000 1 fresh\n\
                    computation 1 0 3000000000 3100000000 1\n\
                    computation 1 1 5500000000 - 1\n\
                    killed 1 12000000000\n";
        history.read(text).unwrap();
        let series = Series::of("run", &history);
        assert_eq!(series.calls, [1.0, 3.5]);
        assert_eq!(series.length, 10.0);
        assert_eq!(series.rates(2.0, 5), [0.5, 0.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(marks(20.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
        let short: Vec<_> = marks(1.0).into_iter().map(short).collect();
        assert_eq!(short, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(marks(1234.0), [0.0, 500.0, 1000.0]);
    }
}
