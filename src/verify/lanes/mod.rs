//! The program on many inputs side by side: what [`crate::interp`] gives, some hundred times as fast.
//!
//! The inputs of one length are counted in the order of [`Inputs`](crate::inputs::Inputs), and a
//! block of them agrees on all but the last positions. What the program computes at a position, and
//! for a selector at a query and a key, is a cell:
//!
//! - A cell that only the first positions change is computed once for the block.
//! - A cell that only the last positions change is computed once for all blocks.
//! - From block to block, cells are kept that read no position that has changed. In a causal program
//!   that is what prefixes share.
//! - The rest has one 16-bit number for each input of the block, and the compiler makes one
//!   instruction of several.
//!
//! Values are numbers by which tables are looked up ([`codes`]), and tables are filled by
//! [`crate::value`], so that every operation means what it means there. Too many values, mixed types
//! in an order, or very long inputs are refused; whoever asks then has the interpreter.

mod codes;
mod run;
mod tape;

use crate::ir::Program;
use crate::value::Value;
use codes::{Code, Codes, Halt, NONE};
use run::Lanes;
use tape::{Cell, Shared, Tape};

/// A program that is run on many inputs.
pub struct Many<'p> {
    program: &'p Program,
    shared: Shared,
    /// The codes of each column's domain.
    domains: Vec<Vec<Code>>,
    length: Option<Length>,
    states: Vec<State>,
}

/// A program at one length.
struct Length {
    n: usize,
    tape: Tape,
    lanes: Lanes,
    /// How many values each digit of the prefix has.
    prefix: Vec<usize>,
    /// The column of each.
    columns: Vec<usize>,
}

/// What is known of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It breaks an assumption.
    LeftOut,
    /// The program fails on it.
    Fails,
    HasValue,
}

/// Inputs of a block, at most: so many that one step is worth its overhead, and so few that what
/// the steps hand on stays in the cache.
const MAX_LANES: usize = 512;

impl<'p> Many<'p> {
    /// None if a domain or the lengths are not declared, or if there are too many values.
    pub fn new(program: &'p Program) -> Option<Self> {
        let mut codes = Codes::new(program.lengths?.max.min(u64::BITS as usize)).ok()?;
        let mut domains = Vec::with_capacity(program.columns.len());
        for column in &program.columns {
            let domain = column.domain.as_ref().filter(|domain| !domain.is_empty())?;
            domains.push(domain.iter().map(|v| codes.of(v.clone())).collect::<Result<_, _>>().ok()?);
        }
        Some(Self { program, shared: Shared::new(codes), domains, length: None, states: Vec::new() })
    }

    /// How many inputs of length `n` a block has.
    pub fn block_size(&self, n: usize) -> usize {
        self.suffix(n).1
    }

    /// How many digits differ within a block, and how many inputs that are.
    fn suffix(&self, n: usize) -> (usize, usize) {
        let sizes = self.domains.iter().rev().flat_map(|d| std::iter::repeat_n(d.len(), n));
        let mut suffix = (0, 1);
        for size in sizes {
            match suffix.1 * size {
                more if more <= MAX_LANES => suffix = (suffix.0 + 1, more),
                _ => break,
            }
        }
        suffix
    }

    /// A block of the inputs of length `n`; none if it is refused.
    pub fn block(&mut self, n: usize, number: u128) -> Option<Block<'_>> {
        if self.length.as_ref().is_none_or(|length| length.n != n) {
            self.length = Some(self.of_length(n).ok()?);
        }
        let Self { shared, domains, length, states, .. } = self;
        let Length { tape, lanes, prefix, columns, .. } = length.as_mut()?;
        let mut rest = number;
        let mut digits: Vec<Code> = vec![NONE; prefix.len()];
        for (i, &size) in prefix.iter().enumerate().rev() {
            digits[i] = domains[columns[i]][(rest % size as u128) as usize];
            rest /= size as u128;
        }
        lanes.run(tape, shared, &digits).ok()?;
        set_states(states, tape, lanes, &shared.codes);
        Some(Block { states, tape, lanes, codes: &shared.codes })
    }

    fn of_length(&mut self, n: usize) -> Result<Length, Halt> {
        let columns: Vec<usize> = (0..self.domains.len()).flat_map(|c| std::iter::repeat_n(c, n)).collect();
        let domains: Vec<&[Code]> = columns.iter().map(|c| &*self.domains[*c]).collect();
        let n_suffix = self.suffix(n).0;
        let tape = Tape::new(self.program, n, columns.len() - n_suffix, &mut self.shared)?;
        let lanes = Lanes::new(&tape, &domains, n_suffix);
        let prefix = domains[..domains.len() - n_suffix].iter().map(|d| d.len()).collect();
        Ok(Length { n, tape, lanes, prefix, columns })
    }
}

fn set_states(states: &mut Vec<State>, tape: &Tape, lanes: &Lanes, codes: &Codes) {
    states.clear();
    states.resize(lanes.n_lanes, State::HasValue);
    let mut mark = |cells: &[Cell], wrong: &dyn Fn(Code) -> bool, as_what| {
        for cell in cells {
            match lanes.of(cell) {
                [code] => {
                    if wrong(*code) {
                        states.fill(as_what);
                    }
                }
                codes => {
                    let found = states.iter_mut().zip(codes).filter(|(_, code)| wrong(**code));
                    found.for_each(|(state, _)| *state = as_what);
                }
            }
        }
    };
    let [outputs, assumptions] = &tape.may_fail;
    if codes.faults {
        mark(outputs, &|code| code == NONE, State::Fails);
        mark(assumptions, &|code| code == NONE, State::LeftOut);
    }
    mark(&tape.assumed, &|code| !codes.truth(code), State::LeftOut);
}

/// The program on the inputs of a block.
pub struct Block<'a> {
    states: &'a [State],
    tape: &'a Tape,
    lanes: &'a Lanes,
    codes: &'a Codes,
}

impl Block<'_> {
    /// Of each input, in order.
    pub fn states(&self) -> &[State] {
        self.states
    }

    /// The outputs on one input that has a value.
    pub fn outputs(&self, lane: usize) -> Vec<Vec<Value>> {
        let value = |cell: &Cell| {
            let code = match self.lanes.of(cell) {
                [code] => *code,
                codes => codes[lane],
            };
            self.codes.value(code).cloned()
        };
        self.tape.outputs.iter().map(|cells| cells.iter().filter_map(value).collect()).collect()
    }
}
