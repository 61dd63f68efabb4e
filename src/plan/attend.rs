//! What does a head do for an aggregate, or for a selector width?

use super::arithmetic::{add, div, gamma};
use super::lower::{Held, Lower, MAX_VALUES};
use super::mean::MeanError;
use super::{Atom, Base, Fact, Form, Partition, PlanError, ScoreColumn, Scoring};
use crate::facts::{Means, ValueSet};
use crate::ir::{Node, Op, Origin, SOpId, SelectorId};
use crate::value::{Elementwise, Number, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A head with one output.
pub(super) struct Attend {
    pub base: Base,
    pub selector: SelectorId,
    pub scoring: Scoring,
    pub columns: Vec<ScoreColumn>,
    pub bos: BosLevel,
    pub facts: Vec<Fact>,
    pub result: Attended,
}

/// How the BOS key scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BosLevel {
    /// Like a key that is not selected.
    Out,
    /// Between the two: it is attended to where nothing is selected.
    Half,
    /// Like a selected key.
    Selected,
}

pub(super) enum Attended {
    /// `columns[j]` is what the attended key hands on into the j-th slot of the code. `bound` is 0,
    /// or the code is cleaned before anyone reads it.
    Code {
        columns: Vec<Form>,
        /// The place of the default among the values.
        default: Option<usize>,
        held: Held,
        bound: Number,
    },
    Mean {
        number: Form,
        default: Option<Number>,
        error: MeanError,
        read: Steps,
    },
    Share {
        bound: Number,
        read: Steps,
    },
}

/// Which of the sorted values of a number are told apart: those before each cut from those after.
pub(super) struct Steps {
    pub values: Arc<[Value]>,
    pub cuts: Vec<usize>,
}

impl Steps {
    /// The number is read as it is.
    pub fn none() -> Self {
        Self { values: Arc::new([]), cuts: Vec::new() }
    }

    /// What these forms tell apart.
    pub fn of(values: Arc<[Value]>, forms: &BTreeSet<Form>) -> Self {
        Self { values, cuts: cuts(forms) }
    }
}

