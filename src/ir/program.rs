//! A program: its graph, and what it declares about its inputs and outputs.

use super::{Graph, Node, SOpId};
use crate::source::Span;
use crate::value::{Number, Value};
use std::sync::Arc;

/// A program, ready to be run, analysed and compiled.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub graph: Graph,
    /// The input columns; [`super::Op::Input`] counts in them. At least one.
    pub columns: Vec<Column>,
    /// The declared lengths of the input, if there are any.
    pub lengths: Option<Lengths>,
    /// Whether position i sees positions 0..=i only.
    pub causal: bool,
    /// Boolean s-ops that are true at every position of every input that counts.
    pub assumptions: Vec<(SOpId, Span)>,
    pub outputs: Vec<Output>,
    pub examples: Vec<Example>,
    /// Why the examples were left out that do not fit what was said from outside.
    pub left_out: Vec<LeftOut>,
}

impl Program {
    /// The nodes that outputs and assumptions depend on, operands first.
    pub fn live(&self) -> Vec<Node> {
        let outputs = self.outputs.iter().map(|o| o.sop);
        let assumptions = self.assumptions.iter().map(|(sop, _)| *sop);
        self.graph.live(outputs.chain(assumptions).map(Node::SOp))
    }
}

/// One sequence of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: Arc<str>,
    /// The values that may occur, in the order of their declaration; none if undeclared.
    pub domain: Option<Vec<Value>>,
    pub span: Option<Span>,
}

impl Column {
    /// The characters of a word; where the domain has numbers, digits stand for numbers.
    pub fn characters(&self, word: &str) -> Vec<Value> {
        let value = |c: char| {
            let character = Value::Str(c.to_string().into());
            let digit = Number::parse(&c.to_string()).map(Value::Number);
            match (&self.domain, digit) {
                (Some(domain), Some(digit)) if !domain.contains(&character) && domain.contains(&digit) => {
                    digit
                }
                _ => character,
            }
        };
        word.chars().map(value).collect()
    }
}

/// The lengths that an input may have, both ends included; `1 <= min <= max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    pub min: usize,
    pub max: usize,
}

/// An s-op that the program is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: Arc<str>,
    pub sop: SOpId,
    pub span: Span,
}

/// What was said from outside that leaves an example no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The outputs are others.
    Outputs,
    /// Its length is none of those.
    Lengths,
    /// A value is in no domain.
    Domains,
}

/// An input with the outputs that the program says it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// One list per column.
    pub inputs: Vec<Vec<Value>>,
    /// One list per output.
    pub expected: Vec<Vec<Value>>,
    pub span: Span,
}
