//! Who computes, where a server cannot fence: an item beside the entry that one reader adds.

use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use cachekit_core::backend::{Reason, Renewed, Stored, Token};
use cachekit_core::error::ErrorKind;

use super::right::{read_site, write_site};
use super::write::stored;
use crate::client::{Led, Site, delete, unexpected};
use crate::error::Failure;
use crate::protocol::{Code, Exptime, Get, Key, Mode, Request, Set};

/// What a [`Token`] says of a lease: which one, at which run of which node. Its item has the number
/// for a value, and is gone when its hold is over, when it is given back, and when the entry is
/// invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) site: Site,
    number: u128,
}

const LEN: usize = 29;
/// Not what any [`Lead`](super::lead::Lead) begins with.
const MARK: u8 = 3;

impl Lease {
    /// One that nobody else has: 128 random bits.
    pub(super) fn new(site: Site) -> Self {
        let half = || u128::from(RandomState::new().hash_one(site.run));
        Self {
            site,
            number: half() << 64 | half(),
        }
    }

    pub(super) fn to_token(self) -> Token {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(MARK);
        write_site(self.site, &mut bytes);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        Token::new(bytes)
    }

    /// `None` if it is another kind of token.
    pub(super) fn of(token: &Token) -> Option<Self> {
        let bytes: &[u8; LEN] = token.as_bytes().try_into().ok()?;
        let (&MARK, rest) = bytes.split_first()? else {
            return None;
        };
        let (site, rest) = read_site(rest)?;
        let (number, _) = rest.split_first_chunk()?;
        Some(Self {
            site,
            number: u128::from_le_bytes(*number),
        })
    }

    /// The value of its item.
    fn value(self) -> Bytes {
        format!("{:032x}", self.number).into()
    }

    /// Adds its item under `key`, for `hold`. Whether nobody else has one there.
    pub(super) async fn add(
        self,
        key: &Key<'_>,
        hold: Exptime,
        led: &Led<'_>,
    ) -> Result<bool, Failure> {
        let add = Request::Set(Set {
            key: key.borrowed(),
            value: self.value(),
            exptime: led.target().exptime(hold),
            client_flags: 0,
            cas: None,
            mode: Mode::Add,
        });
        match led.call(add).await?.meta().map(|meta| meta.code) {
            Some(Code::Done) => Ok(true),
            Some(Code::NotStored) => Ok(false),
            _ => Err(unexpected()),
        }
    }

    /// Why it does not stand any more; `None`: it does.
    async fn lost(self, key: &Key<'_>, led: &Led<'_>) -> Result<Option<Reason>, Failure> {
        let answered = led.call(read(key)).await?;
        let meta = answered.meta().ok_or_else(unexpected)?;
        match (meta.code, &meta.value) {
            (Code::Miss, _) => Ok(Some(Reason::Gone)),
            (Code::Value, Some(value)) if *value == self.value() => Ok(None),
            (Code::Value, _) => Ok(Some(Reason::Overtaken)),
            _ => Err(unexpected()),
        }
    }

    /// Writes `set`, the entry beside which it lies under `key`, if it stands; and takes the entry
    /// away if it does not stand any more after that. In between others may have read it.
    ///
    /// Cancel safety: what was written and not looked at is owed to the server as a deletion.
    pub(super) async fn fill(
        self,
        key: &Key<'_>,
        set: &Set<'_>,
        led: &Led<'_>,
    ) -> Result<Stored, Failure> {
        if let Some(reason) = self.lost(key, led).await? {
            return Ok(Stored::Superseded(reason));
        }
        let unsettled = led.unsettled(set.key.borrowed());
        let outcome = match led.target().fit(set) {
            Ok(request) => led.call(request).await,
            Err(failure) => Err(failure),
        };
        let outcome = match outcome.and_then(|answered| stored(&answered)) {
            Ok(stored) => match self.lost(key, led).await? {
                None => Ok(stored),
                Some(reason) => {
                    led.call(delete(&set.key, None, false)).await?;
                    unsettled.settle();
                    return Ok(Stored::Superseded(reason));
                }
            },
            // What a refused value was to replace must not be served.
            Err(failure) if failure.kind == ErrorKind::TooLarge => {
                led.call(delete(&set.key, None, false)).await?;
                Err(failure)
            }
            Err(failure) => return Err(failure),
        };
        unsettled.settle();
        // Else it ends by itself.
        let _ = led.call(delete(key, None, false)).await;
        outcome
    }

    /// Lets it stand for another `hold`.
    pub(super) async fn renew(
        self,
        key: &Key<'_>,
        hold: Exptime,
        led: &Led<'_>,
    ) -> Result<Renewed, Failure> {
        if self.lost(key, led).await?.is_some() {
            return Ok(Renewed::Lost);
        }
        let touch = Request::Get(Get {
            key: key.borrowed(),
            value: false,
            left: false,
            vivify: None,
            touch: Some(led.target().exptime(hold)),
        });
        match led.call(touch).await?.meta().map(|meta| meta.code) {
            Some(Code::Done) => Ok(Renewed::Held),
            Some(Code::Miss) => Ok(Renewed::Lost),
            _ => Err(unexpected()),
        }
    }

    /// Gives it back.
    pub(super) async fn release(self, key: &Key<'_>, led: &Led<'_>) -> Result<(), Failure> {
        if self.lost(key, led).await?.is_none() {
            led.call(delete(key, None, false)).await?;
        }
        Ok(())
    }
}

fn read<'k>(key: &'k Key<'_>) -> Request<'k> {
    Request::Get(Get {
        key: key.borrowed(),
        value: true,
        left: false,
        vivify: None,
        touch: None,
    })
}
