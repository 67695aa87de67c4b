//! The variables and the checks of a configuration.

use cachekit_core::env::{Problems, Vars};

use super::*;

fn config(pairs: &[(&str, &str)]) -> (Config, Problems) {
    let mut problems = Problems::default();
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((PREFIX.to_owned() + name).into(), value.into()));
    let vars = Vars::from_os(pairs, &mut problems);
    let config = Config::from_vars(&vars, &mut problems);
    (config, problems)
}

#[test]
fn an_empty_environment_gives_the_documented_defaults() {
    let (config, problems) = config(&[]);
    assert!(problems.is_empty());
    assert_eq!(config, Config::default());
    let documented: Vec<_> = VARIABLES
        .iter()
        .map(|v| (&v.name[PREFIX.len()..], v.default))
        .collect();
    let (documented, problems) = self::config(&documented);
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(documented, config);
}

#[test]
fn every_variable_is_read() {
    let (config, problems) = config(&[
        ("SERVERS", "a=mc1:1*3, mc2"),
        ("CONNECT_TIMEOUT", "0.5"),
        ("TIMEOUT", "30"),
        ("MAX_POOL_SIZE", "100"),
        ("RETRY_ATTEMPTS", "0"),
        ("KEY_PREFIX", "app:"),
        ("HASH_PREFIX", "no"),
        ("MAX_ITEM_SIZE_BYTES", "4194304"),
        ("HASHING", "ketama"),
        ("FAILOVER", "miss"),
        ("PROTOCOL", "meta"),
        ("USERNAME", "app"),
        ("PASSWORD", "hunter2"),
        ("TLS", "no"),
    ]);
    assert!(problems.is_empty(), "{problems}");
    let expected = Config {
        servers: vec!["a=mc1:1*3".parse().unwrap(), "mc2:11211".parse().unwrap()],
        connect_timeout: Duration::from_millis(500),
        timeout: Duration::from_secs(30),
        max_pool_size: 100,
        retry_attempts: 0,
        key_prefix: "app:".to_owned(),
        hash_prefix: false,
        binary_keys: BinaryKeys::Hashed,
        max_item_size: 4_194_304,
        hashing: Hashing::Ketama,
        failover: Failover::Miss,
        protocol: Protocol::Meta,
        credentials: Some(Credentials::new("app", "hunter2").unwrap()),
        tls: None,
    };
    assert_eq!(config, expected);
}

#[test]
fn every_problem_is_reported_at_once_and_the_default_stands() {
    let wrong = [
        ("SERVERS", "mc1:0"),
        ("CONNECT_TIMEOUT", "0.05"),
        ("TIMEOUT", "31"),
        ("MAX_POOL_SIZE", "0"),
        ("RETRY_ATTEMPTS", "11"),
        ("KEY_PREFIX", "a b"),
        ("HASH_PREFIX", "perhaps"),
        ("MAX_ITEM_SIZE_BYTES", "1023"),
        ("HASHING", "modula"),
        ("FAILOVER", "pray"),
        ("PROTOCOL", "binary"),
        ("TLS_CA_FILE", "/ca.pem"),
    ];
    let (config, problems) = config(&wrong);
    assert_eq!(config, Config::default());
    assert_eq!(problems.iter().count(), wrong.len());
    for (problem, (name, value)) in problems.iter().zip(wrong) {
        let named = wrong
            .iter()
            .any(|(name, _)| problem.variable == PREFIX.to_owned() + name);
        assert!(named, "{problem}");
        assert!(
            problems
                .to_string()
                .contains(&format!("{PREFIX}{name}={value:?}"))
        );
    }
}

#[test]
fn what_is_built_by_hand_is_checked_too() {
    assert!(Config::default().check().is_ok());
    let default = Config::default;
    let wrong = [
        Config {
            servers: Vec::new(),
            ..default()
        },
        Config {
            timeout: Duration::ZERO,
            ..default()
        },
        Config {
            connect_timeout: Duration::MAX,
            ..default()
        },
        Config {
            max_pool_size: 0,
            ..default()
        },
        Config {
            retry_attempts: 11,
            ..default()
        },
        Config {
            max_item_size: 1,
            ..default()
        },
        Config {
            key_prefix: "a\r\nflush_all".to_owned(),
            ..default()
        },
        Config {
            servers: vec!["mc1*2".parse().unwrap()],
            ..default()
        },
        Config {
            key_prefix: "p".repeat(MAX_KEY_PREFIX + 1),
            ..default()
        },
    ];
    for config in wrong {
        assert_eq!(
            config.check().unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{config:?}"
        );
    }
}

#[test]
fn everything_that_is_wrong_with_what_is_built_by_hand_is_said_at_once() {
    let config = Config {
        servers: vec!["mc1*2".parse().unwrap(), "mc1".parse().unwrap()],
        timeout: Duration::ZERO,
        max_pool_size: 0,
        ..Config::default()
    };
    let error = config.check().unwrap_err().to_string();
    for part in ["weight", "twice", "timeout", "max_pool_size"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_user_without_a_password_and_a_password_without_a_user_are_problems() {
    for (given, missing) in [("USERNAME", "PASSWORD"), ("PASSWORD", "USERNAME")] {
        let (config, problems) = config(&[(given, "app")]);
        assert_eq!(config.credentials, None);
        assert!(problems.to_string().contains(missing), "{problems}");
    }
}

#[test]
fn the_password_is_shown_nowhere() {
    let (config, _) = config(&[("USERNAME", "app"), ("PASSWORD", "hunter2")]);
    assert_eq!(config.credentials, Credentials::new("app", "hunter2").ok());
    assert!(!format!("{config:#?}").contains("hunter2"));
    let (_, problems) = self::config(&[("USERNAME", "app"), ("PASSWORD", "hunter2\u{1}")]);
    assert!(!problems.is_empty());
    assert!(!format!("{problems} {problems:?}").contains("hunter2"));
}

#[test]
fn encryption_needs_its_feature_and_is_never_left_out_in_silence() {
    let (config, problems) = config(&[("TLS", "true"), ("TLS_CA_FILE", "/ca.pem")]);
    if cfg!(feature = "tls") {
        assert!(problems.is_empty(), "{problems}");
        let ca_file = Some("/ca.pem".into());
        assert_eq!(config.tls, Some(Tls { ca_file }));
    } else {
        assert!(problems.to_string().contains("feature"), "{problems}");
    }
    let by_hand = Config {
        tls: Some(Tls::default()),
        ..Config::default()
    };
    assert_eq!(by_hand.check().is_ok(), cfg!(feature = "tls"));
}

#[test]
fn a_file_of_authorities_without_encryption_is_a_problem_unless_it_is_off() {
    let (_, problems) = config(&[("TLS_CA_FILE", "/ca.pem")]);
    assert!(problems.to_string().contains("CACHEKIT_MEMCACHED_TLS=true"));
    let (config, problems) = config(&[("TLS_CA_FILE", "/ca.pem"), ("TLS", "off")]);
    assert_eq!((config.tls, problems.is_empty()), (None, true));
}
