//! Attention to keys that are known: what it gives is a function of the query alone.
//!
//! Where every key is a function of index and length, a row of the selector can be written down
//! for each value of the query, and a width or an aggregate becomes a table.

use super::analysis::{Analysis, MAX_PARTS, cost, parts};
use super::lattice::{Lattice, numbers};
use super::table::{Axis, Interner, MAX_STATES, NONE, Space, Table};
use crate::interp;
use crate::ir::{SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Number, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// A selector whose keys are known.
pub(super) struct KnownKeys {
    /// Parts in the order of evaluation, with places among the parts.
    steps: Vec<Step>,
    atoms: Vec<Atom>,
    /// The keys are a permutation, taken as if they were the indices: right for widths only.
    pub permutation: Option<SOpId>,
}

enum Step {
    Atom(usize),
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
}

/// One `select`. Its keys are a function of the position.
struct Atom {
    op: Compare,
    key: Arc<Table>,
    query: Arc<Table>,
}

/// One row: the keys that are selected as bits, and the keys at which the program fails.
#[derive(Clone, Default)]
struct Row {
    selected: Vec<u64>,
    fails: Vec<u64>,
}

/// The width of a selector as a function of its queries.
#[derive(Clone, Debug)]
pub(super) struct WidthTable {
    pub table: Arc<Table>,
    /// Every query selects every key that it sees.
    pub always: bool,
    /// The keys are this permutation.
    pub permutation: Option<SOpId>,
}

impl Analysis<'_> {
    /// The selector, if all its keys are known.
    fn known_keys(&self, selector: SelectorId, for_width: bool) -> Option<KnownKeys> {
        let graph = self.graph();
        let parts = parts(graph, selector, MAX_PARTS).filter(|_| self.has_lengths())?;
        let place = |id: SelectorId| parts.binary_search(&id).ok();
        let keys = parts.iter().filter_map(|&id| match graph[id].op {
            SelectorOp::Select { key, .. } => Some(key),
            SelectorOp::And(..) | SelectorOp::Or(..) | SelectorOp::Not(_) => None,
        });
        let mut keys: Vec<SOpId> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        let unknown = |key: SOpId| !self.table(key).is_some_and(|t| t.by_position());
        let permutation = match *keys.as_slice() {
            [key] if for_width && !self.program.causal && unknown(key) => {
                self.sops[key.index()].permutation.is_some().then_some(key)
            }
            _ => None,
        };
        let (mut steps, mut atoms) = (Vec::new(), Vec::new());
        for &id in &parts {
            steps.push(match graph[id].op {
                SelectorOp::Select { key, query, op } => {
                    let key = match permutation {
                        Some(_) => Arc::new(self.index_table()),
                        None => self.table(key).filter(|t| t.by_position())?.clone(),
                    };
                    atoms.push(Atom { op, key, query: self.table(query)?.clone() });
                    Step::Atom(atoms.len() - 1)
                }
                SelectorOp::And(a, b) => Step::And(place(a)?, place(b)?),
                SelectorOp::Or(a, b) => Step::Or(place(a)?, place(b)?),
                SelectorOp::Not(a) => Step::Not(place(a)?),
            });
        }
        Some(KnownKeys { steps, atoms, permutation })
    }

    /// The width as a function of the queries.
    pub fn width_by_query(&mut self, selector: SelectorId) -> Option<WidthTable> {
        let known = self.known_keys(selector, true)?;
        let space = self.row_space(&known, None)?;
        let mut interner = Interner::default();
        let mut always = true;
        let mut ids = vec![NONE; self.max_length() + 1];
        let mut cells = vec![NONE; space.size()];
        self.rows(&known, &space, |state, _, visible, row| {
            let width = row.iter().map(|word| word.count_ones() as usize).sum::<usize>();
            always &= width == visible;
            if ids[width] == NONE {
                ids[width] = interner.id(Value::Number(width.into()));
            }
            cells[state] = ids[width];
        });
        let table = Arc::new(interner.table(space.dims, cells));
        Some(WidthTable { table, always, permutation: known.permutation })
    }

    /// The aggregate of a value that is known at every position, as a function of the queries.
    pub fn aggregate_by_query(
        &mut self,
        selector: SelectorId,
        value: SOpId,
        default: &Value,
    ) -> Option<Table> {
        let value = self.table(value).filter(|t| t.by_position())?.clone();
        let known = self.known_keys(selector, false)?;
        let space = self.row_space(&known, Some(&value))?;
        let mut interner = Interner::default();
        let mut mean = Mean::new(&value.values, default);
        let mut cells = vec![NONE; space.size()];
        self.rows(&known, &space, |state, length, _, row| {
            let cell = |key| value.at(key, length);
            cells[state] = mean.of(ones(row).map(cell), &mut interner);
        });
        Some(interner.table(space.dims, cells))
    }

    /// All combinations of queries and what they see, if there are few enough to go through.
    fn row_space(&mut self, known: &KnownKeys, value: Option<&Table>) -> Option<Space> {
        let mut space = Space::of(known.atoms.iter().map(|a| &*a.query));
        space.add(&match self.program.causal {
            true => self.index_dim(),
            false => self.length_dim(),
        });
        let words = self.max_length().div_ceil(64);
        let moving = known.atoms.iter().filter(|a| a.key.reads(Axis::Length)).count();
        let per_state =
            known.steps.len() * words + (moving + usize::from(value.is_some())) * self.max_length();
        // Each row of an atom is written once; a mean is computed for every state.
        let rows = known.atoms.iter().map(|atom| {
            let per_row = atom.key.values.len() * cost::COMPARE + self.max_length() * cost::CELL;
            atom.query.values.len().saturating_mul(per_row)
        });
        let rows = rows.fold(0, usize::saturating_add);
        let result = if value.is_some() { cost::APPLY / 2 } else { cost::CELL };
        let states = space.size().saturating_mul(per_state + result);
        let fits = space.size() <= MAX_STATES && self.spend(states.saturating_add(rows));
        fits.then_some(space)
    }

    /// Calls `visit(state, coordinate of the length, number of keys seen, selected keys)` for every
    /// query on which no comparison fails.
    fn rows(&self, known: &KnownKeys, space: &Space, mut visit: impl FnMut(usize, usize, usize, &[u64])) {
        let words = self.max_length().div_ceil(64);
        let queries: Vec<&Table> = known.atoms.iter().map(|a| &*a.query).collect();
        let (by_length, by_index) = (space.position(Axis::Length), space.position(Axis::Index));
        let mut writers: Vec<Writer> = known.atoms.iter().map(Writer::new).collect();
        let mut results = vec![vec![0; words]; known.steps.len()];
        space.walk(&queries, |state, coordinates, ids| {
            let length = by_length.map_or(0, |at| coordinates[at]);
            let visible = match by_index {
                Some(at) if self.program.causal => coordinates[at] + 1,
                Some(_) | None => self.lengths[length],
            };
            let seen = |word: usize| low_bits(visible.saturating_sub(word * 64));
            let mut fails = false;
            for (step, kind) in known.steps.iter().enumerate() {
                let (before, rest) = results.split_at_mut(step);
                let out = &mut rest[0];
                match *kind {
                    Step::Atom(atom) => {
                        let row = writers[atom].row(ids[atom], length, self.max_length());
                        fails |= row.fails.iter().enumerate().any(|(word, bits)| bits & seen(word) != 0);
                        out.copy_from_slice(&row.selected);
                    }
                    Step::And(a, b) => combine(out, &before[a], &before[b], |a, b| a & b),
                    Step::Or(a, b) => combine(out, &before[a], &before[b], |a, b| a | b),
                    Step::Not(a) => combine(out, &before[a], &before[a], |a, _| !a),
                }
            }
            if let Some(last) = results.last_mut().filter(|_| !fails) {
                for (word, bits) in last.iter_mut().enumerate() {
                    *bits &= seen(word);
                }
                visit(state, length, visible, last);
            }
        });
    }
}

