//! What no client can beat: sockets that do one thing, written for it.

pub(super) mod multi_get;
pub(super) mod one_by_one;
pub(super) mod pipelined;
pub(super) mod two_sockets;
