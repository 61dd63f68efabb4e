//! How is each output read from the residual stream?
//!
//! The unembedding adds up, so it can do more than pass a value on: it can read a sum of several
//! s-ops, and tell whether all of several conditions hold, each of which stands there by itself.

use super::arithmetic::{add, mul};
use super::folded::folded;
use super::lower::{Logits, Lower, MAX_NUMBERS, Reading, SMALL_TABLE};
use super::view::View;
use super::{Base, Features, Form, Logit, Partition, PlanError};
use crate::ir::{Op, SOpId};
use crate::value::{Elementwise, Number, Value};

/// As many s-ops are looked at for one output: a graph may share more than can be written out.
const MAX_LOOKS: usize = 1 << 10;

/// Squares of the codes of values stay far below 2^24.
const MAX_CODE: i64 = 1 << 10;

/// The most that a logit adds up, which is far below 2^24.
const MAX_LOGIT: i64 = 1 << 23;

/// Values that are too many are read digit by digit.
const MAX_DIGITS: u32 = 4;

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
        let is_sum = self.of_sums.contains_key(&Base::SOp(id));
        let several = self.knobs.optimise && (is_sum || self.view(id)?.args.len() > 1);
        let sum = if several { self.sum(id, &mut MAX_LOOKS.clone()) } else { None };
        let mut logits = sum.and_then(|sum| {
            let split = |sum| if is_sum { of_large_sum(Base::SOp(id), sum, &values) } else { None };
            of_sum(sum.clone(), &values).or_else(|| split(sum))
        });
        if several && logits.is_none() {
            logits = self.conditions(id, &values);
        }
        let logits = match logits {
            Some(logits) => logits,
            None => {
                let view = self.single(id)?;
                let (code, values) = self.coded(&view, &view.values());
                let digits = if self.knobs.optimise { of_code(&code, &values) } else { None };
                let numbers = values.len().saturating_mul(code.class.len());
                match digits {
                    Some(logits) => logits,
                    None if numbers <= MAX_NUMBERS => one_hot(&code, &values),
                    None => {
                        let kinds = self.program.graph[id].kinds;
                        return Err(PlanError::TooManyValues { at: self.origin(id), kinds });
                    }
                }
            }
        };
        logits.forms.iter().for_each(|form| self.need(form));
        Ok(Reading::Categorical { values, logits })
    }

    /// An s-op as a sum of numbers, each of one base, if it is one. Looks at `budget` s-ops.
    fn sum(&self, id: SOpId, budget: &mut usize) -> Option<Vec<Form>> {
        *budget = budget.checked_sub(1)?;
        let view = self.view(id).ok()?;
        if view.args.len() <= 1 && !self.of_sums.contains_key(&Base::SOp(id)) {
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
    fn conditions(&mut self, id: SOpId, values: &[Value]) -> Option<Logits> {
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
            let rest = Logit { constant: Number::ONE, terms: Vec::new() };
            let counted = (0..fails.len()).map(|form| (form, 2i64.into())).collect();
            let counted = Logit { constant: Number::ZERO, terms: counted };
            let logits = if all { vec![counted, rest] } else { vec![rest, counted] };
            Some(Logits { forms: fails, logits })
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
/// it is `s² - (s - c)²`, greatest at `c = s`. Values that are no integers go by their places, and
/// many values by the digits of those.
fn of_code(code: &Partition, values: &[Value]) -> Option<Logits> {
    let form = |digit: &Vec<i64>| {
        let numbers: Vec<Number> = digit.iter().map(|d| (*d).into()).collect();
        Form::of(code, &numbers)
    };
    // A thermometer adds up what the codes go up and down.
    let size = |digit: &Vec<i64>| {
        let largest = digit.iter().map(|c| c.abs()).max().unwrap_or(0);
        add(&mul(&(2 * largest).into(), &form(digit).variation()), &(largest * largest).into())
    };
    let fits = |digits: &Vec<Vec<i64>>| {
        let sizes = digits.iter().map(size).fold(Number::ZERO, |sum, size| add(&sum, &size));
        sizes <= Number::from(MAX_LOGIT)
    };
    let whole = integers(values).map(|codes| vec![codes]);
    let places: Vec<i64> = (0..values.len() as i64).collect();
    let split = |n_digits: u32| {
        let base = (1..).find(|base: &i64| base.pow(n_digits) >= places.len() as i64).unwrap_or(1);
        let digit = |i: u32| places.iter().map(|p| p / base.pow(i) % base).collect();
        (0..n_digits).map(digit).collect::<Vec<Vec<i64>>>()
    };
    let digits = whole.into_iter().chain((1..=MAX_DIGITS).map(split)).find(fits)?;
    let logit = |v: usize| parabola(digits.iter().map(|digit| digit[v]).enumerate());
    let (forms, logits) = (digits.iter().map(form).collect(), (0..values.len()).map(logit).collect());
    Some(Logits { forms, logits })
}

/// `Σ 2 c · form - c²`
fn parabola(codes: impl Iterator<Item = (usize, i64)> + Clone) -> Logit {
    let constant = codes.clone().map(|(_, c)| -c * c).sum::<i64>().into();
    Logit { constant, terms: codes.map(|(form, c)| (form, (2 * c).into())).collect() }
}

/// The logit of a value is 1 where it is the value, else 0.
fn one_hot(code: &Partition, values: &[Value]) -> Logits {
    let logit = |v: usize| Logit { constant: Number::ZERO, terms: vec![(v, Number::ONE)] };
    let forms = (0..values.len()).map(|v| Form::indicator(code, v)).collect();
    Logits { forms, logits: (0..values.len()).map(logit).collect() }
}

/// Logits of integers that are a sum: `2 s c - c²` is the sum of `2 c` times its terms, and a
/// constant.
fn of_sum(sum: Vec<Form>, values: &[Value]) -> Option<Logits> {
    let codes = integers(values)?;
    let numbers = || sum.iter().flat_map(|form| form.numbers.iter().flatten());
    let small = |n: &Number| n.is_integer() && n.abs() <= Number::from(MAX_CODE);
    let sizes = sum.iter().fold(Number::ZERO, |sum, form| add(&sum, &form.variation()));
    let size = add(&mul(&(2 * MAX_CODE).into(), &sizes), &(MAX_CODE * MAX_CODE).into());
    if !numbers().all(small) || size > Number::from(MAX_LOGIT) {
        return None;
    }
    let logit = |c: &i64| Logit {
        constant: (-c * c).into(),
        terms: (0..sum.len()).map(|form| (form, (2 * c).into())).collect(),
    };
    Some(Logits { logits: codes.iter().map(logit).collect(), forms: sum })
}

/// Logits of integers `s` that are a sum, by two digits. Neurons compute the high one,
/// `h = ⌊(s - least) / b⌋`; the low one is `s - least - b h`, a sum again.
fn of_large_sum(base: Base, mut forms: Vec<Form>, values: &[Value]) -> Option<Logits> {
    let integer = |v: &Value| v.number().filter(Number::is_integer)?.to_i64();
    let values: Vec<i64> = values.iter().map(integer).collect::<Option<_>>()?;
    let (least, most) = (*values.first()?, *values.last()?);
    let range = most.checked_sub(least)?;
    forms.iter().flat_map(|form| form.numbers.iter().flatten()).all(Number::is_integer).then_some(())?;
    let of_forms = forms.iter().fold(least.abs().into(), |sum, form| add(&sum, &form.variation()));
    // Each logit adds up `2 h h_v - h_v² + 2 l l_v - l_v²`.
    let size = |b: i64| {
        let high = Number::from(2 * (range / b).pow(2) + (range / b).pow(2));
        add(&high, &mul(&(2 * b).into(), &add(&of_forms, &(range + b).into())))
    };
    let b = (1..=range.isqrt() + 1).rev().find(|&b| size(b) <= Number::from(MAX_LOGIT))?;
    let digits = |v: i64| ((v - least) / b, (v - least) % b);
    let high = values.iter().map(|&v| Some(digits(v).0.into())).collect();
    let n_forms = forms.len();
    forms.push(Form { base: Some(base), numbers: high });
    let logit = |&v: &i64| {
        let (high, low) = digits(v);
        let terms = (0..n_forms).map(|form| (form, (2 * low).into()));
        let constant = -high * high - low * low - 2 * low * least;
        Logit {
            constant: constant.into(),
            terms: terms.chain([(n_forms, (2 * (high - b * low)).into())]).collect(),
        }
    };
    Some(Logits { logits: values.iter().map(logit).collect(), forms })
}

fn integers(values: &[Value]) -> Option<Vec<i64>> {
    let integer = |v: &Value| match v {
        Value::Number(n) => n.to_i64().filter(|n| n.abs() <= MAX_CODE),
        Value::Bool(_) | Value::Str(_) => None,
    };
    values.iter().map(integer).collect()
}
