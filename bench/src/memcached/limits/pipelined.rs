//! Blocking sockets that always have requests under way: as many gets as one core can ask for and
//! another can answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::Failed;
use crate::memcached::caller::Gate;

const SOCKETS: usize = 4;
/// Requests under way on each socket.
const DEPTH: u32 = 100;
/// Digits of an opaque number: always as many, so that all replies are equally long.
const DIGITS: usize = 8;

#[derive(Debug)]
struct Pipeline {
    socket: TcpStream,
    /// The opaque number of the first request under way.
    first: u32,
    requests: Vec<u8>,
    replies: Vec<u8>,
    /// What all replies begin with: it says the length.
    beginning: Vec<u8>,
}

/// Gets until the gate is closed.
pub(crate) fn run(server: &str, size: usize, gate: &Gate) -> Result<(), Failed> {
    let mut random = fastrand::Rng::new();
    let mut pipelines = Vec::new();
    for _ in 0..SOCKETS {
        let mut pipeline = Pipeline::connect(server, size)?;
        pipeline.send(gate, &mut random)?;
        pipelines.push(pipeline);
    }
    while !gate.is_closed() {
        for pipeline in &mut pipelines {
            pipeline.receive()?;
            gate.add(0, u64::from(DEPTH));
            pipeline.send(gate, &mut random)?;
        }
    }
    Ok(())
}

impl Pipeline {
    fn connect(server: &str, value: usize) -> Result<Self, Failed> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        let beginning = format!("VA {value} O").into_bytes();
        let reply = beginning.len() + DIGITS + 2 + value + 2;
        Ok(Self {
            socket,
            first: 0,
            requests: Vec::new(),
            replies: vec![0; DEPTH as usize * reply],
            beginning,
        })
    }

    fn send(&mut self, gate: &Gate, random: &mut fastrand::Rng) -> Result<(), Failed> {
        self.requests.clear();
        for opaque in 0..DEPTH {
            self.requests.extend_from_slice(b"mg ");
            self.requests
                .extend_from_slice(gate.keys.choose(random).as_bytes());
            self.requests.extend_from_slice(b" v O");
            self.requests
                .extend_from_slice(&digits(self.first.wrapping_add(opaque)));
            self.requests.extend_from_slice(b"\r\n");
        }
        Ok(self.socket.write_all(&self.requests)?)
    }

    fn receive(&mut self) -> Result<(), Failed> {
        self.socket.read_exact(&mut self.replies)?;
        for reply in self.replies.chunks(self.replies.len() / DEPTH as usize) {
            let opaque = reply.strip_prefix(&self.beginning[..]);
            if opaque.is_none_or(|rest| !rest.starts_with(&digits(self.first))) {
                return Err("a reply to another request".into());
            }
            self.first = self.first.wrapping_add(1);
        }
        Ok(())
    }
}

fn digits(number: u32) -> [u8; DIGITS] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| HEX[(number >> (28 - 4 * place)) as usize & 15])
}
