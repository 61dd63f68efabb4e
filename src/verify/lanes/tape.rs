//! A program at one length, as a list of cells: an s-op at a position, a selector at a query and a
//! key. Cells that no input changes are computed while the list is made, and equal ones are one.

use super::codes::{Code, Codes, Function, Halt, NONE, Sums, apply, mean_of};
use crate::ir::{Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::value::{Compare, Elementwise, Kind, Kinds, Value};
use std::collections::{BTreeMap, HashMap};

/// A code, or for selectors 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cell {
    Fixed(Code),
    /// That of a step.
    Of(usize),
}

/// What gives a cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A position of an input column; see [`Tape::digits`].
    Digit(usize),
    Unary(usize, Cell),
    Binary(usize, Cell, Cell),
    If(Cell, Cell, Cell),
    /// See [`Codes::canonical`] and [`Codes::rank`].
    Canonical(Cell),
    Rank(Cell),
    /// Of canonical codes, or of ranks.
    Equal(Cell, Cell),
    Below(Cell, Cell),
    And(Cell, Cell),
    Or(Cell, Cell),
    Not(Cell),
    /// How many of these are 1, and so many more.
    Width(Vec<Cell>, Code),
    Mean {
        /// The cells of a selector that are not 0, each with that of the value.
        keys: Vec<(Cell, Cell)>,
        default: Code,
        /// Which of the [`Shared::sums`].
        sums: usize,
    },
}

/// What the tape of every length needs.
pub struct Shared {
    pub codes: Codes,
    pub functions: Vec<Function>,
    /// By the s-op whose values are averaged.
    pub sums: Vec<Sums>,
    known: HashMap<Elementwise, usize>,
}

impl Shared {
    pub fn new(codes: Codes) -> Self {
        Self { codes, functions: Vec::new(), sums: Vec::new(), known: HashMap::new() }
    }

    fn function(&mut self, f: &Elementwise) -> usize {
        *self.known.entry(f.clone()).or_insert_with(|| {
            self.functions.push(Function::new(f.clone()));
            self.functions.len() - 1
        })
    }
}

pub struct Tape {
    pub steps: Vec<Step>,
    /// For each step, the digits that it depends on, a bit each.
    pub reads: Vec<u64>,
    /// By output and position.
    pub outputs: Vec<Vec<Cell>>,
    /// By position, those of all assumptions.
    pub assumed: Vec<Cell>,
    /// The cells of s-ops that may have no value: where one does, the outputs have none; and the
    /// same of the assumptions.
    pub may_fail: [Vec<Cell>; 2],
}

/// Digits beyond these do not fit into the bits of a word.
const MAX_DIGITS: usize = u64::BITS as usize;

/// Steps beyond these are not worth it.
const MAX_STEPS: usize = 1 << 18;

impl Tape {
    /// The program on inputs of length `n`. The digits of an input are its columns, one behind the
    /// other; `n_prefix` of them are the same in a block.
    pub fn new(program: &Program, n: usize, n_prefix: usize, shared: &mut Shared) -> Result<Self, Halt> {
        if n * program.columns.len() > MAX_DIGITS {
            return Err(Halt::TooLarge);
        }
        let mut maker = Maker {
            program,
            n,
            in_prefix: in_prefix(n_prefix),
            shared,
            steps: Vec::new(),
            reads: Vec::new(),
            known: HashMap::new(),
            sops: HashMap::new(),
            selectors: HashMap::new(),
        };
        for node in program.live() {
            match node {
                Node::SOp(id) => {
                    let cells = (0..n).map(|q| maker.sop(&program.graph[id].op, q));
                    let cells = cells.collect::<Result<_, _>>()?;
                    maker.sops.insert(id, cells);
                }
                Node::Selector(id) => {
                    let cells = (0..n * n).map(|cell| maker.selector(id, cell / n, cell % n));
                    let cells = cells.collect::<Result<_, _>>()?;
                    maker.selectors.insert(id, cells);
                }
            }
        }
        let outputs: Vec<SOpId> = program.outputs.iter().map(|output| output.sop).collect();
        let assumptions: Vec<SOpId> = program.assumptions.iter().map(|(sop, _)| *sop).collect();
        Ok(Self {
            outputs: outputs.iter().map(|id| maker.sops[id].clone()).collect(),
            assumed: assumptions.iter().flat_map(|id| maker.sops[id].clone()).collect(),
            may_fail: [maker.may_fail(&outputs), maker.may_fail(&assumptions)],
            steps: maker.steps,
            reads: maker.reads,
        })
    }
}

