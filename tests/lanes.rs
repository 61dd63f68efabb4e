//! The program on many inputs side by side gives what the interpreter gives, faults included.

use crate::common::compiled::read;
use crate::common::random_program::programs;
use proptest::prelude::*;
use raspc::inputs::Inputs;
use raspc::interp::Interpreter;
use raspc::ir::Program;
use raspc::verify::lanes::{Many, State};
use std::cell::Cell;

/// Compares the two on the inputs of every length, the first `limit` and the last ones, and says
/// on how many; none if the program is refused.
fn compare(program: &Program, limit: u128) -> Option<usize> {
    let interpreter = Interpreter::new(program);
    let inputs = Inputs::new(program, &interpreter, Vec::new()).unwrap();
    let mut many = Many::new(program)?;
    let mut compared = 0;
    for n in inputs.lengths() {
        let size = many.block_size(n) as u128;
        let blocks = inputs.count_of(n) / size;
        let shown = limit.div_ceil(size);
        for number in (0..blocks).filter(|b| *b < shown || b + 3 > blocks) {
            let block = many.block(n, number)?;
            assert_eq!(block.states().len() as u128, size);
            for lane in 0..block.states().len() {
                let input = inputs.numbered(n, number * size + lane as u128);
                let expected = match interpreter.outputs(&input) {
                    _ if !inputs.admits(&input) => Err(State::LeftOut),
                    Err(_) => Err(State::Fails),
                    Ok(outputs) => Ok(outputs),
                };
                let found = match block.states()[lane] {
                    State::HasValue => Ok(block.outputs(lane)),
                    state => Err(state),
                };
                assert_eq!(found, expected, "{input:?}");
                compared += 1;
            }
        }
    }
    Some(compared)
}

#[test]
fn random_programs_mean_the_same_on_many_inputs() {
    let (taken, all) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let test = |program: Program| {
        all.set(all.get() + 1);
        taken.set(taken.get() + usize::from(compare(&program, 40).is_some()));
        Ok(())
    };
    runner.run(&programs(14, 6), test).unwrap();
    assert!(
        taken.get() * 10 > all.get() * 9,
        "{} of {} programs are refused",
        all.get() - taken.get(),
        all.get()
    );
}

#[test]
fn programs_that_are_hard_in_their_way() {
    let compare = |text: &str| compare(&read(text).0, 5_000).unwrap_or_else(|| panic!("refused: {text}"));
    // Blocks in the middle of a length, in two columns.
    let two = "input a : 0..3; input b : {\"x\", \"y\"}; length 1..6; output aggregate(select(b, b, ==), a);";
    assert!(compare(two) > 5_000);
    // Denominators that turn up late, means of means, faults on some inputs.
    compare(
        "input tokens : 0..4; length 1..6; m = aggregate(select(tokens, tokens, <=), tokens); \
         output aggregate(select(m, m, >=), m); output 1 / (m - 2);",
    );
    // Ranks of values that turn up late.
    compare("input tokens : {5, -1, 1/2}; length 1..7; output sort(tokens, -tokens * tokens);");
    compare("input tokens : {True, 1, 0}; length 1..6; output histogram(tokens);");
    // Selected strings, in turn one and several.
    compare(
        "input tokens : {\"a\", 2}; length 1..6; output aggregate(select(tokens, 2, !=), tokens, \"none\");",
    );
    compare(
        "input tokens : 0..3; length 1..7; attention causal; assume distinct(tokens); \
         output aggregate(select(indices, indices - 1, ==), tokens, 9);",
    );
}

/// 4,000 values of a position: blocks of one input.
#[test]
fn large_domains_have_small_blocks() {
    let (program, _) = read("input tokens : 1..4000; length 1..2; output histogram(tokens);");
    assert_eq!(Many::new(&program).unwrap().block_size(2), 1);
    assert!(compare(&program, 100).is_some());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (program, _) = read("input tokens : 0..1; length 65..65; output histogram(tokens);");
    assert!(Many::new(&program).unwrap().block(65, 0).is_none());
}
