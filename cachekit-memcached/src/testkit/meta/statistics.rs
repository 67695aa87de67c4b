//! `version` and `stats`.

use super::Options;
use super::items::Items;
use super::line::Line;

pub(super) const VERSION_REPLY: &[u8] = b"VERSION 1.6.18\r\n";

/// The rows that the client of this crate reads.
pub(super) fn statistics(options: &Options, items: &Items, line: &Line<'_>, now: u64) -> Vec<u8> {
    let rows = match line.word(1) {
        b"" => vec![
            ("pid", options.pid.to_string()),
            ("uptime", now.saturating_sub(options.started).to_string()),
            ("time", now.to_string()),
            ("version", "1.6.18".to_owned()),
            ("curr_items", items.len().to_string()),
        ],
        b"settings" => {
            let cas_enabled = if options.cas { "yes" } else { "no" };
            vec![
                ("item_size_max", options.item_size_max.to_string()),
                ("cas_enabled", cas_enabled.to_owned()),
            ]
        }
        _ => Vec::new(),
    };
    let rows = rows
        .into_iter()
        .map(|(name, value)| format!("STAT {name} {value}\r\n"));
    rows.chain(["END\r\n".to_owned()])
        .collect::<String>()
        .into_bytes()
}
