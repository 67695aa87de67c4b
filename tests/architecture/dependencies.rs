//! Which crates a crate depends on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sources::array;
use crate::{CRATES, FOR_TESTS};

pub(crate) fn forbidden_dependencies(metadata: &Value) -> Vec<String> {
    let allowed: BTreeMap<_, _> = CRATES.iter().copied().collect();
    let for_tests: BTreeMap<_, _> = FOR_TESTS.iter().copied().collect();
    let mut found = Vec::new();
    for package in array(&metadata["packages"]) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(below) = allowed.get(name) else {
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let on = dependency["name"].as_str().unwrap_or_default();
            let ours = on.starts_with("cachekit") || on == "xtask";
            let dev = dependency["kind"] == "dev";
            let testkit = array(&dependency["features"]).contains(&"testkit".into());
            let beside = dev && (for_tests[name].contains(&on) || on == "cachekit-core");
            if ours && !below.contains(&on) && !beside {
                found.push(format!("{name} depends on {on}"));
            }
            if ours && testkit && !dev {
                found.push(format!("{name} takes the testkit of {on} outside of tests"));
            }
        }
    }
    found
}

/// On made-up sources: the check can fail.
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_points_up_is_found() {
        let package = |dependency: &str| {
            let text = format!(
                r#"{{"packages": [{{"name": "cachekit-file", "dependencies": [{dependency}]}}]}}"#
            );
            forbidden_dependencies(&serde_json::from_str(&text).unwrap()).len()
        };
        let core = r#"{"name": "cachekit-core", "kind": null, "features": []}"#;
        let testkit = r#"{"name": "cachekit-core", "kind": null, "features": ["testkit"]}"#;
        let dev = r#"{"name": "cachekit-core", "kind": "dev", "features": ["testkit"]}"#;
        let facade = r#"{"name": "cachekit", "kind": "dev", "features": []}"#;
        let other = r#"{"name": "cachekit-memcached", "kind": null, "features": []}"#;
        assert_eq!(package(core), 0);
        assert_eq!(package(testkit), 1);
        assert_eq!(package(dev), 0);
        assert_eq!(package(facade), 1);
        assert_eq!(package(other), 1);
    }
}
