//! The inputs that a program declares: how many there are, all of them in order, and samples.
//!
//! An input counts if every value is in its column's domain, its length is declared, and every
//! assumption of the program holds on it.

use crate::interp::Interpreter;
use crate::ir::{Column, Lengths, Program};
use crate::value::Value;
use rand::Rng;
use rand::seq::SliceRandom as _;
use std::ops::RangeInclusive;

/// One list of values per column, all of one length.
pub type Columns = Vec<Vec<Value>>;

/// How many inputs a program declares before assumptions narrow them, saturating; none if a domain
/// or the lengths are not declared.
pub fn count(program: &Program) -> Option<u128> {
    let interpreter = Interpreter::new(program);
    Inputs::new(program, &interpreter, vec![false; program.columns.len()]).map(|inputs| inputs.count())
}

/// The inputs of a program with declared domains and lengths.
pub struct Inputs<'p> {
    domains: Vec<&'p [Value]>,
    lengths: Lengths,
    interpreter: &'p Interpreter<'p>,
    /// Columns whose values differ at any two positions, by an assumption.
    distinct: Vec<bool>,
}

impl<'p> Inputs<'p> {
    /// None if a domain or the lengths are not declared. `distinct` tells for each column whether
    /// an assumption makes its values differ from position to position; it only guides sampling.
    pub fn new(program: &'p Program, interpreter: &'p Interpreter<'p>, distinct: Vec<bool>) -> Option<Self> {
        let domains = program.columns.iter().map(|c| c.domain.as_deref().filter(|d| !d.is_empty()));
        Some(Self {
            domains: domains.collect::<Option<_>>()?,
            lengths: program.lengths?,
            interpreter,
            distinct,
        })
    }

    /// The values that each column may have; none is empty.
    pub fn domains(&self) -> &[&'p [Value]] {
        &self.domains
    }

    /// Whether an input, with a list for each column, is one of them.
    pub fn contains(&self, input: &Columns) -> bool {
        let n = input.first().map_or(0, Vec::len);
        let declared = |(column, domain): (&Vec<Value>, &&[Value])| {
            column.len() == n && column.iter().all(|v| domain.contains(v))
        };
        self.lengths().contains(&n) && input.iter().zip(&self.domains).all(declared) && self.admits(input)
    }

    /// How many inputs there are before assumptions narrow them; saturating.
    pub fn count(&self) -> u128 {
        let mut count = 0_u128;
        for n in self.lengths() {
            match self.count_of(n) {
                u128::MAX => return u128::MAX,
                more => count = count.saturating_add(more),
            }
        }
        count
    }

