//! Random well-typed programs with every operation, for property tests of what reads programs.
//!
//! A program is a list of steps. Each step adds one node and takes its operands from the nodes
//! before it, by number; so programs share nodes as real ones do, and they shrink by losing steps
//! and by moving operands towards the first nodes, which are constants and inputs.

#[path = "random_parts.rs"]
mod parts;

use parts::{constants, domains, failing_operations, half, left_out, small_domains};
use proptest::prelude::*;
use raspc::ir::{Column, Graph, Lengths, Node, Op, Origin, Output, Program, SOpId, SelectorId, SelectorOp};
use raspc::source::{SourceId, Span};
use raspc::value::{Compare, Elementwise, Kinds, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

pub use parts::{Sort, operations};

/// What a program is made from.
#[derive(Clone, Debug)]
pub struct Recipe {
    columns: Vec<(Sort, Vec<Value>)>,
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
    /// An operation on whatever there is: it fails on some inputs, or on all.
    Failing {
        operation: usize,
        args: [usize; 2],
    },
    /// `aggregate(s, a) + aggregate(s, b)`, the difference, or a multiple or part of the first: attention may
    /// give it without giving its parts. The selector is any, or leaves out keys at which `a` has one value.
    OfMeans {
        selector: usize,
        values: [usize; 2],
        operation: usize,
        without: Option<usize>,
    },
    /// The mean of a fraction of a mean: a number that is known up to a bound.
    MeanOfMean {
        selectors: [usize; 2],
        value: usize,
        of: usize,
    },
}

/// More outputs than this are more ways to fail.
const MAX_OUTPUTS: usize = 3;

/// Programs of up to `max_steps` nodes beside constants and inputs, on inputs of length up to
/// `max_length`.
pub fn programs(max_steps: usize, max_length: usize) -> impl Strategy<Value = Program> {
    let columns = prop_oneof![4 => columns(domains(), 1..=1), 1 => columns(domains(), 2..=2)];
    recipes(columns, 1..=2, step().boxed(), max_steps, max_length)
}

/// The same over small domains, which mix types, with up to three columns; some fail on some inputs, and some
/// have no value at all.
pub fn mixed_programs(max_steps: usize, max_length: usize) -> impl Strategy<Value = Program> {
    let step = prop_oneof![2 => step(), 1 => mixed_step()];
    recipes(columns(small_domains(), 1..=3), 1..=3, step.boxed(), max_steps, max_length)
}

/// So many columns, each with one of these domains.
fn columns(
    domains: Vec<(Sort, Vec<Value>)>,
    n: RangeInclusive<usize>,
) -> impl Strategy<Value = Vec<(Sort, Vec<Value>)>> {
    let domain = (0..domains.len()).prop_map(move |i| domains[i].clone());
    proptest::collection::vec(domain, n)
}

fn recipes(
    columns: impl Strategy<Value = Vec<(Sort, Vec<Value>)>>,
    least_length: RangeInclusive<usize>,
    step: BoxedStrategy<Step>,
    max_steps: usize,
    max_length: usize,
) -> impl Strategy<Value = Program> {
    let lengths = (least_length, 0..max_length)
        .prop_map(move |(min, more)| Lengths { min: min.min(max_length), max: (min + more).min(max_length) });
    let assumption = prop_oneof![
        8 => Just(Assumption::Nothing),
        1 => Just(Assumption::Distinct),
        1 => (0..4_usize).prop_map(Assumption::Boolean),
    ];
    let causal = proptest::bool::weighted(0.3);
    let steps = proptest::collection::vec(step, 1..=max_steps);
    (columns, lengths, causal, assumption, steps).prop_map(|(columns, lengths, causal, assumption, steps)| {
        Recipe { columns, lengths, causal, assumption, steps }.build()
    })
}

fn mixed_step() -> impl Strategy<Value = Step> {
    let n = || 0..64_usize;
    prop_oneof![
        (0..failing_operations().len(), [n(), n()])
            .prop_map(|(operation, args)| Step::Failing { operation, args }),
        (n(), [n(), n()], 0..4_usize, proptest::option::of(n())).prop_map(
            |(selector, values, operation, without)| Step::OfMeans { selector, values, operation, without }
        ),
        ([n(), n()], n(), n()).prop_map(|(selectors, value, of)| Step::MeanOfMean { selectors, value, of }),
    ]
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
        for (i, (sort, values)) in self.columns.iter().cloned().enumerate() {
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
        for (i, (sort, values)) in self.columns.iter().enumerate() {
            nodes.add(*sort, Op::Input(i), Kinds::of_all(values));
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
            Self::Failing { operation, args } => {
                let (f, arity, result) = failing_operations().swap_remove(operation);
                let args = args[..arity].iter().map(|&arg| nodes.sop(Sort::Any, arg)).collect();
                nodes.add(result, Op::Elementwise { f, args }, Kinds::NONE);
            }
            Self::OfMeans { selector, values, operation, without } => {
                let values = values.map(|value| nodes.sop(Sort::Any, value));
                let selector = match without {
                    None => nodes.selector(selector),
                    Some(without) => {
                        let value = Op::Const(pick(&left_out(), without).clone());
                        let query = nodes.graph.add(value, Kinds::NONE, ORIGIN);
                        nodes.select(SelectorOp::Select { key: values[0], query, op: Compare::Ne })
                    }
                };
                let [a, b] = values.map(|value| {
                    let op = Op::Aggregate { selector, value, default: Value::int(0) };
                    nodes.add(Sort::Any, op, Kinds::NONE)
                });
                let by = nodes.add(Sort::Number, Op::Const(half()), Kinds::NONE);
                let (f, second) = match operation {
                    0 => (Elementwise::Add, b),
                    1 => (Elementwise::Sub, b),
                    2 => (Elementwise::Mul, by),
                    _ => (Elementwise::Div, by),
                };
                nodes.add(Sort::Any, Op::Elementwise { f, args: vec![a, second] }, Kinds::NONE);
            }
            Self::MeanOfMean { selectors, value, of } => {
                let [first, second] = selectors.map(|selector| nodes.selector(selector));
                let (value, of) = (nodes.sop(Sort::Number, value), nodes.sop(Sort::Number, of));
                let op = Op::Aggregate { selector: first, value, default: Value::int(0) };
                let mean = nodes.add(Sort::Number, op, Kinds::NONE);
                let args = vec![mean, of];
                let part =
                    nodes.add(Sort::Number, Op::Elementwise { f: Elementwise::Mul, args }, Kinds::NONE);
                let op = Op::Aggregate { selector: second, value: part, default: Value::int(0) };
                nodes.add(Sort::Number, op, Kinds::NONE);
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