impl Lower<'_> {
    /// The values of what attention gives, sorted.
    pub(super) fn base_values(&mut self, base: Base) -> Result<Vec<Value>, PlanError> {
        match base {
            Base::SOp(id) => self.attended_values(id),
            Base::Width(selector) => Ok(self.width_values(selector)),
            Base::Column(_) | Base::Index | Base::Keys(_) | Base::Queries(_) => Ok(Vec::new()),
        }
    }

    /// Every width within the bounds of a selector.
    pub(super) fn width_values(&self, selector: SelectorId) -> Vec<Value> {
        let width = self.facts.width(selector);
        (width.min..=width.max.min(self.lengths.max)).map(|d| Value::Number(d.into())).collect()
    }

    /// The values of an aggregate or a selector width, sorted. Of a mean that is only compared with
    /// constants, those next to the constants are enough.
    pub(super) fn attended_values(&mut self, id: SOpId) -> Result<Vec<Value>, PlanError> {
        if let ValueSet::Means(means) = self.facts.values(id)
            && let Some(constants) = self.compared_with(id)
        {
            return Ok(next_to(means, &constants));
        }
        if let Some(values) = self.facts.values(id).members(MAX_VALUES) {
            return Ok(values);
        }
        match &self.program.graph[id].op {
            Op::Width { selector } => Ok(self.width_values(*selector)),
            Op::Aggregate { selector, value, default } if !self.is_mean(id)? => {
                let mut values = self.view(*value)?.values();
                if self.facts.width(*selector).min == 0 {
                    values.push(default.clone());
                }
                values.sort();
                values.dedup();
                Ok(values)
            }
            Op::Aggregate { .. } | Op::Input(_) | Op::Indices | Op::Const(_) | Op::Elementwise { .. } => {
                Err(PlanError::TooManyValues { at: self.origin(id), kinds: self.program.graph[id].kinds })
            }
        }
    }

    /// The constants that an s-op is compared with, if no other of its values is asked for.
    fn compared_with(&self, id: SOpId) -> Option<Vec<Number>> {
        let graph = &self.program.graph;
        // What reads a mean as an output reads it as a number.
        if self.program.outputs.iter().any(|o| o.sop == id) && !self.means.contains_key(&id) {
            return None;
        }
        let constant = |id: SOpId| match &graph[id].op {
            Op::Const(value) => value.number(),
            Op::Input(_) | Op::Indices | Op::Elementwise { .. } | Op::Aggregate { .. } | Op::Width { .. } => {
                None
            }
        };
        let outputs = self.program.outputs.iter().map(|o| Node::SOp(o.sop));
        let readers = graph.live(outputs).into_iter().filter(|&n| graph.operands(n).contains(&Node::SOp(id)));
        let compared = |reader: Node| match reader {
            Node::SOp(reader) => match &graph[reader].op {
                Op::Elementwise { f: Elementwise::Compare(_), args } => {
                    args.iter().copied().find(|a| *a != id).and_then(constant)
                }
                Op::Elementwise { .. } | Op::Aggregate { .. } | Op::Width { .. } => None,
                Op::Input(_) | Op::Indices | Op::Const(_) => None,
            },
            Node::Selector(_) => None,
        };
        readers.map(compared).collect()
    }

    /// Whether neurons digitise the width of a selector.
    pub(super) fn is_stepped_width(&self, selector: SelectorId) -> bool {
        !self.knobs.is_exact() || self.is_share(selector)
    }

    /// Whether the width of a selector arrives as the share of BOS.
    pub(super) fn is_share(&self, selector: SelectorId) -> bool {
        let last = self.facts.always(selector).is_some() && !self.program.causal;
        !last && !self.facts.width(selector).at_most_one()
    }

    /// Whether neurons digitise what attention gives.
    pub(super) fn is_stepped(&self, id: SOpId) -> bool {
        match self.program.graph[id].op {
            Op::Aggregate { .. } if !self.knobs.is_exact() => true,
            Op::Aggregate { selector, .. } => {
                self.is_mean(id).unwrap_or(false) || !self.facts.width(selector).at_most_one()
            }
            Op::Width { selector } => self.is_stepped_width(selector),
            Op::Elementwise { .. } => true,
            Op::Input(_) | Op::Indices | Op::Const(_) => false,
        }
    }

    /// The conjunction of atoms that a selector is, and the columns that score it, with the facts
    /// that make it simpler.
    pub(super) fn scoring(
        &mut self,
        selector: SelectorId,
        facts: &mut Vec<Fact>,
    ) -> Result<(Scoring, Vec<ScoreColumn>), PlanError> {
        if self.facts.always(selector).is_some() {
            facts.push(Fact::Always);
            return Ok((Scoring::All(Vec::new()), Vec::new()));
        }
        let atoms: Vec<Atom> = self.atoms(selector)?;
        let columns: Vec<ScoreColumn> = atoms.iter().flat_map(|atom| atom.columns(self.knobs)).collect();
        for column in &columns {
            self.need(&column.query);
            self.need(&column.key);
        }
        Ok((Scoring::All(atoms), columns))
    }

    /// A value that moves as a code: what each slot of the code is handed.
    fn code(
        &mut self,
        base: Base,
        value: &Partition,
        values: Arc<[Value]>,
        forms: &BTreeSet<Form>,
        exact: bool,
    ) -> (Vec<Form>, Held) {
        let mut held = self.held(base, values, forms);
        if !exact {
            // A rough code is cleaned bit by bit.
            held.features = held.features.and_then(|features| features.in_bits(held.values.len()));
        }
        let columns: Vec<Form> = match &held.features {
            Some(features) => features.features.iter().map(|f| Form::of(value, f)).collect(),
            None => (0..held.values.len()).map(|v| Form::indicator(value, v)).collect(),
        };
        columns.iter().for_each(|form| self.need(form));
        (columns, held)
    }

    pub(super) fn aggregate(
        &mut self,
        id: SOpId,
        selector: SelectorId,
        value: SOpId,
        default: &Value,
        forms: &BTreeSet<Form>,
    ) -> Result<Attend, PlanError> {
        let mut facts = Vec::new();
        let width = self.facts.width(selector);
        let may_be_empty = !width.at_least_one();
        if !may_be_empty {
            facts.push(Fact::WidthAtLeastOne);
        }
        let bos = if may_be_empty { BosLevel::Half } else { BosLevel::Out };
        let mean = self.is_mean(id)?;
        let (scoring, columns) = self.scoring(selector, &mut facts)?;
        let view = self.single(value)?;
        let most = width.max.min(self.lengths.max);
        let result = if mean {
            self.mean(id, &view, may_be_empty.then_some(default), most, forms)?
        } else {
            let values = self.attended_values(id)?;
            let (value, values) = self.coded(&view, &values);
            let default = may_be_empty.then(|| values.binary_search(default).ok()).flatten();
            let agreement = self.facts.agreement(id).is_some();
            let bound = match (width.at_most_one(), agreement) {
                (true, _) => {
                    facts.push(Fact::WidthAtMostOne);
                    Number::ZERO
                }
                // k copies of fl(1/k) miss 1 by γ_(k+1) at most.
                (false, true) => {
                    facts.push(Fact::Agreement);
                    gamma(most + 1)
                }
                (false, false) => {
                    facts.push(Fact::NoMean);
                    Number::ZERO
                }
            };
            let bound = add(&bound, &self.leak(self.origin(id), bos)?);
            let (columns, held) = self.code(Base::SOp(id), &value, values, forms, bound.is_zero());
            Attended::Code { columns, default, held, bound }
        };
        Ok(Attend { base: Base::SOp(id), selector, scoring, columns, bos, facts, result })
    }

    /// What leaks from a code that a head writes; an error if neurons cannot tell its bits any more.
    fn leak(&self, at: Origin, bos: BosLevel) -> Result<Number, PlanError> {
        let leak = self.knobs.leak(bos, self.lengths.max);
        // What the steps of `clean` bear; agreeing values are off by far less than the rest.
        let most = div(&3i64.into(), &10i64.into());
        if leak > most { Err(PlanError::TooSoft { at, leak: leak.into() }) } else { Ok(leak) }
    }

    pub(super) fn width(
        &mut self,
        base: Base,
        selector: SelectorId,
        forms: &BTreeSet<Form>,
    ) -> Result<Attend, PlanError> {
        let width = self.facts.width(selector);
        let values: Arc<[Value]> = self.base_values(base)?.into();
        if self.facts.always(selector).is_some() && !self.program.causal {
            let indices = Partition::finest(Base::Index, self.lengths.max);
            let place = |i: usize| values.binary_search(&Value::Number((i + 1).into())).ok();
            let names: Vec<Option<u32>> = (0..self.lengths.max).map(|i| place(i).map(|p| p as u32)).collect();
            let value = indices.merge(&names, values.len());
            // The last key scores highest.
            let score = self.knobs.score();
            let scores: Vec<Number> = (0..self.lengths.max).map(|i| (score * i as i64).into()).collect();
            let last = ScoreColumn { query: Form::constant(Number::ONE), key: Form::of(&indices, &scores) };
            self.need(&last.key);
            let bound = self.leak(super::origin(self.program, base), BosLevel::Out)?;
            let (columns, held) = self.code(base, &value, values, forms, bound.is_zero());
            return Ok(Attend {
                base,
                selector,
                scoring: Scoring::Last,
                columns: vec![last],
                bos: BosLevel::Out,
                facts: vec![Fact::Always],
                result: Attended::Code { columns, default: None, held, bound },
            });
        }
        let mut facts = Vec::new();
        let (scoring, columns) = self.scoring(selector, &mut facts)?;
        if width.at_most_one() {
            facts.push(Fact::WidthAtMostOne);
            let place = |d: i64| values.binary_search(&Value::int(d)).ok();
            let name = place(1).map(|p| p as u32);
            let value = Partition::constant().merge(&[name], values.len());
            let default = place(0);
            let bound = self.leak(super::origin(self.program, base), BosLevel::Half)?;
            let (code, held) = self.code(base, &value, values, forms, bound.is_zero());
            let result = Attended::Code { columns: code, default, held, bound };
            return Ok(Attend { base, selector, scoring, columns, bos: BosLevel::Half, facts, result });
        }
        let read = Steps { values, cuts: cuts(forms) };
        let result = Attended::Share { bound: self.share_error(), read };
        Ok(Attend { base, selector, scoring, columns, bos: BosLevel::Selected, facts, result })
    }
}

/// Those of some means that lie next to the constants, and the ends.
fn next_to(means: &Means, constants: &[Number]) -> Vec<Value> {
    let Means { lattice, also } = means;
    let beside = |c: &Number| {
        let itself = lattice.contains(c).then(|| c.clone());
        [lattice.below(c), itself, lattice.above(c)].into_iter().flatten()
    };
    let ends = [lattice.lo.clone(), lattice.hi.clone()];
    let numbers = constants.iter().flat_map(beside).chain(ends).map(Value::Number);
    let mut values: Vec<Value> = numbers.chain(also.iter().cloned()).collect();
    values.sort();
    values.dedup();
    values
}

/// The places at which one of these forms changes.
pub(super) fn cuts(forms: &BTreeSet<Form>) -> Vec<usize> {
    let mut cuts = BTreeSet::new();
    for form in forms {
        let mut before = None;
        for (i, number) in form.numbers.iter().enumerate().filter(|(_, n)| n.is_some()) {
            if before.is_some_and(|b| b != number) {
                cuts.insert(i);
            }
            before = Some(number);
        }
    }
    cuts.into_iter().collect()
}
