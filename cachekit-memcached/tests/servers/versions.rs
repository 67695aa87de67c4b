//! Servers of other ages, and what only answers like one. They follow a script: only the newest
//! memcached is at hand.

use std::sync::{Arc, Mutex};

use cachekit_core::backend::{Backend as _, Lead, NodeState, Stored};
use cachekit_memcached::{Client, Config, ErrorKind, Memcached, Protocol};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{LEAD, PATIENCE, TTL, key};

/// Answers the line of a command. What follows a storage command is not a part of it.
type Script = fn(&str) -> Vec<u8>;

/// A server that follows a script and remembers what it was sent.
struct Scripted {
    address: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&lines);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(follow(script, socket, Arc::clone(&seen)));
            }
        });
        Self { address, lines }
    }

    fn config(&self) -> Config {
        Config {
            timeout: PATIENCE,
            connect_timeout: PATIENCE,
            ..Config::of_servers([&self.address]).unwrap()
        }
    }

    /// The first words of the lines so far, without those of the greeting.
    fn words(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let words = lines.iter().filter_map(|line| line.split(' ').next());
        let asked = words.filter(|word| !["version", "stats", "mn"].contains(word));
        asked.map(str::to_owned).collect()
    }
}

async fn follow(script: Script, socket: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut socket = BufReader::new(socket);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end();
        seen.lock().unwrap().push(line.to_owned());
        let words: Vec<&str> = line.split(' ').collect();
        let length = match words[0] {
            "set" | "add" | "replace" | "cas" => words[4].parse::<usize>().ok(),
            "ms" => words[2].parse().ok(),
            _ => None,
        };
        if let Some(length) = length {
            let mut value = vec![0; length + 2];
            socket.read_exact(&mut value).await.unwrap();
        }
        socket.write_all(&script(line)).await.unwrap();
    }
}

/// As 1.5.16 answers: it has no meta commands.
fn of_1_5_16(line: &str) -> Vec<u8> {
    let answer: &[u8] = match line.split(' ').next().unwrap() {
        "version" => b"VERSION 1.5.16\r\n",
        "stats" => b"STAT item_size_max 2048\r\nEND\r\n",
        "gets" | "gats" | "get" if line.contains("there") => b"VALUE there 5 2 99\r\nhi\r\nEND\r\n",
        "gets" | "gats" | "get" => b"END\r\n",
        "set" | "cas" | "replace" => b"STORED\r\n",
        "add" => b"NOT_STORED\r\n",
        "touch" => b"TOUCHED\r\n",
        "incr" | "decr" => b"42\r\n",
        "delete" => b"DELETED\r\n",
        _ => b"ERROR\r\n",
    };
    answer.to_vec()
}

#[tokio::test]
async fn a_server_before_1_6_10_is_spoken_to_in_classic_words_only() {
    let server = Scripted::start(of_1_5_16).await;
    let client = Client::new(server.config()).unwrap();
    let there = client.get("there").await.unwrap().unwrap();
    assert_eq!((&*there.data, there.flags, there.cas), (&b"hi"[..], 5, 99));
    assert_eq!(client.get("k").await.unwrap(), None);
    let found = client.get_many(&["k", "there"]).await;
    assert!(found[0].as_ref().unwrap().is_none() && found[1].as_ref().unwrap().is_some());
    client.set("k", "v", TTL).await.unwrap();
    let _ = client.add("k", "v", TTL).await.unwrap();
    let _ = client.replace("k", "v", TTL).await.unwrap();
    let _ = client.cas("k", "v", TTL, 9).await.unwrap();
    assert!(client.touch("k", TTL).await.unwrap());
    assert!(client.get_and_touch("there", TTL).await.unwrap().is_some());
    assert_eq!(
        client.increment_or_create("k", 1, 1, TTL).await.unwrap(),
        42
    );
    assert!(client.delete("k").await.unwrap());
    let too_large = client.set("k", vec![b'x'; 2_048], TTL).await.unwrap_err();
    assert_eq!(too_large.kind(), ErrorKind::TooLarge);
    let classic = [
        "get", "gets", "gats", "set", "add", "replace", "cas", "delete", "touch", "incr",
    ];
    let words = server.words();
    assert!(
        words.iter().all(|word| classic.contains(&&**word)),
        "{words:?}"
    );
}

#[tokio::test]
async fn a_backend_on_a_classic_server_has_no_leads_and_says_so() {
    let server = Scripted::start(of_1_5_16).await;
    let backend = Memcached::new(server.config()).unwrap();
    // Somebody else has the lease.
    let missing = backend.get(&key("k"), LEAD).await.unwrap();
    assert_eq!((missing.found, missing.lead), (None, Lead::Other));
    let lookup = backend.get(&key("there"), LEAD).await.unwrap();
    assert_eq!(lookup.lead, Lead::None);
    assert_eq!(lookup.found.unwrap().left, None);
    let stored = backend.set(&key("k"), "v".into(), TTL, None).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    backend.expire(&key("k")).await.unwrap();
    assert_eq!(server.words().last().unwrap(), "delete");
    let health = backend.health().await;
    assert_eq!(health.state(), NodeState::Degraded);
    assert!(health.nodes[0].detail.contains("1.5.16"), "{health:?}");
}

