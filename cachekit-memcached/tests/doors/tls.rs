//! Servers that encrypt (`-Z`), and the certificates that they show.

use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Client, Config, Error, ErrorKind, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{error_of, file, path, patient, works};

/// Who vouches for servers.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// The file that a client is given.
    fn file(&self) -> String {
        file("ca.pem", &self.0.pem())
    }

    /// A server that this authority vouches for, under these names.
    fn server(&self, names: &[&str]) -> Server {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let chain = file("chain.pem", &certificate.pem());
        let key = file("key.pem", &key.serialize_pem());
        let options = format!("ssl_chain_cert={chain},ssl_key={key}");
        Server::with_args(&["-Z", "-o", &options])
    }
}

fn config(address: &str, ca_file: &str) -> Config {
    Config {
        tls: Some(Tls {
            ca_file: Some(ca_file.into()),
        }),
        ..patient(address)
    }
}

fn assert_tells(error: &Error, why: &str) {
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

#[tokio::test]
async fn a_server_that_proves_its_address_or_its_name_is_used() {
    let authority = Authority::new();
    let server = authority.server(&["127.0.0.1", "localhost"]);
    works(config(&server.address(), &authority.file())).await;
    let by_name = server.address().replace("127.0.0.1", "localhost");
    works(config(&by_name, &authority.file())).await;
}

#[tokio::test]
async fn a_large_value_comes_through() {
    let authority = Authority::new();
    let server = authority.server(&["127.0.0.1"]);
    let client = Client::new(config(&server.address(), &authority.file())).unwrap();
    let value = vec![7_u8; 900_000];
    let ttl = cachekit_memcached::Ttl::from_secs(60);
    client.set("k", value.clone(), ttl).await.unwrap();
    assert_eq!(client.get("k").await.unwrap().unwrap().data, value);
}

#[tokio::test]
async fn a_server_that_nobody_known_vouches_for_is_refused() {
    let server = Authority::new().server(&["127.0.0.1"]);
    let other = Authority::new();
    let error = error_of(config(&server.address(), &other.file())).await;
    assert_tells(&error, "certificate");
    // Those that the platform trusts do not know it either.
    let error = error_of(Config {
        tls: Some(Tls::default()),
        ..config(&server.address(), "")
    });
    assert_tells(&error.await, "certificate");
}

#[tokio::test]
async fn a_server_with_the_certificate_of_another_is_refused() {
    let authority = Authority::new();
    let server = authority.server(&["mc1.example.com"]);
    let error = error_of(config(&server.address(), &authority.file())).await;
    assert_tells(&error, "certificate");
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_refused() {
    let server = Server::start();
    let error = error_of(config(&server.address(), &Authority::new().file())).await;
    assert_tells(&error, "TLS");
}

#[tokio::test]
async fn a_unix_socket_is_not_encrypted() {
    let server = Server::on_socket(path("socket"), &[]);
    works(config(&server.address(), &Authority::new().file())).await;
}

#[test]
fn a_file_without_certificates_is_a_problem_when_the_client_is_made() {
    let missing = path("none.pem").to_str().unwrap().to_owned();
    for name in [missing, file("empty.pem", "")] {
        let error = Client::new(config("mc1", &name)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&name), "{error}");
    }
}
