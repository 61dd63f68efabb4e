//! The steps of a tape, on many inputs side by side.

use super::codes::{Code, Codes, Function, Halt, NONE, Sums};
use super::tape::{Cell, Shared, Step, Tape, in_prefix};

/// The cells of a tape for a block of inputs: all that agree on the first digits. A cell that no
/// other digit changes is one code for all inputs of the block; every other cell has a code, a
/// lane, for each.
pub struct Lanes {
    pub n_lanes: usize,
    /// Where the lanes of each step begin, and how many there are.
    places: Vec<(usize, usize)>,
    codes: Vec<Code>,
    /// The digits that are the same in a block.
    prefix: Vec<Code>,
    /// For each of these, the steps to be taken when it is the first one that changes.
    after: Vec<Vec<usize>>,
    /// Whether the cells are those of `prefix`.
    current: bool,
    scratch: Scratch,
}

/// Space for means.
#[derive(Default)]
struct Scratch {
    count: Vec<Code>,
    sum: Vec<i32>,
    /// Whether a value that is no number is selected.
    other: Vec<bool>,
}

impl Lanes {
    /// `domains` has the codes of each digit, of which the last `n_suffix` differ in a block.
    pub fn new(tape: &Tape, domains: &[&[Code]], n_suffix: usize) -> Self {
        let n_prefix = domains.len() - n_suffix;
        let n_lanes = domains[n_prefix..].iter().map(|d| d.len()).product();
        let in_prefix = in_prefix(n_prefix);
        let mut places = Vec::with_capacity(tape.steps.len());
        let mut end = 0;
        for reads in &tape.reads {
            let len = if reads & !in_prefix == 0 { 1 } else { n_lanes };
            places.push((end, len));
            end += len;
        }
        let changed_by = |digit: usize| {
            let from = in_prefix & (u64::MAX << digit);
            (0..tape.steps.len()).filter(move |&step| tape.reads[step] & from != 0).collect()
        };
        let mut lanes = Self {
            n_lanes,
            codes: vec![NONE; end],
            prefix: vec![NONE; n_prefix],
            after: (0..n_prefix).map(changed_by).collect(),
            current: false,
            scratch: Scratch::default(),
            places,
        };
        for (step, place) in tape.steps.iter().zip(&lanes.places) {
            if let Step::Digit(digit) = *step
                && digit >= n_prefix
            {
                let below: usize = domains[digit + 1..].iter().map(|d| d.len()).product();
                let out = &mut lanes.codes[place.0..place.0 + place.1];
                for (lane, code) in out.iter_mut().enumerate() {
                    *code = domains[digit][lane / below % domains[digit].len()];
                }
            }
        }
        lanes
    }

    /// Computes the block of inputs that begin with these digits.
    pub fn run(&mut self, tape: &Tape, shared: &mut Shared, prefix: &[Code]) -> Result<(), Halt> {
        let changed = self.prefix.iter().zip(prefix).position(|(old, new)| old != new);
        self.prefix.copy_from_slice(prefix);
        if self.current {
            let Some(changed) = changed else { return Ok(()) };
            self.current = false;
            let after = std::mem::take(&mut self.after);
            let done = after[changed].iter().try_for_each(|&step| self.step(tape, shared, step));
            self.after = after;
            match done {
                Ok(()) => self.current = true,
                Err(Halt::Again) => {}
                Err(Halt::TooLarge) => return Err(Halt::TooLarge),
            }
        }
        // It ends: each time there are more values than before, or another denominator, and few
        // enough of both.
        while !self.current {
            shared.codes.set_ranks();
            match (0..tape.steps.len()).try_for_each(|step| self.step(tape, shared, step)) {
                Ok(()) => self.current = true,
                Err(Halt::Again) => {}
                Err(Halt::TooLarge) => return Err(Halt::TooLarge),
            }
        }
        Ok(())
    }

    /// The codes of a cell: one, or one per lane.
    pub fn of<'a>(&'a self, cell: &'a Cell) -> &'a [Code] {
        codes_of(&self.codes, &self.places, cell)
    }

    fn step(&mut self, tape: &Tape, shared: &mut Shared, index: usize) -> Result<(), Halt> {
        let (start, len) = self.places[index];
        // Operands stand before what uses them.
        let (before, out) = self.codes.split_at_mut(start);
        let out = &mut out[..len];
        let of = |cell| codes_of(before, &self.places, cell);
        let Shared { codes, functions, sums, .. } = shared;
        match &tape.steps[index] {
            Step::Digit(digit) => {
                if let Some(&code) = self.prefix.get(*digit) {
                    out.fill(code);
                }
            }
            Step::Unary(f, a) => unary(&mut functions[*f], codes, out, of(a))?,
            Step::Binary(f, a, b) => binary(&mut functions[*f], codes, out, of(a), of(b))?,
            Step::If(c, a, b) => choose(codes, out, of(c), of(a), of(b)),
            Step::Canonical(a) => map(out, of(a), |a| codes.canonical(a)),
            Step::Rank(a) => match codes.ranked() {
                true => map(out, of(a), |a| codes.rank(a)),
                false => return Err(Halt::Again),
            },
            Step::Equal(a, b) => zip(out, of(a), of(b), |a, b| Code::from(a == b)),
            Step::Below(a, b) => zip(out, of(a), of(b), |a, b| Code::from(a < b)),
            Step::And(a, b) => zip(out, of(a), of(b), |a, b| a & b),
            Step::Or(a, b) => zip(out, of(a), of(b), |a, b| a | b),
            Step::Not(a) => map(out, of(a), |a| 1 - a),
            Step::Width(cells, more) => {
                let cells = cells.iter().map(of);
                let alike: Code = cells.clone().filter(|c| c.len() < len).map(|c| c[0]).sum();
                let mut cells = cells.filter(|c| c.len() == len);
                match cells.next() {
                    Some(first) => map(out, first, |first| first + more + alike),
                    None => out.fill(more + alike),
                }
                cells.for_each(|cell| add(out, cell));
            }
            Step::Mean { keys, default, sums: of_value } => {
                let keys = keys.iter().map(|(cell, value)| (of(cell), of(value)));
                mean(&mut self.scratch, &mut sums[*of_value], codes, keys, out, *default)?;
            }
        }
        Ok(())
    }
}