#[tokio::test]
async fn reading_and_touching_at_once_needs_1_5_3() {
    let server = Scripted::start(|line| match line {
        "version" => b"VERSION 1.4.39\r\n".to_vec(),
        line => of_1_5_16(line),
    })
    .await;
    let client = Client::new(server.config()).unwrap();
    let error = client.get_and_touch("there", TTL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(client.touch("there", TTL).await.unwrap());
    assert_eq!(server.words(), ["touch"]);
}

/// As 1.6.15 answers: a miss carries no opaque.
fn of_1_6_15(line: &str) -> Vec<u8> {
    let opaque = || line.rsplit(' ').next().unwrap();
    match line.split(' ').next().unwrap() {
        "version" => b"VERSION 1.6.15\r\n".to_vec(),
        "stats" => b"END\r\n".to_vec(),
        "mg" if line.contains("there") => format!("VA 2 c9 f0 {} \r\nhi\r\n", opaque()).into(),
        "mg" => b"EN\r\n".to_vec(),
        "ms" | "md" => format!("HD {}\r\n", opaque()).into(),
        _ => b"ERROR\r\n".to_vec(),
    }
}

#[tokio::test]
async fn a_server_before_1_6_13_reads_by_meta_commands_and_gives_leases_and_no_leads() {
    let server = Scripted::start(|line| match line {
        "version" => b"VERSION 1.6.12\r\n".to_vec(),
        line if line.starts_with("mn") => b"MN\r\n".to_vec(),
        line => of_1_6_15(line),
    })
    .await;
    let backend = Memcached::new(server.config()).unwrap();
    let missing = backend.get(&key("k"), LEAD).await.unwrap();
    assert!(matches!(missing.lead, Lead::Unfenced(Some(_))));
    // The entry, the lease, and the entry once more.
    assert_eq!(server.words(), ["mg", "ms", "mg"]);
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(server.words()[3..], ["md", "md"]);
    let lines = server.lines.lock().unwrap().clone();
    let fences = |line: &String| line.contains(" N") || line.contains(" C");
    assert!(!lines.iter().any(fences), "{lines:?}");
    let health = backend.health().await;
    assert_eq!(health.state(), NodeState::Degraded);
    let detail = &health.nodes[0].detail;
    assert!(
        detail.contains("1.6.12") && detail.contains("1.6.13"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_server_that_fences_is_asked_nothing_about_leases() {
    let server = Scripted::start(of_1_6_15).await;
    let backend = Memcached::new(server.config()).unwrap();
    backend.remove(&key("k")).await.unwrap();
    let stored = backend.set(&key("k"), "v".into(), TTL, None).await.unwrap();
    assert_eq!(stored, Stored::Stored);
    backend.expire(&key("k")).await.unwrap();
    assert_eq!(server.words(), ["md", "ms", "md"]);
}

#[tokio::test]
async fn a_miss_of_1_6_15_without_its_opaque_is_a_miss() {
    let server = Scripted::start(of_1_6_15).await;
    let client = Client::new(server.config()).unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("k").await.unwrap(), None);
        assert_eq!(&*client.get("there").await.unwrap().unwrap().data, b"hi");
        client.set("k", "v", TTL).await.unwrap();
    }
    let greetings = server
        .lines
        .lock()
        .unwrap()
        .iter()
        .filter(|line| *line == "version")
        .count();
    assert_eq!(greetings, 1, "one connection served all");
}

#[tokio::test]
async fn a_proxy_without_a_version_is_asked_for_the_meta_commands() {
    let with_meta = Scripted::start(|line| match line {
        "version" | "stats" | "stats settings" => b"ERROR\r\n".to_vec(),
        "mn" => b"MN\r\n".to_vec(),
        line => of_1_6_15(line),
    })
    .await;
    let client = Client::new(with_meta.config()).unwrap();
    assert!(client.get("there").await.unwrap().is_some());
    assert_eq!(with_meta.words(), ["mg"]);

    let without = Scripted::start(|line| match line {
        "version" => b"VERSION mcrouter 42\r\n".to_vec(),
        "stats" | "stats settings" => b"ERROR\r\n".to_vec(),
        line => of_1_5_16(line),
    })
    .await;
    let client = Client::new(without.config()).unwrap();
    assert!(client.get("there").await.unwrap().is_some());
    assert_eq!(without.words(), ["gets"]);
}

#[tokio::test]
async fn the_classic_commands_are_used_where_they_are_asked_for() {
    let server = Scripted::start(|line| match line {
        "version" => b"VERSION 1.6.18\r\n".to_vec(),
        line => of_1_5_16(line),
    })
    .await;
    let config = Config {
        protocol: Protocol::Classic,
        ..server.config()
    };
    let client = Client::new(config).unwrap();
    assert!(client.get("there").await.unwrap().is_some());
    assert_eq!(server.words(), ["gets"]);
}

#[tokio::test]
async fn a_classic_reply_to_another_command_ends_the_connection() {
    let server = Scripted::start(|line| match line.split(' ').next() {
        Some("set") => b"DELETED\r\n".to_vec(),
        _ => of_1_5_16(line),
    })
    .await;
    let client = Client::new(server.config()).unwrap();
    let error = client.set("k", "v", TTL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
}
