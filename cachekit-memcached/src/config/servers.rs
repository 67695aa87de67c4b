//! The servers: what they are read from, and what they have to be together.

use std::collections::HashSet;

use super::{Hashing, InvalidServer, Server};

/// Reads a JSON array of strings, or a list with commas. Every text that is no server is told, and
/// whatever is wrong with servers that can be read is left to [`check`].
pub(super) fn parse(raw: &str) -> Result<Vec<Server>, String> {
    let inside = raw.trim().strip_prefix('[').map(str::trim_start);
    // `[::1]:11211, …` opens with a bracket as well.
    let texts = match inside {
        Some(inside) if inside.starts_with(['"', ']']) => {
            strings(inside).ok_or("not a JSON array of strings")?
        }
        _ => raw.split(',').map(str::to_owned).collect(),
    };
    let mut servers = Vec::with_capacity(texts.len());
    let mut problems = Vec::new();
    for text in &texts {
        match text.parse() {
            Ok(server) => servers.push(server),
            Err(problem) => problems.push(InvalidServer::to_string(&problem)),
        }
    }
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    Ok(servers)
}

/// The strings of a JSON array whose opening bracket has been read. Of the escapes only those of
/// a slash, a quote and a backslash: no server is written with another.
fn strings(inside: &str) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    let mut rest = inside.trim_end();
    while rest != "]" {
        let (string, after) = string(rest.strip_prefix('"')?)?;
        strings.push(string);
        rest = after.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
            // A comma is followed by another string.
            rest.strip_prefix('"')?;
        } else if rest != "]" {
            return None;
        }
    }
    Some(strings)
}

/// One JSON string whose opening quote has been read, and what follows it.
fn string(quoted: &str) -> Option<(String, &str)> {
    let mut string = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((string, &quoted[at + 1..])),
            '\\' => match chars.next()?.1 {
                escaped @ ('/' | '"' | '\\') => string.push(escaped),
                _ => return None,
            },
            c => string.push(c),
        }
    }
    None
}

/// What is wrong with the servers as a whole: there has to be one, none may be there twice, by
/// address or by what `hashing` places keys by, and weights need a hashing that has them.
pub(super) fn check(servers: &[Server], hashing: Hashing) -> Vec<String> {
    let mut problems = Vec::new();
    if servers.is_empty() {
        problems.push("no server".to_owned());
    }
    let mut names = HashSet::new();
    let mut addresses = HashSet::new();
    for server in servers {
        let name = server.identity(hashing);
        if !names.insert(name.clone()) {
            problems.push(format!("{name:?} twice"));
        } else if !addresses.insert(server.address()) {
            problems.push(format!("address {:?} twice", server.address().to_string()));
        }
        if server.weight() != 1 && hashing == Hashing::Rendezvous {
            problems.push(format!(
                "{name:?} has a weight, and rendezvous hashing has none: ketama has"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_json_array_or_has_commas() {
        let names = |raw| {
            let servers = parse(raw)?;
            Ok::<_, String>(
                servers
                    .iter()
                    .map(|s| s.name().into_owned())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        assert_eq!(
            names(r#"["mc1:11211","mc2:11211"]"#).unwrap(),
            "mc1:11211 mc2:11211"
        );
        assert_eq!(
            names(r#" [ "mc1" , "unix:\/run\/mc" ] "#).unwrap(),
            "mc1:11211 /run/mc"
        );
        assert_eq!(names("mc1:1, mc2:2").unwrap(), "mc1:1 mc2:2");
        assert_eq!(names("[::1]:1,[::2]").unwrap(), "::1:1 ::2:11211");
        assert_eq!(names("[::2]").unwrap(), "::2:11211");
        assert_eq!(names("[]").unwrap(), "");
        let wrong = [
            "[\"a\",]",
            "[\"a\"",
            "[\"a\" \"b\"]",
            "[1]",
            "[\"a\"]x",
            "a,,b",
            "[\"a\\u0062\"]",
        ];
        for raw in wrong {
            assert!(names(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn every_server_that_is_none_is_named() {
        let problem = parse("mc1:0, mc2, mc 3").unwrap_err();
        assert!(
            problem.contains("mc1:0") && problem.contains("mc 3"),
            "{problem}"
        );
    }

    fn problems(raw: &str, hashing: Hashing) -> String {
        check(&parse(raw).unwrap(), hashing).join("; ")
    }

    #[test]
    fn a_server_that_is_there_twice_is_refused_by_name_and_by_address() {
        for raw in ["mc1,mc1:11211", "a=mc1,b=mc1", "a=mc1,a=mc2"] {
            for hashing in [Hashing::Rendezvous, Hashing::Ketama] {
                assert!(problems(raw, hashing).contains("twice"), "{raw}");
            }
        }
        assert_eq!(problems("mc1,mc1=mc2", Hashing::Rendezvous), "");
        assert!(problems("mc1,mc1=mc2", Hashing::Ketama).contains("twice"));
        assert_eq!(problems("[]", Hashing::Ketama), "no server");
    }

    #[test]
    fn weights_need_ketama() {
        assert_eq!(problems("mc1*3,mc2*1", Hashing::Ketama), "");
        assert_eq!(problems("mc1*1,mc2", Hashing::Rendezvous), "");
        let problem = problems("mc1*3,mc2", Hashing::Rendezvous);
        assert!(problem.contains("mc1") && problem.contains("ketama"));
    }
}
