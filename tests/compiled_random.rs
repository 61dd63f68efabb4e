//! Do the weights of random programs compute what the programs mean, and hold what their plans say?

use crate::common::arrangement::Network;
use crate::common::random_program::{operation_names, operations_of, programs};
use candle_core::{DType, Device};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestError, TestRng, TestRunner};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use raspc::facts;
use raspc::inputs::{Columns, Inputs};
use raspc::interp::Interpreter;
use raspc::ir::{Node, Program};
use raspc::model::{Config, Transformer};
use raspc::plan::{self, Knobs};
use raspc::verify::{self, Effort, Verdict};
use raspc::weights;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Inputs that run side by side.
const BATCH: usize = 64;

/// Other ways to compile: straightforwardly, and with attention that leaks in layers of one shape.
const OTHERS: [(&str, Knobs); 2] = [
    ("not optimised", Knobs { optimise: false, ..Knobs::DEFAULT }),
    ("soft and uniform", Knobs { sharpness: Some(16), uniform: true, ..Knobs::DEFAULT }),
];

/// Compiles a program in every way, and compares all networks with the interpreter, and with
/// themselves rearranged. Says on how many inputs, or that it does not compile.
fn check(program: &Program) -> Result<Outcome, String> {
    for (name, knobs) in OTHERS {
        check_with(program, knobs).map_err(|wrong| format!("{name}: {wrong}"))?;
    }
    check_with(program, Knobs::default())
}

fn check_with(program: &Program, knobs: Knobs) -> Result<Outcome, String> {
    let facts = facts::analyse(program);
    let plan = match plan::plan(program, &facts, knobs) {
        Ok(plan) => plan,
        Err(errors) => return Ok(Outcome::Refused(plan::describe(program, &errors[0]).code)),
    };
    let weights = weights::build(&plan);
    let config = Config::of(&plan, &weights);
    let model = Transformer::new(config.clone(), &weights, &Device::Cpu, DType::F32).unwrap();
    let effort = Effort { all_up_to: 100, samples: 100, seed: 3 };
    let compared = match verify::compare(program, &facts, &model, effort, &mut |_| true) {
        Ok(Verdict::Enumerated { inputs, .. } | Verdict::Tested { inputs, .. }) => inputs,
        Ok(Verdict::Undecided { .. }) => 0,
        Ok(Verdict::Refuted(disagreement)) => return Err(format!("{disagreement:?}")),
        Err(error) => return Err(error.to_string()),
    };
    let network = Network { program, plan: &plan, config: &config, weights: &weights };
    network.check(&inputs(program, BATCH))?;
    Ok(Outcome::Compared(compared))
}

enum Outcome {
    Refused(&'static str),
    Compared(usize),
}

/// Inputs on which a program has a value.
fn inputs(program: &Program, most: usize) -> Vec<Columns> {
    let interpreter = Interpreter::new(program);
    let Some(inputs) = Inputs::new(program, &interpreter, Vec::new()) else { return Vec::new() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let all = inputs.count() <= 4 * most as u128;
    let mut some: Vec<Columns> = match all {
        true => inputs.all().collect(),
        false => (0..most).filter_map(|_| inputs.sample(&mut rng)).collect(),
    };
    some.retain(|input| interpreter.outputs(input).is_ok());
    some.shuffle(&mut rng);
    some.truncate(most);
    some
}

/// A program that has no source, line by line.
fn lines(program: &Program) -> String {
    let graph = &program.graph;
    let line = |node: &Node| match *node {
        Node::SOp(id) => format!("{id:?} = {:?}\n", graph[id].op),
        Node::Selector(id) => format!("{id:?} = {:?}\n", graph[id].op),
    };
    let domains = program.columns.iter().map(|c| format!("{:?}\n", c.domain));
    let outputs: Vec<_> = program.outputs.iter().map(|o| o.sop).collect();
    let ends = format!("{:?}, outputs {outputs:?}, causal {}", program.lengths, program.causal);
    domains.chain(graph.order().iter().map(line)).chain([ends]).collect()
}

#[derive(Default)]
struct Coverage {
    programs: usize,
    compiled: usize,
    inputs: usize,
    operations: BTreeMap<String, usize>,
    refused: BTreeMap<&'static str, usize>,
}

fn test_cases(default: u32) -> u32 {
    std::env::var("RASPC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn weights_compute_what_random_programs_mean() {
    let coverage = RefCell::new(Coverage::default());
    let config = Cases { cases: test_cases(250), failure_persistence: None, ..Cases::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, rng).run(&programs(24, 12), |program| {
        let outcome = check(&program).map_err(TestCaseError::fail)?;
        let mut coverage = coverage.borrow_mut();
        coverage.programs += 1;
        match outcome {
            Outcome::Refused(code) => *coverage.refused.entry(code).or_default() += 1,
            Outcome::Compared(inputs) => {
                coverage.inputs += inputs;
                coverage.compiled += 1;
                for name in operations_of(&program) {
                    *coverage.operations.entry(name).or_default() += 1;
                }
            }
        }
        Ok(())
    });
    let Coverage { programs, compiled, inputs, operations, refused } = coverage.into_inner();
    if let Err(error) = outcome {
        match error {
            TestError::Fail(reason, program) => panic!("{reason}\n{}", lines(&program)),
            TestError::Abort(reason) => panic!("{reason}"),
        }
    }
    println!("{compiled} of {programs} programs compile, {inputs} inputs; refused: {refused:?}");
    let mut rare = Vec::new();
    for name in operation_names() {
        let count = operations.get(&name).copied().unwrap_or_default();
        println!("{name:16} {:5.1} %", 100.0 * count as f64 / compiled as f64);
        if count * 20 < compiled {
            rare.push(name);
        }
    }
    assert!(rare.is_empty(), "too few programs have {rare:?}");
    assert!(compiled * 10 >= programs * 6, "too few programs compile");
}
