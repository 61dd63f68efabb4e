//! What does a program tell apart?
//!
//! Rename tokens, or rearrange positions: an s-op is *unchanged* if it then has the same values at the
//! same, or the rearranged, positions, and a *token* if its values are renamed like the tokens. Two inputs
//! that a renaming leads to each other are a class. Renaming goes as far as the selectors allow:
//!
//! - Tokens may be exchanged, at best, where they are compared with each other by `==` and `!=` only. If
//!   they are compared by order, their order is kept.
//! - Functions of a single token, such as `tokens == "a"` or a dictionary's values, divide tokens into
//!   groups, if a selector reads them. So do the domains of the columns.
//! - Positions may be rearranged if nothing reads `indices` and attention is full.
//!
//! How far to go decides what is told, not whether it is true: [`Tables::role`] finds out what is unchanged
//! under the renaming that was chosen.

use super::canonical::Classes;
use crate::ir::{Graph, Node, Op, Program, SOpId, SelectorOp};
use crate::value::{Compare, Elementwise, Kind, Value};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Classes of inputs, and what is the same on all inputs of a class.
pub(super) struct Symmetry {
    /// All values that tokens can have.
    pub values: Vec<Value>,
    pub classes: Classes,
    /// What can be computed on one input of a class, operands first.
    pub followed: Vec<Node>,
    /// What is unchanged among these.
    pub unchanged: HashSet<Node>,
}

/// What renaming does to an s-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Unchanged,
    /// Its values are renamed. If it is not an input, it may have others too, which no token has.
    Token {
        input: bool,
    },
}

impl Symmetry {
    /// None if domains are not declared, or have values that compare as equal across types; or an order is
    /// asked for where there is none, or to rearrange positions where each sees those before it.
    pub fn of(program: &Program, ordered: bool, free: bool) -> Option<Self> {
        if free && program.causal {
            return None;
        }
        let mut values: Vec<Value> = Vec::new();
        for column in &program.columns {
            values.extend(column.domain.clone()?);
        }
        values.sort();
        values.dedup();
        let kinds: HashSet<Kind> = values.iter().map(Value::kind).collect();
        if ordered && kinds.len() > 1 || kinds.contains(&Kind::Bool) && kinds.contains(&Kind::Number) {
            return None;
        }
        let of_column = |column: &crate::ir::Column| {
            let domain = column.domain.iter().flatten();
            domain.filter_map(|v| values.binary_search(v).ok()).collect::<Vec<_>>()
        };
        let columns: Vec<Vec<usize>> = program.columns.iter().map(of_column).collect();
        let live = program.live();
        let tables = Tables::new(&program.graph, &live, &values);
        let mut signatures: Vec<Vec<Option<Value>>> = vec![Vec::new(); values.len()];
        for (v, signature) in signatures.iter_mut().enumerate() {
            signature.extend(columns.iter().map(|column| Some(Value::Bool(column.contains(&v)))));
            signature.extend(tables.dividing.iter().map(|table| table[v].clone()));
        }
        let classes = Classes { places: groups(&signatures, ordered), columns, ordered, free };
        let (mut followed, mut unchanged, mut roles) = (Vec::new(), HashSet::new(), HashMap::new());
        for node in live {
            if let Some(role) = tables.role(&program.graph, node, &classes, &roles) {
                roles.insert(node, role);
                followed.push(node);
                unchanged.extend((role == Role::Unchanged).then_some(node));
            }
        }
        Some(Self { values, classes, followed, unchanged })
    }
}

/// Values with equal signatures are one group; if order counts, those that stand side by side.
fn groups<'t, T: Ord>(signatures: &'t [T], ordered: bool) -> Vec<(usize, usize)> {
    let (mut n, mut known) = (0, BTreeMap::new());
    let place = |(i, signature): (usize, &'t T)| {
        if ordered && i > 0 && signatures[i - 1] != *signature {
            known.clear();
        }
        let group: &mut (usize, usize) = known.entry(signature).or_insert_with(|| {
            n += 1;
            (n - 1, 0)
        });
        group.1 += 1;
        (group.0, group.1 - 1)
    };
    signatures.iter().enumerate().map(place).collect()
}

/// What is a function of a single token, value by value; where it has none, nothing.
type Table = Vec<Option<Value>>;

/// Functions of a token.
struct Tables<'v> {
    values: &'v [Value],
    /// S-ops whose values are renamed, if what they rest on is unchanged.
    tokens: HashSet<SOpId>,
    /// By s-op, the token that it is a function of.
    function_of: HashMap<SOpId, (SOpId, Table)>,
    /// Those that a selector rests on, which divide tokens into groups.
    dividing: Vec<Table>,
}

impl<'v> Tables<'v> {
    fn new(graph: &Graph, live: &[Node], values: &'v [Value]) -> Self {
        let mut tables =
            Self { values, tokens: HashSet::new(), function_of: HashMap::new(), dividing: Vec::new() };
        for node in live {
            let Node::SOp(id) = *node else { continue };
            if tables.is_token(graph, id) {
                tables.tokens.insert(id);
            } else if let Some(table) = tables.table(graph, id) {
                tables.function_of.insert(id, table);
            }
        }
        let selectors = live.iter().copied().filter(|node| matches!(node, Node::Selector(_)));
        for node in graph.live(selectors) {
            let within = matches!(node, Node::SOp(id) if tables.function_of.contains_key(&id));
            for operand in graph.operands(node) {
                if let Node::SOp(operand) = operand
                    && let Some((_, table)) = tables.function_of.get(&operand).filter(|_| !within)
                {
                    tables.dividing.push(table.clone());
                }
            }
            tables.dividing.extend(tables.with_constant(graph, node));
        }
        tables
    }