/// The lowest `count` bits of a word.
fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

fn combine(out: &mut [u64], a: &[u64], b: &[u64], f: impl Fn(u64, u64) -> u64) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(a, b);
    }
}

/// The places of the bits that are set.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(word, &bits)| {
        let rest = |&bits: &u64| Some(bits & bits.wrapping_sub(1));
        std::iter::successors(Some(bits), rest)
            .take_while(|&bits| bits != 0)
            .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
    })
}

/// Writes the rows of one `select`, each once.
struct Writer<'a> {
    atom: &'a Atom,
    /// For each value of the query, how the comparison with each value of the key ends.
    outcomes: Vec<Option<Vec<Outcome>>>,
    /// For each value of the query, the row at the current length.
    rows: Vec<Option<Row>>,
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Selected,
    Passed,
    Fails,
}

impl<'a> Writer<'a> {
    fn new(atom: &'a Atom) -> Self {
        let n = atom.query.values.len();
        Self { atom, outcomes: vec![None; n], rows: vec![None; n], length: 0 }
    }

    fn row(&mut self, query: u32, length: usize, n: usize) -> &Row {
        let Atom { op, key, query: queries } = self.atom;
        if self.length != length && key.reads(Axis::Length) {
            self.rows.fill(None);
        }
        self.length = length;
        let query = query as usize;
        let outcomes = &mut self.outcomes[query];
        self.rows[query].get_or_insert_with(|| {
            let outcome = |key: &Value| match op.holds(key, &queries.values[query]) {
                Ok(true) => Outcome::Selected,
                Ok(false) => Outcome::Passed,
                Err(_) => Outcome::Fails,
            };
            let outcomes = outcomes.get_or_insert_with(|| key.values.iter().map(outcome).collect());
            let mut row = Row { selected: vec![0; n.div_ceil(64)], fails: vec![0; n.div_ceil(64)] };
            for k in 0..n {
                // Where the key itself has no value, the program has failed.
                match outcomes.get(key.at(k, length) as usize) {
                    Some(Outcome::Selected) => row.selected[k / 64] |= 1 << (k % 64),
                    Some(Outcome::Passed) => {}
                    Some(Outcome::Fails) | None => row.fails[k / 64] |= 1 << (k % 64),
                }
            }
            row
        })
    }
}

