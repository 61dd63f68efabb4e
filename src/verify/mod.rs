//! What can be said about all inputs: by facts, by enumeration, by tests.

mod advice;
mod batches;
mod budget;
mod certificate;
pub mod check;
mod classes;
mod compare;
mod decide;
mod examples;
mod failure;
pub mod lanes;
mod locate;
mod matching;
mod open;
mod seen;
mod shown;
mod within;
#[cfg(test)]
mod planted_tests;

pub use classes::prove_by_classes;
pub use compare::{
    CompareError, Disagreement, Done, Verdict, agrees, compare, compare_from, compare_on, runs_all,
};
pub use decide::{Phase, Question};
pub use examples::{
    failure_report, no_inputs_report, no_outputs_report, no_outputs_warning, no_value_warning, without_value,
    wrong_examples,
};
pub use failure::{CanFail, Counts, can_fail};
pub use locate::{FirstDifference, Row, first_difference, folded, node, rows};
pub use matching::belongs;
pub use seen::Seen;
pub use within::Within;

use crate::facts::Facts;
use crate::ir::{Op, Program};
use crate::model::Certificate;

/// What is known of a model and a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub evidence: Evidence,
    /// What numbers are known up to; none if every output is exact.
    pub within: Option<Within>,
}

impl Answer {
    pub fn proved(certificate: Certificate) -> Self {
        Self { within: Within::of_certificate(&certificate), evidence: Evidence::Proved(certificate) }
    }

    /// A proof was not found, and no input was run.
    pub fn open(open: check::Open) -> Self {
        let verdict = Verdict::Undecided { failing: 0 };
        Self { within: None, evidence: Evidence::Compared { verdict, open: Some(open) } }
    }
}

/// How it is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// The weights compute the program on every declared input on which it has a value.
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

impl Default for Effort {
    fn default() -> Self {
        Self { all_up_to: 1_000_000, samples: 10_000, seed: 0 }
    }
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
