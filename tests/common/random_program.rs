//! Random well-typed programs with every operation, for property tests of what reads programs.
//!
//! A program is a list of steps. Each step adds one node and takes its operands from the nodes
//! before it, by number; so programs share nodes as real ones do, and they shrink by losing steps
//! and by moving operands towards the first nodes, which are constants and inputs.

use proptest::prelude::*;
use raspc::ir::{Column, Graph, Lengths, Node, Op, Origin, Output, Program, SOpId, SelectorId, SelectorOp};
use raspc::source::{SourceId, Span};
use raspc::value::{Compare, Elementwise, Kinds, Number, Table, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a program is made from.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// For each column, which of [`domains`] it has.
    columns: Vec<usize>,
    lengths: Lengths,
    causal: bool,
    assumption: Assumption,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Assumption {
    Nothing,
    /// The tokens of the first column differ.
    Distinct,
    /// The last boolean s-op before so many steps.
    Boolean(usize),
}

/// One node. Operands are numbers of nodes of the right sort, counted round and round.
#[derive(Clone, Debug)]
enum Step {
    Elementwise {
        operation: usize,
        args: [usize; 3],
    },
    Aggregate {
        selector: usize,
        value: usize,
        default: usize,
    },
    Width {
        selector: usize,
    },
    Select {
        sort: usize,
        key: usize,
        query: usize,
        op: Compare,
    },
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
    /// Positions counted in the order of a key, those of equal keys by another one; or only those
    /// of equal keys. Rare by chance, common in programs.
    Rank {
        key: usize,
        tie: usize,
        op: Compare,
        among_equals: bool,
    },
    /// The aggregate of a key that is equal to one of two constants, written with `or` or with
    /// `and` of the opposite. Rare by chance as well.
    OneOfTwo {
        sort: usize,
        key: usize,
        constants: [usize; 2],
        opposite: bool,
    },
}

/// The types that steps keep apart. An s-op of `Any` can have values of several types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Number,
    Bool,
    Str,
    Any,
}

/// More outputs than this are more ways to fail.
const MAX_OUTPUTS: usize = 3;

/// Programs of up to `max_steps` nodes beside constants and inputs, on inputs of length up to
/// `max_length`.
pub fn programs(max_steps: usize, max_length: usize) -> impl Strategy<Value = Program> {
    recipes(max_steps, max_length).prop_map(|recipe| recipe.build())
}

fn recipes(max_steps: usize, max_length: usize) -> impl Strategy<Value = Recipe> {
    let columns = prop_oneof![
        4 => proptest::collection::vec(0..domains().len(), 1),
        1 => proptest::collection::vec(0..domains().len(), 2),
    ];
    let lengths = (1..=2_usize, 0..max_length)
        .prop_map(move |(min, more)| Lengths { min: min.min(max_length), max: (min + more).min(max_length) });
    let assumption = prop_oneof![
        8 => Just(Assumption::Nothing),
        1 => Just(Assumption::Distinct),
        1 => (0..4_usize).prop_map(Assumption::Boolean),
    ];
    let causal = proptest::bool::weighted(0.3);
    let steps = proptest::collection::vec(step(), 1..=max_steps);
    (columns, lengths, causal, assumption, steps).prop_map(|(columns, lengths, causal, assumption, steps)| {
        Recipe { columns, lengths, causal, assumption, steps }
    })
}

fn step() -> impl Strategy<Value = Step> {
    // Half of the numbers are small ones: the first nodes; see `Nodes::pick` for the other half.
    let n = || 0..64_usize;
    let compare = || proptest::sample::select(Compare::ALL.to_vec());
    prop_oneof![
        11 => (0..operations().len(), [n(), n(), n()])
            .prop_map(|(operation, args)| Step::Elementwise { operation, args }),
        3 => (n(), n(), n()).prop_map(|(selector, value, default)| Step::Aggregate { selector, value, default }),
        2 => n().prop_map(|selector| Step::Width { selector }),
        4 => (0..8_usize, n(), n(), compare())
            .prop_map(|(sort, key, query, op)| Step::Select { sort, key, query, op }),
        1 => (n(), n()).prop_map(|(a, b)| Step::And(a, b)),
        1 => (n(), n()).prop_map(|(a, b)| Step::Or(a, b)),
        1 => n().prop_map(Step::Not),
        1 => (n(), n(), compare(), any::<bool>())
            .prop_map(|(key, tie, op, among_equals)| Step::Rank { key, tie, op, among_equals }),
        1 => (0..4_usize, n(), [n(), n()], any::<bool>())
            .prop_map(|(sort, key, constants, opposite)| Step::OneOfTwo { sort, key, constants, opposite }),
    ]
}

