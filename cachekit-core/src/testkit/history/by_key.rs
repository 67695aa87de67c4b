//! A history, sorted out by keys.

use std::collections::{BTreeMap, HashMap};

use super::rules::nanos;
use super::{History, Record, Rules};

#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) process: u32,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) version: u64,
    pub(super) stale: bool,
}

impl Read {
    pub(super) fn record(&self, key: u32) -> Record {
        Record::Read {
            process: self.process,
            key,
            began: self.began,
            ended: self.ended,
            version: self.version,
            stale: self.stale,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Computation {
    pub(super) process: u32,
    pub(super) began: u64,
    pub(super) ended: Option<u64>,
    pub(super) version: u64,
    /// When its process was killed.
    pub(super) killed: Option<u64>,
}

impl Computation {
    /// When the origin or its process had done with it.
    pub(super) fn over(&self) -> u64 {
        let ended = self.ended.unwrap_or(u64::MAX);
        self.killed.map_or(ended, |killed| killed.min(ended))
    }

    /// When its process was killed, if that was so early that it may not have stored the result.
    pub(super) fn died(&self, lag: u64) -> Option<u64> {
        self.killed.filter(|killed| {
            self.ended
                .is_none_or(|ended| ended.saturating_add(lag) >= *killed)
        })
    }

    /// That its process was killed.
    pub(super) fn death(&self) -> Option<Record> {
        let process = self.process;
        self.killed.map(|at| Record::Killed { process, at })
    }

    pub(super) fn record(&self, key: u32) -> Record {
        Record::Computation {
            process: self.process,
            key,
            began: self.began,
            ended: self.ended,
            version: self.version,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Invalidation {
    pub(super) began: u64,
    pub(super) ended: Option<u64>,
    pub(super) version: u64,
}

impl Invalidation {
    pub(super) fn record(&self, key: u32) -> Record {
        Record::Invalidation {
            key,
            began: self.began,
            ended: self.ended,
            version: self.version,
        }
    }
}

/// From when until when the loss of a node has effects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// What happened to one key.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) reads: Vec<Read>,
    /// In the order in which they began.
    pub(super) computations: Vec<Computation>,
    /// In the order in which they ended, those last that did not.
    pub(super) invalidations: Vec<Invalidation>,
}

#[derive(Debug)]
pub(super) struct ByKey<'a> {
    pub(super) rules: &'a Rules,
    pub(super) losses: Vec<Loss>,
    /// The last moment of the history.
    pub(super) end: u64,
    stories: BTreeMap<u32, Story>,
}

impl<'a> ByKey<'a> {
    pub(super) fn new(history: &History, rules: &'a Rules) -> Self {
        let mut by_key = Self {
            rules,
            losses: Vec::new(),
            end: history.records.iter().map(last_moment).max().unwrap_or(0),
            stories: BTreeMap::new(),
        };
        let deaths = history.records.iter().filter_map(|record| match *record {
            Record::Killed { process, at } => Some((process, at)),
            _ => None,
        });
        let deaths: HashMap<u32, u64> = deaths.collect();
        for record in &history.records {
            by_key.add(*record, &deaths);
        }
        for story in by_key.stories.values_mut() {
            story
                .computations
                .sort_by_key(|computation| computation.began);
            let end = |invalidation: &Invalidation| invalidation.ended.unwrap_or(u64::MAX);
            story.invalidations.sort_by_key(end);
        }
        by_key
    }

    pub(super) fn stories(&self) -> impl Iterator<Item = (u32, &Story)> {
        self.stories.iter().map(|(key, story)| (*key, story))
    }

    /// Whether a lost node may have had effects at some time between the two.
    pub(super) fn is_unsettled(&self, from: u64, to: u64) -> bool {
        self.losses
            .iter()
            .any(|loss| loss.from <= to && loss.to >= from)
    }

    fn add(&mut self, record: Record, deaths: &HashMap<u32, u64>) {
        match record {
            Record::Read {
                process,
                key,
                began,
                ended,
                version,
                stale,
            } => self.story(key).reads.push(Read {
                process,
                began,
                ended,
                version,
                stale,
            }),
            Record::Computation {
                process,
                key,
                began,
                ended,
                version,
            } => self.story(key).computations.push(Computation {
                process,
                began,
                ended,
                version,
                killed: deaths.get(&process).copied(),
            }),
            Record::Invalidation {
                key,
                began,
                ended,
                version,
            } => self.story(key).invalidations.push(Invalidation {
                began,
                ended,
                version,
            }),
            Record::NodeLost { at, back } => {
                let after = nanos(self.rules.after_node_loss);
                let to = back.unwrap_or(u64::MAX).saturating_add(after);
                self.losses.push(Loss { from: at, to });
            }
            Record::Killed { .. } => {}
        }
    }

    fn story(&mut self, key: u32) -> &mut Story {
        self.stories.entry(key).or_default()
    }
}

fn last_moment(record: &Record) -> u64 {
    match *record {
        Record::Read { ended, .. } => ended,
        Record::Computation { began, ended, .. } | Record::Invalidation { began, ended, .. } => {
            ended.unwrap_or(began)
        }
        Record::Killed { at, .. } => at,
        Record::NodeLost { at, back } => back.unwrap_or(at),
    }
}
