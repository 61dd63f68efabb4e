//! All integration tests in one binary, so that the crate is linked once.

mod common;
mod fuzz;
mod compile;
mod precedence;
mod roundtrip;
mod tidy;
mod fixtures;