/// The domains of input columns.
fn domains() -> Vec<(Sort, Vec<Value>)> {
    let ints = |values: &[i64]| values.iter().map(|&v| Value::int(v)).collect::<Vec<_>>();
    vec![
        (Sort::Number, ints(&[0, 1, 2])),
        (Sort::Number, ints(&[5, -1])),
        (Sort::Number, ints(&[1, -1])),
        (Sort::Number, vec![ratio(1, 3), ratio(-7, 10), Value::int(100)]),
        (Sort::Number, (0..30).map(|i| Value::int(i * i)).collect()),
        (Sort::Number, vec![half(), Value::int(2), Value::int(3), Value::int(4)]),
        (Sort::Bool, vec![Value::Bool(false), Value::Bool(true)]),
        (Sort::Str, vec![Value::str("a"), Value::str("b"), Value::str("c")]),
        (Sort::Str, vec![Value::str("1"), Value::str(""), Value::str("-2")]),
        (Sort::Any, vec![Value::Bool(true), Value::int(1), Value::int(0), Value::str("a")]),
    ]
}

fn ratio(numerator: i64, denominator: i64) -> Value {
    Number::ratio(numerator, denominator).map_or(Value::int(0), Value::Number)
}

fn half() -> Value {
    ratio(1, 2)
}

/// Constants of every sort, and those that are defaults of aggregates.
fn constants() -> Vec<(Sort, Value)> {
    vec![
        (Sort::Number, Value::int(0)),
        (Sort::Number, Value::int(1)),
        (Sort::Number, Value::int(2)),
        (Sort::Number, Value::int(-1)),
        (Sort::Number, half()),
        (Sort::Number, ratio(-1, 3)),
        (Sort::Bool, Value::Bool(false)),
        (Sort::Bool, Value::Bool(true)),
        (Sort::Str, Value::str("a")),
        (Sort::Str, Value::str("")),
    ]
}

/// Every elementwise operation with the sorts of its arguments and of its result.
pub fn operations() -> Vec<(Elementwise, Vec<Sort>, Sort)> {
    use Elementwise as E;
    use Sort::{Any, Bool, Number, Str};
    let list = || Table::List(Arc::new([Value::int(3), Value::str("x"), Value::Bool(true)]));
    let numbers = || Table::List((0..6).map(|i| Value::int(i * i - 3)).collect());
    let dict = || {
        Table::dict([
            (Value::int(0), Value::int(7)),
            (Value::Bool(true), half()),
            (Value::int(2), Value::int(-7)),
            (Value::str("a"), Value::int(1)),
            (Value::str("b"), Value::int(1)),
        ])
    };
    let mut all = vec![
        (E::Neg, vec![Number], Number),
        (E::Neg, vec![Bool], Number),
        (E::Pos, vec![Bool], Number),
        (E::Pos, vec![Number], Number),
        (E::Not, vec![Bool], Bool),
        (E::Not, vec![Any], Bool),
        (E::Round, vec![Number], Number),
        (E::Round, vec![Bool], Number),
        (E::Indicator, vec![Bool], Number),
        (E::Indicator, vec![Any], Number),
        (E::ToStr, vec![Any], Str),
        (E::ToStr, vec![Number], Str),
        (E::ToInt, vec![Number], Number),
        (E::ToInt, vec![Str], Number),
        (E::ToFloat, vec![Number], Number),
        (E::ToFloat, vec![Bool], Number),
        (E::ToBool, vec![Any], Bool),
        (E::ToBool, vec![Number], Bool),
        (E::Add, vec![Number, Number], Number),
        (E::Add, vec![Bool, Number], Number),
        (E::Add, vec![Str, Str], Str),
        (E::Sub, vec![Number, Number], Number),
        (E::Sub, vec![Bool, Number], Number),
        (E::Mul, vec![Number, Number], Number),
        (E::Mul, vec![Number, Bool], Number),
        (E::Mul, vec![Str, Bool], Str),
        (E::Div, vec![Number, Number], Number),
        (E::Div, vec![Bool, Number], Number),
        (E::Mod, vec![Number, Number], Number),
        (E::Mod, vec![Bool, Number], Number),
        (E::Pow, vec![Number, Number], Number),
        (E::Pow, vec![Number, Bool], Number),
        (E::And, vec![Bool, Bool], Bool),
        (E::And, vec![Any, Any], Bool),
        (E::Or, vec![Bool, Bool], Bool),
        (E::Or, vec![Any, Any], Bool),
        (E::If, vec![Bool, Number, Number], Number),
        (E::If, vec![Bool, Str, Str], Str),
        (E::If, vec![Bool, Any, Any], Any),
        (E::If, vec![Number, Bool, Bool], Bool),
        (E::LookUp(list()), vec![Number], Any),
        (E::LookUp(numbers()), vec![Number], Number),
        (E::LookUp(dict()), vec![Any], Number),
        (E::Member(Arc::new([Value::int(1), Value::str("a")])), vec![Any], Bool),
        (E::Member(Arc::new([Value::int(0), Value::int(2)])), vec![Number], Bool),
    ];
    for op in Compare::ALL {
        all.push((E::Compare(op), vec![Number, Number], Bool));
        let sort = if matches!(op, Compare::Eq | Compare::Ne) { Any } else { Str };
        all.push((E::Compare(op), vec![sort, sort], Bool));
    }
    all
}

