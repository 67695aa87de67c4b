//! What the environment comes to: the effective configuration, or every problem of a bad one.
//!
//! ```text
//! cargo run --example env_config
//! CACHEKIT_DEFAULT_TTL=soon CACHEKIT_MEMCACHED_TIMOUT=1 cargo run --example env_config
//! ```
//!
//! It ends with 1 when something is wrong.

use std::process::ExitCode;

use cachekit::{Deployment, variables};

fn main() -> ExitCode {
    match Deployment::from_env() {
        Ok(deployment) => {
            println!("{deployment:#?}\n");
            for variable in variables() {
                println!("{:<40} default: {}", variable.name, variable.default);
            }
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::FAILURE
        }
    }
}
