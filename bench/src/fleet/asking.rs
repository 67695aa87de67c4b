//! A worker's connection to the origin: computations are lines, many at a time.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::Failed;

static ORIGIN: OnceLock<Origin> = OnceLock::new();

struct Origin {
    lines: UnboundedSender<String>,
    next: AtomicU64,
    /// Who waits for which computation.
    open: Mutex<HashMap<u64, oneshot::Sender<u64>>>,
}

/// Connects this process, whose number is `process`. Once its parent is gone the process ends.
pub(super) async fn connect(socket: &Path, process: u32) -> Result<(), Failed> {
    let (replies, writes) = UnixStream::connect(socket).await?.into_split();
    let (lines, waiting) = unbounded_channel();
    lines.send(format!("{process}\n"))?;
    let origin = Origin {
        lines,
        next: AtomicU64::new(0),
        open: Mutex::default(),
    };
    ORIGIN
        .set(origin)
        .map_err(|_| "this process is connected already")?;
    tokio::spawn(write(writes, waiting));
    tokio::spawn(read(replies));
    Ok(())
}

/// The version of `key`, computed by the origin.
pub(super) async fn ask(key: u32) -> Result<u64, Failed> {
    let origin = ORIGIN.get().ok_or("this process does not compute")?;
    let (told, answer) = oneshot::channel();
    let id = origin.next.fetch_add(1, Ordering::Relaxed);
    origin.open().insert(id, told);
    origin.lines.send(format!("{id} {key}\n"))?;
    Ok(answer.await?)
}

impl Origin {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<u64>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(mut writes: OwnedWriteHalf, mut lines: UnboundedReceiver<String>) {
    while let Some(line) = lines.recv().await {
        if writes.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(replies: OwnedReadHalf) {
    let mut lines = BufReader::new(replies).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((id, version)) = numbers::<u64, u64>(&line) else {
            break;
        };
        let told = ORIGIN.get().and_then(|origin| origin.open().remove(&id));
        if let Some(told) = told {
            let _ = told.send(version);
        }
    }
    std::process::exit(1);
}

/// The two numbers of a line.
pub(super) fn numbers<A: std::str::FromStr, B: std::str::FromStr>(line: &str) -> Option<(A, B)> {
    let (first, second) = line.split_once(' ')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}
