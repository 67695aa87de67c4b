//! The conformance suite can fail: each backend here breaks the contract in one way, and the suite
//! names the line.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::conformance::{Report, Suite};
use cachekit_core::testkit::{Faults, FaultyBackend, ManualClock, ReferenceBackend};

/// One way to break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    ServesAfterItsTtl,
    RoundsTheTtlUpTwice,
    KeepsTheOldTtl,
    DropsTheLastByte,
    LosesEmptyValues,
    IgnoresTokens,
    NeverLeads,
    LeadsEveryone,
    ForgetsToRelease,
    RenewsWhatIsLost,
    RenewsForNothing,
    KeepsTheLeadPastItsHold,
    StoresAfterAnExpiry,
    ReadersOfTheValueTakeTheLead,
    MergesReleases,
    CutsKeysAt250,
    IgnoresCase,
    ExpireProlongs,
    ExpireDoesNothing,
    RemoveOnlyExpires,
    KeepsTheEntryOfARefusedValue,
    AnswersInTheWrongOrder,
    Panics,
}

use Flaw::*;

/// The reference backend with a flaw.
#[derive(Debug)]
struct Broken {
    reference: ReferenceBackend,
    flaw: Flaw,
}

const LIMIT: usize = 2_000_000;

impl Broken {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn key(&self, key: &StoreKey) -> StoreKey {
        let text = key.as_str();
        let text = match self.flaw {
            MergesReleases => key.route().into_owned(),
            CutsKeysAt250 => text[..text.len().min(250)].to_owned(),
            IgnoresCase => text.to_ascii_lowercase(),
            _ => text.to_owned(),
        };
        StoreKey::new(text).unwrap()
    }

    fn ttl(&self, ttl: Ttl) -> Ttl {
        match self.flaw {
            ServesAfterItsTtl => Ttl::NEVER,
            RoundsTheTtlUpTwice => {
                Ttl::new(ttl.duration().saturating_add(Duration::from_millis(1))).unwrap()
            }
            _ => ttl,
        }
    }

    fn value(&self, value: Bytes) -> Bytes {
        if self.has(DropsTheLastByte) {
            value.slice(..value.len().saturating_sub(1))
        } else {
            value
        }
    }
}

#[async_trait]
impl Backend for Broken {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        assert!(!self.has(Panics), "deliberately");
        let want = match want {
            Want::Lead {
                early, patience, ..
            } if self.has(KeepsTheLeadPastItsHold) => Want::Lead {
                hold: Ttl::NEVER,
                early,
                patience,
            },
            Want::Value if self.has(ReadersOfTheValueTakeTheLead) => Want::Lead {
                hold: Ttl::from_secs(10),
                early: Duration::ZERO,
                patience: Duration::ZERO,
            },
            want => want,
        };
        let mut lookup = self.reference.get(&self.key(key), want).await?;
        if self.has(LosesEmptyValues) {
            lookup.found.take_if(|found| found.value.is_empty());
        }
        match &lookup.lead {
            Lead::Mine(_) | Lead::Other if self.has(NeverLeads) => {
                lookup.lead = Lead::Unfenced(None)
            }
            Lead::Other if self.has(LeadsEveryone) => lookup.lead = Lead::Mine(Token::new("")),
            Lead::Mine(_) | Lead::Other if self.has(ReadersOfTheValueTakeTheLead) => {
                lookup.lead = Lead::None;
            }
            _ => {}
        }
        Ok(lookup)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        if value.len() >= LIMIT {
            if !self.has(KeepsTheEntryOfARefusedValue) {
                self.reference.remove(key).await?;
            }
            return Err(Error::new(ErrorKind::TooLarge, "broken set"));
        }
        let key = self.key(key);
        let mut ttl = self.ttl(ttl);
        if self.has(KeepsTheOldTtl)
            && let Some(found) = self.reference.get(&key, Want::Value).await?.found
        {
            ttl = Ttl::new(found.left.unwrap_or_default())?;
        }
        let lead = lead.filter(|_| !self.has(IgnoresTokens));
        self.reference.set(&key, self.value(value), ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        let key = self.key(key);
        match self.flaw {
            ExpireDoesNothing => return Ok(()),
            ExpireProlongs => {
                if let Some(found) = self.reference.get(&key, Want::Value).await?.found {
                    let prolonged = Ttl::new(found.left.unwrap_or_default() * 10)?;
                    self.reference
                        .set(&key, found.value, prolonged, None)
                        .await?;
                }
            }
            StoresAfterAnExpiry if self.reference.get(&key, Want::Value).await?.found.is_none() => {
                return Ok(());
            }
            _ => {}
        }
        self.reference.expire(&key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        if self.has(RemoveOnlyExpires) {
            return self.reference.expire(&self.key(key)).await;
        }
        self.reference.remove(&self.key(key)).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        if self.has(RenewsForNothing) {
            return Ok(Renewed::Held);
        }
        let renewed = self.reference.renew(&self.key(key), lead, hold).await?;
        Ok(if self.has(RenewsWhatIsLost) {
            Renewed::Held
        } else {
            renewed
        })
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        if self.has(ForgetsToRelease) {
            return Ok(());
        }
        self.reference.release(&self.key(key), lead).await
    }

    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        let mut results = Vec::new();
        for key in keys {
            results.push(self.get(key, want).await);
        }
        if self.has(AnswersInTheWrongOrder) {
            results.reverse();
        }
        results
    }

