//! All integration tests in one binary, so that the crate is linked once.

// A test that cannot read its own data has failed.
#![allow(clippy::unwrap_used)]

mod artifacts;
mod cli;
mod common;
mod compile;
mod compiled;
mod compiled_fixtures;
mod compiled_random;
mod curves;
mod data;
mod devices;
mod divided;
mod enumeration;
mod exactness;
mod experiments;
mod files;
mod fixtures;
mod fmt;
mod fuzz;
mod hostile;
mod inputs;
mod inspect;
mod json;
mod kernel_net;
mod knobs;
mod lanes;
mod language;
mod lengths;
mod library;
mod mutants;
mod names;
mod numpy;
mod parity;
mod patches;
mod planted;
mod precedence;
mod programs;
mod proof;
mod recovery;
mod references;
mod repl;
mod roundtrip;
mod runs;
mod seeds;
mod sizes;
mod strings;
mod tidy;
mod train;
mod ui;
mod verdicts;
mod verify;
mod vocabularies;
mod warnings;
