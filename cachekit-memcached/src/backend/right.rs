//! What a token gives a right to, and where.

use cachekit_core::backend::{Reason, Renewed, Stored, Token};
use tokio::time::Instant;

use super::lead::Lead;
use super::lease::Lease;
use super::write;
use crate::client::{Cluster, Led, Site, lease};
use crate::error::Failure;
use crate::protocol::{Exptime, Key, Set};

/// The right to compute an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// At a node that fences.
    Lead(Lead),
    /// At another.
    Lease(Lease),
}

impl Right {
    /// `None` if another backend made the token.
    pub(super) fn of(token: &Token) -> Option<Self> {
        let lead = Lead::of(token).map(Self::Lead);
        lead.or_else(|| Lease::of(token).map(Self::Lease))
    }

    /// The way to the node that gave it, for an entry of `route`; `None` if it is over with that
    /// node.
    async fn led<'c>(
        self,
        route: &str,
        cluster: &'c Cluster,
        deadline: Instant,
    ) -> Result<Option<Led<'c>>, Failure> {
        let site = match self {
            Self::Lead(lead) => lead.site,
            Self::Lease(lease) => lease.site,
        };
        cluster.led(route, site, deadline).await
    }

    /// Writes `set`, if it stands.
    pub(super) async fn fill(
        self,
        set: Set<'_>,
        route: &str,
        cluster: &Cluster,
        deadline: Instant,
    ) -> Result<Stored, Failure> {
        let Some(led) = self.led(route, cluster, deadline).await? else {
            return Ok(Stored::Superseded(Reason::Moved));
        };
        match self {
            Self::Lead(lead) => write::fill(set, lead, &led).await,
            Self::Lease(held) => held.fill(&lease(&set.key), &set, &led).await,
        }
    }

    /// Lets it stand for another `hold`.
    pub(super) async fn renew(
        self,
        key: &Key<'_>,
        route: &str,
        hold: Exptime,
        cluster: &Cluster,
    ) -> Result<Renewed, Failure> {
        let Some(led) = self.led(route, cluster, cluster.deadline()).await? else {
            return Ok(Renewed::Lost);
        };
        match self {
            Self::Lead(lead) => lead.renew(key, hold, &led).await,
            Self::Lease(held) => held.renew(&lease(key), hold, &led).await,
        }
    }

    /// Lets the next reader have it.
    pub(super) async fn release(
        self,
        key: &Key<'_>,
        route: &str,
        cluster: &Cluster,
    ) -> Result<(), Failure> {
        let Some(led) = self.led(route, cluster, cluster.deadline()).await? else {
            return Ok(());
        };
        match self {
            Self::Lead(lead) => lead.end(key, &led).await.map(drop),
            Self::Lease(held) => held.release(&lease(key), &led).await,
        }
    }
}

/// Appends `site` to a token.
pub(super) fn write_site(site: Site, token: &mut Vec<u8>) {
    // A configuration of more than four billion servers does not fit into memory.
    token.extend_from_slice(&u32::try_from(site.node).unwrap_or(u32::MAX).to_le_bytes());
    token.extend_from_slice(&site.run.to_le_bytes());
}

/// The site at the front of what is left of a token, and what comes after it.
pub(super) fn read_site(token: &[u8]) -> Option<(Site, &[u8])> {
    let (node, rest) = token.split_first_chunk()?;
    let (run, rest) = rest.split_first_chunk()?;
    let site = Site {
        node: usize::try_from(u32::from_le_bytes(*node)).ok()?,
        run: u64::from_le_bytes(*run),
    };
    Some((site, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Over;

    const SITE: Site = Site {
        node: 3,
        run: u64::MAX,
    };

    #[test]
    fn a_token_is_read_back() {
        for over in [Over::Stub, Over::Stale, Over::Fresh] {
            let (site, cas) = (SITE, 1 << 40);
            let lead = Lead { over, site, cas };
            assert_eq!(Right::of(&lead.to_token()), Some(Right::Lead(lead)));
        }
        let lease = Lease::new(SITE);
        assert_eq!(Right::of(&lease.to_token()), Some(Right::Lease(lease)));
        assert_ne!(lease, Lease::new(SITE));
    }

    #[test]
    fn the_token_of_another_backend_is_none_of_ours() {
        for length in 0..40 {
            assert_eq!(Right::of(&Token::new(vec![9; length])), None);
        }
        for (length, mark) in [(20, 0), (22, 0), (28, 3), (30, 3), (29, 0), (21, 3)] {
            let mut bytes = vec![0; length];
            bytes[0] = mark;
            assert_eq!(Right::of(&Token::new(bytes)), None);
        }
    }
}
