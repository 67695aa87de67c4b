//! The flags of a meta command.

use super::base64;
use super::expiry::{Expiry, expiry};
use super::line::{Line, number};
use super::{BAD_TOKEN, Refusal};

/// The longest opaque, its `O` included.
const MAX_OPAQUE_LEN: usize = 32;

/// What a meta command is asked to do, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Flags<'a> {
    /// All of them, in the order in which replies give them back.
    pub(super) words: Vec<&'a [u8]>,
    /// The key as it is stored.
    pub(super) key: Vec<u8>,
    /// `b`
    pub(super) base64: bool,
    /// `v`
    pub(super) value: bool,
    /// `q`
    pub(super) quiet: bool,
    /// `I`
    pub(super) stale: bool,
    /// `N`
    pub(super) vivify: Option<Expiry>,
    /// `T`
    pub(super) ttl: Option<Expiry>,
    /// `R`
    pub(super) early: Expiry,
    /// `F`
    pub(super) client_flags: u32,
    /// `C`
    pub(super) cas: Option<u64>,
    /// `M`
    pub(super) mode: Option<u8>,
    /// `D`
    pub(super) delta: Option<u64>,
    /// `J`
    pub(super) initial: u64,
}

impl<'a> Flags<'a> {
    /// Reads the words of `line` from `place` on.
    pub(super) fn read(line: &Line<'a>, place: usize, now: u64) -> Result<Self, Refusal> {
        let mut flags = Self {
            words: line.words(place).to_vec(),
            key: line.key()?.to_vec(),
            ..Self::default()
        };
        let words = flags.words.clone();
        for (index, word) in words.iter().enumerate() {
            if words[..index].iter().any(|before| before[0] == word[0]) {
                return Err("CLIENT_ERROR duplicate flag");
            }
            flags.take(word[0], &word[1..], now)?;
        }
        Ok(flags)
    }

    fn take(&mut self, flag: u8, argument: &[u8], now: u64) -> Result<(), Refusal> {
        let moment = || expiry(argument, now).map_err(|_| BAD_TOKEN);
        match flag {
            b'b' => {
                self.base64 = true;
                self.key = base64::decode(&self.key).ok_or("CLIENT_ERROR error decoding key")?;
            }
            b'v' => self.value = true,
            b'q' => self.quiet = true,
            b'I' => self.stale = true,
            b'N' => self.vivify = Some(moment()?),
            b'T' => self.ttl = Some(moment()?),
            b'R' => self.early = moment()?,
            b'F' => self.client_flags = number(argument).map_err(|_| BAD_TOKEN)?,
            b'C' => self.cas = Some(number(argument).map_err(|_| BAD_TOKEN)?),
            b'M' => match argument {
                [mode] => self.mode = Some(*mode),
                _ => return Err("CLIENT_ERROR incorrect length for M token"),
            },
            b'J' => {
                let invalid = |_| "CLIENT_ERROR invalid numeric initial value";
                self.initial = number(argument).map_err(invalid)?;
            }
            b'D' => {
                let invalid = |_| "CLIENT_ERROR invalid numeric delta value";
                self.delta = Some(number(argument).map_err(invalid)?);
            }
            b'O' if argument.len() >= MAX_OPAQUE_LEN => {
                return Err("CLIENT_ERROR opaque token too long");
            }
            b'O' | b'k' | b's' | b't' | b'c' | b'f' => {}
            _ => return Err("CLIENT_ERROR invalid flag"),
        }
        Ok(())
    }

    /// Appends what identifies the request: its opaque, and its key where that is asked for.
    pub(super) fn echo(&self, reply: &mut Vec<u8>) {
        for word in &self.words {
            self.echo_word(word, self.base64, reply);
        }
    }

    /// The same for one flag, whatever it is.
    pub(super) fn echo_word(&self, word: &[u8], base64: bool, reply: &mut Vec<u8>) {
        match word[0] {
            b'O' => {
                reply.push(b' ');
                reply.extend_from_slice(word);
            }
            b'k' => {
                reply.extend_from_slice(b" k");
                if base64 {
                    reply.extend_from_slice(&base64::encode(&self.key));
                    reply.extend_from_slice(b" b");
                } else {
                    reply.extend_from_slice(&self.key);
                }
            }
            _ => {}
        }
    }
}

/// Appends ` `, `flag` and `number`.
pub(super) fn told(reply: &mut Vec<u8>, flag: char, number: impl std::fmt::Display) {
    reply.extend_from_slice(format!(" {flag}{number}").as_bytes());
}

/// Appends the time left until `expiry`.
pub(super) fn told_left(reply: &mut Vec<u8>, expiry: Expiry, now: u64) {
    match expiry {
        None => told(reply, 't', -1),
        Some(expiry) => told(reply, 't', expiry.saturating_sub(now)),
    }
}