struct Maker<'a> {
    program: &'a Program,
    n: usize,
    in_prefix: u64,
    shared: &'a mut Shared,
    steps: Vec<Step>,
    reads: Vec<u64>,
    known: HashMap<Step, Cell>,
    sops: HashMap<SOpId, Vec<Cell>>,
    selectors: HashMap<SelectorId, Vec<Cell>>,
}

impl Maker<'_> {
    fn add(&mut self, step: Step) -> Result<Cell, Halt> {
        if let Some(&cell) = self.known.get(&step) {
            return Ok(cell);
        }
        let reads = match &step {
            Step::Digit(digit) => 1 << digit,
            step => step.operands().fold(0, |all, cell| match cell {
                Cell::Of(step) => all | self.reads[step],
                Cell::Fixed(_) => all,
            }),
        };
        if self.steps.len() == MAX_STEPS {
            return Err(Halt::TooLarge);
        }
        let cell = Cell::Of(self.steps.len());
        self.known.insert(step.clone(), cell);
        self.steps.push(step);
        self.reads.push(reads);
        Ok(cell)
    }

    fn sop(&mut self, op: &Op, q: usize) -> Result<Cell, Halt> {
        match op {
            Op::Input(column) => self.add(Step::Digit(column * self.n + q)),
            Op::Indices => Ok(Cell::Fixed(q as Code + 1)),
            Op::Const(value) => self.shared.codes.of(value.clone()).map(Cell::Fixed),
            Op::Elementwise { f, args } => {
                let args: Vec<Cell> = args.iter().map(|arg| self.sops[arg][q]).collect();
                self.elementwise(f, &args)
            }
            Op::Aggregate { selector, value, default } => self.mean(*selector, *value, default, q),
            Op::Width { selector } => self.width(*selector, q),
        }
    }

    /// Cells that change rarely are added up first, and their sum is kept.
    fn width(&mut self, selector: SelectorId, q: usize) -> Result<Cell, Halt> {
        let row = &self.selectors[&selector][q * self.n..(q + 1) * self.n];
        let all = row.iter().filter(|cell| **cell == Cell::Fixed(1)).count() as Code;
        let mut by_last_digit: BTreeMap<Option<u32>, Vec<Cell>> = BTreeMap::new();
        for &cell in row {
            if let Cell::Of(step) = cell {
                let last = (self.reads[step] & self.in_prefix).checked_ilog2();
                by_last_digit.entry(last).or_default().push(cell);
            }
        }
        // The width `w` has the code `w + 1`.
        let mut sum = Cell::Fixed(all + 1);
        for mut cells in by_last_digit.into_values() {
            let more = sum.fixed().unwrap_or(0);
            cells.extend(Some(sum).filter(|sum| sum.fixed().is_none()));
            cells.sort_unstable();
            sum = self.add(Step::Width(cells, more))?;
        }
        Ok(sum)
    }

    fn elementwise(&mut self, f: &Elementwise, args: &[Cell]) -> Result<Cell, Halt> {
        if let Some(args) = args.iter().map(|cell| cell.fixed()).collect::<Option<Vec<Code>>>() {
            return apply(&mut self.shared.codes, f, &args).map(Cell::Fixed);
        }
        match (f, args) {
            (Elementwise::If, &[c, a, b]) => match c.fixed() {
                // A condition without a value has none of its own here; see `may_fail`.
                Some(c) => Ok(if self.shared.codes.truth(c) { a } else { b }),
                None => self.add(Step::If(c, a, b)),
            },
            (_, &[a]) => {
                let f = self.shared.function(f);
                self.add(Step::Unary(f, a))
            }
            (_, &[a, b]) => {
                let f = self.shared.function(f);
                self.add(Step::Binary(f, a, b))
            }
            _ => Err(Halt::TooLarge),
        }
    }

    fn mean(&mut self, selector: SelectorId, value: SOpId, default: &Value, q: usize) -> Result<Cell, Halt> {
        let row = self.selectors[&selector][q * self.n..(q + 1) * self.n].iter();
        let keys = row.zip(&self.sops[&value]).filter(|(cell, _)| **cell != Cell::Fixed(0));
        let mut keys: Vec<(Cell, Cell)> = keys.map(|(cell, value)| (*cell, *value)).collect();
        if keys.iter().all(|(cell, _)| cell.fixed().is_some()) {
            if let [(_, only)] = keys.as_slice() {
                return Ok(*only);
            }
            if let Some(fixed) = keys.iter().map(|(_, v)| v.fixed()).collect::<Option<Vec<Code>>>() {
                return mean_of(&mut self.shared.codes, &fixed, default).map(Cell::Fixed);
            }
        }
        keys.sort_unstable();
        let default = self.shared.codes.of(default.clone())?;
        let sums = value.index();
        if sums >= self.shared.sums.len() {
            self.shared.sums.resize_with(sums + 1, Sums::default);
        }
        self.add(Step::Mean { keys, default, sums })
    }

    fn selector(&mut self, id: SelectorId, q: usize, k: usize) -> Result<Cell, Halt> {
        if self.program.causal && k > q {
            return Ok(Cell::Fixed(0));
        }
        let at = |maker: &Self, id: SelectorId| maker.selectors[&id][q * maker.n + k];
        match self.program.graph[id].op {
            SelectorOp::Select { key, query, op } => self.select(key, query, op, q, k),
            SelectorOp::And(a, b) => match sorted(at(self, a), at(self, b)) {
                (Cell::Fixed(0), _) => Ok(Cell::Fixed(0)),
                (Cell::Fixed(_), other) => Ok(other),
                (a, b) if a == b => Ok(a),
                (a, b) => self.add(Step::And(a, b)),
            },
            SelectorOp::Or(a, b) => match sorted(at(self, a), at(self, b)) {
                (Cell::Fixed(0), other) => Ok(other),
                (Cell::Fixed(_), _) => Ok(Cell::Fixed(1)),
                (a, b) if a == b => Ok(a),
                (a, b) => self.add(Step::Or(a, b)),
            },
            SelectorOp::Not(a) => self.not(at(self, a)),
        }
    }

    fn not(&mut self, cell: Cell) -> Result<Cell, Halt> {
        match cell {
            Cell::Fixed(bit) => Ok(Cell::Fixed(1 - bit)),
            Cell::Of(_) => self.add(Step::Not(cell)),
        }
    }

    fn select(&mut self, key: SOpId, query: SOpId, op: Compare, q: usize, k: usize) -> Result<Cell, Halt> {
        let kinds = self.program.graph[key].kinds | self.program.graph[query].kinds;
        let (key, query) = (self.sops[&key][k], self.sops[&query][q]);
        match op {
            Compare::Eq => self.equal(key, query, kinds),
            Compare::Ne => {
                let equal = self.equal(key, query, kinds)?;
                self.not(equal)
            }
            Compare::Lt => self.below(key, query, kinds),
            Compare::Gt => self.below(query, key, kinds),
            Compare::Ge => {
                let below = self.below(key, query, kinds)?;
                self.not(below)
            }
            Compare::Le => {
                let above = self.below(query, key, kinds)?;
                self.not(above)
            }
        }
    }

    fn equal(&mut self, a: Cell, b: Cell, kinds: Kinds) -> Result<Cell, Halt> {
        // `True == 1`: only where there are both do they need a common code.
        let [a, b] = match kinds.contains(Kind::Bool) && kinds.contains(Kind::Number) {
            true => [self.canonical(a)?, self.canonical(b)?],
            false => [a, b],
        };
        match sorted(a, b) {
            (a, b) if a == b => Ok(Cell::Fixed(1)),
            (Cell::Fixed(_), Cell::Fixed(_)) => Ok(Cell::Fixed(0)),
            (a, b) => self.add(Step::Equal(a, b)),
        }
    }

    fn canonical(&mut self, cell: Cell) -> Result<Cell, Halt> {
        match cell {
            Cell::Fixed(code) => Ok(Cell::Fixed(self.shared.codes.canonical(code))),
            Cell::Of(_) => self.add(Step::Canonical(cell)),
        }
    }

    fn below(&mut self, a: Cell, b: Cell, kinds: Kinds) -> Result<Cell, Halt> {
        // The order of a string and a number is a fault of a selector, which no cell tells.
        if !kinds.within(Kinds::STR) && kinds.contains(Kind::Str) {
            return Err(Halt::TooLarge);
        }
        if a == b {
            return Ok(Cell::Fixed(0));
        }
        if let (Some(a), Some(b)) = (a.fixed(), b.fixed()) {
            let values = self.shared.codes.value(a).zip(self.shared.codes.value(b));
            let below = values.is_some_and(|(a, b)| Compare::Lt.holds(a, b) == Ok(true));
            return Ok(Cell::Fixed(Code::from(below)));
        }
        let (a, b) = (self.add(Step::Rank(a))?, self.add(Step::Rank(b))?);
        self.add(Step::Below(a, b))
    }

    /// The cells in which these s-ops, and whatever they depend on, may have no value.
    fn may_fail(&self, roots: &[SOpId]) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for node in self.program.graph.live(roots.iter().map(|&id| Node::SOp(id))) {
            if let Node::SOp(id) = node {
                cells.extend(self.sops[&id].iter().filter(|cell| match cell {
                    Cell::Fixed(code) => *code == NONE,
                    Cell::Of(step) => {
                        matches!(self.steps[*step], Step::Unary(..) | Step::Binary(..) | Step::Mean { .. })
                    }
                }));
            }
        }
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

