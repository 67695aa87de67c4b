//! The memcached client on its own, without a cache: each kind of command, and what it answers.
//!
//! ```text
//! memcached -p 11311 & memcached -p 11312 &
//! CACHEKIT_MEMCACHED_SERVERS='["127.0.0.1:11311","127.0.0.1:11312"]' \
//!     cargo run --example memcached_client
//! ```

use cachekit::env::{Problems, Vars};
use cachekit::memcached::{Client, Config, Stored, Swapped};
use cachekit::{ErrorKind, Ttl};

const TTL: Ttl = Ttl::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::new(config()?)?;
    for told in client.versions().await {
        println!("{:<20} {}", told.server, told.answer?);
    }
    let keys = ["user:1", "user:2", "user:3"];
    for stored in client
        .set_many(keys.map(|key| (key, "new here")), TTL)
        .await
    {
        stored?; // each key has its own result
    }
    for (key, found) in keys.iter().zip(client.get_many(&keys).await) {
        println!("{key}: {:?}", found?.map(|value| value.data));
    }

    // Only the first of many who try holds the lock, for a minute at most.
    let first = client.add("lock", "ours", TTL).await?;
    let second = client.add("lock", "theirs", TTL).await?;
    assert_eq!((first, second), (Stored::Stored, Stored::NotStored));

    // Read, change, and write unless somebody else wrote meanwhile.
    while let Some(user) = client.get("user:1").await? {
        let changed = [&user.data[..], b", and welcome"].concat();
        match client.cas("user:1", changed, TTL, user.cas).await? {
            Swapped::Exists => continue,
            Swapped::Stored | Swapped::NotFound => break,
        }
    }
    println!("{:?}", client.item("user:1").await?);

    let visits = client.increment_or_create("visits", 1, 1, TTL).await?;
    println!("{visits} visits within a minute of the first");

    // A key that nobody could send, and a value that is over the limit of a stock server.
    client.set("a key\r\nwith anything in it", "", TTL).await?;
    let too_large = client.set("user:2", vec![0; 1 << 21], TTL).await;
    assert_eq!(too_large.unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(client.get("user:2").await?.is_none()); // nobody reads what was replaced
    assert!(client.delete("lock").await?);
    Ok(())
}

fn config() -> Result<Config, String> {
    let mut problems = Problems::default();
    let vars = Vars::from_process(&mut problems);
    let config = Config::from_vars(&vars, &mut problems);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems.to_string())
    }
}