    fn is_token(&self, graph: &Graph, id: SOpId) -> bool {
        let no_token = |value: &Value| !self.values.iter().any(|v| v.same(value));
        let may_be = |id: &SOpId| match &graph[*id].op {
            Op::Const(value) => no_token(value),
            _ => self.tokens.contains(id),
        };
        match &graph[id].op {
            Op::Input(_) => true,
            // A mean of several is a number, which may compare as equal to a number or a boolean.
            Op::Aggregate { value, default, .. } => {
                let strings = self.values.iter().all(|v| v.kind() == Kind::Str);
                self.tokens.contains(value) && no_token(default) && strings
            }
            Op::Elementwise { f: Elementwise::If, args } => {
                args[1..].iter().all(may_be) && args[1..].iter().any(|arg| self.tokens.contains(arg))
            }
            Op::Indices | Op::Const(_) | Op::Elementwise { .. } | Op::Width { .. } => false,
        }
    }

    /// A function of one token and of constants.
    fn table(&self, graph: &Graph, id: SOpId) -> Option<(SOpId, Table)> {
        let Op::Elementwise { f, args } = &graph[id].op else { return None };
        let base = |arg: &SOpId| self.function_of.get(arg).map_or(*arg, |(base, _)| *base);
        let is_const = |arg: &SOpId| matches!(graph[*arg].op, Op::Const(_));
        let bases: HashSet<SOpId> = args.iter().filter(|arg| !is_const(arg)).map(base).collect();
        let base =
            bases.iter().next().copied().filter(|base| bases.len() == 1 && self.tokens.contains(base))?;
        let at = |v: usize| {
            let value = |arg: &SOpId| match (&graph[*arg].op, self.function_of.get(arg)) {
                (Op::Const(value), _) => Some(value.clone()),
                (_, Some((_, table))) => table[v].clone(),
                _ => Some(self.values[v].clone()),
            };
            let args = args.iter().map(value).collect::<Option<Vec<_>>>()?;
            f.apply(&args.iter().collect::<Vec<_>>()).ok()
        };
        Some((base, (0..self.values.len()).map(at).collect()))
    }

    /// What a selector makes of a token that it compares with a constant.
    fn with_constant(&self, graph: &Graph, node: Node) -> Option<Table> {
        let Node::Selector(id) = node else { return None };
        let SelectorOp::Select { key, query, op } = graph[id].op else { return None };
        let all = self.values.iter();
        let holds = |key: &Value, query: &Value| op.holds(key, query).ok().map(Value::Bool);
        match (&graph[key].op, &graph[query].op) {
            (_, Op::Const(value)) if self.tokens.contains(&key) => {
                Some(all.map(|v| holds(v, value)).collect())
            }
            (Op::Const(value), _) if self.tokens.contains(&query) => {
                Some(all.map(|v| holds(value, v)).collect())
            }
            _ => None,
        }
    }

    /// What renaming does to a node, if anything can be said.
    fn role(
        &self,
        graph: &Graph,
        node: Node,
        classes: &Classes,
        roles: &HashMap<Node, Role>,
    ) -> Option<Role> {
        let of = |operand: &Node| roles.get(operand).copied();
        let operands = graph.operands(node).iter().map(of).collect::<Option<Vec<_>>>()?;
        let by_group = |table: &Table| {
            let mut known = HashMap::new();
            let mut same =
                |(place, value): (&(usize, usize), _)| *known.entry(place.0).or_insert(value) == value;
            classes.places.iter().zip(table).all(&mut same)
        };
        let unchanged = |yes: bool| yes.then_some(Role::Unchanged);
        let both_tokens = |op: Compare| match op {
            Compare::Eq | Compare::Ne => operands.iter().all(|role| matches!(role, Role::Token { .. })),
            Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge => {
                classes.ordered && operands.iter().all(|role| *role == Role::Token { input: true })
            }
        };
        let all_unchanged = operands.iter().all(|role| *role == Role::Unchanged);
        match node {
            Node::SOp(id) if self.tokens.contains(&id) => match &graph[id].op {
                Op::Input(_) => Some(Role::Token { input: true }),
                // What chooses among tokens.
                _ => (operands[0] == Role::Unchanged).then_some(Role::Token { input: false }),
            },
            Node::SOp(id) => match &graph[id].op {
                Op::Indices => unchanged(!classes.free),
                Op::Elementwise { f: Elementwise::Compare(op), .. } if both_tokens(*op) => unchanged(true),
                Op::Input(_)
                | Op::Const(_)
                | Op::Elementwise { .. }
                | Op::Aggregate { .. }
                | Op::Width { .. } => unchanged(
                    all_unchanged || self.function_of.get(&id).is_some_and(|(_, table)| by_group(table)),
                ),
            },
            Node::Selector(id) => match graph[id].op {
                SelectorOp::Select { op, .. } => unchanged(
                    all_unchanged
                        || both_tokens(op)
                        || self.with_constant(graph, node).is_some_and(|table| by_group(&table)),
                ),
                SelectorOp::And(..) | SelectorOp::Or(..) | SelectorOp::Not(_) => unchanged(all_unchanged),
            },
        }
    }
}
