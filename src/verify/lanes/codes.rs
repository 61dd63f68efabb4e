//! Values as small numbers, and operations on them as tables that fill up as values turn up.

use crate::interp::mean;
use crate::value::{Elementwise, Number, Value};
use std::collections::HashMap;

/// A value. A number `w` that can be the width of a selector has the code `w + 1`; see [`Codes::new`].
pub type Code = u16;

/// What is left where an operation has no value.
pub const NONE: Code = 0;

/// In a table: not looked at yet.
const EMPTY: Code = Code::MAX;

/// Entries of all tables together: 64 MB.
const MAX_ENTRIES: usize = 1 << 25;

/// The greatest sum, over the common denominator, that [`Sums`] has a place for.
const MAX_SUM: i64 = 1 << 20;

/// Why a block of inputs was not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// What is known of values has changed: the order of their ranks, or a common denominator.
    /// Cells that were computed with it are to be computed again.
    Again,
    /// There are too many values for tables.
    TooLarge,
}

/// Every value that has turned up.
pub struct Codes {
    values: Vec<Value>,
    known: HashMap<Value, Code>,
    truth: Vec<bool>,
    /// For each value the code of the number that it counts as; its own for strings.
    canonical: Vec<Code>,
    /// Places in the order of values, equal for values that are the same. It is one of `<` where
    /// both are strings or neither is. Values after the last are not ranked yet.
    ranks: Vec<Code>,
    /// How many entries tables may still have.
    room: usize,
    /// Whether an operation had no value.
    pub faults: bool,
}

impl Codes {
    /// Knows the numbers `0..=max`, which have the codes `1..=max + 1`.
    pub fn new(max: usize) -> Result<Self, Halt> {
        let mut codes = Self {
            values: vec![Value::Bool(false)], // stands for no value
            known: HashMap::new(),
            truth: vec![false],
            canonical: vec![NONE],
            ranks: Vec::new(),
            room: MAX_ENTRIES,
            faults: false,
        };
        for n in 0..=max {
            codes.of(Value::Number(n.into()))?;
        }
        Ok(codes)
    }

    pub fn of(&mut self, value: Value) -> Result<Code, Halt> {
        if let Some(&code) = self.known.get(&value) {
            return Ok(code);
        }
        let canonical = match &value {
            Value::Bool(_) => Some(self.of(value.canonical())?),
            Value::Number(_) | Value::Str(_) => None,
        };
        let code = Code::try_from(self.values.len()).ok().filter(|c| *c < EMPTY).ok_or(Halt::TooLarge)?;
        self.truth.push(value.truth());
        self.canonical.push(canonical.unwrap_or(code));
        self.known.insert(value.clone(), code);
        self.values.push(value);
        Ok(code)
    }

    /// The code of what an operation gives: [`NONE`] for a fault.
    fn of_result<E>(&mut self, result: Result<Value, E>) -> Result<Code, Halt> {
        match result {
            Ok(value) => self.of(value),
            Err(_) => {
                self.faults = true;
                Ok(NONE)
            }
        }
    }

    /// None for [`NONE`].
    pub fn value(&self, code: Code) -> Option<&Value> {
        self.values.get(usize::from(code)).filter(|_| code != NONE)
    }

    pub fn truth(&self, code: Code) -> bool {
        self.truth[usize::from(code)]
    }

    pub fn canonical(&self, code: Code) -> Code {
        self.canonical[usize::from(code)]
    }

    pub fn rank(&self, code: Code) -> Code {
        self.ranks[usize::from(code)]
    }

    /// Whether all values have ranks.
    pub fn ranked(&self) -> bool {
        self.ranks.len() == self.values.len()
    }

    pub fn set_ranks(&mut self) {
        let canonical = |code: &Code| &self.values[usize::from(self.canonical(*code))];
        let mut order: Vec<Code> = (1..self.values.len() as Code).collect();
        order.sort_by(|a, b| canonical(a).cmp(canonical(b)));
        let mut ranks = vec![0; self.values.len()];
        let mut rank = 0;
        for (i, code) in order.iter().enumerate() {
            if i > 0 && canonical(&order[i - 1]) != canonical(code) {
                rank += 1;
            }
            ranks[usize::from(*code)] = rank;
        }
        self.ranks = ranks;
    }

    fn reserve(&mut self, entries: usize) -> Result<(), Halt> {
        self.room = self.room.checked_sub(entries).ok_or(Halt::TooLarge)?;
        Ok(())
    }
}

/// Results by code.
#[derive(Default)]
struct Row(Vec<Code>);

impl Row {
    fn get(&self, place: usize) -> Option<Code> {
        self.0.get(place).copied().filter(|code| *code != EMPTY)
    }

    fn set(&mut self, place: usize, result: Code, codes: &mut Codes) -> Result<(), Halt> {
        if place >= self.0.len() {
            let len = (place + 1).next_power_of_two();
            codes.reserve(len - self.0.len())?;
            self.0.resize(len, EMPTY);
        }
        self.0[place] = result;
        Ok(())
    }
}

/// An elementwise operation of one or two arguments. The rows of a table are about the first of
/// two; an operation of one has one row.
pub struct Function {
    f: Elementwise,
    rows: Vec<Row>,
}