    async fn health(&self) -> Health {
        self.reference.health().await
    }
}

async fn report_on(flaw: Flaw) -> Report {
    let clock = ManualClock::new();
    let reference = ReferenceBackend::new(clock.clock());
    let backend = Arc::new(Broken { reference, flaw });
    Suite::new(backend)
        .by_hand(clock)
        .refuses(LIMIT)
        .run()
        .await
}

#[tokio::test]
async fn every_flaw_is_found_and_named_by_the_line_it_breaks() {
    let cases = [
        (
            ServesAfterItsTtl,
            "an_entry_is_not_served_later_than_its_ttl_rounded_up",
        ),
        (
            RoundsTheTtlUpTwice,
            "an_entry_is_not_served_later_than_its_ttl_rounded_up",
        ),
        (KeepsTheOldTtl, "a_set_replaces_the_ttl_by_a_longer_one"),
        (KeepsTheOldTtl, "a_set_replaces_the_ttl_by_a_shorter_one"),
        (DropsTheLastByte, "an_entry_is_found_byte_for_byte"),
        (LosesEmptyValues, "an_empty_value_is_found_as_empty"),
        (IgnoresTokens, "a_set_supersedes_the_lead"),
        (IgnoresTokens, "a_remove_supersedes_the_lead"),
        (IgnoresTokens, "many_writes_are_fenced_one_by_one"),
        (
            NeverLeads,
            "one_reader_of_a_missing_entry_leads_and_the_others_do_not",
        ),
        (LeadsEveryone, "one_of_many_readers_at_once_leads"),
        (ForgetsToRelease, "a_released_lead_goes_to_the_next_reader"),
        (RenewsWhatIsLost, "a_lead_that_was_lost_is_not_renewed"),
        (RenewsForNothing, "a_renewed_lead_stands_for_longer"),
        (
            KeepsTheLeadPastItsHold,
            "the_lead_goes_to_another_when_its_hold_has_passed",
        ),
        (
            StoresAfterAnExpiry,
            "an_expire_supersedes_the_lead_of_a_missing_entry",
        ),
        (
            ReadersOfTheValueTakeTheLead,
            "a_reader_of_the_value_takes_the_lead_from_no_one",
        ),
        (
            MergesReleases,
            "keys_that_differ_in_their_release_are_different_entries",
        ),
        (
            CutsKeysAt250,
            "long_keys_that_differ_in_one_byte_are_different_entries",
        ),
        (IgnoresCase, "keys_that_differ_are_different_entries"),
        (ExpireProlongs, "expiring_does_not_prolong_the_time_left"),
        (
            ExpireDoesNothing,
            "an_expired_entry_is_found_as_stale_or_not_at_all",
        ),
        (RemoveOnlyExpires, "a_removed_entry_is_not_found"),
        (
            KeepsTheEntryOfARefusedValue,
            "a_refused_value_removes_the_entry_it_was_to_replace",
        ),
        (
            AnswersInTheWrongOrder,
            "many_reads_answer_each_key_in_the_order_asked",
        ),
        (Panics, "an_entry_that_was_never_set_is_not_found"),
    ];
    for (flaw, line) in cases {
        let report = report_on(flaw).await;
        let found = report.failures().any(|(name, _)| name == line);
        assert!(found, "{flaw:?} does not break {line}:\n{report}");
    }
}

#[tokio::test]
#[should_panic(expected = "the contract is broken")]
async fn a_report_of_a_broken_backend_does_not_pass() {
    report_on(RemoveOnlyExpires).await.assert_passed();
}

#[tokio::test]
async fn a_store_that_loses_replies_breaks_the_contract() {
    let clock = ManualClock::new();
    let reference = ReferenceBackend::new(clock.clock());
    let faults = Faults {
        seed: 7,
        lost_replies: 0.2,
        ..Faults::default()
    };
    let backend = Arc::new(FaultyBackend::new(reference, faults, clock.clock()));
    let report = Suite::new(backend).by_hand(clock).run().await;
    assert!(
        report
            .failures()
            .any(|(_, seen)| seen.to_string().contains("not answered"))
    );
}
