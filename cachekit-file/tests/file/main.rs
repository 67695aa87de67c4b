//! The file backend on real directories.

#[cfg(target_os = "linux")]
mod abandoned;
mod bookkeeping;
mod calls;
mod caps;
mod chance;
mod child;
mod churn;
mod clear;
mod collector;
mod conformance;
mod crash;
mod damage;
mod described;
mod directory;
mod disk;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod faults;
mod files;
mod leads;
mod lowered;
mod million;
mod permissions;
mod planted;
mod power_loss;
mod processes;
mod reading;
mod recycling;
mod replaced;
mod scratch;
mod sharing;
mod standing;
mod stopped;
mod verify;
#[cfg(target_os = "linux")]
mod warm;
