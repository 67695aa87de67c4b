//! Two sockets of one thread: small values on one, large ones on the other, so that none waits
//! behind the other kind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failed;
use crate::cells::histogram::Histogram;
use crate::cells::machine::now;
use crate::memcached::caller::Gate;
use crate::memcached::trials::mixed;

/// Gets small values until the gate is closed, always `depth` of them under way.
pub(crate) async fn small(
    server: String,
    depth: usize,
    gate: Arc<Gate>,
) -> Result<Histogram, Failed> {
    let mut socket = connect(&server).await?;
    let mut random = fastrand::Rng::new();
    let mut times = Histogram::default();
    let reply = reply_length(gate.keys.value.len());
    let mut began: VecDeque<Instant> = VecDeque::new();
    let (mut requests, mut replies) = (Vec::new(), Vec::with_capacity(64 << 10));
    let mut next = depth;
    while !gate.is_closed() {
        for _ in 0..next {
            requests.extend_from_slice(b"mg ");
            requests.extend_from_slice(gate.keys.choose(&mut random).as_bytes());
            requests.extend_from_slice(b" v\r\n");
        }
        began.resize(depth, now());
        socket.write_all(&requests).await?;
        requests.clear();
        socket.read_buf(&mut replies).await?;
        next = replies.len() / reply;
        let ended = now();
        for began in began.drain(..next) {
            if gate.is_measured() {
                times.record(ended.saturating_duration_since(began));
            }
        }
        check(&replies[..next * reply], reply, gate.keys.value.len())?;
        replies.drain(..next * reply);
        gate.add(0, next as u64);
    }
    Ok(times)
}

/// Gets one large value at each tick until the gate is closed.
pub(crate) async fn large(server: String, gate: Arc<Gate>) -> Result<Histogram, Failed> {
    let mut socket = connect(&server).await?;
    let mut random = fastrand::Rng::new();
    let length = gate.keys.value.len();
    let mut reply = vec![0; reply_length(length)];
    let mut pace = mixed::pace();
    while !gate.is_closed() {
        pace.tick().await;
        let key = gate.keys.choose(&mut random);
        socket
            .write_all(format!("mg {key} v\r\n").as_bytes())
            .await?;
        socket.read_exact(&mut reply).await?;
        check(&reply, reply.len(), length)?;
        gate.add(0, 1);
    }
    Ok(Histogram::default())
}

async fn connect(server: &str) -> Result<TcpStream, Failed> {
    let socket = TcpStream::connect(server).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn header(value: usize) -> String {
    format!("VA {value}\r\n")
}

fn reply_length(value: usize) -> usize {
    header(value).len() + value + 2
}

fn check(replies: &[u8], each: usize, value: usize) -> Result<(), Failed> {
    let header = header(value);
    match replies
        .chunks(each)
        .all(|reply| reply.starts_with(header.as_bytes()))
    {
        true => Ok(()),
        false => Err("a reply that is no value of this length".into()),
    }
}
