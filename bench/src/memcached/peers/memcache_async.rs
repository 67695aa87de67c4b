//! memcache-async: one server, one caller at a time; each caller has a connection of its own. Its
//! sets wait for no reply, so that it takes no part where values are set.

use memcache_async::ascii::Protocol;
use tokio::net::TcpStream;

use crate::Failed;
use crate::memcached::caller::Caller;

/// The crate.
pub(crate) const NAME: &str = "memcache-async";

/// A caller.
pub(crate) struct Own(Protocol<TcpStream>);

/// `count` callers.
pub(crate) async fn own(server: &str, count: usize) -> Result<Vec<Own>, Failed> {
    let mut callers = Vec::new();
    for _ in 0..count {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        callers.push(Own(Protocol::new(socket)));
    }
    Ok(callers)
}

impl Caller for Own {
    async fn get(&mut self, key: &str) -> Result<usize, Failed> {
        Ok(self.0.get(key).await?.len())
    }

    async fn get_many(&mut self, keys: &[&str]) -> Result<usize, Failed> {
        let values = self.0.get_multi(keys).await?;
        Ok(values.values().map(Vec::len).sum())
    }
}
