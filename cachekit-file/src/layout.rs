//! From a key to a path.

use std::path::{Path, PathBuf};

use cachekit_core::key::StoreKey;

/// The folder of this layout. Another layout of another release has another folder, so that each
/// sweeps only what it understands.
const LAYOUT: &str = "v1";

/// How many folders the entries are spread over: as many as a byte has values.
pub(crate) const FOLDERS: usize = 256;

/// Which of the folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folder(u8);

impl Folder {
    pub(crate) const fn new(number: u8) -> Self {
        Self(number)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// The folder that this says, which then says the next one.
    pub(crate) const fn advance(&mut self) -> Self {
        let folder = *self;
        self.0 = self.0.wrapping_add(1);
        folder
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    pub(crate) fn path(self, directory: &Path) -> PathBuf {
        directory.join(LAYOUT).join(format!("{:02x}", self.0))
    }
}

/// What stands for a key outside of its entry.
pub(crate) type Digest = [u8; 32];

/// Where the entry of a key lies.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) digest: Digest,
    pub(crate) folder: Folder,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn of(directory: &Path, key: &StoreKey) -> Self {
        let hash = blake3::hash(key.as_str().as_bytes());
        let digest = *hash.as_bytes();
        let name = hash.to_hex();
        // The folder is the first byte, as its two digits in the name spell it.
        let length = directory.as_os_str().len() + LAYOUT.len() + name.len() + "//hh/".len();
        let mut path = PathBuf::with_capacity(length);
        path.extend([directory, Path::new(LAYOUT)]);
        path.extend([&name[..2], &name]);
        Self {
            digest,
            folder: Folder(digest[0]),
            path,
        }
    }
}

/// The folder of the files that tell who is alive.
pub(crate) fn owners(directory: &Path) -> PathBuf {
    directory.join(LAYOUT).join("owners")
}

/// Where all of this layout lies.
pub(crate) fn root(directory: &Path) -> PathBuf {
    directory.join(LAYOUT)
}

/// Whether a folder of this name may hold entries.
pub(crate) fn is_folder(name: &str) -> bool {
    name.len() == 2
        && name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a file of this name may be an entry.
pub(crate) fn is_entry(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What the name of a file begins with that is not an entry yet.
pub(crate) const TEMP: &str = ".tmp-";

/// What is used of the caps, of all folders together.
pub(crate) fn budget(directory: &Path) -> PathBuf {
    directory.join(LAYOUT).join("budget")
}

/// What takes the place of the budget if one who has it locked was stopped.
pub(crate) fn next_budget(directory: &Path) -> PathBuf {
    directory.join(LAYOUT).join("budget.next")
}

/// Where the folders are that were cleared, until their files are removed.
pub(crate) fn cleared(directory: &Path) -> PathBuf {
    directory.join(LAYOUT).join("cleared")
}

/// What the one has locked who makes room.
pub(crate) fn collector(directory: &Path) -> PathBuf {
    directory.join(LAYOUT).join("collector")
}

/// The lock of a folder, which holds its counts and leads.
pub(crate) const LOCK: &str = ".folder";

/// The file of a folder whose inode and blocks the next write uses again.
pub(crate) const SPARE: &str = ".spare";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_is_not_in_its_path() {
        let directory = Path::new("/cache");
        let key = StoreKey::new("../../etc/passwd").unwrap();
        let place = Place::of(directory, &key);
        let relative = place
            .path
            .strip_prefix(directory)
            .unwrap()
            .to_str()
            .unwrap();
        let name = &relative["v1/hh/".len()..];
        assert!(is_entry(name));
        assert_eq!(relative, format!("v1/{}/{name}", &name[..2]));
        assert_eq!(place.path.parent().unwrap(), place.folder.path(directory));
    }
}
