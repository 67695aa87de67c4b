//! One binary, each time with other variables.

use cachekit::{Cache, Function, Key};
use tokio::runtime::Runtime;

use crate::{Shop, caches, child, computed, plain, price, session};

fn block_on<R>(future: impl Future<Output = R>) -> R {
    Runtime::new().unwrap().block_on(future)
}

/// Calls four functions in a child; what it has computed.
fn run(test: &str, vars: &[(&str, &str)]) -> Option<String> {
    if child::is_child() {
        caches::init().unwrap();
        assert_eq!((plain(1), price(2)), (1, 200));
        block_on(async {
            assert_eq!(session(3).await, "session 3");
            assert_eq!(Shop.article("pen").await, "PEN");
        });
        println!("computed: {}", computed());
        return None;
    }
    let printed = child::output(test, vars);
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("computed: "));
    Some(line.unwrap().to_owned())
}

fn path(directory: &tempfile::TempDir) -> &str {
    directory.path().to_str().unwrap()
}

#[test]
fn variables_of_one_cache_move_its_functions_alone() {
    let test = "environment::variables_of_one_cache_move_its_functions_alone";
    let directory = tempfile::tempdir().unwrap();
    let vars = [("CACHEKIT_CATALOG_FILE_CACHE_DIR", path(&directory))];
    for expected in ["plain, price, session, article", "plain, session"] {
        let Some(computed) = run(test, &vars) else {
            return;
        };
        assert_eq!(computed, expected);
    }
}

#[test]
fn variables_of_all_caches_move_all_functions_but_those_of_a_cache_that_has_its_own() {
    let test = "environment::variables_of_all_caches_move_all_functions_but_those_of_a_cache_that_has_its_own";
    let directory = tempfile::tempdir().unwrap();
    let vars = [
        ("CACHEKIT_FILE_CACHE_DIR", path(&directory)),
        ("CACHEKIT_CATALOG_BACKEND", "memory"),
    ];
    for expected in ["plain, price, session, article", "price, article"] {
        let Some(computed) = run(test, &vars) else {
            return;
        };
        assert_eq!(computed, expected);
    }
}

#[test]
fn caches_in_one_store_do_not_share_entries_unless_they_are_given_one_namespace() {
    static FUNCTION: Function = Function::new("named", "shared");
    let test =
        "environment::caches_in_one_store_do_not_share_entries_unless_they_are_given_one_namespace";
    if child::is_child() {
        let key: Key<u64> = FUNCTION.key(&7_u64).unwrap();
        block_on(async {
            caches::catalog().set(&key, 1).await.unwrap();
            let others: [Cache; 2] = [
                Cache::clone(&caches::sessions()),
                Cache::clone(&cachekit::cache()),
            ];
            for cache in others {
                println!("found: {:?}", cache.get(&key).await.unwrap());
            }
        });
        return;
    }
    let found = |vars: &[(&str, &str)]| {
        let directory = tempfile::tempdir().unwrap();
        let directory = [("CACHEKIT_FILE_CACHE_DIR", path(&directory))];
        let vars: Vec<_> = directory.iter().chain(vars).copied().collect();
        let printed = child::output(test, &vars);
        printed.matches("found: Some(1)").count()
    };
    assert_eq!(found(&[]), 0);
    assert_eq!(found(&[("CACHEKIT_NAMESPACE", "shop")]), 0);
    let of_catalog = ("CACHEKIT_CATALOG_NAMESPACE", "shop");
    assert_eq!(
        found(&[of_catalog, ("CACHEKIT_SESSIONS_NAMESPACE", "shop")]),
        1
    );
    assert_eq!(found(&[of_catalog, ("CACHEKIT_NAMESPACE", "shop")]), 1);
}

#[test]
fn init_tells_the_problems_of_all_caches_at_once_and_each_one_once() {
    let test = "environment::init_tells_the_problems_of_all_caches_at_once_and_each_one_once";
    if child::is_child() {
        let problems = caches::init().unwrap_err();
        println!("{problems}\nproblems: {}", problems.iter().count());
        return;
    }
    let told = child::output(
        test,
        &[
            ("CACHEKIT_DEFAULT_TTL", "soon"),
            ("CACHEKIT_CATALOG_L1_ENABLED", "perhaps"),
            ("CACHEKIT_SESSIONS_BACKEND", "redis"),
            ("CACHEKIT_CATALGO_BACKEND", "file"),
        ],
    );
    for problem in [
        "CACHEKIT_DEFAULT_TTL=\"soon\"",
        "CACHEKIT_CATALOG_L1_ENABLED=\"perhaps\"",
        "CACHEKIT_SESSIONS_BACKEND=\"redis\"",
        "did you mean CACHEKIT_CATALOG_BACKEND?",
        "problems: 4",
    ] {
        assert!(told.contains(problem), "{problem} is not in {told}");
    }
}

#[test]
fn without_init_a_cache_with_a_bad_configuration_is_in_process_and_its_health_is_down() {
    let test = "environment::without_init_a_cache_with_a_bad_configuration_is_in_process_and_its_health_is_down";
    if child::is_child() {
        assert_eq!((price(2), price(2)), (200, 200));
        assert_eq!(computed(), "price");
        block_on(async {
            println!("catalog: {:?}", caches::catalog().health().await);
            println!("sessions: {:?}", caches::sessions().health().await);
            println!("unnamed: {:?}", cachekit::cache().health().await);
        });
        return;
    }
    let told = child::output(test, &[("CACHEKIT_CATALOG_BACKEND", "redis")]);
    let line = |begin| told.lines().find(|line| line.starts_with(begin)).unwrap();
    assert!(line("catalog").contains("Down"), "{told}");
    assert!(
        line("catalog").contains("CACHEKIT_CATALOG_BACKEND"),
        "{told}"
    );
    assert!(!line("sessions").contains("Down"), "{told}");
    assert!(!line("unnamed").contains("Down"), "{told}");
}
