//! One file an entry, in a directory that processes share