/// The nodes so far, by sort. `Any` lists all s-ops.
struct Nodes {
    graph: Graph,
    sops: BTreeMap<Sort, Vec<SOpId>>,
    selectors: Vec<SelectorId>,
}

const NOWHERE: Span = Span { source: SourceId::FIRST, start: 0, end: 0 };
const ORIGIN: Origin = Origin { span: NOWHERE, stack: None };

impl Nodes {
    fn add(&mut self, sort: Sort, op: Op, kinds: Kinds) -> SOpId {
        let id = self.graph.add(op, kinds, ORIGIN);
        self.sops.entry(sort).or_default().push(id);
        if sort != Sort::Any {
            self.sops.entry(Sort::Any).or_default().push(id);
        }
        id
    }

    fn select(&mut self, op: SelectorOp) -> SelectorId {
        let id = self.graph.add_selector(op, ORIGIN);
        self.selectors.push(id);
        id
    }

    fn sop(&self, sort: Sort, number: usize) -> SOpId {
        *pick(&self.sops[&sort], number)
    }

    fn selector(&self, number: usize) -> SelectorId {
        *pick(&self.selectors, number)
    }
}

/// Even numbers count from the first node, odd ones from the last three.
fn pick<T>(nodes: &[T], number: usize) -> &T {
    let recent = nodes.len().min(3);
    match number % 2 {
        0 => &nodes[number / 2 % nodes.len()],
        _ => &nodes[nodes.len() - 1 - number / 2 % recent],
    }
}

