//! Every system call that the backend makes fails in every operation, in every way that a file
//! system has: no wrong value comes of it, nothing else is lost, and all is well as soon as the calls
//! succeed again.
//!
//! The kernel makes the calls of a thread fail by a filter that is never taken off again. So each
//! operation has a thread of its own, and what came of it is looked at by another.
//!
//! ```sh
//! CACHEKIT_TEST_FAULTS=5 cargo test --package cachekit-file --test file faults
//! ```

mod calls;
mod operations;

use std::thread;

use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::SyncMode;

use crate::child::{self, not_run};
use calls::{CALLS, Call, NEWER, fail};
use operations::{CLEAR, OPERATIONS, Operation, Ready, State};

/// In how many ways each call fails in each operation, unless `CACHEKIT_TEST_FAULTS` says so: one
/// after the other, so that all come up for each call and for each operation.
const FAULTS: u64 = 1;

/// What a call fails with, and how that is told.
const FAILURES: [(i32, ErrorKind); 5] = [
    (libc::ESTALE, ErrorKind::Unavailable),
    (libc::EIO, ErrorKind::Unavailable),
    (libc::ENOSPC, ErrorKind::Rejected),
    (libc::EACCES, ErrorKind::Rejected),
    (libc::EMFILE, ErrorKind::Overloaded),
];

/// Whether the kernel makes calls fail at all.
fn can_fail() -> bool {
    let reason = thread::spawn(|| fail(&CALLS[0], libc::EIO).err())
        .join()
        .unwrap();
    if let Some(reason) = &reason {
        not_run("system calls that fail on demand", &reason.to_string());
    }
    reason.is_none()
}

/// Runs `operation` while `call` fails with `errno`.
fn faulted(ready: &Ready, operation: &Operation, call: &Call, errno: i32) -> Result<()> {
    thread::scope(|threads| {
        let run = || {
            fail(call, errno).expect("the kernel has filters");
            (operation.run)(ready)
        };
        let run = threads.spawn(run).join();
        run.unwrap_or_else(|_| panic!("{} while {} fails with {errno}", operation.name, call.name))
    })
}

/// What has to hold of a directory in which `operation` came to `result` while calls failed as `kind`.
fn check(ready: &Ready, operation: &Operation, result: Result<()>, kind: ErrorKind) {
    let state = ready.state();
    match result.map_err(|error| error.kind()) {
        // Ambiguous: it is done, but perhaps not for a loss of power.
        Ok(()) | Err(ErrorKind::Ambiguous) => assert_eq!(state, operation.turns),
        Err(told) => {
            assert_eq!(told, kind);
            assert!([State::Old, operation.turns].contains(&state), "{state:?}");
        }
    }
    if operation.name != CLEAR {
        ready.keeps_others();
    }
    ready.is_well();
}

#[test]
fn whatever_call_fails_in_whatever_operation_no_value_is_wrong_and_all_heals() {
    if !can_fail() {
        return;
    }
    let at_once = child::number("CACHEKIT_TEST_FAULTS").unwrap_or(FAULTS);
    let mut failures = FAILURES.iter().cycle();
    let mut failed = 0;
    for call in CALLS {
        let sync = if call.syncs() {
            SyncMode::Full
        } else {
            SyncMode::None
        };
        for operation in OPERATIONS {
            for _ in 0..at_once {
                let (errno, kind) = failures.next().expect("they go round");
                let ready = Ready::new(sync);
                let result = faulted(&ready, operation, call, *errno);
                println!(
                    "{}, {} fails with {errno}: {result:?}",
                    operation.name, call.name
                );
                failed += u64::from(result.is_err());
                check(&ready, operation, result, *kind);
            }
        }
    }
    println!("{failed} operations failed");
    assert!(failed > 100, "{failed}");
}

#[test]
fn what_a_system_does_not_have_is_done_without() {
    if !can_fail() {
        return;
    }
    for (call, errno) in &NEWER {
        for operation in OPERATIONS {
            let ready = Ready::new(SyncMode::None);
            faulted(&ready, operation, call, *errno).unwrap();
            assert_eq!(ready.state(), operation.turns, "{}", operation.name);
            ready.is_well();
        }
    }
}
