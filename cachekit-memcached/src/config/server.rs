//! One server: what it is called, and where it is.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Hashing;

/// The port of a server that is given without one.
const DEFAULT_PORT: u16 = 11_211;

/// A server: where it is, the name by which keys are placed on it, and its share of them.
///
/// Read from `host`, `host:port`, `[v6]:port` or `unix:/path` (or the path alone), each with or
/// without `name=` in front and `*weight` behind, as in `a=10.0.0.1:11211*3`. What follows the
/// last `*` is the weight. A server with a name of its own may move to another address without
/// moving its keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    name: Option<String>,
    address: Address,
    weight: u32,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A name or an address, IPv6 without brackets, and a port.
    Tcp(String, u16),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// Why a text is no [`Server`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}: {reason}")]
pub struct InvalidServer {
    text: String,
    reason: &'static str,
}

impl Server {
    /// What it is called in health, logs and errors: the name given, or else its address.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.identity(Hashing::Rendezvous)
    }

    /// What `hashing` places keys by: the name given, or else what the client that is followed
    /// makes of the address. pymemcache: `host:port` with the port always there, the bare path of
    /// a unix socket. libmemcached: `host` alone where the port is 11211, `path:0` of a unix
    /// socket. Both write IPv6 without brackets.
    #[must_use]
    pub fn identity(&self, hashing: Hashing) -> Cow<'_, str> {
        match (&self.name, &self.address, hashing) {
            (Some(name), ..) => name.into(),
            (None, Address::Tcp(host, DEFAULT_PORT), Hashing::Ketama) => host.into(),
            (None, Address::Unix(path), Hashing::Ketama) => format!("{}:0", path.display()).into(),
            (None, address, _) => address.to_string().into(),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Its share of the keys beside those of the others, at least 1. Default: 1.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }
}

impl FromStr for Server {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let invalid = |reason| InvalidServer {
            text: text.to_owned(),
            reason,
        };
        let is_path = text.starts_with("unix:") || text.starts_with('/');
        let (name, place) = match text.split_once('=') {
            Some((name, place)) if !is_path => (Some(name.trim()), place.trim()),
            _ => (None, text),
        };
        if name.is_some_and(|name| name.is_empty() || name.chars().any(is_blank)) {
            return Err(invalid("its name is empty or has spaces"));
        }
        let (address, weight) = match place.rsplit_once('*') {
            Some((address, weight)) => {
                let weight =
                    number(weight).ok_or("its weight is no whole number from 1 to 4294967295");
                (address, weight.map_err(invalid)?)
            }
            None => (place, 1),
        };
        Ok(Self {
            name: name.map(str::to_owned),
            address: address.parse().map_err(invalid)?,
            weight,
        })
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = Path::new(path).is_absolute();
            return if absolute {
                Ok(Self::Unix(path.into()))
            } else {
                Err("its path is relative")
            };
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed
                    .split_once(']')
                    .ok_or("its bracket is not closed")?;
                if !is_ipv6(host) {
                    return Err("no IPv6 address in its brackets");
                }
                (host, port)
            }
            None if is_ipv6(text)
                || text.rsplit_once(':').is_some_and(|(host, _)| is_ipv6(host)) =>
            {
                return Err("an IPv6 address stands in brackets, as in `[::1]:11211`");
            }
            None => {
                let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                if !is_host(host) {
                    return Err("its host is empty or has characters that no host has");
                }
                (host, port)
            }
        };
        let port = parse_port(port).ok_or(
            "its port is no number from 1 to 65535 (a weight is written behind it, as `*3`)",
        )?;
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// What stands for an unfilled template (`$(HOST)`) or for two servers (`a;b`) is no host.
fn is_host(text: &str) -> bool {
    let in_hosts = |c: char| c.is_alphanumeric() || "-._".contains(c);
    !text.is_empty() && text.chars().all(in_hosts)
}

/// Reads `:port`, or nothing.
fn parse_port(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(DEFAULT_PORT);
    }
    number(text.strip_prefix(':')?)
}

