//! How is each output read from the residual stream?
//!
//! The unembedding adds up, so it can do more than pass a value on: it can read a sum of several
//! s-ops, and tell whether all of several conditions hold, each of which stands there by itself.

use super::folded::folded;
use super::lower::{Lower, MAX_NUMBERS, Reading, SMALL_TABLE};
use super::view::View;
use super::{Base, Features, Form, Partition, PlanError};
use crate::ir::{Op, SOpId};
use crate::value::{Elementwise, Number, Value};

/// As many s-ops are looked at for one output: a graph may share more than can be written out.
const MAX_LOOKS: usize = 1 << 10;

/// Squares of the codes of values stay far below 2^24.
const MAX_CODE: i64 = 1 << 10;

/// The most that codes may go up and down from value to value: a thermometer adds up `2 c` times
/// that.
const MAX_VARIATION: i64 = 1 << 12;

/// So many terms, each of which adds up to `2 c s` at most, still are.
const MAX_TERMS: usize = 4;

impl Lower<'_> {
    pub(super) fn reading(&mut self, id: SOpId) -> Result<Reading, PlanError> {
        if let Some(sum) = self.rough(id) {
            sum.numbers.iter().for_each(|(base, _)| self.rough_read(*base));
            sum.forms.iter().for_each(|form| self.need(form));
            return Ok(Reading::Numeric {
                sum,
                values: self.facts.values(id).explicit().unwrap_or_default().into(),
            });
        }
        let values = self.view(id)?.values();
        let several = self.knobs.optimise && self.view(id)?.args.len() > 1;
        let sum = if several { self.sum(id, &mut MAX_LOOKS.clone()) } else { None };
        let mut logits = sum.and_then(|sum| of_sum(&sum, &values));
        if several && logits.is_none() {
            logits = self.conditions(id, &values);
        }
        let logits = match logits {
            Some(logits) => logits,
            None => {
                let view = self.single(id)?;
                let (code, values) = self.coded(&view, &view.values());
                if values.len().saturating_mul(code.class.len()) > MAX_NUMBERS {
                    let kinds = self.program.graph[id].kinds;
                    return Err(PlanError::TooManyValues { at: self.origin(id), kinds });
                }
                if self.knobs.optimise { of_code(&code, &values) } else { one_hot(&code, &values) }
            }
        };
        logits.iter().flatten().for_each(|form| self.need(form));
        Ok(Reading::Categorical { values, logits })
    }

    /// An s-op as a sum of numbers, each of one base, if it is one. Looks at `budget` s-ops.
    fn sum(&self, id: SOpId, budget: &mut usize) -> Option<Vec<Form>> {
        *budget = budget.checked_sub(1)?;
        let view = self.view(id).ok()?;
        if view.args.len() <= 1 {
            let number = |cell: &Option<Value>| match cell {
                Some(Value::Number(n)) => Some(Some(n.clone())),
                Some(Value::Bool(_) | Value::Str(_)) => None,
                None => Some(None),
            };
            let cells: Vec<Option<Number>> = view.cells.iter().map(number).collect::<Option<_>>()?;
            let Some(arg) = view.args.first() else { return Some(vec![Form::constant(cells[0].clone()?)]) };
            let numbers = arg.class.iter().map(|c| c.and_then(|c| cells[c as usize].clone())).collect();
            return Some(vec![Form { base: arg.base, numbers }]);
        }
        let Op::Elementwise { f, args } = &self.program.graph[id].op else { return None };
        match (f, args.as_slice()) {
            (Elementwise::Add, [a, b]) => Some([self.sum(*a, budget)?, self.sum(*b, budget)?].concat()),
            (Elementwise::Sub, [a, b]) => {
                let minus = self.sum(*b, budget)?.into_iter().map(|form| form.map(Number::neg));
                Some(self.sum(*a, budget)?.into_iter().chain(minus).collect())
            }
            _ => None,
        }
    }

    /// Logits of a boolean that is a conjunction, or a disjunction, of conditions that are known
    /// before it would be itself: each that fails (or holds) counts 2 against the 1 of the rest.
    fn conditions(&mut self, id: SOpId, values: &[Value]) -> Option<Vec<Vec<Form>>> {
        if *values != [Value::Bool(false), Value::Bool(true)] {
            return None;
        }
        let whole = self.ready(&self.views[&id].as_ref().ok()?.clone()).next_mlp();
        [true, false].into_iter().find_map(|all| {
            let mut parts = Vec::new();
            let mut budget = MAX_LOOKS;
            self.parts(id, all, &mut parts, &mut budget)?;
            let known: Vec<(SOpId, bool, View)> = parts
                .into_iter()
                .map(|(part, holds)| Some((part, holds, self.deep(part, &mut budget)?)))
                .collect::<Option<_>>()?;
            let when = |view: &View| match view.args.len() {
                0 | 1 => self.ready(view),
                _ => self.ready(view).next_mlp(),
            };
            let cheap =
                |view: &View| view.args.len() <= 1 || view.cells.len() <= SMALL_TABLE || is_folded(view);
            let good = |(_, _, view): &(SOpId, bool, View)| when(view) < whole && cheap(view);
            if known.len() < 2 || !known.iter().all(good) {
                return None;
            }
            let fails: Vec<Form> = known.into_iter().map(|part| self.fails(part)).collect::<Option<_>>()?;
            let rest = vec![Form::constant(Number::ONE)];
            let counted = fails.iter().map(|form| form.map(|n| n.add(n).unwrap_or(Number::ONE))).collect();
            Some(if all { vec![counted, rest] } else { vec![rest, counted] })
        })
    }

    /// The conditions that an s-op is the conjunction of, if it is to be `holds`. Looks at `budget`
    /// s-ops.
    fn parts(
        &self,
        id: SOpId,
        holds: bool,
        parts: &mut Vec<(SOpId, bool)>,
        budget: &mut usize,
    ) -> Option<()> {
        *budget = budget.checked_sub(1)?;
        if let Op::Elementwise { f, args } = &self.program.graph[id].op {
            match (f, args.as_slice(), holds) {
                (Elementwise::And, [a, b], true) | (Elementwise::Or, [a, b], false) => {
                    self.parts(*a, holds, parts, budget)?;
                    return self.parts(*b, holds, parts, budget);
                }
                (Elementwise::Not, [a], _) => return self.parts(*a, !holds, parts, budget),
                _ => {}
            }
        }
        if !parts.contains(&(id, holds)) {
            parts.push((id, holds));
        }
        Some(())
    }

    /// 1 where a condition does not hold, else 0.
    fn fails(&mut self, (id, holds, view): (SOpId, bool, View)) -> Option<Form> {
        let view = match view.args.len() {
            0 | 1 => view,
            _ => self.table_of(id, view)?,
        };
        let fails = |cell: &Option<Value>| Some(u32::from(cell.as_ref()?.truth() != holds));
        let names: Vec<Option<u32>> = view.cells.iter().map(fails).collect();
        let partition = match view.args.first() {
            Some(arg) => arg.merge(&names, 2),
            None => Partition::constant().merge(&names, 2),
        };
        Some(Form::indicator(&partition, 1))
    }
}

