//! S-ops and selectors in the order of their definition. Equal operations are one node.

use crate::source::Span;
use crate::value::{Compare, Elementwise, Kinds, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// An s-op of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SOpId(u32);

/// A selector of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SelectorId(u32);

/// A chain of function calls, kept in a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StackId(u32);

impl SOpId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl SelectorId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an s-op computes. `q` is the position of the result, `k` the position that is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `out[q] = column[q]`, the input as it was given.
    Input(usize),
    /// `out[q] = q`
    Indices,
    /// `out[q] = value`
    Const(Value),
    /// `out[q] = f(args[0][q], …)`
    Elementwise { f: Elementwise, args: Vec<SOpId> },
    /// `out[q] = mean { value[k] : selector[q][k] }`; `default` where nothing is selected, and
    /// the value itself, of whatever type, where one key is.
    Aggregate { selector: SelectorId, value: SOpId, default: Value },
    /// `out[q] = |{ k : selector[q][k] }|`
    Width { selector: SelectorId },
}

/// What a selector selects: a matrix of booleans, row = query, column = key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectorOp {
    /// `out[q][k] = key[k] op query[q]`
    Select {
        key: SOpId,
        query: SOpId,
        op: Compare,
    },
    And(SelectorId, SelectorId),
    Or(SelectorId, SelectorId),
    Not(SelectorId),
}

/// Where a node was written: a place, and the calls that led there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub span: Span,
    pub stack: Option<StackId>,
}

impl From<Span> for Origin {
    /// A place at the top level, in no call.
    fn from(span: Span) -> Self {
        Self { span, stack: None }
    }
}

/// One call on the way to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub function: Arc<str>,
    /// The call expression.
    pub site: Span,
    pub parent: Option<StackId>,
}

#[derive(Clone, Debug)]
pub struct SOp {
    pub op: Op,
    /// The types that values can have; see [`Elementwise::kinds`].
    pub kinds: Kinds,
    pub origin: Origin,
    /// The first name that the program gave it.
    pub name: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct Selector {
    pub op: SelectorOp,
    pub origin: Origin,
    pub name: Option<Arc<str>>,
}

/// Either kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    SOp(SOpId),
    Selector(SelectorId),
}

/// All s-ops and selectors of a program. Operands stand before what uses them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    sops: Vec<SOp>,
    selectors: Vec<Selector>,
    order: Vec<Node>,
    calls: Vec<Call>,
    known_sops: HashMap<Op, SOpId>,
    known_selectors: HashMap<SelectorOp, SelectorId>,
}

/// How far a [`Graph`] had grown.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    sops: usize,
    selectors: usize,
    calls: usize,
}

impl Graph {
    /// How far it has grown, for [`Self::truncate`].
    pub fn mark(&self) -> Mark {
        Mark { sops: self.sops.len(), selectors: self.selectors.len(), calls: self.calls.len() }
    }

    /// Takes back everything that was added since a mark.
    pub fn truncate(&mut self, Mark { sops, selectors, calls }: Mark) {
        self.sops.truncate(sops);
        self.selectors.truncate(selectors);
        self.order.truncate(sops + selectors);
        self.calls.truncate(calls);
        self.known_sops.retain(|_, id| id.index() < sops);
        self.known_selectors.retain(|_, id| id.index() < selectors);
    }

    /// The s-op with this operation: an existing one, or a new one. `kinds` must be right for
    /// [`Op::Input`]; for every other operation it is derived.
    pub fn add(&mut self, op: Op, input_kinds: Kinds, origin: Origin) -> SOpId {
        if let Some(&id) = self.known_sops.get(&op) {
            return id;
        }
        let kinds = match &op {
            Op::Input(_) => input_kinds,
            Op::Indices | Op::Width { .. } => Kinds::NUMBER,
            Op::Const(value) => Kinds::of(value.kind()),
            Op::Elementwise { f, args } => {
                debug_assert_eq!(f.arity(), args.len());
                f.kinds(&args.iter().map(|&a| self[a].kinds).collect::<Vec<_>>())
            }
            Op::Aggregate { value, default, .. } => self.mean_kinds(*value) | Kinds::of(default.kind()),
        };
        let id = SOpId(self.sops.len() as u32);
        self.known_sops.insert(op.clone(), id);
        self.sops.push(SOp { op, kinds, origin, name: None });
        self.order.push(Node::SOp(id));
        id
    }

    /// One selected value is itself; a mean of several is a number.
    fn mean_kinds(&self, value: SOpId) -> Kinds {
        let kinds = self[value].kinds;
        if kinds.contains(crate::value::Kind::Number) { kinds | Kinds::NUMBER } else { kinds }
    }

