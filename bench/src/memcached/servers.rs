//! The servers of a case, filled with all keys.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

use cachekit_memcached::testkit::{self, Server};

use crate::Failed;
use crate::cells::machine::Place;
use crate::memcached::keys::Keys;

/// One thread is what the testkit starts.
const ARGUMENTS: [&str; 4] = ["-m", "1024", "-c", "4096"];
/// Seconds that a value lives: longer than what a reader takes for about to end.
const TTL: u32 = 7_200;
/// What all replies to a `ms` without flags to give back are.
const STORED: &[u8] = b"HD\r\n";

/// Servers at `place`.
pub(super) fn start(count: usize, place: Place) -> Result<Vec<Server>, Failed> {
    let servers: Vec<_> = (0..count).map(|_| Server::with_args(&ARGUMENTS)).collect();
    for server in &servers {
        place.take_server(server.pid())?;
    }
    Ok(servers)
}

/// Every key on every server: clients place them in different ways, and none may miss.
pub(super) fn fill(servers: &[Server], size: usize) -> Result<(), Failed> {
    let keys = Keys::of(size);
    for address in testkit::addresses(servers) {
        let mut socket = BufReader::new(TcpStream::connect(address)?);
        // Few enough that neither side waits for the other to read.
        for some in keys.texts.chunks(100) {
            for key in some {
                let mut request = format!("ms {key} {size} T{TTL}\r\n").into_bytes();
                request.extend_from_slice(&keys.value);
                request.extend_from_slice(b"\r\n");
                socket.get_mut().write_all(&request)?;
            }
            let mut replies = vec![0; some.len() * STORED.len()];
            socket.read_exact(&mut replies)?;
            if replies.chunks(STORED.len()).any(|reply| reply != STORED) {
                return Err(String::from_utf8_lossy(&replies).into());
            }
        }
    }
    Ok(())
}
