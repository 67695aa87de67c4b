//! A blocking socket, one request at a time: what a round trip takes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;

use crate::Failed;
use crate::memcached::caller::Caller;

/// One caller, one connection.
#[derive(Debug)]
pub(crate) struct OneByOne {
    socket: BufReader<TcpStream>,
    line: String,
    value: Vec<u8>,
}

/// `count` callers.
pub(crate) fn own(server: &str, count: usize) -> Result<Vec<OneByOne>, Failed> {
    (0..count).map(|_| OneByOne::connect(server)).collect()
}

impl OneByOne {
    fn connect(server: &str) -> Result<Self, Failed> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket: BufReader::with_capacity(64 << 10, socket),
            line: String::new(),
            value: Vec::new(),
        })
    }

    fn read_line(&mut self) -> Result<(), Failed> {
        self.line.clear();
        self.socket.read_line(&mut self.line)?;
        Ok(())
    }
}

impl Caller for OneByOne {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        write!(self.socket.get_mut(), "mg {key} v\r\n")?;
        self.read_line()?;
        let length = self.line.strip_prefix("VA ").ok_or("a miss")?;
        let length: usize = length.trim_end().parse()?;
        self.value.resize(length + 2, 0);
        self.socket.read_exact(&mut self.value)?;
        Ok(length)
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Result<(), Failed> {
        let mut request = format!("ms {key} {}\r\n", value.len()).into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
        self.socket.get_mut().write_all(&request)?;
        self.read_line()?;
        match self.line.as_str() {
            "HD\r\n" => Ok(()),
            other => Err(other.into()),
        }
    }
}
