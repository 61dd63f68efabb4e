//! Inputs in batches, and what the program says of them.

use super::failure::Counts;
use super::lanes::{Many, State};
use crate::inputs::{Columns, Inputs};
use crate::interp::Interpreter;
use crate::ir::Program;
use crate::value::Value;
use std::ops::Range;

/// Inputs that are run together.
pub(super) enum Batch {
    Listed(Vec<Columns>),
    /// Those of length `n` with these numbers; see [`Inputs::numbered`].
    Numbered {
        n: usize,
        numbers: Range<u128>,
    },
}

impl Batch {
    /// How many inputs there are, before assumptions narrow them.
    pub(super) fn len(&self) -> u128 {
        match self {
            Self::Listed(inputs) => inputs.len() as u128,
            Self::Numbered { numbers, .. } => numbers.end - numbers.start,
        }
    }
}

/// Every input from the one that has so many before it, in batches of about `size`. Batches of a
/// length are whole blocks of [`Many`], so that none is computed twice.
pub(super) fn batches<'a>(
    program: &'a Program,
    inputs: &'a Inputs<'a>,
    from: u128,
    size: usize,
) -> impl Iterator<Item = Batch> + Send + 'a {
    let many = Many::new(program);
    let mut skipped = 0;
    let of_length = move |n: usize| {
        let all = inputs.count_of(n);
        let first = from.saturating_sub(skipped).min(all);
        skipped = skipped.saturating_add(all);
        let block = many.as_ref().map_or(1, |many| many.block_size(n));
        let step = (size.div_ceil(block).max(1) * block) as u128;
        let mut next = first;
        std::iter::from_fn(move || {
            let start = next;
            next = all.min((start / step + 1) * step);
            (start < all).then_some(Batch::Numbered { n, numbers: start..next })
        })
    };
    inputs.lengths().flat_map(of_length)
}

/// What a program says of inputs: by [`Many`] where it can, else by the interpreter.
pub(super) struct Meaning<'a> {
    interpreter: &'a Interpreter<'a>,
    inputs: &'a Inputs<'a>,
    many: Option<Many<'a>>,
}

/// The inputs of a batch that the program has a value on, and how many it fails on.
#[derive(Default)]
pub(super) struct Meant {
    pub(super) outputs: Vec<(Columns, Vec<Vec<Value>>)>,
    pub(super) failing: usize,
}

impl<'a> Meaning<'a> {
    pub(super) fn new(
        program: &'a Program,
        interpreter: &'a Interpreter<'a>,
        inputs: &'a Inputs<'a>,
    ) -> Self {
        Self { interpreter, inputs, many: Many::new(program) }
    }

    pub(super) fn of(&mut self, batch: Batch) -> Meant {
        let mut meant = Meant::default();
        match batch {
            Batch::Listed(inputs) => inputs.into_iter().for_each(|input| self.one(input, &mut meant)),
            Batch::Numbered { n, numbers } => {
                self.each(n, numbers, |inputs, number, known| match known {
                    Known::Value(outputs) => meant.outputs.push((inputs.numbered(n, number), outputs())),
                    Known::Fails => meant.failing += 1,
                    Known::LeftOut => {}
                });
            }
        }
        meant
    }

    fn one(&self, input: Columns, meant: &mut Meant) {
        if self.inputs.admits(&input) {
            match self.interpreter.outputs(&input) {
                Ok(outputs) => meant.outputs.push((input, outputs)),
                Err(_) => meant.failing += 1,
            }
        }
    }

    /// The first of these inputs on which the program fails, and on how many it does.
    pub(super) fn count(&mut self, n: usize, numbers: Range<u128>) -> (Option<Columns>, Counts) {
        let (mut found, mut counts) = (None, Counts::default());
        self.each(n, numbers, |inputs, number, known| match known {
            Known::Fails => {
                found.get_or_insert_with(|| inputs.numbered(n, number));
                counts.failing += 1;
            }
            Known::Value(_) => counts.with_value += 1,
            Known::LeftOut => {}
        });
        (found, counts)
    }

    fn each(&mut self, n: usize, numbers: Range<u128>, mut tell: impl FnMut(&Inputs<'a>, u128, Known<'_>)) {
        let mut next = numbers.start;
        while next < numbers.end {
            let size = self.many.as_ref().map_or(1, |many| many.block_size(n)) as u128;
            let number = next / size;
            let Some(block) = self.many.as_mut().and_then(|many| many.block(n, number)) else {
                // What is refused once is not asked for again.
                self.many = None;
                let input = self.inputs.numbered(n, next);
                let mut meant = Meant::default();
                self.one(input, &mut meant);
                let outputs = meant.outputs.pop().map(|(_, outputs)| outputs);
                let value = || outputs.clone().unwrap_or_default();
                let known = match outputs {
                    Some(_) => Known::Value(&value),
                    None if meant.failing > 0 => Known::Fails,
                    None => Known::LeftOut,
                };
                tell(self.inputs, next, known);
                next += 1;
                continue;
            };
            let end = numbers.end.min((number + 1) * size);
            for at in next..end {
                let lane = (at - number * size) as usize;
                let outputs = || block.outputs(lane);
                tell(
                    self.inputs,
                    at,
                    match block.states()[lane] {
                        State::HasValue => Known::Value(&outputs),
                        State::Fails => Known::Fails,
                        State::LeftOut => Known::LeftOut,
                    },
                );
            }
            next = end;
        }
    }
}

/// What is known of an input.
enum Known<'a> {
    Value(&'a dyn Fn() -> Vec<Vec<Value>>),
    Fails,
    LeftOut,
}
