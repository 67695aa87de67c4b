//! The digest of every file of a tree, through one annotated function.
//!
//! ```text
//! cargo run --example quickstart -- [DIRECTORY] [--json]
//! ```
//!
//! Run it twice with nothing set, with `CACHEKIT_FILE_CACHE_DIR=/tmp/digests`, or with
//! `CACHEKIT_MEMCACHED_SERVERS='["127.0.0.1:11211"]'`: only where entries outlive the process does
//! the second run compute nothing.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use cachekit::clock::Clock;
use cachekit::{Deployment, cached};

static COMPUTED: AtomicU64 = AtomicU64::new(0);

/// A file of another size or of another time of modification is another entry: nothing needs to
/// be invalidated.
#[cached(ttl = "30d")]
fn digest(path: &Path, size: u64, modified_ns: u128) -> io::Result<String> {
    COMPUTED.fetch_add(1, Ordering::Relaxed);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let deployment = Deployment::from_env()?;
    let cache = cachekit::init()?;
    let files = tree(&arguments.directory, &deployment)?;
    let first = pass(&files)?;
    if arguments.json {
        println!("{}", first.json(deployment.place.name()));
    } else {
        let second = pass(&files)?;
        println!("entries live in {}\n", deployment.place.name());
        println!(
            "{:<12}{:>10}{:>10}{:>10}{:>10}",
            "", "files", "computed", "hits", "seconds"
        );
        println!(
            "{}\n{}\n",
            first.row("first pass"),
            second.row("second pass")
        );
        println!("digest of the tree: {}", first.digest);
    }
    let errors = cache.stats().backend_errors;
    if errors > 0 {
        eprintln!("the cache was away: {errors} of its operations failed");
    }
    Ok(())
}

struct Arguments {
    directory: PathBuf,
    json: bool,
}

impl Arguments {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut directory, mut json) = (None, false);
        for argument in arguments {
            match argument.as_str() {
                "--json" => json = true,
                option if option.starts_with('-') => {
                    return Err(format!(
                        "unknown option {option}; expected [DIRECTORY] [--json]"
                    ));
                }
                path if directory.is_none() => directory = Some(PathBuf::from(path)),
                extra => return Err(format!("one directory is expected, and then {extra:?}")),
            }
        }
        let directory = directory.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Ok(Self { directory, json })
    }
}

/// The files below `root`, sorted, without `target`, `.git` and the cache's own folder.
fn tree(root: &Path, deployment: &Deployment) -> io::Result<Vec<PathBuf>> {
    let root = fs::canonicalize(root)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", root.display())))?;
    let cache = deployment
        .place
        .directory()
        .and_then(|path| fs::canonicalize(path).ok());
    let (mut files, mut folders) = (Vec::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let skipped = ["target", ".git"]
                .iter()
                .any(|name| entry.file_name() == *name);
            if kind.is_dir() && !skipped && cache.as_deref() != Some(&*path) {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What one pass over the files came to.
struct Pass {
    files: u64,
    computed: u64,
    seconds: f64,
    digest: String,
    cache_errors: u64,
}

fn pass(files: &[PathBuf]) -> Result<Pass, Box<dyn std::error::Error>> {
    let clock = Clock::system();
    let (begun_ms, before) = (clock.monotonic_ms(), COMPUTED.load(Ordering::Relaxed));
    let mut whole = blake3::Hasher::new();
    for (index, path) in files.iter().enumerate() {
        let metadata = fs::metadata(path)?;
        let modified = metadata
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let digest = digest(path, metadata.len(), modified.as_nanos())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        whole.update(digest.as_bytes());
        progress(index + 1, files.len());
    }
    Ok(Pass {
        files: files.len().try_into()?,
        computed: COMPUTED.load(Ordering::Relaxed) - before,
        seconds: std::time::Duration::from_millis(clock.monotonic_ms() - begun_ms).as_secs_f64(),
        digest: whole.finalize().to_hex()[..32].to_owned(),
        cache_errors: cachekit::cache().stats().backend_errors,
    })
}

impl Pass {
    fn hits(&self) -> u64 {
        self.files - self.computed
    }

    fn row(&self, name: &str) -> String {
        let (files, computed, seconds) = (self.files, self.computed, self.seconds);
        format!(
            "{name:<12}{files:>10}{computed:>10}{:>10}{seconds:>10.3}",
            self.hits()
        )
    }

    fn json(&self, backend: &str) -> String {
        let Self {
            files,
            computed,
            seconds,
            digest,
            cache_errors,
        } = self;
        let hits = self.hits();
        format!(
            "{{\"files\":{files},\"computed\":{computed},\"hits\":{hits},\"seconds\":{seconds:.3},\
             \"digest\":\"{digest}\",\"backend\":\"{backend}\",\"cache_errors\":{cache_errors}}}"
        )
    }
}

/// A bar on long trees, where somebody looks.
fn progress(done: usize, all: usize) {
    const WIDTH: usize = 40;
    let mut screen = io::stderr();
    if all < 500 || !screen.is_terminal() || !(done.is_multiple_of(50) || done == all) {
        return;
    }
    let bar = "#".repeat(done * WIDTH / all);
    let end = if done == all { "\n" } else { "" };
    // A screen that cannot be written to shows no bar.
    let _ = write!(screen, "\r[{bar:<WIDTH$}] {done}/{all}{end}");
}