    /// Every input, short ones first, each length in the order of the domains.
    pub fn all(&self) -> impl Iterator<Item = Columns> + '_ {
        self.candidates().filter(|c| self.admits(c))
    }

    /// [`Self::all`] before assumptions narrow it: there are [`Self::count`] of them.
    pub fn candidates(&self) -> impl Iterator<Item = Columns> + Send + '_ {
        self.lengths().flat_map(move |n| (0..self.count_of(n)).map(move |number| self.numbered(n, number)))
    }

    /// The lengths that inputs have.
    pub fn lengths(&self) -> RangeInclusive<usize> {
        self.lengths.min..=self.lengths.max
    }

    /// How many inputs there are of a length, before assumptions narrow them; saturating.
    pub fn count_of(&self, n: usize) -> u128 {
        let sizes = self.domains.iter().flat_map(|d| std::iter::repeat_n(d.len() as u128, n));
        sizes.fold(1_u128, u128::saturating_mul)
    }

    /// An input of a length by its number in the order of the domains: the last position of the last
    /// column changes first.
    pub fn numbered(&self, n: usize, mut number: u128) -> Columns {
        let mut column = |domain: &&[Value]| -> Vec<Value> {
            let size = domain.len() as u128;
            let mut digit = || {
                let place = (number % size) as usize;
                number /= size;
                domain[place].clone()
            };
            let mut values: Vec<Value> = (0..n).map(|_| digit()).collect();
            values.reverse();
            values
        };
        let mut input: Columns = self.domains.iter().rev().map(&mut column).collect();
        input.reverse();
        input
    }

    /// How many inputs come before this one, assumptions aside; saturating.
    pub fn before(&self, input: &Columns) -> u128 {
        let n = input.first().map_or(0, Vec::len);
        let shorter = (self.lengths.min..n).map(|n| self.count_of(n)).fold(0, u128::saturating_add);
        let mut number = 0_u128;
        for (column, domain) in input.iter().zip(&self.domains) {
            for value in column {
                let place = domain.iter().position(|v| v == value).unwrap_or(domain.len());
                number = number.saturating_mul(domain.len() as u128).saturating_add(place as u128);
            }
        }
        shorter.saturating_add(number)
    }

    /// Whether an input fulfils the assumptions.
    pub fn admits(&self, input: &Columns) -> bool {
        self.interpreter.broken_assumption(input).is_none()
    }

    /// A random input: any length, values uniform or from a few of the domain, so that equal ones
    /// are common. None if no such input was found that fulfils the assumptions.
    pub fn sample(&self, rng: &mut impl Rng) -> Option<Columns> {
        // Assumptions are hardest to fulfil on long inputs: try shorter and shorter ones.
        let mut longest = self.lengths.max.min(self.interpreter.longest());
        for _ in 0..64 {
            let n = rng.random_range(self.lengths.min..=longest.max(self.lengths.min));
            let input: Columns = (0..self.domains.len()).map(|c| self.sample_column(c, n, rng)).collect();
            if input.iter().all(|c| c.len() == n)
                && let Some(input) = self.repaired(input, rng)
            {
                return Some(input);
            }
            longest = n.saturating_sub(1);
        }
        None
    }

    /// A smaller input with the same property: positions are taken out one by one, then values
    /// replaced by earlier ones of their domain, as long as it holds.
    pub fn shrink(&self, mut input: Columns, holds: impl Fn(&Columns) -> bool) -> Columns {
        let fits = |input: &Columns| self.admits(input) && holds(input);
        // Long inputs are cut down by large pieces first, so that few runs are long.
        let mut piece = input.first().map_or(0, Vec::len) / 2;
        while piece > 1 {
            input = self.without_pieces(input, piece, &fits).0;
            piece /= 2;
        }
        let mut shorter = true;
        while shorter {
            (input, shorter) = self.without_pieces(input, 1, &fits);
        }
        for column in 0..input.len() {
            for position in 0..input[column].len() {
                let current = input[column][position].clone();
                for value in self.domains[column].iter().take_while(|v| **v != current) {
                    let mut simpler = input.clone();
                    simpler[column][position] = value.clone();
                    if fits(&simpler) {
                        input = simpler;
                        break;
                    }
                }
            }
        }
        input
    }

    /// The input without those pieces of so many positions that it does not need, and whether there
    /// were any.
    fn without_pieces(
        &self,
        mut input: Columns,
        piece: usize,
        fits: &impl Fn(&Columns) -> bool,
    ) -> (Columns, bool) {
        let (mut position, mut any) = (0, false);
        loop {
            let length = input.first().map_or(0, Vec::len);
            if position + piece > length || length - piece < self.lengths.min {
                return (input, any);
            }
            let mut shorter = input.clone();
            shorter.iter_mut().for_each(|column| drop(column.drain(position..position + piece)));
            if fits(&shorter) {
                (input, any) = (shorter, true);
            } else {
                position += piece;
            }
        }
    }

    /// The input with new values where it breaks an assumption, so that it breaks none. None if
    /// a few rounds do not get there: no values may fulfil the assumptions at this length.
    fn repaired(&self, mut input: Columns, rng: &mut impl Rng) -> Option<Columns> {
        const ROUNDS: usize = 32;
        for _ in 0..ROUNDS {
            let broken = self.interpreter.broken_positions(&input);
            if broken.is_empty() {
                return Some(input);
            }
            // Of two positions that contradict each other, one is enough.
            for position in broken.into_iter().filter(|_| rng.random_bool(0.5)).collect::<Vec<_>>() {
                for (column, domain) in input.iter_mut().zip(&self.domains) {
                    column[position] = domain[rng.random_range(0..domain.len())].clone();
                }
            }
        }
        None
    }

    fn sample_column(&self, column: usize, n: usize, rng: &mut impl Rng) -> Vec<Value> {
        let domain = self.domains[column];
        if self.distinct.get(column) == Some(&true) {
            let mut values = domain.to_vec();
            values.shuffle(rng);
            values.truncate(n);
            return values;
        }
        let few: Vec<&Value> = match rng.random_range(0..3) {
            0 => (0..rng.random_range(1..=3)).map(|_| &domain[rng.random_range(0..domain.len())]).collect(),
            _ => domain.iter().collect(),
        };
        (0..n).map(|_| few[rng.random_range(0..few.len())].clone()).collect()
    }
}

/// `[1, 1/3, "a"]`
pub fn list_text(values: &[Value]) -> String {
    format!("[{}]", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// The lists of an input or output, several joined by commas.
pub fn columns_text(columns: &[Vec<Value>]) -> String {
    columns.iter().map(|c| list_text(c)).collect::<Vec<_>>().join(", ")
}

/// An input with the names of its columns, if there are several: programs that have them in another
/// order take it as well.
pub fn named_text(columns: &[Column], input: &Columns) -> String {
    if input.len() < 2 {
        return columns_text(input);
    }
    let lists = columns.iter().zip(input).map(|(c, list)| format!("\"{}\": {}", c.name, list_text(list)));
    format!("{{{}}}", lists.collect::<Vec<_>>().join(", "))
}
