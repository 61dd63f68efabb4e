//! All integration tests in one binary, so that the crate is linked once.

mod common;
mod fmt;
mod precedence;
mod repl;
mod roundtrip;
mod tidy;
