//! What mcmc-rs names of `async-native-tls`, and nothing behind it.
//!
//! mcmc-rs cannot be built without that crate, which takes OpenSSL with it: a C library to find on
//! every machine that builds this workspace. The benchmarks connect without TLS, and do not come
//! by here.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A certificate that nobody can have.
#[derive(Debug)]
pub struct Certificate(Infallible);

impl Certificate {
    /// Always fails.
    ///
    /// # Errors
    /// There is no TLS here.
    pub fn from_pem(_: &[u8]) -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }
}

/// Connects nowhere.
#[derive(Debug, Default)]
pub struct TlsConnector(());

impl TlsConnector {
    /// A connector.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Needs a certificate, which nobody can have.
    #[must_use]
    pub fn add_root_certificate(self, certificate: Certificate) -> Self {
        match certificate.0 {}
    }

    /// Always fails.
    ///
    /// # Errors
    /// There is no TLS here.
    #[expect(clippy::unused_async, reason = "the name it stands for is async")]
    pub async fn connect<S>(&self, _: &str, _: S) -> io::Result<TlsStream<S>> {
        Err(ErrorKind::Unsupported.into())
    }
}

/// A stream that nobody can have.
#[derive(Debug)]
pub struct TlsStream<S>(Infallible, PhantomData<S>);

impl<S: Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl<S: Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
