//! All integration tests in one binary, so that the crate is linked once.

mod common;
mod fmt;
mod fuzz;
mod precedence;
mod repl;
mod roundtrip;
mod tidy;
mod fixtures;
