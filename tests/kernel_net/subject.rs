//! Random programs with a network, all their inputs, and what they mean on each.

use super::forward::{ORDERS, Order, Plain, Rows, means};
use crate::common::compiled::Compiled;
use crate::common::faults::meaning;
use crate::common::random_program::mixed_programs;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use raspc::inputs::{Columns, Inputs, columns_text};
use raspc::interp::Interpreter;
use raspc::ir::{Column, Lengths, Node, Program, SelectorOp, print};
use raspc::model::{Artifact, Certificate, Decode, OutputConfig, OutputShown};
use raspc::plan::Knobs;
use raspc::source::Sources;
use raspc::value::{Number, Value};
use std::collections::{BTreeSet, HashSet};
use std::fmt;

/// Programs have no more inputs, so that all can be run again and again.
const MAX_INPUTS: u128 = 150;

/// Networks have no more weights.
const MAX_WEIGHTS: usize = 8_000;

/// A program and a network that computes it.
pub struct Subject {
    pub program: Program,
    pub artifact: Artifact,
    /// Every input on which the program has a value, and its outputs there.
    pub meaning: Vec<(Columns, Vec<Vec<Value>>)>,
    /// How far a number may be off that is not read by a list: the bound that the compiler gives.
    within: Vec<Number>,
    /// On so many inputs it has none.
    failing: usize,
    sources: Sources,
}

/// An input on which a network is wrong.
pub struct Wrong {
    input: Columns,
    expected: Vec<Vec<Value>>,
    logits: Vec<Rows>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, expected) = (columns_text(&self.input), columns_text(&self.expected));
        write!(f, "on {input}: {expected} are expected, the logits are {:?}", self.logits)
    }
}

/// So many programs: three ways to compile take turns.
pub fn subjects(n: usize) -> Vec<Subject> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Cases::default(), rng);
    let strategy = mixed_programs(24, 4);
    let mut random = std::iter::repeat_with(|| strategy.new_tree(&mut runner).unwrap().current());
    let ways = [
        Knobs::DEFAULT,
        Knobs { optimise: false, ..Knobs::DEFAULT },
        Knobs { sharpness: Some(16), ..Knobs::DEFAULT },
    ];
    let mut found = Vec::new();
    while found.len() < n {
        let way = ways[[0, 1, 0, 2][found.len() % 4]];
        found.extend(random.next().and_then(|program| Subject::new(program, way)));
    }
    found
}

impl Subject {
    /// None for programs without a network, with the same outputs on all inputs, or with too many inputs.
    fn new(mut program: Program, knobs: Knobs) -> Option<Self> {
        let Lengths { min, max } = program.lengths?;
        let few = |max: &usize| {
            let mut shorter = program.clone();
            shorter.lengths = Some(Lengths { min, max: *max });
            let interpreter = Interpreter::new(&shorter);
            Inputs::new(&shorter, &interpreter, Vec::new()).is_some_and(|all| all.count() <= MAX_INPUTS)
        };
        let max = (min..=max).rev().find(few)?;
        program.lengths = Some(Lengths { min, max });
        let mut sources = Sources::default();
        sources.add("random", "");
        let compiled = Compiled::with(program, sources, knobs).ok()?;
        let meaning = meaning(&compiled);
        let varies = |o: usize| {
            let mut values = meaning.iter().flat_map(|(_, outputs)| &outputs[o]);
            values.next().is_some_and(|first| values.any(|other| other != first))
        };
        let interpreter = Interpreter::new(&compiled.program);
        let inputs = Inputs::new(&compiled.program, &interpreter, Vec::new())?;
        let failing = inputs.all().count() - meaning.len();
        let outputs = compiled.program.outputs.len();
        if !(0..outputs).any(varies) || compiled.artifact.weights.n_params() > MAX_WEIGHTS {
            return None;
        }
        let bound = |decode: &Decode| decode.bound().cloned().unwrap_or(Number::ZERO);
        let within = compiled.artifact.manifest.config.outputs.iter().map(|o| bound(&o.decode)).collect();
        let Compiled { program, artifact, sources, .. } = compiled;
        Some(Self { program, artifact, meaning, within, failing, sources })
    }

    /// How far off numbers may be: what a proof says, or else the compiler.
    pub fn within(&self, proof: Option<&Certificate>) -> Vec<Number> {
        let all = 0..self.within.len();
        proof.map_or(self.within.clone(), |proof| all.map(|o| self.claimed(proof, o)).collect())
    }