impl Recipe {
    fn build(&self) -> Program {
        let mut nodes = Nodes { graph: Graph::default(), sops: BTreeMap::new(), selectors: Vec::new() };
        let mut columns = Vec::new();
        for (i, &domain) in self.columns.iter().enumerate() {
            let (sort, values) = domains().swap_remove(domain);
            nodes.add(sort, Op::Input(i), Kinds::of_all(&values));
            let name = format!("column{i}").into();
            columns.push(Column { name, domain: Some(values), span: None });
        }
        let tokens = nodes.sops.values().flatten().copied().min().unwrap();
        nodes.add(Sort::Number, Op::Indices, Kinds::NUMBER);
        let indices = nodes.sop(Sort::Number, 1);
        for (sort, value) in constants() {
            nodes.add(sort, Op::Const(value), Kinds::NONE);
        }
        // Twice, so that they are taken more often.
        for column in 0..self.columns.len() {
            let (sort, values) = domains().swap_remove(self.columns[column]);
            nodes.add(sort, Op::Input(column), Kinds::of_all(&values));
        }
        nodes.add(Sort::Number, Op::Indices, Kinds::NUMBER);
        for op in [Compare::Eq, Compare::Lt] {
            nodes.select(SelectorOp::Select { key: tokens, query: tokens, op: Compare::Eq });
            nodes.select(SelectorOp::Select { key: indices, query: indices, op });
        }
        let n_basic = nodes.graph.len();
        for step in &self.steps {
            step.add_to(&mut nodes);
        }
        let outputs = self.outputs(&nodes.graph, n_basic);
        let mut assumptions = Vec::new();
        match self.assumption {
            Assumption::Nothing => {}
            Assumption::Distinct => {
                let same = SelectorOp::Select { key: tokens, query: tokens, op: Compare::Eq };
                let selector = nodes.graph.add_selector(same, ORIGIN);
                let width = nodes.graph.add(Op::Width { selector }, Kinds::NONE, ORIGIN);
                let one = nodes.graph.add(Op::Const(Value::int(1)), Kinds::NONE, ORIGIN);
                let f = Elementwise::Compare(Compare::Eq);
                let op = Op::Elementwise { f, args: vec![width, one] };
                assumptions.push((nodes.graph.add(op, Kinds::NONE, ORIGIN), NOWHERE));
            }
            Assumption::Boolean(back) => {
                let booleans = nodes.sops[&Sort::Bool].iter().rev().filter(|id| id.index() >= n_basic);
                assumptions.extend(booleans.skip(back).take(1).map(|&id| (id, NOWHERE)));
            }
        }
        Program {
            graph: nodes.graph,
            columns,
            lengths: Some(self.lengths),
            causal: self.causal,
            assumptions,
            outputs,
            examples: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

impl Recipe {
    /// The last s-ops that no other node reads.
    fn outputs(&self, graph: &Graph, n_basic: usize) -> Vec<Output> {
        let read: BTreeSet<Node> = graph.order().iter().flat_map(|&node| graph.operands(node)).collect();
        let ids: Vec<SOpId> = graph.sop_ids().collect();
        let ends = ids.iter().rev().filter(|id| id.index() >= n_basic && !read.contains(&Node::SOp(**id)));
        let mut outputs: Vec<SOpId> = ends.take(MAX_OUTPUTS).copied().collect();
        if outputs.is_empty() {
            outputs.extend(ids.last());
        }
        let output = |(i, sop)| Output { name: format!("out{i}").into(), sop, span: NOWHERE };
        outputs.into_iter().enumerate().map(output).collect()
    }
}

impl Step {
    fn add_to(&self, nodes: &mut Nodes) {
        match *self {
            Self::Elementwise { operation, args } => {
                let (f, sorts, result) = operations().swap_remove(operation);
                let args = sorts.iter().zip(args).map(|(&sort, arg)| nodes.sop(sort, arg)).collect();
                nodes.add(result, Op::Elementwise { f, args }, Kinds::NONE);
            }
            Self::Aggregate { selector, value, default } => {
                let selector = nodes.selector(selector);
                // Numbers can be averaged, so they are taken more often.
                let sort = if value < 48 { Sort::Number } else { Sort::Any };
                let value = nodes.sop(sort, value);
                let (default_sort, default) = pick(&constants(), default).clone();
                let result = if sort == default_sort { sort } else { Sort::Any };
                nodes.add(result, Op::Aggregate { selector, value, default }, Kinds::NONE);
            }
            Self::Width { selector } => {
                let selector = nodes.selector(selector);
                nodes.add(Sort::Number, Op::Width { selector }, Kinds::NONE);
            }
            Self::Select { sort, key, query, op } => {
                let sort = match (sort, op) {
                    (0, _) => Sort::Str,
                    (1, _) => Sort::Bool,
                    (2, Compare::Eq | Compare::Ne) => Sort::Any,
                    _ => Sort::Number,
                };
                let (key, query) = (nodes.sop(sort, key), nodes.sop(sort, query));
                nodes.select(SelectorOp::Select { key, query, op });
            }
            Self::And(a, b) => {
                nodes.select(SelectorOp::And(nodes.selector(a), nodes.selector(b)));
            }
            Self::Or(a, b) => {
                nodes.select(SelectorOp::Or(nodes.selector(a), nodes.selector(b)));
            }
            Self::Not(a) => {
                nodes.select(SelectorOp::Not(nodes.selector(a)));
            }
            Self::Rank { key, tie, op, among_equals } => {
                let (key, tie) = (nodes.sop(Sort::Number, key), nodes.sop(Sort::Number, tie));
                let less = nodes.select(SelectorOp::Select { key, query: key, op: Compare::Lt });
                let equal = nodes.select(SelectorOp::Select { key, query: key, op: Compare::Eq });
                let before = nodes.select(SelectorOp::Select { key: tie, query: tie, op });
                let next = nodes.select(SelectorOp::And(equal, before));
                let order = if among_equals { next } else { nodes.select(SelectorOp::Or(less, next)) };
                let rank = nodes.add(Sort::Number, Op::Width { selector: order }, Kinds::NONE);
                let same = nodes.select(SelectorOp::Select { key: rank, query: rank, op: Compare::Eq });
                nodes.select(SelectorOp::And(equal, same));
            }
            Self::OneOfTwo { sort, key, constants: pair, opposite } => {
                let sort = [Sort::Number, Sort::Number, Sort::Number, Sort::Any][sort % 4];
                let key = nodes.sop(sort, key);
                let of_sort = |(s, _): &(Sort, Value)| sort == Sort::Any || *s == sort;
                let values: Vec<Value> = constants().into_iter().filter(of_sort).map(|(_, v)| v).collect();
                let op = if opposite { Compare::Ne } else { Compare::Eq };
                let [a, b] = pair.map(|number| {
                    let constant = Op::Const(values[number % values.len()].clone());
                    let query = nodes.graph.add(constant, Kinds::NONE, ORIGIN);
                    nodes.select(SelectorOp::Select { key, query, op })
                });
                let mut either = SelectorOp::Or(a, b);
                if opposite {
                    either = SelectorOp::Not(nodes.select(SelectorOp::And(a, b)));
                }
                let selector = nodes.select(either);
                let default = Value::int(0);
                nodes.add(sort, Op::Aggregate { selector, value: key, default }, Kinds::NONE);
            }
        }
    }
}

/// The operations that a program's outputs and assumptions use, by name.
pub fn operations_of(program: &Program) -> Vec<String> {
    let graph = &program.graph;
    let name = |node: Node| match node {
        Node::SOp(id) => name_of(&graph[id].op),
        Node::Selector(id) => name_of_selector(&graph[id].op),
    };
    let mut names: Vec<String> = program.live().into_iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The names of all operations, as [`operations_of`] gives them.
pub fn operation_names() -> BTreeSet<String> {
    let elementwise = operations().into_iter().map(|(f, ..)| Op::Elementwise { f, args: Vec::new() });
    let selects = Compare::ALL.map(|op| format!("select {}", op.symbol()));
    let others = ["input", "indices", "constant", "aggregate", "selector_width"];
    let selectors = ["selector and", "selector or", "selector not"];
    let named = others.into_iter().chain(selectors).map(str::to_owned);
    elementwise.map(|op| name_of(&op)).chain(selects).chain(named).collect()
}

fn name_of(op: &Op) -> String {
    match op {
        Op::Input(_) => "input".to_owned(),
        Op::Indices => "indices".to_owned(),
        Op::Const(_) => "constant".to_owned(),
        Op::Elementwise { f, .. } => match f {
            Elementwise::Neg => "unary -".to_owned(),
            Elementwise::Pos => "unary +".to_owned(),
            f => f.symbol().to_owned(),
        },
        Op::Aggregate { .. } => "aggregate".to_owned(),
        Op::Width { .. } => "selector_width".to_owned(),
    }
}

fn name_of_selector(op: &SelectorOp) -> String {
    match op {
        SelectorOp::Select { op, .. } => format!("select {}", op.symbol()),
        SelectorOp::And(..) => "selector and".to_owned(),
        SelectorOp::Or(..) => "selector or".to_owned(),
        SelectorOp::Not(_) => "selector not".to_owned(),
    }
}
