//! A blocking socket and the classic `get k1 … kn`: what many keys at once take.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::Failed;
use crate::memcached::caller::Caller;

const END: &[u8] = b"END\r\n";

/// One caller, one connection.
#[derive(Debug)]
pub(crate) struct MultiGet {
    socket: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

/// `count` callers.
pub(crate) fn own(server: &str, count: usize) -> Result<Vec<MultiGet>, Failed> {
    (0..count).map(|_| MultiGet::connect(server)).collect()
}

impl MultiGet {
    fn connect(server: &str) -> Result<Self, Failed> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            request: Vec::new(),
            reply: vec![0; 256 << 10],
        })
    }

    /// Reads one reply, and returns how long it is.
    fn read(&mut self) -> Result<usize, Failed> {
        let mut length = 0;
        while !self.reply[..length].ends_with(END) {
            match self.socket.read(&mut self.reply[length..])? {
                0 => return Err("the server has gone".into()),
                read => length += read,
            }
        }
        Ok(length)
    }
}

impl Caller for MultiGet {
    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        self.request.clear();
        self.request.extend_from_slice(b"get");
        for key in keys {
            self.request.push(b' ');
            self.request.extend_from_slice(key.as_bytes());
        }
        self.request.extend_from_slice(b"\r\n");
        self.socket.write_all(&self.request)?;
        let mut rest = self.read()?;
        let mut reply = &self.reply[..rest];
        let mut length = 0;
        while reply != END {
            let size = value_size(reply).ok_or("a reply that is none")?;
            let line = reply.iter().position(|&byte| byte == b'\n').unwrap_or(rest) + 1;
            reply = reply.get(line + size + 2..).ok_or("a reply that is cut")?;
            rest = reply.len();
            length += size;
        }
        Ok(length)
    }
}

/// Of `VALUE key flags size`.
fn value_size(reply: &[u8]) -> Option<usize> {
    let line = reply.split(|&byte| byte == b'\r').next()?;
    std::str::from_utf8(line)
        .ok()?
        .rsplit(' ')
        .next()?
        .parse()
        .ok()
}
