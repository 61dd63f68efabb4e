//! What can be said about all inputs: by facts, by enumeration, by tests.

mod batches;
mod certificate;
pub mod check;
mod classes;
mod compare;
mod examples;
mod failure;
pub mod lanes;
mod locate;
mod matching;
mod open;
mod seen;
mod shown;
mod undivided;
#[cfg(test)]
mod planted_tests;

pub use classes::prove_by_classes;
pub use compare::{
    CompareError, Disagreement, Done, Verdict, agrees, compare, compare_from, compare_on, runs_all,
};
pub use examples::{failure_report, no_inputs_report, no_outputs_report, no_value_warning, wrong_examples};
pub use failure::{CanFail, can_fail};
pub use locate::{FirstDifference, Row, first_difference, folded, node, rows};
pub use matching::belongs;

use crate::facts::Facts;
use crate::ir::{Op, Program};
use crate::model::Certificate;

/// What is known of a model and a program.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The weights compute the program on every declared input.
    Proved(Certificate),
    /// What comparing them showed; `open` is what kept them from being proved, if that was tried.
    Compared { verdict: Verdict, open: Option<check::Open> },
}

/// How much work an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Every input, if there are at most this many.
    pub all_up_to: u128,
    /// Otherwise this many random ones.
    pub samples: usize,
    pub seed: u64,
}

/// For each input column, whether its values differ at any two positions of every input.
pub fn distinct_columns(program: &Program, facts: &Facts) -> Vec<bool> {
    let graph = &program.graph;
    let injective = |column: usize| {
        let mut inputs = graph.sop_ids().filter(|&id| graph[id].op == Op::Input(column));
        inputs.any(|id| facts.injective(id).is_some())
    };
    (0..program.columns.len()).map(injective).collect()
}