/// Reads a number in digits, at least 1.
fn number<T: FromStr + Default + PartialEq>(digits: &str) -> Option<T> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok()?;
    (only_digits && number != T::default()).then_some(number)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

impl fmt::Display for Address {
    /// As pymemcache writes it, which is what is hashed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<Server, InvalidServer> {
        text.parse()
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.to_owned(), port)
    }

    #[test]
    fn the_forms_of_a_server_and_their_names() {
        let forms = [
            ("mc1", tcp("mc1", 11_211), "mc1:11211"),
            ("mc1:11212", tcp("mc1", 11_212), "mc1:11212"),
            ("10.0.0.1:1", tcp("10.0.0.1", 1), "10.0.0.1:1"),
            ("[::1]", tcp("::1", 11_211), "::1:11211"),
            ("[::1]:11212", tcp("::1", 11_212), "::1:11212"),
            (
                "unix:/run/mc.sock",
                Address::Unix("/run/mc.sock".into()),
                "/run/mc.sock",
            ),
            (
                "/run/mc.sock",
                Address::Unix("/run/mc.sock".into()),
                "/run/mc.sock",
            ),
            ("a = mc1:11212", tcp("mc1", 11_212), "a"),
            (
                "a=unix:/run/mc.sock",
                Address::Unix("/run/mc.sock".into()),
                "a",
            ),
            (
                "unix:/run/a=b",
                Address::Unix("/run/a=b".into()),
                "/run/a=b",
            ),
        ];
        for (text, address, name) in forms {
            let server = server(text).unwrap();
            assert_eq!(
                (server.address(), &*server.name(), server.weight()),
                (&address, name, 1),
                "{text}"
            );
        }
    }

    #[test]
    fn ketama_names_a_server_as_libmemcached_does_unless_it_has_a_name() {
        let names = [
            ("mc1", "mc1"),
            ("mc1:11211", "mc1"),
            ("mc1:11212", "mc1:11212"),
            ("[::1]", "::1"),
            ("[::1]:1", "::1:1"),
            ("unix:/run/mc.sock", "/run/mc.sock:0"),
            ("mc1:11211=mc2", "mc1:11211"),
        ];
        for (text, name) in names {
            assert_eq!(server(text).unwrap().identity(Hashing::Ketama), name);
        }
    }

    #[test]
    fn a_weight_stands_behind_every_form() {
        let weights = [
            ("mc1*3", 3),
            ("mc1:1*1", 1),
            ("a=[::1]*20", 20),
            ("[::1]:1*4294967295", u32::MAX),
            ("unix:/run/a:2*2", 2),
            ("/run/a*b*2", 2),
        ];
        for (text, weight) in weights {
            let server = server(text).unwrap();
            assert_eq!(server.weight(), weight, "{text}");
            assert!(
                !server
                    .address()
                    .to_string()
                    .ends_with(&format!("*{weight}"))
            );
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let wrong = [
            "",
            " ",
            ":11211",
            "mc1:",
            "mc1:0",
            "mc1:65536",
            "mc1:x",
            "mc1:11211:3",
            "::1",
            "[::1",
            "[mc1]:1",
            "[::1]1",
            "unix:",
            "unix:run/mc.sock",
            "=mc1",
            "a b=mc1",
            "mc 1",
            "mc1\r\n",
            "user@mc1",
            "http://mc1",
            "mc1;mc2",
            "$(MC_HOST):11211",
            "a==mc1",
            "mc1:+11211",
            "mc1*",
            "mc1*0",
            "mc1*+1",
            "mc1*1.5",
            "mc1*4294967296",
            "*3",
            "unix:/run/a*b",
            "\"mc1\"",
        ];
        for text in wrong.iter().filter(|text| text.trim() == **text) {
            assert!(server(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_as_elsewhere_is_told_how_it_is_written_here() {
        for (text, hint) in [
            ("2001:db8::1:11211", "in brackets"),
            ("mc1:11211:3", "as `*3`"),
            ("mc1*0", "from 1 to 4294967295"),
        ] {
            let problem = server(text).unwrap_err().to_string();
            assert!(problem.contains(hint), "{problem}");
        }
    }
}
