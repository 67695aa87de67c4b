//! The token of the one who computes, and what can be done with it.

use std::time::Duration;

use cachekit_core::backend::{Renewed, Token};

use super::right::{read_site, write_site};
use crate::client::{Answered, Led, Site};
use crate::error::Failure;
use crate::protocol::{Code, Exptime, Get, Key, Meta, Over, Request};

/// What a [`Token`] of this backend says: which item of which run of which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    /// What was there when it was given.
    pub(super) over: Over,
    pub(super) site: Site,
    pub(super) cas: u64,
}

const LEN: usize = 21;

impl Lead {
    pub(super) fn to_token(self) -> Token {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(match self.over {
            Over::Stub => 0,
            Over::Stale => 1,
            Over::Fresh => 2,
        });
        write_site(self.site, &mut bytes);
        bytes.extend_from_slice(&self.cas.to_le_bytes());
        Token::new(bytes)
    }

    /// `None` if it is another kind of token.
    pub(super) fn of(token: &Token) -> Option<Self> {
        let bytes: &[u8; LEN] = token.as_bytes().try_into().ok()?;
        let (over, rest) = bytes.split_first()?;
        let (site, rest) = read_site(rest)?;
        let (cas, _) = rest.split_first_chunk()?;
        let over = match over {
            0 => Over::Stub,
            1 => Over::Stale,
            2 => Over::Fresh,
            _ => return None,
        };
        Some(Self {
            over,
            site,
            cas: u64::from_le_bytes(*cas),
        })
    }

    /// Lets its stub live for another `hold`. Where an entry stands, there is nothing to prolong.
    pub(super) async fn renew(
        self,
        key: &Key<'_>,
        hold: Exptime,
        led: &Led<'_>,
    ) -> Result<Renewed, Failure> {
        // A touch cannot be fenced. So look first, and put back what was touched if it was
        // changed in between.
        let before = led.call(touch(key, None)).await?;
        if !self.stands(&before) {
            return Ok(Renewed::Lost);
        }
        if !before.meta().is_some_and(Meta::is_stub) {
            return Ok(Renewed::Held);
        }
        let hold = led.target().exptime(hold);
        let touched = led.call(touch(key, Some(hold))).await?;
        if self.stands(&touched) {
            return Ok(Renewed::Held);
        }
        let left = touched.meta().and_then(|meta| meta.left);
        if let Some(left) = left.and_then(|left| u64::try_from(left).ok()) {
            led.call(touch(key, Some(Exptime::of(Duration::from_secs(left)))))
                .await?;
        }
        Ok(Renewed::Lost)
    }

    fn stands(self, answered: &Answered) -> bool {
        answered
            .meta()
            .is_some_and(|meta| meta.cas == Some(self.cas))
    }

    /// Ends it, so that the next reader leads. Whether it stood until then.
    pub(super) async fn end(self, key: &Key<'_>, led: &Led<'_>) -> Result<bool, Failure> {
        let end = Request::end_lead(key.borrowed(), self.cas, self.over);
        let ended = led.call(end).await?;
        Ok(ended.meta().is_some_and(|meta| meta.code == Code::Done))
    }
}

/// Reads what is known of an item, and lets it live for `touch` from now on.
fn touch<'k>(key: &'k Key<'_>, touch: Option<Exptime>) -> Request<'k> {
    Request::Get(Get {
        key: key.borrowed(),
        value: false,
        left: true,
        vivify: None,
        touch,
    })
}