    /// The selector with this operation: an existing one, or a new one.
    pub fn add_selector(&mut self, op: SelectorOp, origin: Origin) -> SelectorId {
        if let Some(&id) = self.known_selectors.get(&op) {
            return id;
        }
        let id = SelectorId(self.selectors.len() as u32);
        self.known_selectors.insert(op.clone(), id);
        self.selectors.push(Selector { op, origin, name: None });
        self.order.push(Node::Selector(id));
        id
    }

    /// Adds a call to a chain of calls.
    pub fn push_call(&mut self, call: Call) -> StackId {
        self.calls.push(call);
        StackId(self.calls.len() as u32 - 1)
    }

    pub fn call(&self, id: StackId) -> &Call {
        &self.calls[id.0 as usize]
    }

    /// The calls that led to a place, innermost first.
    pub fn calls(&self, stack: Option<StackId>) -> impl Iterator<Item = &Call> {
        std::iter::successors(stack.map(|id| self.call(id)), |call| call.parent.map(|id| self.call(id)))
    }

    /// Gives a node a name, if it has none yet. A name of the top level wins over one from
    /// inside a function, which has a dot (`sort.rank`).
    pub fn set_name(&mut self, node: Node, name: &Arc<str>) {
        let slot = match node {
            Node::SOp(id) => &mut self.sops[id.index()].name,
            Node::Selector(id) => &mut self.selectors[id.index()].name,
        };
        if slot.as_ref().is_none_or(|old| old.contains('.') && !name.contains('.')) {
            *slot = Some(name.clone());
        }
    }

    pub fn name(&self, node: Node) -> Option<&Arc<str>> {
        match node {
            Node::SOp(id) => self[id].name.as_ref(),
            Node::Selector(id) => self[id].name.as_ref(),
        }
    }

    /// All s-ops, operands before what uses them.
    pub fn sop_ids(&self) -> impl Iterator<Item = SOpId> + use<> {
        (0..self.sops.len() as u32).map(SOpId)
    }

    /// The selectors, operands first.
    pub fn selector_ids(&self) -> impl Iterator<Item = SelectorId> + use<> {
        (0..self.selectors.len() as u32).map(SelectorId)
    }

    /// Number of s-ops.
    pub fn len(&self) -> usize {
        self.sops.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sops.is_empty()
    }

    /// Number of selectors.
    pub fn n_selectors(&self) -> usize {
        self.selectors.len()
    }

    /// All nodes, operands before what uses them.
    pub fn order(&self) -> &[Node] {
        &self.order
    }

    pub fn origin(&self, node: Node) -> Origin {
        match node {
            Node::SOp(id) => self[id].origin,
            Node::Selector(id) => self[id].origin,
        }
    }

    /// The nodes that a node reads directly.
    pub fn operands(&self, node: Node) -> Vec<Node> {
        match node {
            Node::SOp(id) => match &self[id].op {
                Op::Input(_) | Op::Indices | Op::Const(_) => Vec::new(),
                Op::Elementwise { args, .. } => args.iter().map(|&a| Node::SOp(a)).collect(),
                Op::Aggregate { selector, value, .. } => vec![Node::Selector(*selector), Node::SOp(*value)],
                Op::Width { selector } => vec![Node::Selector(*selector)],
            },
            Node::Selector(id) => match self[id].op {
                SelectorOp::Select { key, query, .. } => vec![Node::SOp(key), Node::SOp(query)],
                SelectorOp::And(a, b) | SelectorOp::Or(a, b) => vec![Node::Selector(a), Node::Selector(b)],
                SelectorOp::Not(a) => vec![Node::Selector(a)],
            },
        }
    }

    /// Everything that the roots depend on, roots included, operands first.
    pub fn live(&self, roots: impl IntoIterator<Item = Node>) -> Vec<Node> {
        let mut seen = std::collections::HashSet::new();
        let mut open: Vec<Node> = roots.into_iter().collect();
        while let Some(node) = open.pop() {
            if seen.insert(node) {
                open.extend(self.operands(node));
            }
        }
        self.order.iter().copied().filter(|n| seen.contains(n)).collect()
    }
}

impl std::ops::Index<SOpId> for Graph {
    type Output = SOp;
    fn index(&self, id: SOpId) -> &SOp {
        &self.sops[id.index()]
    }
}

impl std::ops::Index<SelectorId> for Graph {
    type Output = Selector;
    fn index(&self, id: SelectorId) -> &Selector {
        &self.selectors[id.index()]
    }
}
