//! What `#[cached]` does to a function, seen from outside: every kind of signature is cached, under
//! keys that tell calls apart, with the values and errors that the function itself gives.

mod companions;
mod context;
mod execution;
mod hygiene;
mod identity;
mod many;
mod methods;
mod options;
mod origin;
mod policy;
mod removes;
mod returned;
mod signatures;
mod stores;
mod threads;
