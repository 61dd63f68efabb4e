//! Folding s-ops into tables of bases, and selectors into atoms, keeps their meaning.

use super::lower::{Lower, simplify};
use super::view::View;
use super::{Base, Knobs, Partition};
use crate::facts::soundness_tests::some_inputs;
use crate::facts::{self, ValueSet};
use crate::interp::{Interpreter, Trace};
use crate::ir::{Node, SOpId, SelectorId};
use crate::random_program::programs;
use crate::value::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

/// The values of a base, in the order of its partitions; none if not all are listed.
fn values(lower: &mut Lower<'_>, base: Base) -> Option<Vec<Value>> {
    if let Some(view) = lower.tables.get(&base) {
        return Some(view.values());
    }
    if let Some(of) = lower.of_sums.get(&base) {
        return Some(of.values());
    }
    match base {
        Base::Column(column) => lower.program.columns[column].domain.clone(),
        Base::Index => Some((0..lower.lengths.max).map(|i| Value::Number(i.into())).collect()),
        Base::SOp(id) if matches!(lower.facts.values(id), ValueSet::Means(_)) => None,
        Base::SOp(id) => lower.attended_values(id).ok(),
        Base::Width(selector) => Some(lower.width_values(selector)),
        Base::Keys(_) | Base::Queries(_) => None,
    }
}

/// What the program gives a base at a position.
fn value(base: Base, trace: &Trace, input: &[Vec<Value>], position: usize) -> Option<Value> {
    match base {
        Base::Column(column) => input[column].get(position).cloned(),
        Base::Index => Some(Value::Number(position.into())),
        Base::SOp(id) => trace.sop(id)?.get(position).cloned(),
        Base::Width(selector) => Some(Value::Number(trace.selector(selector)?.width(position).into())),
        Base::Keys(_) | Base::Queries(_) => None,
    }
}

/// One run of a program that is looked at.
struct Run<'a> {
    trace: &'a Trace,
    input: &'a [Vec<Value>],
}

impl Run<'_> {
    /// The class at a position; the outer none if the base cannot be looked at.
    fn class(&self, lower: &mut Lower<'_>, partition: &Partition, position: usize) -> Option<Option<u32>> {
        let Some(base) = partition.base else { return Some(Some(0)) };
        let values = values(lower, base)?;
        let value = value(base, self.trace, self.input, position)?;
        Some(values.iter().position(|v| *v == value).and_then(|place| partition.class[place]))
    }

    fn cell(&self, lower: &mut Lower<'_>, view: &View, position: usize) -> Option<Option<Value>> {
        let mut cell = Some(0);
        for arg in &view.args {
            let class = self.class(lower, arg, position)?;
            cell = cell.zip(class).map(|(cell, class)| cell * arg.n_classes + class as usize);
        }
        Some(cell.and_then(|cell| view.cells[cell].clone()))
    }

    /// How many positions a view is right at.
    fn view(&self, lower: &mut Lower<'_>, id: SOpId) -> Result<usize, String> {
        let Ok(view) = lower.view(id).cloned() else { return Ok(0) };
        let mut right = 0;
        for position in 0..self.trace.n() {
            let expected = &self.trace.sop(id).ok_or("no value")?[position];
            match self.cell(lower, &view, position) {
                Some(found) if found.as_ref() != Some(expected) => {
                    return Err(format!("{expected} at {position} of {:?}, not {found:?}", self.input));
                }
                Some(_) => right += 1,
                None => {}
            }
        }
        Ok(right)
    }

    /// How many pairs of positions the atoms of a selector are right at.
    fn atoms(&self, lower: &mut Lower<'_>, id: SelectorId) -> Result<usize, String> {
        let (Ok(atoms), Some(matrix)) = (lower.atoms(id), self.trace.selector(id)) else { return Ok(0) };
        let mut right = 0;
        for (q, k) in (0..matrix.n()).flat_map(|q| (0..matrix.n()).map(move |k| (q, k))) {
            if lower.program.causal && k > q {
                continue;
            }
            let mut holds = Some(true);
            for atom in &atoms {
                let (query, key) = (self.class(lower, &atom.query, q), self.class(lower, &atom.key, k));
                let holds_here = query.flatten().zip(key.flatten());
                let holds_here = holds_here.map(|(query, key)| atom.at(query as usize, key as usize));
                holds = holds.zip(holds_here).map(|(all, this)| all && this);
            }
            match holds {
                Some(holds) if holds != matrix.get(q, k) => {
                    return Err(format!("{q} attends {k}: {} of {:?}", matrix.get(q, k), self.input));
                }
                Some(_) => right += 1,
                None => {}
            }
        }
        Ok(right)
    }
}

/// Looks at the simplified form of every node of random programs, on inputs on which they run.
#[test]
fn simplifying_keeps_the_meaning() {
    let cases = std::env::var("RASPC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (views, atoms) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&programs(12, 5), |program| {
        let facts = facts::analyse(&program);
        for optimise in [true, false] {
            let knobs = Knobs { optimise, ..Knobs::default() };
            let Ok(mut lower) = simplify(&program, &facts, knobs) else { return Ok(()) };
            let live = program.graph.live(program.outputs.iter().map(|o| Node::SOp(o.sop)));
            let interpreter = Interpreter::new(&program);
            for input in some_inputs(&program, 12) {
                let Ok(trace) = interpreter.trace(&input) else { continue };
                let run = Run { trace: &trace, input: &input };
                for &node in &live {
                    let (count, looked) = match node {
                        Node::SOp(id) => (&views, run.view(&mut lower, id)),
                        Node::Selector(id) => (&atoms, run.atoms(&mut lower, id)),
                    };
                    let looked = looked.map_err(|wrong| TestCaseError::fail(format!("{node:?}: {wrong}")))?;
                    count.set(count.get() + looked);
                }
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    println!("{} positions of s-ops, {} pairs of selectors", views.get(), atoms.get());
    assert!(views.get() > 100 * cases as usize && atoms.get() > 100 * cases as usize);
}
