//! Looks at every file of a folder.

use std::io;
use std::path::Path;

use crate::layout::{SPARE, is_entry};
use crate::usage::{Usage, occupied};

/// What the entries of the folder at `path` occupy, and its spare.
pub(crate) fn count(path: &Path) -> io::Result<Usage> {
    let mut usage = Usage::default();
    for file in std::fs::read_dir(path)? {
        let file = file?;
        let name = file.file_name();
        let Some(name) = name.to_str() else { continue };
        if !is_entry(name) && name != SPARE {
            continue;
        }
        let metadata = match file.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_file() {
            let bytes = occupied(&metadata);
            usage = usage.plus(if name == SPARE {
                Usage::file(bytes)
            } else {
                Usage::entry(bytes)
            });
        }
    }
    Ok(usage)
}
