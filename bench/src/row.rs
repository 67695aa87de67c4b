//! Rows of a bench: to a table, and to a file.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Failed;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) bench: &'static str,
    pub(crate) case: String,
    pub(crate) who: String,
    pub(crate) median: f64,
    pub(crate) unit: &'static str,
    pub(crate) rounds: usize,
}

/// Writes `rows` as a JSON array, one row a line.
pub(crate) fn write_json(rows: &[Row], file: &Path) -> Result<(), Failed> {
    let rows: Vec<_> = rows
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    fs::write(file, format!("[\n{}\n]\n", rows.join(",\n")))
        .map_err(|error| format!("cannot write {}: {error}", file.display()).into())
}