/// The bits of these digits.
pub fn in_prefix(n_prefix: usize) -> u64 {
    u64::MAX.checked_shr(u64::BITS - n_prefix as u32).unwrap_or(0)
}

fn sorted(a: Cell, b: Cell) -> (Cell, Cell) {
    if a <= b { (a, b) } else { (b, a) }
}

impl Cell {
    fn fixed(self) -> Option<Code> {
        match self {
            Self::Fixed(code) => Some(code),
            Self::Of(_) => None,
        }
    }
}

impl Step {
    fn operands(&self) -> Box<dyn Iterator<Item = Cell> + '_> {
        match self {
            Self::Digit(_) => Box::new(std::iter::empty()),
            Self::Unary(_, a) | Self::Canonical(a) | Self::Rank(a) | Self::Not(a) => {
                Box::new(std::iter::once(*a))
            }
            Self::Binary(_, a, b)
            | Self::Equal(a, b)
            | Self::Below(a, b)
            | Self::And(a, b)
            | Self::Or(a, b) => Box::new([*a, *b].into_iter()),
            Self::If(c, a, b) => Box::new([*c, *a, *b].into_iter()),
            Self::Width(cells, _) => Box::new(cells.iter().copied()),
            Self::Mean { keys, .. } => Box::new(keys.iter().flat_map(|(cell, value)| [*cell, *value])),
        }
    }
}