fn codes_of<'a>(codes: &'a [Code], places: &[(usize, usize)], cell: &'a Cell) -> &'a [Code] {
    match cell {
        Cell::Fixed(code) => std::slice::from_ref(code),
        Cell::Of(step) => {
            let (start, len) = places[*step];
            &codes[start..start + len]
        }
    }
}

fn add(out: &mut [Code], more: &[Code]) {
    out.iter_mut().zip(more).for_each(|(out, more)| *out += more);
}

fn map(out: &mut [Code], a: &[Code], f: impl Fn(Code) -> Code) {
    out.iter_mut().zip(a).for_each(|(out, &a)| *out = f(a));
}

/// Loops without a choice in them, which become instructions on whole vectors.
fn zip(out: &mut [Code], a: &[Code], b: &[Code], f: impl Fn(Code, Code) -> Code) {
    match (a, b) {
        (a, b) if a.len() == b.len() => {
            out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b));
        }
        (&[a], b) => map(out, b, |b| f(a, b)),
        (a, b) => map(out, a, |a| f(a, b[0])),
    }
}

fn unary(f: &mut Function, codes: &mut Codes, out: &mut [Code], a: &[Code]) -> Result<(), Halt> {
    for (out, &a) in out.iter_mut().zip(a) {
        *out = f.unary(codes, a)?;
    }
    Ok(())
}

fn binary(f: &mut Function, codes: &mut Codes, out: &mut [Code], a: &[Code], b: &[Code]) -> Result<(), Halt> {
    for (lane, out) in out.iter_mut().enumerate() {
        *out = f.binary(codes, at(a, lane), at(b, lane))?;
    }
    Ok(())
}

fn choose(codes: &Codes, out: &mut [Code], c: &[Code], a: &[Code], b: &[Code]) {
    match c {
        [c] => copy(out, if codes.truth(*c) { a } else { b }),
        c => {
            for (lane, (out, &c)) in out.iter_mut().zip(c).enumerate() {
                *out = at(if codes.truth(c) { a } else { b }, lane);
            }
        }
    }
}

fn copy(out: &mut [Code], from: &[Code]) {
    match from {
        [from] => out.fill(*from),
        from => out.copy_from_slice(from),
    }
}

/// The code of a lane, where all may have one.
fn at(codes: &[Code], lane: usize) -> Code {
    if let [code] = codes { *code } else { codes[lane] }
}

/// The default for no key, the value itself for one, the mean of the numbers for several.
fn mean<'a>(
    scratch: &mut Scratch,
    sums: &mut Sums,
    codes: &mut Codes,
    keys: impl Iterator<Item = (&'a [Code], &'a [Code])> + Clone,
    out: &mut [Code],
    default: Code,
) -> Result<(), Halt> {
    let len = out.len();
    let Scratch { count, sum, other } = scratch;
    count.clear();
    count.resize(len, 0);
    out.fill(NONE);
    for (cell, value) in keys.clone() {
        match (cell, value) {
            ([0], _) => continue,
            ([_], value) => zip_with(out, count, value, |out, count, value| {
                *out |= value;
                *count += 1;
            }),
            (cell, value) if value.len() == len => {
                for (((out, count), cell), value) in out.iter_mut().zip(&mut *count).zip(cell).zip(value) {
                    *out |= value & 0_u16.wrapping_sub(*cell);
                    *count += cell;
                }
            }
            (cell, value) => zip_with(out, count, cell, |out, count, cell| {
                *out |= value[0] & 0_u16.wrapping_sub(cell);
                *count += cell;
            }),
        }
    }
    if count.iter().any(|count| *count > 1) {
        sum.clear();
        sum.resize(len, 0);
        other.clear();
        other.resize(len, false);
        for (cell, value) in keys.filter(|(cell, _)| **cell != [0]) {
            for (lane, (sum, other)) in sum.iter_mut().zip(&mut *other).enumerate() {
                if at(cell, lane) == 0 {
                    continue;
                }
                match sums.numerator(codes, at(value, lane))? {
                    Some(numerator) => *sum += numerator,
                    None => *other = true,
                }
            }
        }
    }
    for (lane, (out, &count)) in out.iter_mut().zip(&*count).enumerate() {
        *out = match count {
            0 => default,
            1 => *out,
            _ if other[lane] => {
                codes.faults = true;
                NONE
            }
            _ => sums.mean(codes, sum[lane], count)?,
        };
    }
    Ok(())
}

fn zip_with(out: &mut [Code], count: &mut [Code], a: &[Code], f: impl Fn(&mut Code, &mut Code, Code)) {
    match a {
        [a] => out.iter_mut().zip(count).for_each(|(out, count)| f(out, count, *a)),
        _ => out.iter_mut().zip(count).zip(a).for_each(|((out, count), &a)| f(out, count, a)),
    }
}
