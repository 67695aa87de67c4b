//! In place of TLS, where the feature `tls` is off.

use std::io;

use cachekit_core::error::{Error, ErrorKind, Result};
use tokio::net::TcpStream;

use crate::config;

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn load(_: &config::Tls) -> Result<Self> {
        let detail = "it needs the feature `tls`";
        Err(Error::with_detail(ErrorKind::InvalidInput, "TLS", detail))
    }

    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    pub(super) async fn wrap(&self, _: &str, _: TcpStream) -> io::Result<TcpStream> {
        match *self {}
    }
}
