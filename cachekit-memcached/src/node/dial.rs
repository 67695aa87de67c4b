//! Making a socket.

use std::io;

use cachekit_core::error::ErrorKind;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::config::Address;
use crate::connection::Connection;
use crate::error::Failure;

/// Connects to `address`. A name is looked up every time, and its addresses are tried one after
/// the other until `deadline`: one that never answers takes the time of those behind it.
pub(super) async fn connect(address: &Address, deadline: Instant) -> Result<Connection, Failure> {
    match timeout_at(deadline, open(address)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(late()),
        Ok(Err(error)) => Err(Failure::unreached(&error)),
        Err(_) => Err(late()),
    }
}

fn late() -> Failure {
    Failure::new(ErrorKind::Timeout, "no connection in time")
}

async fn open(address: &Address) -> io::Result<Connection> {
    match address {
        Address::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Connection::open(stream))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Connection::open(
            tokio::net::UnixStream::connect(path).await?,
        )),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
    }
}
