//! Everything that is wrong, at once.

use std::fmt;

use super::{Variable, Vars, names};

/// Everything that is wrong with a configuration, collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// One thing that is wrong: which variable, what it holds, what it should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The whole name of the variable.
    pub variable: String,
    /// Its value; `None` where it is a secret or not text.
    pub value: Option<String>,
    /// The form expected.
    pub expected: String,
}

impl Problems {
    /// Adds a problem.
    pub fn add(&mut self, variable: &str, value: Option<&str>, expected: impl Into<String>) {
        self.0.push(Problem {
            variable: variable.to_owned(),
            value: value.map(str::to_owned),
            expected: expected.into(),
        });
    }

    /// `raw` through `parser`. `None` if it is unset, or if it does not parse: then the problem
    /// is added.
    pub fn parse<T>(
        &mut self,
        variable: &Variable,
        raw: Option<String>,
        parser: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let raw = raw?;
        let parsed = parser(&raw);
        if parsed.is_none() {
            self.add(
                variable.name,
                (!variable.secret).then_some(&raw),
                variable.expected,
            );
        }
        parsed
    }

    /// Adds those of `others` that are not here yet.
    pub fn merge(&mut self, others: Self) {
        for problem in others.0 {
            if !self.0.contains(&problem) {
                self.0.push(problem);
            }
        }
    }

    /// Those of the cache `name`, which has read what is set for it alone, `own`, and in place of
    /// the rest that of the cache of the process, whose problems are `inherited`.
    #[must_use]
    pub fn of_cache(self, name: &str, own: &Vars, inherited: &Self) -> Self {
        let of_cache = |mut problem: Problem| {
            if own.get(&problem.variable).is_some() {
                problem.variable = names::name_of_cache(&problem.variable, name);
            } else if !inherited.0.contains(&problem) {
                problem
                    .expected
                    .push_str(&format!(" (in the cache `{name}`)"));
            }
            problem
        };
        Self(self.0.into_iter().map(of_cache).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value:?}: expected {}", self.variable, self.expected),
            None => write!(
                f,
                "{} (value hidden): expected {}",
                self.variable, self.expected
            ),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::seconds;
    use crate::env::tests::{PASSWORD, TIMEOUT, vars};

    #[test]
    fn a_problem_names_variable_value_and_expected_form() {
        let mut problems = Problems::default();
        assert_eq!(
            problems.parse(&TIMEOUT, Some("soon".into()), seconds(0.1..=30.0)),
            None
        );
        assert_eq!(
            problems.to_string(),
            "CACHEKIT_MEMCACHED_TIMEOUT=\"soon\": expected seconds between 0.1 and 30, such as 1.5"
        );
    }

    #[test]
    fn a_secret_is_hidden_in_a_problem() {
        let mut problems = Problems::default();
        problems.parse(&PASSWORD, Some("hunter2".into()), |_| None::<()>);
        assert!(!problems.to_string().contains("hunter2"));
    }

    #[test]
    fn a_problem_of_a_cache_has_the_name_that_was_set() {
        let problem = |variable: &str| {
            let mut problems = Problems::default();
            problems.add(variable, Some("soon"), "seconds");
            problems
        };
        let (vars, _) = vars(&[("CACHEKIT_USERS_MEMCACHED_TIMEOUT", "soon")]);
        let own = vars.of_cache("users");
        let none = Problems::default();
        let named = problem(TIMEOUT.name).of_cache("users", &own, &none);
        assert_eq!(named, problem("CACHEKIT_USERS_MEMCACHED_TIMEOUT"));
        let inherited = problem(PASSWORD.name);
        assert_eq!(
            inherited.clone().of_cache("users", &own, &inherited),
            inherited
        );
        let together = inherited.of_cache("users", &own, &none).to_string();
        assert!(together.ends_with("(in the cache `users`)"), "{together}");
    }

    #[test]
    fn problems_that_are_there_already_are_not_added_again() {
        let mut problems = Problems::default();
        problems.add("CACHEKIT_A", None, "a");
        let mut others = problems.clone();
        others.add("CACHEKIT_B", None, "b");
        problems.merge(others.clone());
        assert_eq!(problems, others);
    }
}
