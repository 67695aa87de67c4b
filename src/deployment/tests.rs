//! What variables come to.

use super::*;

const SERVERS: (&str, &str) = ("CACHEKIT_MEMCACHED_SERVERS", r#"["mc1:11211","mc2:11211"]"#);
const DIRECTORY: (&str, &str) = ("CACHEKIT_FILE_CACHE_DIR", "/tmp/cachekit");

fn place(vars: &[(&str, &str)]) -> Place {
    Deployment::from_vars(vars.iter().copied()).unwrap().place
}

#[test]
fn nothing_set_means_in_process() {
    assert_eq!(place(&[]), Place::Memory);
}

#[test]
fn servers_choose_memcached_and_a_directory_chooses_files() {
    assert!(matches!(place(&[SERVERS]), Place::Memcached(_)));
    assert!(matches!(place(&[DIRECTORY]), Place::File(_)));
}

#[test]
fn servers_and_a_directory_without_a_choice_are_an_error() {
    let problems = Deployment::from_vars([SERVERS, DIRECTORY]).unwrap_err();
    assert!(
        problems
            .to_string()
            .contains("both CACHEKIT_MEMCACHED_SERVERS"),
        "{problems}"
    );
    assert!(matches!(
        place(&[SERVERS, DIRECTORY, ("CACHEKIT_BACKEND", "file")]),
        Place::File(_)
    ));
}

#[test]
fn an_unknown_backend_is_told_with_what_was_expected() {
    let problems = Deployment::from_vars([("CACHEKIT_BACKEND", "redis")]).unwrap_err();
    let text = problems.to_string();
    assert!(text.contains("CACHEKIT_BACKEND=\"redis\"") && text.contains("memory, file"));
}

#[test]
fn problems_of_all_sections_are_told_at_once() {
    let problems = Deployment::from_vars([
        ("CACHEKIT_BACKEND", "redis"),
        ("CACHEKIT_DEFAULT_TTL", "soon"),
        ("CACHEKIT_MEMCACHED_TIMEOUT", "never"),
        ("CACHEKIT_FILE_MAX_SIZE_MB", "lots"),
        ("CACHEKIT_MEMCACHED_TIMOUT", "1"),
    ]);
    assert_eq!(problems.unwrap_err().iter().count(), 5);
}

#[test]
fn every_variable_is_named_once() {
    let mut names: Vec<_> = variables().iter().map(|variable| variable.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

fn named(name: &str, vars: &[(&str, &str)]) -> Deployment {
    Deployment::named_from_vars(name, vars.iter().copied()).unwrap()
}

fn problems(vars: &[(&str, &str)]) -> Vec<String> {
    let problems = Deployment::named_from_vars("catalog", vars.iter().copied()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_named_cache_has_what_is_set_for_it_and_else_what_is_set_for_all() {
    let vars = [
        ("CACHEKIT_DEFAULT_TTL", "7"),
        ("CACHEKIT_L1_MAX_ENTRIES", "7"),
        ("CACHEKIT_CATALOG_DEFAULT_TTL", "8"),
        ("CACHEKIT_CATALOG_L1_MAX_ENTRIES", " "),
        ("CACHEKIT_SESSIONS_DEFAULT_TTL", "9"),
    ];
    let catalog = named("catalog", &vars).config;
    assert_eq!(catalog.default_ttl, crate::Ttl::from_secs(8));
    assert_eq!(catalog.l1.max_entries, 7);
    let unnamed = Deployment::from_vars(vars).unwrap().config;
    assert_eq!(unnamed.default_ttl, crate::Ttl::from_secs(7));
}

#[test]
fn what_is_set_for_a_named_cache_alone_goes_before_every_choice_for_all() {
    let all = [("CACHEKIT_BACKEND", "file"), SERVERS, DIRECTORY];
    let with = |own: &[(&str, &str)]| {
        let vars: Vec<_> = all.iter().chain(own).copied().collect();
        named("catalog", &vars).place
    };
    assert_eq!(with(&[]), place(&all));
    assert_eq!(
        with(&[("CACHEKIT_CATALOG_BACKEND", "memory")]),
        Place::Memory
    );
    // It has the servers of all.
    let memcached = with(&[("CACHEKIT_CATALOG_BACKEND", "memcached")]);
    assert_eq!(memcached, place(&[SERVERS]));
    let memcached = with(&[("CACHEKIT_CATALOG_MEMCACHED_SERVERS", "mc3")]);
    assert_eq!(memcached, place(&[("CACHEKIT_MEMCACHED_SERVERS", "mc3")]));
    let file = with(&[("CACHEKIT_CATALOG_FILE_CACHE_DIR", "/tmp/catalog")]);
    assert_eq!(file.directory(), Some(Path::new("/tmp/catalog")));
}

#[test]
fn a_named_cache_where_nothing_is_set_is_where_the_unnamed_one_is() {
    for vars in [&[][..], &[SERVERS], &[DIRECTORY]] {
        assert_eq!(named("catalog", vars).place, place(vars));
    }
}

#[test]
fn a_named_cache_is_in_a_namespace_of_its_own_unless_one_is_set_for_it() {
    let namespace = |vars: &[(&str, &str)]| named("catalog", vars).config.namespace;
    let shop = ("CACHEKIT_NAMESPACE", "shop");
    assert_eq!(namespace(&[]), "catalog");
    assert_eq!(namespace(&[shop]), "shop.catalog");
    assert_eq!(
        namespace(&[shop, ("CACHEKIT_CATALOG_NAMESPACE", "shop")]),
        "shop"
    );
}

#[test]
fn a_problem_of_a_named_cache_names_the_variable_that_was_set() {
    let found = problems(&[
        ("CACHEKIT_DEFAULT_TTL", "never"),
        ("CACHEKIT_CATALOG_L1_MAX_AGE", "soon"),
        ("CACHEKIT_CATALGO_BACKEND", "file"),
    ]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].ends_with("did you mean CACHEKIT_CATALOG_BACKEND?"),
        "{found:?}"
    );
    assert!(found[1].starts_with("CACHEKIT_DEFAULT_TTL=\"never\": expected seconds"));
    assert!(found[2].starts_with("CACHEKIT_CATALOG_L1_MAX_AGE=\"soon\": expected seconds"));
}

#[test]
fn servers_and_a_directory_of_a_named_cache_need_a_choice_of_its_own() {
    let found = problems(&[
        ("CACHEKIT_BACKEND", "file"),
        ("CACHEKIT_CATALOG_MEMCACHED_SERVERS", "mc1"),
        ("CACHEKIT_CATALOG_FILE_CACHE_DIR", "/tmp/catalog"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("CACHEKIT_CATALOG_BACKEND="),
        "{found:?}"
    );
    assert!(
        found[0].contains("both CACHEKIT_CATALOG_MEMCACHED_SERVERS"),
        "{found:?}"
    );
}

#[test]
fn a_problem_that_only_a_named_cache_has_says_whose_it_is() {
    let vars = [
        ("CACHEKIT_FILE_MAX_VALUE_MB", "100"),
        ("CACHEKIT_CATALOG_FILE_MAX_SIZE_MB", "100"),
    ];
    assert!(Deployment::from_vars(vars).is_ok());
    let found = problems(&vars);
    assert!(
        found[0].starts_with("CACHEKIT_FILE_MAX_VALUE_MB"),
        "{found:?}"
    );
    assert!(found[0].ends_with("(in the cache `catalog`)"), "{found:?}");
}

/// Else a variable could be that of a named cache and another one.
#[test]
fn no_variable_ends_like_another_one() {
    for variable in variables() {
        for other in variables() {
            let rest = other.name.strip_prefix("CACHEKIT").unwrap();
            let ends = variable.name != other.name && variable.name.ends_with(rest);
            assert!(!ends, "{} ends like {}", variable.name, other.name);
        }
    }
}
