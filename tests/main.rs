//! All integration tests in one binary, so that the crate is linked once.

mod common;
mod fuzz;
mod precedence;
mod recovery;
mod roundtrip;
mod ui;