impl Function {
    pub fn new(f: Elementwise) -> Self {
        Self { f, rows: Vec::new() }
    }

    pub fn unary(&mut self, codes: &mut Codes, a: Code) -> Result<Code, Halt> {
        match self.rows.first().and_then(|row| row.get(usize::from(a))) {
            Some(result) => Ok(result),
            None => self.look(codes, 0, a, &[a]),
        }
    }

    pub fn binary(&mut self, codes: &mut Codes, a: Code, b: Code) -> Result<Code, Halt> {
        match self.rows.get(usize::from(a)).and_then(|row| row.get(usize::from(b))) {
            Some(result) => Ok(result),
            None => self.look(codes, a, b, &[a, b]),
        }
    }

    #[cold]
    fn look(&mut self, codes: &mut Codes, row: Code, place: Code, args: &[Code]) -> Result<Code, Halt> {
        let values: Option<Vec<&Value>> = args.iter().map(|&a| codes.value(a)).collect();
        let result = match values.map(|values| self.f.apply(&values)) {
            Some(result) => codes.of_result(result)?,
            None => NONE,
        };
        let row = usize::from(row);
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, Row::default);
        }
        self.rows[row].set(usize::from(place), result, codes)?;
        Ok(result)
    }
}

/// Means of the values of one s-op, by their number and their sum. Sums are over a common
/// denominator of the values that were summed up to now.
pub struct Sums {
    denominator: i64,
    /// By code.
    numerators: Vec<i32>,
    /// By count, the even places for sums from 0 up and the odd ones for sums from -1 down.
    rows: Vec<Row>,
}

/// In the place of a numerator: not looked at yet, or no number.
const UNKNOWN: i32 = i32::MIN;
const NO_NUMBER: i32 = i32::MIN + 1;

impl Default for Sums {
    fn default() -> Self {
        Self { denominator: 1, numerators: Vec::new(), rows: Vec::new() }
    }
}

impl Sums {
    /// The numerator of a value; none if it is no number.
    pub fn numerator(&mut self, codes: &Codes, code: Code) -> Result<Option<i32>, Halt> {
        let known = self.numerators.get(usize::from(code)).copied().unwrap_or(UNKNOWN);
        let numerator = if known == UNKNOWN { self.look(codes, code)? } else { known };
        Ok((numerator != NO_NUMBER).then_some(numerator))
    }

    #[cold]
    fn look(&mut self, codes: &Codes, code: Code) -> Result<i32, Halt> {
        let numerator = match codes.value(code) {
            Some(Value::Number(number)) => {
                let denominator = number.denominator().and_then(|d| i64::try_from(d).ok());
                let denominator = denominator.filter(|d| *d <= MAX_SUM).ok_or(Halt::TooLarge)?;
                if self.denominator % denominator != 0 {
                    let common = self.denominator / gcd(self.denominator, denominator) * denominator;
                    *self = Self { denominator: common, ..Self::default() };
                    return Err(if common <= MAX_SUM { Halt::Again } else { Halt::TooLarge });
                }
                let numerator = number.mul(&self.denominator.into()).ok().and_then(|n| n.to_i64());
                numerator.filter(|n| n.abs() <= MAX_SUM).ok_or(Halt::TooLarge)? as i32
            }
            _ => NO_NUMBER,
        };
        let place = usize::from(code);
        if place >= self.numerators.len() {
            self.numerators.resize(place + 1, UNKNOWN);
        }
        self.numerators[place] = numerator;
        Ok(numerator)
    }

    /// The mean of two or more numbers.
    pub fn mean(&mut self, codes: &mut Codes, sum: i32, count: Code) -> Result<Code, Halt> {
        let sum = i64::from(sum);
        if sum.abs() > MAX_SUM {
            return Err(Halt::TooLarge);
        }
        let place = if sum < 0 { -2 * sum - 1 } else { 2 * sum } as usize;
        let row = usize::from(count);
        if let Some(result) = self.rows.get(row).and_then(|row| row.get(place)) {
            return Ok(result);
        }
        let exact = Number::ratio(sum, self.denominator).ok_or(Halt::TooLarge)?;
        let result = codes.of_result(exact.div(&i64::from(count).into()).map(Value::Number))?;
        if row >= self.rows.len() {
            self.rows.resize_with(row + 1, Row::default);
        }
        self.rows[row].set(place, result, codes)?;
        Ok(result)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What attention gives for values that are known.
pub fn mean_of(codes: &mut Codes, selected: &[Code], default: &Value) -> Result<Code, Halt> {
    let values: Option<Vec<&Value>> = selected.iter().map(|&code| codes.value(code)).collect();
    let result = match values {
        Some(values) => mean(values.into_iter(), default),
        None => return Ok(NONE),
    };
    codes.of_result(result)
}

/// What an elementwise operation gives for values that are known.
pub fn apply(codes: &mut Codes, f: &Elementwise, args: &[Code]) -> Result<Code, Halt> {
    let values: Option<Vec<&Value>> = args.iter().map(|&code| codes.value(code)).collect();
    let result = match values {
        Some(values) => f.apply(&values),
        None => return Ok(NONE),
    };
    codes.of_result(result)
}
