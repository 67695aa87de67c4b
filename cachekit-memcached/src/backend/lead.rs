//! The token of the one who computes, and what can be done with it.

use std::time::Duration;

use cachekit_core::backend::{Renewed, Token};

use tokio::time::Instant;

use crate::client::{Answered, Cluster, Led, Site};
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
        // A configuration of more than four billion servers does not fit into memory.
        bytes.extend_from_slice(
            &u32::try_from(self.site.node)
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        bytes.extend_from_slice(&self.site.run.to_le_bytes());
        bytes.extend_from_slice(&self.cas.to_le_bytes());
        Token::new(bytes)
    }

    /// `None` if another backend made the token.
    pub(super) fn of(token: &Token) -> Option<Self> {
        let bytes: &[u8; LEN] = token.as_bytes().try_into().ok()?;
        let (over, rest) = bytes.split_first()?;
        let (node, rest) = rest.split_first_chunk()?;
        let (run, rest) = rest.split_first_chunk()?;
        let (cas, _) = rest.split_first_chunk()?;
        let over = match over {
            0 => Over::Stub,
            1 => Over::Stale,
            2 => Over::Fresh,
            _ => return None,
        };
        Some(Self {
            over,
            site: Site {
                node: usize::try_from(u32::from_le_bytes(*node)).ok()?,
                run: u64::from_le_bytes(*run),
            },
            cas: u64::from_le_bytes(*cas),
        })
    }

    /// Lets its stub live for another `hold`. Where an entry stands, there is nothing to prolong.
    pub(super) async fn renew(
        self,
        key: &Key<'_>,
        route: &str,
        hold: Exptime,
        cluster: &Cluster,
    ) -> Result<Renewed, Failure> {
        let Some(led) = cluster.led(route, self.site, cluster.deadline()).await? else {
            return Ok(Renewed::Lost);
        };
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

    /// Ends it, so that the next reader leads. `None` if it did not stand any more; else the way to
    /// the node that gave it.
    pub(super) async fn end<'c>(
        self,
        key: &Key<'_>,
        route: &str,
        cluster: &'c Cluster,
        deadline: Instant,
    ) -> Result<Option<Led<'c>>, Failure> {
        let Some(led) = cluster.led(route, self.site, deadline).await? else {
            return Ok(None);
        };
        let ended = led
            .call(Request::end_lead(key.borrowed(), self.cas, self.over))
            .await?;
        let done = ended.meta().is_some_and(|meta| meta.code == Code::Done);
        Ok(done.then_some(led))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back() {
        for over in [Over::Stub, Over::Stale, Over::Fresh] {
            let lead = Lead {
                over,
                site: Site {
                    node: 3,
                    run: u64::MAX,
                },
                cas: 1 << 40,
            };
            assert_eq!(Lead::of(&lead.to_token()), Some(lead));
        }
    }

    #[test]
    fn the_token_of_another_backend_is_none_of_ours() {
        for bytes in [vec![], vec![0; LEN - 1], vec![9; LEN], vec![0; LEN + 1]] {
            assert_eq!(Lead::of(&Token::new(bytes)), None);
        }
    }
}