/// Means of values that are given by number. Most sums occur again and again, so they are added
/// as integers and divided once.
struct Mean<'a> {
    values: &'a [Value],
    default: &'a Value,
    /// The numbers among the values as multiples of `step`.
    multiples: Vec<Option<i64>>,
    step: Number,
    known: HashMap<(i64, usize), u32>,
    selected: Vec<u32>,
}

impl<'a> Mean<'a> {
    fn new(values: &'a [Value], default: &'a Value) -> Self {
        let step = Lattice::around(numbers(values)).map_or(Number::ONE, |lattice| lattice.step);
        // Below 2^40, a sum over any length stays below 2^63.
        let multiple = |v: &Value| match v {
            Value::Number(n) => n.div(&step).ok()?.to_i64().filter(|m| m.abs() < 1 << 40),
            Value::Bool(_) | Value::Str(_) => None,
        };
        let multiples = values.iter().map(multiple).collect();
        Self { values, default, multiples, step, known: HashMap::new(), selected: Vec::new() }
    }

    /// The mean of the values with these numbers, as a number of `interner`.
    fn of(&mut self, cells: impl Iterator<Item = u32>, interner: &mut Interner) -> u32 {
        self.selected.clear();
        self.selected.extend(cells);
        let multiple = |&cell: &u32| *self.multiples.get(cell as usize)?;
        let sum = self.selected.iter().map(multiple).try_fold(0, |sum, m| Some(sum + m?));
        match (self.selected.as_slice(), sum) {
            ([], _) => interner.id(self.default.clone()),
            (cells, _) if cells.contains(&NONE) => NONE,
            ([one], _) => interner.id(self.values[*one as usize].clone()),
            (cells, Some(sum)) => {
                let (step, count) = (&self.step, cells.len());
                let mean = || step.mul(&sum.into())?.div(&count.into()).map(Value::Number);
                *self.known.entry((sum, count)).or_insert_with(|| interner.result(mean()))
            }
            (cells, None) => {
                let values = cells.iter().map(|&cell| &self.values[cell as usize]);
                interner.result(interp::mean(values, self.default))
            }
        }
    }
}
