//! The whole contract of `Backend`, on real servers.

use std::sync::Arc;
use std::time::Duration;

use cachekit_core::testkit::conformance::Suite;
use cachekit_memcached::testkit::{Server, addresses};
use cachekit_memcached::{Config, Memcached, Protocol};

fn suite(servers: &[Server]) -> Suite {
    suite_of(config(servers))
}

/// A machine that is busy is no reason for a timeout.
fn config(servers: &[Server]) -> Config {
    Config {
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
        ..Config::of_servers(addresses(servers)).unwrap()
    }
}

fn suite_of(config: Config) -> Suite {
    Suite::new(Arc::new(Memcached::new(config).unwrap()))
        .resolution(Duration::from_secs(1))
        .shortest_hold(Duration::from_secs(2))
        .refuses(1_048_576)
}

#[tokio::test]
async fn one_server_keeps_the_contract() {
    let servers = [Server::start()];
    suite(&servers).run().await.assert_passed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_keep_the_contract() {
    let servers = [Server::start(), Server::start(), Server::start()];
    suite(&servers).run().await.assert_passed();
}

#[tokio::test]
async fn a_server_without_cas_numbers_keeps_the_contract_of_one_that_cannot_lead() {
    let servers = [Server::with_args(&["-C"])];
    suite(&servers).unfenced().run().await.assert_passed();
}

#[tokio::test]
async fn the_classic_commands_keep_the_contract_of_a_store_that_cannot_lead_and_tells_no_times() {
    let servers = [Server::start(), Server::start()];
    let config = Config {
        protocol: Protocol::Classic,
        ..config(&servers)
    };
    let suite = suite_of(config).unfenced().untimed();
    suite.run().await.assert_passed();
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_on_a_unix_socket_keeps_the_contract() {
    let path = std::env::temp_dir().join(format!("cachekit-{}.sock", std::process::id()));
    let servers = [Server::on_socket(path, &[])];
    suite(&servers).run().await.assert_passed();
}
