//! What a check has found.

use std::fmt;
use std::ops::AddAssign;

use super::Record;

/// A rule, as the [module](super) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A value was given as fresh that was not.
    Fresh,
    /// A value was given that the origin had not computed.
    Computed,
    /// A computation that nothing excuses.
    Once,
    /// A leader died, and nobody took its place in time.
    Replaced,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Computed => "computed",
            Self::Once => "once",
            Self::Replaced => "replaced",
        })
    }
}

/// Something that may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is against.
    pub rule: Rule,
    /// The key that it is about.
    pub key: u32,
    /// When it came about.
    pub at: u64,
    /// What should have been.
    pub expected: String,
    /// What happened: first what is wrong, then what makes it so.
    pub records: Vec<Record>,
}

/// One line that says what, where and what was expected, then a line for each record, as it stands
/// in the text of the history.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            key,
            at,
            expected,
            records,
        } = self;
        write!(f, "{rule}: key {key} at {at}: expected {expected}")?;
        records
            .iter()
            .try_for_each(|record| write!(f, "\n  {record}"))
    }
}

/// How much was looked at: a rule that never applies proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Values that callers were given.
    pub reads: u64,
    /// Those who were told that the value may be old.
    pub stale_reads: u64,
    /// Fresh reads that an invalidation before them bound to a version.
    pub bound_reads: u64,
    /// Those that were older, as the loss of a node may make them.
    pub reads_excused_by_node_loss: u64,
    /// What the origin was asked for.
    pub computations: u64,
    /// Keys for which it was asked: an excuse each.
    pub keys: u64,
    /// Invalidations: an excuse each.
    pub invalidations: u64,
    /// Entries that ended by their ttl: an excuse each.
    pub expiries: u64,
    /// Computations that died: an excuse each.
    pub takeovers: u64,
    /// Excuses by lost nodes, of all keys together.
    pub node_losses: u64,
    /// Reads that waited while the leader of their key died.
    pub reads_over_a_death: u64,
}

impl Tally {
    /// How many computations there may be at most. [`Rule::Once`] is stricter: no key has the
    /// excuses of another, and no excuse is of use before its time or after.
    #[must_use]
    pub const fn allowed(&self) -> u64 {
        self.keys + self.invalidations + self.expiries + self.takeovers + self.node_losses
    }
}

/// What there was in both.
impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self {
            reads,
            stale_reads,
            bound_reads,
            reads_excused_by_node_loss,
            computations,
            keys,
            invalidations,
            expiries,
            takeovers,
            node_losses,
            reads_over_a_death,
        } = other;
        self.reads += reads;
        self.stale_reads += stale_reads;
        self.bound_reads += bound_reads;
        self.reads_excused_by_node_loss += reads_excused_by_node_loss;
        self.computations += computations;
        self.keys += keys;
        self.invalidations += invalidations;
        self.expiries += expiries;
        self.takeovers += takeovers;
        self.node_losses += node_losses;
        self.reads_over_a_death += reads_over_a_death;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} reads: {} told stale, {} bound to a version, {} excused by a lost node, {} over a death",
            self.reads,
            self.stale_reads,
            self.bound_reads,
            self.reads_excused_by_node_loss,
            self.reads_over_a_death,
        )?;
        write!(
            f,
            "{} computations of {}: {} keys + {} invalidations + {} expiries + {} takeovers + {} for \
             lost nodes",
            self.computations,
            self.allowed(),
            self.keys,
            self.invalidations,
            self.expiries,
            self.takeovers,
            self.node_losses,
        )
    }
}

/// Everything that is wrong with a history, and how much was looked at.
#[derive(Clone, Debug, Default)]
#[must_use = "findings say nothing until they are asserted or shown"]
pub struct Findings {
    /// In the order in which they came about.
    pub violations: Vec<Violation>,
    /// How much was looked at.
    pub tally: Tally,
}

/// How many violations are shown.
const SHOWN: usize = 20;

impl Findings {
    /// How many violations there are of `rule`.
    #[must_use]
    pub fn count(&self, rule: Rule) -> usize {
        let of_rule = |violation: &&Violation| violation.rule == rule;
        self.violations.iter().filter(of_rule).count()
    }

    /// # Panics
    /// If a rule is broken; the message shows the first places.
    #[track_caller]
    pub fn assert_none(&self) {
        assert!(self.violations.is_empty(), "rules are broken: {self}");
    }
}

/// The tally, how often each rule is broken, and the first violations.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.tally)?;
        for rule in [Rule::Fresh, Rule::Computed, Rule::Once, Rule::Replaced] {
            let count = self.count(rule);
            if count > 0 {
                write!(f, "\n{count} times not {rule}")?;
            }
        }
        for violation in self.violations.iter().take(SHOWN) {
            write!(f, "\n{violation}")?;
        }
        match self.violations.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
