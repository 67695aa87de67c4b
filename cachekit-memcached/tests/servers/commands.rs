//! The client on its own: every command, and what each answers.

use bytes::Bytes;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{
    BinaryKeys, Client, Config, ErrorKind, Failover, Payload, Protocol, Stored, Swapped,
};

use super::{TTL, config};

pub(super) fn client(servers: &[Server]) -> Client {
    Client::new(config(servers)).unwrap()
}

/// A client for each of the dialects that a server may have, and a server for each client.
pub(super) fn dialects(args: &[&str]) -> Vec<(Server, Client)> {
    let of = |protocol| {
        let server = Server::with_args(args);
        let config = Config {
            protocol,
            ..config(std::slice::from_ref(&server))
        };
        (server, Client::new(config).unwrap())
    };
    [Protocol::Auto, Protocol::Classic].map(of).into()
}

pub(super) async fn data(client: &Client, key: impl AsRef<[u8]>) -> Option<Bytes> {
    client.get(key).await.unwrap().map(|value| value.data)
}

#[tokio::test]
async fn what_is_set_is_read_and_what_is_deleted_is_not() {
    for (_server, client) in dialects(&[]) {
        assert_eq!(client.get("k").await.unwrap(), None);
        client.set("k", "v", TTL).await.unwrap();
        let value = client.get("k").await.unwrap().unwrap();
        assert_eq!((&*value.data, value.flags), (&b"v"[..], 0));
        assert!(value.cas > 0);
        assert!(client.delete("k").await.unwrap());
        assert!(!client.delete("k").await.unwrap());
        assert_eq!(client.get("k").await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_empty_value_is_read_as_an_empty_value() {
    for (_server, client) in dialects(&[]) {
        client.set("k", "", TTL).await.unwrap();
        assert_eq!(data(&client, "k").await.unwrap(), "");
    }
}

#[tokio::test]
async fn client_flags_are_written_and_read() {
    for (server, client) in dialects(&[]) {
        client
            .set("k", Payload::new("1", u32::MAX), TTL)
            .await
            .unwrap();
        assert_eq!(client.get("k").await.unwrap().unwrap().flags, u32::MAX);
        let read = server.command("get k", "END\r\n");
        assert!(read.starts_with("VALUE k 4294967295 1\r\n"), "{read}");
    }
}

#[tokio::test]
async fn add_writes_where_nothing_is_and_replace_where_something_is() {
    for (_server, client) in dialects(&[]) {
        assert_eq!(
            client.replace("k", "a", TTL).await.unwrap(),
            Stored::NotStored
        );
        assert_eq!(client.add("k", "b", TTL).await.unwrap(), Stored::Stored);
        assert_eq!(client.add("k", "c", TTL).await.unwrap(), Stored::NotStored);
        assert_eq!(data(&client, "k").await.unwrap(), "b");
        assert_eq!(client.replace("k", "d", TTL).await.unwrap(), Stored::Stored);
        assert_eq!(data(&client, "k").await.unwrap(), "d");
    }
}

#[tokio::test]
async fn cas_writes_over_what_was_read_and_nothing_else() {
    for (_server, client) in dialects(&[]) {
        assert_eq!(
            client.cas("k", "a", TTL, 1).await.unwrap(),
            Swapped::NotFound
        );
        client.set("k", "a", TTL).await.unwrap();
        let read = client.get("k").await.unwrap().unwrap();
        assert_eq!(
            client.cas("k", "b", TTL, read.cas).await.unwrap(),
            Swapped::Stored
        );
        assert_eq!(
            client.cas("k", "c", TTL, read.cas).await.unwrap(),
            Swapped::Exists
        );
        assert_eq!(data(&client, "k").await.unwrap(), "b");
    }
}

#[tokio::test]
async fn a_server_without_cas_numbers_never_lets_a_cas_succeed() {
    for (_server, client) in dialects(&["-C"]) {
        client.set("k", "a", TTL).await.unwrap();
        let read = client.get("k").await.unwrap().unwrap();
        assert_eq!(read.cas, 0);
        for cas in [0, 1, u64::MAX] {
            assert_eq!(
                client.cas("k", "b", TTL, cas).await.unwrap(),
                Swapped::Exists
            );
        }
    }
}

#[tokio::test]
async fn many_keys_are_written_read_and_deleted_in_the_order_asked() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let client = client(&servers);
    let keys: Vec<String> = (0..1_000).map(|number| format!("many:{number}")).collect();
    let items = keys.iter().map(|key| (key, key.clone()));
    for stored in client.set_many(items, TTL).await {
        stored.unwrap();
    }
    assert!(servers.iter().all(|server| server.stat("curr_items") > 200));
    let mut asked = keys.clone();
    asked.insert(500, "missing".to_owned());
    let found = client.get_many(&asked).await;
    assert_eq!(found.len(), asked.len());
    for (index, (key, value)) in asked.iter().zip(found).enumerate() {
        let value = value.unwrap().map(|value| value.data);
        let expected = (index != 500).then(|| Bytes::from(key.clone()));
        assert_eq!(value, expected);
    }
    let deleted = client.delete_many(&asked).await;
    for (index, found) in deleted.into_iter().enumerate() {
        assert_eq!(found.unwrap(), index != 500);
    }
}

#[tokio::test]
async fn many_values_are_read_with_one_command_a_server() {
    let servers = [Server::start()];
    let client = client(&servers);
    let keys: Vec<String> = (0..500).map(|number| format!("k{number}")).collect();
    for stored in client
        .set_many(keys.iter().map(|key| (key, "v")), TTL)
        .await
    {
        stored.unwrap();
    }
    let before = servers[0].stat("cmd_meta");
    let found = client.get_many(&keys).await;
    assert!(found.iter().all(|value| value.as_ref().unwrap().is_some()));
    assert_eq!(servers[0].stat("cmd_meta"), before);
    assert_eq!(servers[0].stat("get_hits"), 500);
    let value = found[7].as_ref().unwrap().as_ref().unwrap();
    assert_eq!(
        client.cas("k7", "w", TTL, value.cas).await.unwrap(),
        Swapped::Stored
    );
}

#[tokio::test]
async fn a_server_that_is_away_fails_its_own_keys_and_the_others_answer() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let failover = Failover::Error;
    let config = Config {
        failover,
        ..config(&servers)
    };
    let client = Client::new(config).unwrap();
    let keys: Vec<String> = (0..300).map(|number| format!("many:{number}")).collect();
    let items = || keys.iter().map(|key| (key, "v"));
    for stored in client.set_many(items(), TTL).await {
        stored.unwrap();
    }
    let lost = usize::try_from(servers[1].stat("curr_items")).unwrap();
    servers[1].kill();
    let outcomes = [
        (ErrorKind::Unavailable, errors(client.get_many(&keys).await)),
        (
            ErrorKind::Unavailable,
            errors(client.set_many(items(), TTL).await),
        ),
        (ErrorKind::Pending, errors(client.delete_many(&keys).await)),
    ];
    for (expected, kinds) in outcomes {
        assert_eq!(kinds.len(), lost);
        assert!(kinds.iter().all(|kind| *kind == expected), "{kinds:?}");
    }
}

/// More than a connection has in flight: the batch goes in parts.
#[tokio::test]
async fn a_batch_of_large_values_is_not_too_much_for_a_connection() {
    let servers = [Server::with_args(&["-m", "256"])];
    let client = client(&servers);
    let value = Bytes::from(vec![b'x'; 1_000_000]);
    let keys: Vec<String> = (0..80).map(|number| format!("large:{number}")).collect();
    let items = keys.iter().map(|key| (key, value.clone()));
    for stored in client.set_many(items, TTL).await {
        stored.unwrap();
    }
    for found in client.get_many(&keys).await {
        assert_eq!(found.unwrap().unwrap().data, value);
    }
}

fn errors<T>(results: Vec<cachekit_memcached::Result<T>>) -> Vec<ErrorKind> {
    let errors = results.into_iter().filter_map(Result::err);
    errors.map(|error| error.kind()).collect()
}

#[tokio::test]
async fn a_key_that_is_none_fails_alone() {
    for (_server, client) in dialects(&[]) {
        let keys = ["a", "", "b"];
        let stored = client.set_many(keys.map(|key| (key, "v")), TTL).await;
        assert_eq!(errors(stored), [ErrorKind::InvalidKey]);
        let found = client.get_many(&keys).await;
        assert!(found[0].as_ref().unwrap().is_some() && found[2].as_ref().unwrap().is_some());
        assert_eq!(errors(found), [ErrorKind::InvalidKey]);
        let deleted = client.delete_many(&keys).await;
        assert!(*deleted[0].as_ref().unwrap() && *deleted[2].as_ref().unwrap());
        assert_eq!(errors(deleted), [ErrorKind::InvalidKey]);
        assert_eq!(
            client.get("").await.unwrap_err().kind(),
            ErrorKind::InvalidKey
        );
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_told_whatever_became_of_the_server() {
    let mut servers = [Server::start()];
    servers[0].kill();
    for failover in [Failover::Next, Failover::Miss, Failover::Error] {
        let config = Config {
            failover,
            ..config(&servers)
        };
        let client = Client::new(config).unwrap();
        let found = client.get_many(&["", "a"]).await;
        assert_eq!(errors(found)[0], ErrorKind::InvalidKey, "{failover:?}");
    }
}

#[tokio::test]
async fn any_bytes_are_a_key_and_none_is_taken_for_another() {
    let servers = [Server::start(), Server::start()];
    let client = client(&servers);
    let mut keys: Vec<Vec<u8>> = (1..=255_u8).map(|byte| vec![b'k', byte]).collect();
    keys.extend([1, 2, 249, 250, 251, 500].map(|length| vec![b'x'; length]));
    keys.extend(["schlüssel", "鍵", "k\r\nflush_all", "set k 0 0 1"].map(|key| key.into()));
    for key in &keys {
        client.set(key, key.clone(), TTL).await.unwrap();
    }
    for key in &keys {
        assert_eq!(data(&client, key).await.unwrap(), key, "{key:?}");
    }
    assert_eq!(data(&client, [0xff, 0xfe]).await, None);
}

#[tokio::test]
async fn keys_in_base64_are_stored_as_they_are() {
    let servers = [Server::start()];
    let config = |protocol| Config {
        binary_keys: BinaryKeys::Base64,
        protocol,
        ..config(&servers)
    };
    let client = Client::new(config(Protocol::Auto)).unwrap();
    let keys: [&[u8]; 4] = [b"a b", b"a\r\nflush_all", &[0xff; 186], b"plain"];
    for stored in client.set_many(keys.map(|key| (key, key)), TTL).await {
        stored.unwrap();
    }
    for (key, value) in keys.iter().zip(client.get_many(&keys).await) {
        assert_eq!(value.unwrap().unwrap().data, key);
        assert_eq!(data(&client, key).await.unwrap(), key);
    }
    let limit = (1 << 20) - 59 - keys[2].len();
    client.set(keys[2], vec![b'x'; limit], TTL).await.unwrap();
    let error = client
        .set(keys[2], vec![b'x'; limit + 1], TTL)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(client.increment("n", 1).await.unwrap(), None);
    assert!(client.delete("a b").await.unwrap());
    assert!(servers[0].command("mg YSBi b", "\r\n").starts_with("EN"));

    let classic = Client::new(config(Protocol::Classic)).unwrap();
    assert_eq!(data(&classic, "plain").await.unwrap(), "plain");
    let error = classic.get("a b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let mixed = classic.get_many(&[b"plain".as_slice(), b"a b"]).await;
    assert!(mixed[0].is_ok() && mixed[1].is_err());
}

#[tokio::test]
async fn a_refused_value_removes_what_it_was_to_replace_and_nothing_else() {
    for (_server, client) in dialects(&[]) {
        let large = || Bytes::from(vec![b'x'; 1 << 20]);
        for key in ["set", "replace", "add", "cas", "many"] {
            client.set(key, "old", TTL).await.unwrap();
        }
        let cas = client.get("cas").await.unwrap().unwrap().cas;
        let results = [
            client.set("set", large(), TTL).await,
            client.replace("replace", large(), TTL).await.map(drop),
            client.add("add", large(), TTL).await.map(drop),
            client.cas("cas", large(), TTL, cas).await.map(drop),
        ];
        assert_eq!(errors(results.into()), [ErrorKind::TooLarge; 4]);
        let items = [("many", large()), ("small", "v".into())];
        let results = client.set_many(items, TTL).await;
        assert_eq!(errors(results), [ErrorKind::TooLarge]);
        for key in ["set", "replace", "cas", "many"] {
            assert_eq!(data(&client, key).await, None, "{key}");
        }
        for key in ["add", "small"] {
            assert!(data(&client, key).await.is_some(), "{key}");
        }
    }
}

#[tokio::test]
async fn a_refused_cas_spares_what_was_written_since() {
    let servers = [Server::start()];
    let client = client(&servers);
    client.set("k", "old", TTL).await.unwrap();
    let cas = client.get("k").await.unwrap().unwrap().cas;
    client.set("k", "newer", TTL).await.unwrap();
    let large = vec![b'x'; 1 << 20];
    let error = client.cas("k", large, TTL, cas).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(data(&client, "k").await.unwrap(), "newer");
}

#[tokio::test]
async fn a_server_without_room_rejects_a_write_and_its_other_items_stay() {
    for (_server, client) in dialects(&["-M", "-m", "4"]) {
        let items = (0..200).map(|number| (format!("k{number}"), vec![b'x'; 100_000]));
        let rejected = errors(client.set_many(items, TTL).await);
        assert!(!rejected.is_empty());
        assert!(
            rejected.iter().all(|kind| *kind == ErrorKind::Rejected),
            "{rejected:?}"
        );
        assert!(data(&client, "k0").await.is_some());
    }
}
