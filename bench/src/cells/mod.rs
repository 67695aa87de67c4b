//! Samples that are processes of their own: a cell, which prints its figures.

pub(crate) mod histogram;
pub(crate) mod machine;
pub(crate) mod options;
pub(crate) mod python;

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::Failed;
use crate::measure;
use crate::row::Row;

/// What a cell comes to: figures by their names.
pub(crate) type Figures = BTreeMap<String, f64>;

pub(crate) const RATE: &str = "calls/s";
pub(crate) const MEDIAN: &str = "p50 µs";
pub(crate) const P99: &str = "p99 µs";
/// How many cores other programs had meanwhile.
pub(crate) const FOREIGN: &str = "foreign";

/// What a contender came to in one case.
#[derive(Debug)]
pub(crate) struct Standing<W> {
    pub(crate) who: W,
    figures: Figures,
    /// How many samples that is of.
    samples: usize,
}

impl<W> Standing<W> {
    /// Of all `samples`: medians, or what is worst for us where that `counts`.
    pub(crate) fn of(who: W, samples: &[Figures], worst_counts: bool) -> Option<Self> {
        let of_figure = |name: &String| {
            let values: Vec<f64> = samples
                .iter()
                .filter_map(|figures| figures.get(name).copied())
                .collect();
            let value = match worst_counts {
                true => values.into_iter().fold(f64::MIN, f64::max),
                false => measure::median(values),
            };
            (name.clone(), value)
        };
        Some(Self {
            who,
            figures: samples.first()?.keys().map(of_figure).collect(),
            samples: samples.len(),
        })
    }

    /// A figure; where there is none, one that meets no bar.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or(f64::NAN)
    }
}

/// A table, or the rows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a, W> {
    pub(crate) case: &'a str,
    pub(crate) columns: &'a [&'static str],
    pub(crate) standings: &'a [Standing<W>],
    /// How a contender is called.
    pub(crate) name: fn(&W) -> String,
}

impl<W> Table<'_, W> {
    pub(crate) fn print(&self, title: &str) {
        println!("\n{}: {title}", self.case);
        print!("  {:<46}", "");
        for column in self.columns {
            print!(" {column:>14}");
        }
        println!(" {:>8}", "samples");
        for standing in self.standings {
            print!("  {:<46}", (self.name)(&standing.who));
            for column in self.columns {
                match standing.figures.get(*column) {
                    Some(figure) => print!(" {figure:>14.2}"),
                    None => print!(" {:>14}", "-"),
                }
            }
            println!(" {:>8}", standing.samples);
        }
    }

    pub(crate) fn rows(&self, bench: &'static str) -> impl Iterator<Item = Row> {
        let cells = self
            .standings
            .iter()
            .flat_map(|standing| self.columns.iter().map(move |&column| (standing, column)));
        cells.filter_map(move |(standing, unit)| {
            Some(Row {
                bench,
                case: self.case.to_owned(),
                who: (self.name)(&standing.who),
                median: *standing.figures.get(unit)?,
                unit,
                rounds: standing.samples,
            })
        })
    }
}

/// What a call comes to that blocks where others would wait in an await.
pub(crate) fn blocking<T>(call: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err("a blocking call waited in an await".into()),
    }
}
