//! The file backend on real directories.

mod bookkeeping;
mod books;
mod calls;
mod caps;
mod chance;
mod child;
mod churn;
mod conformance;
mod crash;
mod damage;
mod described;
mod directory;
mod disk;
mod permissions;
mod planted;
mod power_loss;
mod processes;
mod replaced;
mod scratch;
mod sharing;
