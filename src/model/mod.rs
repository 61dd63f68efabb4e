//! The transformer that every compiled program, and every trained network, is a configuration of.

pub mod attention;
#[cfg(test)]
mod contract_tests;
