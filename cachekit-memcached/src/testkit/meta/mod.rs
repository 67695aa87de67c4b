//! A server in memory that answers as memcached 1.6.18 does: bytes in, bytes out, and the time is
//! given to it.
//!
//! It knows the commands that the client of this crate sends, with these flags: `b c f k q s t v C D
//! F I J M N O R T`. What it answers is compared with what the real one answers, reply for reply, by
//! `tests/differential`. It is not a copy of memcached: nothing is evicted, all connections are one
//! thread, and commands that no client of ours sends (`noreply`, `flush_all`, `h`, `l`, `u`) are
//! refused.
//!
//! Source of the semantics: `doc/protocol.txt` of memcached 1.6, and its replies.

mod base64;
mod classic;
mod count;
mod delete;
mod expiry;
mod flags;
mod get;
mod items;
mod line;
mod session;
mod set;
mod statistics;

use items::Items;
use line::Line;
pub use session::Session;

/// memcached's own default for `-I`.
const ITEM_SIZE_MAX: usize = 1024 * 1024;

/// What a server is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether it counts CAS numbers; `-C` means that it does not. Default: it does.
    pub cas: bool,
    /// The most bytes of an item, `-I`. Default: 1 MiB.
    pub item_size_max: usize,
    /// Its process id, as `stats` tells it. With [`started`](Self::started) it tells one run of a
    /// server from another. Default: 1.
    pub pid: u64,
    /// When it was started, in unix seconds. Default: 0.
    pub started: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cas: true,
            item_size_max: ITEM_SIZE_MAX,
            pid: 1,
            started: 0,
        }
    }
}

/// One run of a server: its items, which all connections share.
#[derive(Debug)]
pub struct MetaServer {
    options: Options,
    items: Items,
}

impl MetaServer {
    /// An empty server.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            items: Items::new(options.cas, options.item_size_max),
        }
    }

    /// Takes `bytes` that came over the connection of `session` at `now` (unix seconds), and appends
    /// the replies to all commands that are complete by them.
    pub fn answer(&mut self, session: &mut Session, bytes: &[u8], now: u64, replies: &mut Vec<u8>) {
        session.take(bytes);
        while let Some(command) = session.next() {
            let reply = self.carry_out(&command.line, &command.data, now);
            replies.extend_from_slice(&reply);
        }
    }

    /// How many items there are, those over included that nobody asked for since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn carry_out(&mut self, line: &[u8], data: &[u8], now: u64) -> Vec<u8> {
        let line = Line::new(line);
        let items = &mut self.items;
        let reply = match line.command() {
            b"mg" => get::get(items, &line, now),
            b"ms" => set::set(items, &line, data, now),
            b"md" => delete::delete(items, &line, now),
            b"ma" => count::count(items, &line, now),
            b"mn" => Ok(b"MN\r\n".to_vec()),
            b"version" => Ok(statistics::VERSION_REPLY.to_vec()),
            b"stats" => Ok(statistics::statistics(&self.options, items, &line, now)),
            _ => classic::carry_out(items, &line, data, now),
        };
        reply.unwrap_or_else(|refusal| [refusal, "\r\n"].concat().into_bytes())
    }
}

/// What is answered to a command that is not carried out, without its line end.
type Refusal = &'static str;

const UNKNOWN: Refusal = "ERROR";
const BAD_LINE: Refusal = "CLIENT_ERROR bad command line format";
const BAD_TOKEN: Refusal = "CLIENT_ERROR bad token in command line format";
const TOO_LARGE: Refusal = "SERVER_ERROR object too large for cache";
const NOT_NUMERIC: Refusal = "CLIENT_ERROR cannot increment or decrement non-numeric value";