    /// The first input on which a network does not give the program's outputs, numbers within so much. What is
    /// called proved must be right in every order of summation.
    pub fn wrong(&self, artifact: &Artifact, within: &[Number], proved: bool) -> Option<Wrong> {
        let orders = if proved { &ORDERS[..] } else { &ORDERS[..1] };
        orders.iter().find_map(|order| self.wrong_in(artifact, within, *order))
    }

    /// How far off a number may be by a proof.
    fn claimed(&self, proof: &Certificate, output: usize) -> Number {
        let name = &*self.program.outputs[output].name;
        let shown = proof.outputs.iter().find(|shown| shown.name == name);
        shown.map_or(Number::ZERO, |shown| shown.within.clone())
    }

    /// An output of which a proof says that its values lie further apart than they do.
    pub fn overstated(&self, proof: &Certificate) -> Option<String> {
        let narrower = |shown: &&OutputShown| {
            let o = self.program.outputs.iter().position(|o| *o.name == shown.name);
            let Some((o, gap)) = o.zip(shown.gap.as_ref()) else { return false };
            let values = self.meaning.iter().flat_map(|(_, outputs)| &outputs[o]).filter_map(Value::number);
            let values: BTreeSet<Number> = values.collect();
            values.iter().zip(values.iter().skip(1)).any(|(a, b)| b.sub(a).unwrap() < *gap)
        };
        proof.outputs.iter().find(narrower).map(|shown| shown.name.clone())
    }

    fn wrong_in(&self, artifact: &Artifact, within: &[Number], order: Order) -> Option<Wrong> {
        let config = &artifact.manifest.config;
        // Columns and outputs mean something by their place and name.
        let names = self.program.columns.iter().map(|c| &*c.name).eq(config.columns.iter().map(|c| &*c.name))
            && self.program.outputs.iter().map(|o| &*o.name).eq(config.outputs.iter().map(|o| &*o.name));
        let plain = Plain::new(config, &artifact.weights).filter(|_| names);
        self.meaning.iter().find_map(|(input, expected)| {
            let logits = plain.as_ref().and_then(|plain| plain.logits(input, order)).unwrap_or_default();
            let right = |o: usize| {
                let (rows, decode) = (&logits[o], &config.outputs[o].decode);
                let mut pairs = rows.iter().zip(&expected[o]);
                pairs.all(|(row, value)| means(decode, row, value, &within[o]))
            };
            let right = !logits.is_empty() && (0..expected.len()).all(right);
            (!right).then(|| Wrong { input: input.clone(), expected: expected.clone(), logits })
        })
    }

    /// What kinds of programs there are, and whether this is one.
    pub fn kinds(&self) -> [(&'static str, bool); 12] {
        let Self { program, artifact, .. } = self;
        let graph = &program.graph;
        let live = program.live();
        let selector = |is: fn(&SelectorOp) -> bool| {
            live.iter().any(|node| matches!(node, Node::Selector(id) if is(&graph[*id].op)))
        };
        let types = |values: &Vec<Value>| values.iter().map(Value::kind).collect::<HashSet<_>>().len();
        let mixed = |c: &Column| c.domain.as_ref().is_some_and(|domain| types(domain) > 1);
        let config = &artifact.manifest.config;
        let bounded =
            |o: &OutputConfig| matches!(&o.decode, Decode::Numeric { bound, .. } if !bound.is_zero());
        [
            ("types mixed in a domain", program.columns.iter().any(mixed)),
            ("several columns", program.columns.len() > 1),
            ("several outputs", program.outputs.len() > 1),
            ("causal", program.causal),
            ("an assumption", !program.assumptions.is_empty()),
            ("fails on an input", self.failing > 0),
            ("length 2 or more", program.lengths.is_some_and(|l| l.min > 1)),
            ("BOS", config.bos),
            ("numbers within a bound", config.outputs.iter().any(bounded)),
            ("`or` of selectors", selector(|op| matches!(op, SelectorOp::Or(..)))),
            ("`and` of selectors", selector(|op| matches!(op, SelectorOp::And(..)))),
            ("`not` of a selector", selector(|op| matches!(op, SelectorOp::Not(_)))),
        ]
    }

    pub fn text(&self) -> String {
        print(&self.program, &self.sources)
    }
}
