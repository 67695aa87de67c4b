//! Invalidations that travel with a transaction: sent after its commit, dropped on its rollback.
//!
//! ```text
//! cargo run --example after_commit
//! ```
//!
//! An invalidation before the commit would be of no use: whoever asks in between reads the old row,
//! and stores it once more.

use std::sync::atomic::{AtomicU64, Ordering};

use cachekit::{Invalidations, Result, cached};

/// The only row of the table.
static BALANCE: AtomicU64 = AtomicU64::new(100);

#[cached(ttl = "10m", tags = ["account:{id}"])]
fn balance(id: u64) -> u64 {
    println!("  reading the balance of {id}");
    BALANCE.load(Ordering::Relaxed)
}

#[cached(ttl = "10m", tags = ["account:{id}"])]
fn statement(id: u64) -> String {
    format!("account {id}: {}", balance(id))
}

/// What a transaction of your database would carry.
#[derive(Default)]
struct Transaction {
    balance: Option<u64>,
    invalidations: Invalidations,
}

impl Transaction {
    fn withdraw(&mut self, id: u64, amount: u64) {
        self.balance = Some(BALANCE.load(Ordering::Relaxed) - amount);
        self.invalidations.remove_tag(&format!("account:{id}"));
    }

    fn commit(self) -> Result<()> {
        if let Some(balance) = self.balance {
            BALANCE.store(balance, Ordering::Relaxed);
        }
        self.invalidations.send_blocking(&cachekit::cache())
    }
}

fn main() -> Result<()> {
    println!("{}", statement(1));

    let mut transaction = Transaction::default();
    transaction.withdraw(1, 30);
    println!("before the commit: {}", statement(1));
    drop(transaction);
    println!("after a rollback: {}", statement(1));

    let mut transaction = Transaction::default();
    transaction.withdraw(1, 30);
    transaction.commit()?;
    println!("after a commit: {}", statement(1));
    Ok(())
}
