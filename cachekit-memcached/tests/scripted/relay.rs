//! One connection through a peer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::peer::Release;
use super::script::{Scene, Script, Step};

/// Passes on what `client` and `server` say, as the scene's script has it.
pub(crate) async fn run(client: TcpStream, server: TcpStream, release: Release, scene: &Scene) {
    let number = scene.begun();
    let turned_away = match &*scene.script() {
        Script::TurnAway(reason) => Some(*reason),
        _ => None,
    };
    let (mut from_client, mut to_client) = client.into_split();
    if let Some(reason) = turned_away {
        let _ = to_client.write_all(reason.as_bytes()).await;
        let _ = to_client.shutdown().await;
        // To close with something unread would take the reason back.
        let _ = from_client.read_to_end(&mut Vec::new()).await;
        return;
    }
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = requests(from_client, to_server, number, scene) => {}
        () = replies(from_server, to_client, release, scene) => {}
    }
    scene.ended(number);
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    number: u32,
    scene: &Scene,
) {
    let mut read = Vec::new();
    let deaf = |script: &Script| *script == Script::Deaf;
    loop {
        wait(scene, |script| !deaf(script)).await;
        tokio::select! {
            biased;
            () = wait(scene, deaf) => continue,
            length = client.read_buf(&mut read) => match length {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
        }
        scene.note(|progress| progress.asked.push((number, read.clone())));
        if server.write_all(&read).await.is_err() {
            return;
        }
        read.clear();
    }
}

async fn replies(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    release: Release,
    scene: &Scene,
) {
    let (mut read, mut waiting) = (Vec::new(), Vec::new());
    loop {
        match server.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let said = said_by(release, &mut read);
        scene.note(|progress| progress.said.extend_from_slice(&said));
        waiting.extend(said);
        while let Some(step) = scene.step(&mut waiting) {
            match step {
                Step::Pass(bytes) => {
                    if client.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Wait => wait(scene, |script| !matches!(script, Script::Hold(_))).await,
                Step::Close => return,
            }
        }
    }
}

async fn wait(scene: &Scene, over: impl Fn(&Script) -> bool) {
    loop {
        let changed = scene.changed().notified();
        if over(&scene.script()) {
            return;
        }
        changed.await;
    }
}

/// What `release` would have said in place of `read`. Takes whole lines where it has to change
/// some, and leaves the beginning of the next.
fn said_by(release: Release, read: &mut Vec<u8>) -> Vec<u8> {
    if release == Release::Installed {
        return std::mem::take(read);
    }
    let end = read
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let lines: Vec<u8> = read.drain(..end).collect();
    let lines = lines.split_inclusive(|&byte| byte == b'\n');
    lines.flat_map(|line| line_of(release, line)).collect()
}

fn line_of(release: Release, line: &[u8]) -> Vec<u8> {
    match release {
        Release::V1_5_16 if line.starts_with(b"VERSION ") => b"VERSION 1.5.16\r\n".to_vec(),
        Release::V1_6_15 if line.starts_with(b"VERSION ") => b"VERSION 1.6.15\r\n".to_vec(),
        // It reflects neither opaque nor key where there is nothing.
        Release::V1_6_15 if line.starts_with(b"EN ") => b"EN\r\n".to_vec(),
        // It knows no meta commands at all.
        Release::V1_5_16 if is_meta(line) => b"ERROR\r\n".to_vec(),
        _ => line.to_vec(),
    }
}

fn is_meta(line: &[u8]) -> bool {
    let word = line.trim_ascii_end().split(|&byte| byte == b' ').next();
    let words: [&[u8]; 7] = [b"HD", b"VA", b"EN", b"NF", b"NS", b"EX", b"MN"];
    word.is_some_and(|word| words.contains(&word))
}