/// Whether a table of booleans takes few neurons.
fn is_folded(view: &View) -> bool {
    let values = view.values();
    let bit = Partition::finest(Base::Index, values.len());
    let features = Features::for_forms(values.len(), &[Form::indicator(&bit, 1)], []);
    features.is_some_and(|mut f| folded(view, &values, &mut f).is_some_and(|n| n.len() <= SMALL_TABLE))
}

/// Logits of which that of the value in `code` is the greatest, by 1 at least.
///
/// The logit of `c` is `2 s c - c²` where the value is `s`, so that one number is read of the base:
/// it is `s² - (s - c)²`, greatest at `c = s`. Values that are no integers go by their places; of
/// more values than a thousand, squares are too large.
fn of_code(code: &Partition, values: &[Value]) -> Vec<Vec<Form>> {
    let gentle = |codes: &Vec<i64>| {
        let numbers: Vec<Number> = codes.iter().map(|c| (*c).into()).collect();
        Form::of(code, &numbers).variation() <= Number::from(MAX_VARIATION)
    };
    let codes = match integers(values).filter(gentle) {
        Some(integers) => integers,
        None => match (0..values.len() as i64).collect() {
            places if values.len() as i64 <= MAX_CODE && gentle(&places) => places,
            _ => return one_hot(code, values),
        },
    };
    let logit = |c: &i64| {
        let numbers: Vec<Number> = codes.iter().map(|s| (2 * s * c - c * c).into()).collect();
        vec![Form::of(code, &numbers)]
    };
    codes.iter().map(logit).collect()
}

/// The logit of a value is 1 where it is the value, else 0.
fn one_hot(code: &Partition, values: &[Value]) -> Vec<Vec<Form>> {
    (0..values.len()).map(|v| vec![Form::indicator(code, v)]).collect()
}

/// Logits of integers that are a sum: `2 s c - c²` is the sum of `2 c` times its terms, and a
/// constant.
fn of_sum(sum: &[Form], values: &[Value]) -> Option<Vec<Vec<Form>>> {
    let codes = integers(values)?;
    let numbers = || sum.iter().flat_map(|form| form.numbers.iter().flatten());
    let small = |n: &Number| n.is_integer() && n.abs() <= Number::from(MAX_CODE);
    let gentle = |form: &Form| form.variation() <= Number::from(MAX_VARIATION);
    if !numbers().all(small) || sum.len() > MAX_TERMS || !sum.iter().all(gentle) {
        return None;
    }
    let logit = |c: &i64| {
        let twice = Number::from(2 * c);
        let term = |form: &Form| form.map(|n| n.mul(&twice).unwrap_or(Number::ZERO));
        sum.iter().map(term).chain([Form::constant((-c * c).into())]).collect()
    };
    Some(codes.iter().map(logit).collect())
}

fn integers(values: &[Value]) -> Option<Vec<i64>> {
    let integer = |v: &Value| match v {
        Value::Number(n) => n.to_i64().filter(|n| n.abs() <= MAX_CODE),
        Value::Bool(_) | Value::Str(_) => None,
    };
    values.iter().map(integer).collect()
}
