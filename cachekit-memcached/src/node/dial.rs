//! Making a connection: the addresses of a name, all of them tried; then TLS where it is asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cachekit_core::error::ErrorKind;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::resolve::{Names, Resolve};
use super::tls::Tls;
use crate::config::Address;
use crate::connection::{Connection, Traffic};
use crate::error::Failure;

/// How long one address is tried alone before the next is tried as well (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Makes connections to one server.
#[derive(Debug)]
pub(super) struct Dialer {
    place: Place,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Place {
    Tcp(Names),
    #[cfg(all(feature = "testkit", unix))]
    Memory(Arc<crate::testkit::Path>),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    #[cfg(not(unix))]
    Nowhere,
}

/// A connection, and where its name led.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) connection: Connection,
    /// The address that the name had; `None` where there was no name to look up.
    pub(super) peer: Option<SocketAddr>,
}

impl Dialer {
    pub(super) fn new(address: &Address, tls: Option<Tls>, resolver: Arc<dyn Resolve>) -> Self {
        let place = match address {
            #[cfg(all(feature = "testkit", unix))]
            Address::Tcp(host, _) if let Some(path) = crate::testkit::path_to(host) => {
                Place::Memory(path)
            }
            Address::Tcp(host, port) => Place::Tcp(Names::new(host, *port, resolver)),
            #[cfg(unix)]
            Address::Unix(path) => Place::Unix(path.clone()),
            #[cfg(not(unix))]
            Address::Unix(_) => Place::Nowhere,
        };
        Self { place, tls }
    }

    /// Makes a connection before `deadline`. Of many addresses, the one that answers first is
    /// taken.
    pub(super) async fn connect(
        &self,
        deadline: Instant,
        traffic: &Arc<Traffic>,
    ) -> Result<Dialed, Failure> {
        match timeout_at(deadline, self.open(deadline, traffic)).await {
            Ok(Ok(dialed)) => Ok(dialed),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(late()),
        }
    }

    /// Whether the name leads elsewhere by now, so that `peer` is no longer the server.
    pub(super) async fn has_moved(&self, peer: SocketAddr) -> bool {
        match &self.place {
            Place::Tcp(names) => names.have_left(peer).await,
            _ => false,
        }
    }

    async fn open(&self, deadline: Instant, traffic: &Arc<Traffic>) -> io::Result<Dialed> {
        match &self.place {
            Place::Tcp(names) => {
                let stream = race(names.addresses(deadline).await?).await?;
                stream.set_nodelay(true)?;
                // A connection that is given up is cut: what the server has not got by then must not
                // reach it later, when the caller has written something else.
                stream.set_zero_linger()?;
                let peer = if names.may_move() {
                    Some(stream.peer_addr()?)
                } else {
                    None
                };
                let connection = match &self.tls {
                    Some(tls) => Connection::open(tls.wrap(names.host(), stream).await?, traffic),
                    None => Connection::open(stream, traffic),
                };
                Ok(Dialed { connection, peer })
            }
            #[cfg(all(feature = "testkit", unix))]
            Place::Memory(path) => Ok(Dialed {
                connection: Connection::open(path.dial().await?, traffic),
                peer: None,
            }),
            #[cfg(unix)]
            Place::Unix(path) => Ok(Dialed {
                connection: Connection::open(tokio::net::UnixStream::connect(path).await?, traffic),
                peer: None,
            }),
            #[cfg(not(unix))]
            Place::Nowhere => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => late(),
        // Only TLS says so: of a certificate, or of bytes that are no TLS.
        io::ErrorKind::InvalidData => Failure::new(ErrorKind::Rejected, format!("TLS: {error}")),
        _ => Failure::unreached(error),
    }
}

fn late() -> Failure {
    Failure::new(ErrorKind::Timeout, "no connection in time")
}

/// Connects to the first address that answers. Each gets [`STAGGER`] before the next is tried
/// beside it, or less if it fails; so one that never answers costs little.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = by_turns(addresses).into_iter().peekable();
    let mut attempts = JoinSet::new();
    let mut failure = None;
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let outcome = if addresses.peek().is_some() {
            timeout(STAGGER, attempts.join_next()).await
        } else {
            Ok(attempts.join_next().await)
        };
        match outcome {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failure = Some(more_telling(failure, error)),
            Ok(Some(Err(ended))) => return Err(io::Error::other(ended)),
            Ok(None) => {
                return Err(failure.unwrap_or_else(|| io::Error::other("a name without addresses")));
            }
            Err(_) => {}
        }
    }
}

/// IPv6 and IPv4 in turns, the family that the platform prefers first: where one of them leads
/// nowhere, the other is tried next.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else {
        return addresses;
    };
    let of_first = |address: &SocketAddr| address.is_ipv6() == first.is_ipv6();
    let (preferred, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(of_first);
    let (mut preferred, mut others) = (preferred.into_iter(), others.into_iter());
    let mut turns = Vec::new();
    loop {
        let turn = [preferred.next(), others.next()];
        if turn == [None, None] {
            return turns;
        }
        turns.extend(turn.into_iter().flatten());
    }
}

/// Of the failures of many addresses, the one that tells most of the server: that this machine has
/// no way to one of them tells nothing, and that nobody listens only holds if it does everywhere.
fn more_telling(before: Option<io::Error>, error: io::Error) -> io::Error {
    let rank = |error: &io::Error| match error.kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => 0,
        io::ErrorKind::ConnectionRefused => 1,
        _ => 2,
    };
    match before {
        Some(before) if rank(&before) >= rank(&error) => before,
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address where nobody listens.
    async fn deserted() -> SocketAddr {
        listener().await.1
    }

    /// An address that never answers: its queue of connections that wait is full.
    async fn silent() -> (SocketAddr, Vec<TcpStream>) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap().into_std().unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            timeout(Duration::from_millis(50), TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        // Never accepts, and is not closed before the process ends.
        std::mem::forget(listener);
        (address, waiting)
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next_at_once() {
        let (_listener, address) = listener().await;
        let stream = race(vec![deserted().await, deserted().await, address]).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn an_address_that_never_answers_gives_way_to_the_next_after_the_stagger() {
        let (_listener, address) = listener().await;
        let (silent, _waiting) = silent().await;
        let before = Instant::now();
        let stream = race(vec![silent, address]).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), address);
        assert!(before.elapsed() >= STAGGER);
    }

    #[tokio::test]
    async fn refused_by_all_is_refused_and_refused_by_one_is_not() {
        let error = race(vec![deserted().await, deserted().await]).await;
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let refused = || io::ErrorKind::ConnectionRefused.into();
        let no_way = || io::ErrorKind::NetworkUnreachable.into();
        let other = || io::ErrorKind::HostUnreachable.into();
        let kind = |a, b| more_telling(Some(a), b).kind();
        assert_eq!(kind(refused(), no_way()), io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(no_way(), refused()), io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(refused(), other()), io::ErrorKind::HostUnreachable);
        assert_eq!(kind(other(), refused()), io::ErrorKind::HostUnreachable);
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_an_error() {
        assert!(race(Vec::new()).await.is_err());
    }

    #[test]
    fn families_take_turns() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert_eq!(
            by_turns(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"])),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"])
        );
        assert_eq!(
            by_turns(addresses(&["1.1.1.1:1", "[::1]:1"])),
            addresses(&["1.1.1.1:1", "[::1]:1"])
        );
    }
}
