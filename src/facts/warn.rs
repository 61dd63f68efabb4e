//! Warnings that only facts can give: a comparison with a value that never occurs, a condition with
//! one answer, a selector that selects nothing, an output that never changes.
//!
//! A fact that is given holds on every declared input, so a warning is true; what is decided here is
//! whether it is worth reading. Text that runs several times (a loop, a function, the library) is
//! warned of only if every run of it earns the warning. Of a cause and what follows from it, the cause
//! is reported.

use super::{Facts, Means, ValueSet};
use crate::diagnostic::{Diagnostic, nearest};
use crate::ir::{Node, Op, Program, SOpId, SelectorId, SelectorOp, label, lower};
use crate::source::{Sources, Span};
use crate::value::{Compare, Elementwise, Value};
use std::collections::{BTreeMap, HashSet};

/// What a node does on no declared input, or does on all of them. Evidence only.
#[derive(Clone, Debug, PartialEq)]
enum Oddity {
    /// A comparison of `sop` with a value that it never has.
    NeverEqual { sop: SOpId, value: Value, effect: &'static str },
    /// A condition that always has this value.
    AlwaysSame { sop: SOpId, value: Value },
    /// A selector that selects no key.
    SelectsNothing { selector: SelectorId },
}

/// Where a node is reported: its own place, and the place in the program's own text that led to it.
type Place = (Span, Span);

/// A place and an operation there, each of whose runs has made a node.
type Group = (Place, &'static str);

/// Reports beyond this many are left out.
const MAX_WARNINGS: usize = 50;

/// Every warning, in the order of the text.
pub fn warnings(program: &Program, facts: &Facts, sources: &Sources) -> Vec<Diagnostic> {
    let search = Search { program, facts, sources };
    let (found, mut reported) = search.run();
    reported.extend(found.iter().map(|(node, ..)| *node));
    let mut warnings: Vec<Diagnostic> =
        found.iter().map(|(node, place, oddity)| search.describe(*node, *place, oddity)).collect();
    warnings.extend(search.constant_outputs(&reported));
    warnings.sort_by_key(|warning| warning.labels.first().map(|label| label.span));
    warnings.truncate(MAX_WARNINGS);
    warnings
}

struct Search<'a> {
    program: &'a Program,
    facts: &'a Facts,
    sources: &'a Sources,
}

impl Search<'_> {
    /// The nodes to warn of, and those that lowering has warned of.
    fn run(&self) -> (Vec<(Node, Place, Oddity)>, HashSet<Node>) {
        let graph = &self.program.graph;
        let assumed: HashSet<Node> =
            graph.live(self.program.assumptions.iter().map(|(sop, _)| Node::SOp(*sop))).into_iter().collect();
        let outputs = self.program.outputs.iter().map(|output| Node::SOp(output.sop));
        let (mut reads_input, mut follows, mut known) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut groups: BTreeMap<Group, Vec<Option<(Node, Oddity)>>> = BTreeMap::new();
        for node in graph.live(outputs) {
            let operands = graph.operands(node);
            if self.is_input(node) || operands.iter().any(|n| reads_input.contains(n)) {
                reads_input.insert(node);
            }
            // What an assumption makes true is no accident.
            if assumed.contains(&node) {
                continue;
            }
            if self.types_differ(node) {
                known.insert(node);
            }
            let follows_from_another = known.contains(&node) || operands.iter().any(|n| follows.contains(n));
            let varies = reads_input.contains(&node) || self.lengths_differ();
            let odd = self.oddity(node).filter(|_| varies && !follows_from_another);
            let place = self.place(node);
            if odd.is_some() || follows_from_another {
                follows.insert(node);
            }
            let odd =
                odd.filter(|odd| place.is_some_and(|(span, own)| span == own || self.is_of_a_call(odd)));
            if let (Some(place), Some(operation)) = (place, self.operation(node)) {
                groups.entry((place, operation)).or_default().push(odd.map(|odd| (node, odd)));
            }
        }
        let whole = groups.into_iter().filter_map(|((place, _), runs)| {
            let runs: Vec<(Node, Oddity)> = runs.into_iter().collect::<Option<_>>()?;
            let (node, oddity) = runs.into_iter().next()?;
            Some((node, place, oddity))
        });
        (whole.collect(), known)
    }

    fn is_input(&self, node: Node) -> bool {
        matches!(node, Node::SOp(id) if matches!(self.program.graph[id].op, Op::Input(_)))
    }

    fn lengths_differ(&self) -> bool {
        self.program.lengths.is_none_or(|lengths| lengths.min < lengths.max)
    }

    /// Where a node is reported; none if nothing in the program's own text leads to it alone.
    fn place(&self, node: Node) -> Option<Place> {
        let graph = &self.program.graph;
        let origin = graph.origin(node);
        let own = |span: Span| lower::is_own(self.sources, span.source);
        let sites = graph.calls(origin.stack).map(|call| call.site);
        let own_site = std::iter::once(origin.span).chain(sites).find(|span| own(*span))?;
        Some((origin.span, own_site))
    }

    /// Whether what is odd inside a function of the library or of a loaded file comes from how it is
    /// called: `sort` looks for equal keys even where there are none, which is no one's slip.
    fn is_of_a_call(&self, oddity: &Oddity) -> bool {
        match oddity {
            Oddity::NeverEqual { .. } => true,
            Oddity::AlwaysSame { .. } => false,
            Oddity::SelectsNothing { selector } => {
                matches!(self.program.graph[*selector].op, SelectorOp::Select { .. })
            }
        }
    }

    /// What a node does, if it can be odd.
    fn operation(&self, node: Node) -> Option<&'static str> {
        let graph = &self.program.graph;
        match node {
            Node::SOp(sop) => match &graph[sop].op {
                Op::Elementwise { f, .. } if is_condition(f) => Some(f.symbol()),
                Op::Elementwise { .. }
                | Op::Input(_)
                | Op::Indices
                | Op::Const(_)
                | Op::Aggregate { .. }
                | Op::Width { .. } => None,
            },
            Node::Selector(selector) => Some(match graph[selector].op {
                SelectorOp::Select { op, .. } => op.symbol(),
                SelectorOp::And(..) => "and",
                SelectorOp::Or(..) => "or",
                SelectorOp::Not(_) => "not",
            }),
        }
    }

    fn oddity(&self, node: Node) -> Option<Oddity> {
        let graph = &self.program.graph;
        match node {
            Node::SOp(sop) => {
                let Op::Elementwise { f, args } = &graph[sop].op else { return None };
                match (f, args.as_slice()) {
                    (Elementwise::Compare(op @ (Compare::Eq | Compare::Ne)), &[left, right]) => {
                        let effect = if *op == Compare::Eq { "False everywhere" } else { "True everywhere" };
                        self.never_equal(left, right, effect).or_else(|| self.always_same(sop, args))
                    }
                    (Elementwise::Member(list), &[item]) => {
                        self.slip_in_list(item, list).or_else(|| self.always_same(sop, args))
                    }
                    (Elementwise::Compare(Compare::Le | Compare::Ge), &[left, right])
                        if self.is_member(left, right) || self.is_member(right, left) =>
                    {
                        None
                    }
                    _ if is_condition(f) => self.always_same(sop, args),
                    _ => None,
                }
            }
            Node::Selector(selector) => {
                let nothing = self.facts.width(selector).max == 0;
                if let SelectorOp::Select { key, query, op } = graph[selector].op {
                    let constant = |sop: SOpId| matches!(graph[sop].op, Op::Const(_));
                    // `select(1, 2, ==)` is how one writes a selector that selects nothing.
                    if constant(key) && constant(query) {
                        return None;
                    }
                    let effect = match op {
                        Compare::Eq => Some("selects no key"),
                        Compare::Ne => Some("selects every key"),
                        Compare::Lt | Compare::Le | Compare::Gt | Compare::Ge => None,
                    };
                    if let Some(odd) = effect.and_then(|effect| self.never_equal(key, query, effect)) {
                        return Some(odd);
                    }
                }
                nothing.then_some(Oddity::SelectsNothing { selector })
            }
        }
    }

    /// Whether a node compares values of types that are never equal, of which lowering has warned.
    fn types_differ(&self, node: Node) -> bool {
        let graph = &self.program.graph;
        let operands = match node {
            Node::SOp(sop) => match &graph[sop].op {
                Op::Elementwise { f: Elementwise::Compare(Compare::Eq | Compare::Ne), args } => {
                    args.first().zip(args.get(1)).map(|(left, right)| (*left, *right))
                }
                _ => None,
            },
            Node::Selector(selector) => match graph[selector].op {
                SelectorOp::Select { key, query, op: Compare::Eq | Compare::Ne } => Some((key, query)),
                _ => None,
            },
        };
        operands.is_some_and(|(left, right)| !Compare::may_be_equal(graph[left].kinds, graph[right].kinds))
    }

    /// A comparison for equality with a constant that the other side never has.
    fn never_equal(&self, left: SOpId, right: SOpId, effect: &'static str) -> Option<Oddity> {
        let graph = &self.program.graph;
        let of = |constant: SOpId, sop: SOpId| {
            let Op::Const(value) = &graph[constant].op else { return None };
            let absent = lacks(self.facts.values(sop), value);
            absent.then(|| Oddity::NeverEqual { sop, value: value.clone(), effect })
        };
        of(left, right).or_else(|| of(right, left))
    }

    /// Whether the first is a constant that the second can be. `x <= 9` over 0..9 names the end of a range
    /// that the condition allows, and says what is meant.
    fn is_member(&self, constant: SOpId, sop: SOpId) -> bool {
        let Op::Const(value) = &self.program.graph[constant].op else { return false };
        !lacks(self.facts.values(sop), value)
    }

    /// A constant of a list that an s-op never has, if it looks like a slip of the keyboard: a list
    /// may well have more than occurs.
    fn slip_in_list(&self, sop: SOpId, list: &[Value]) -> Option<Oddity> {
        let set = self.facts.values(sop);
        let slip = list.iter().find(|value| {
            lacks(set, value) && near(value, set).is_some_and(|near| !list.iter().any(|v| v.same(near)))
        })?;
        Some(Oddity::NeverEqual { sop, value: slip.clone(), effect: "this element is never found" })
    }

    /// A condition with one answer, though what it reads has several values.
    fn always_same(&self, sop: SOpId, args: &[SOpId]) -> Option<Oddity> {
        let single = |sop: SOpId| match self.facts.values(sop).explicit() {
            Some([value]) => Some(value),
            Some(_) | None => None,
        };
        if args.iter().all(|&arg| single(arg).is_some()) {
            return None;
        }
        single(sop).map(|value| Oddity::AlwaysSame { sop, value: value.clone() })
    }

    /// The words for what is odd.
    fn describe(&self, node: Node, (span, own_site): Place, oddity: &Oddity) -> Diagnostic {
        let graph = &self.program.graph;
        let call =
            graph.calls(graph.origin(node).stack).find(|call| span != own_site && call.site == own_site);
        let here = |effect: &str| match call {
            Some(call) => format!("{effect}, in this call of `{}`", call.function),
            None => effect.to_owned(),
        };
        match oddity {
            Oddity::NeverEqual { sop, value, effect } => {
                let (set, name) =
                    (self.facts.values(*sop), label(self.program, self.sources, Node::SOp(*sop)));
                let message = match self.is_input(Node::SOp(*sop)) {
                    true => format!("{value} is not in the domain of `{name}`"),
                    false => format!("{value} is never a value of `{name}`"),
                };
                let help = match near(value, set) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("the values of `{name}` are {set}"),
                };
                Diagnostic::warning("W0201", message).label(own_site, here(effect)).help(help)
            }
            Oddity::AlwaysSame { sop, value } => {
                let report = Diagnostic::warning("W0202", format!("this condition is always {value}"))
                    .label(own_site, here(&format!("{value} at every position of every declared input")));
                self.values_read(*sop).into_iter().fold(report, Diagnostic::note)
            }
            Oddity::SelectsNothing { selector } => {
                let named = graph.name(Node::Selector(*selector));
                let named = named.map_or("this selector".to_owned(), |name| format!("the selector `{name}`"));
                let report = Diagnostic::warning("W0203", format!("{named} never selects a key"))
                    .label(own_site, here("no key at any position of any declared input"));
                let report = match self.program.causal {
                    true => {
                        report.note("with `attention causal`, a position sees itself and those before it")
                    }
                    false => report,
                };
                report.help("an aggregate over it is its default everywhere, and its width is 0")
            }
        }
    }

    /// What the first operand of a condition can be that has several values.
    fn values_read(&self, condition: SOpId) -> Option<String> {
        let Op::Elementwise { args, .. } = &self.program.graph[condition].op else { return None };
        let several =
            |sop: &&SOpId| self.facts.values(**sop).explicit().is_none_or(|values| values.len() > 1);
        let sop = *args.iter().find(several)?;
        let name = label(self.program, self.sources, Node::SOp(sop));
        Some(format!("the values of `{name}` are {}", self.facts.values(sop)))
    }

    /// Outputs with one value that no reported node explains.
    fn constant_outputs(&self, reported: &HashSet<Node>) -> Vec<Diagnostic> {
        let graph = &self.program.graph;
        let constant = |output: &&crate::ir::Output| {
            let below = graph.live([Node::SOp(output.sop)]);
            let varies = below.iter().any(|node| self.is_input(*node)) || self.lengths_differ();
            let written = matches!(graph[output.sop].op, Op::Const(_));
            varies && !written && !below.iter().any(|node| reported.contains(node))
        };
        let report = |output: &crate::ir::Output| {
            let Some([value]) = self.facts.values(output.sop).explicit() else { return None };
            let message = format!("the output `{}` is always {value}", output.name);
            let place = format!("{value} at every position of every declared input");
            Some(Diagnostic::warning("W0204", message).label(output.span, place))
        };
        self.program.outputs.iter().filter(constant).filter_map(report).collect()
    }
}

/// Whether an operation asks a question, so that one answer makes it useless. Arithmetic with one
/// result, as in `tokens * 0`, is how one writes a constant s-op.
fn is_condition(f: &Elementwise) -> bool {
    match f {
        Elementwise::Compare(_)
        | Elementwise::And
        | Elementwise::Or
        | Elementwise::Not
        | Elementwise::ToBool
        | Elementwise::Member(_) => true,
        Elementwise::Neg
        | Elementwise::Pos
        | Elementwise::Round
        | Elementwise::Indicator
        | Elementwise::ToStr
        | Elementwise::ToInt
        | Elementwise::ToFloat
        | Elementwise::Add
        | Elementwise::Sub
        | Elementwise::Mul
        | Elementwise::Div
        | Elementwise::Mod
        | Elementwise::Pow
        | Elementwise::If
        | Elementwise::LookUp(_) => false,
    }
}

/// Whether no member of a set equals a value, as the language compares.
fn lacks(set: &ValueSet, value: &Value) -> bool {
    let among = |values: &[Value]| values.iter().any(|member| member.same(value));
    match set {
        // An s-op without any value has an error of its own.
        ValueSet::Explicit(values) => !values.is_empty() && !among(values),
        ValueSet::Means(Means { lattice, also }) => {
            !value.number().is_some_and(|number| lattice.contains(&number)) && !among(also)
        }
        ValueSet::Unbounded(_) => false,
    }
}

/// The member of a set that a string was probably meant to be: the same but for blanks, capitals or a
/// slip of the keyboard.
fn near<'s>(value: &Value, set: &'s ValueSet) -> Option<&'s Value> {
    let Value::Str(text) = value else { return None };
    let members = set.explicit()?;
    let string = |member: &'s Value| match member {
        Value::Str(text) => Some((&**text, member)),
        Value::Bool(_) | Value::Number(_) => None,
    };
    let strings: Vec<(&str, &Value)> = members.iter().filter_map(string).collect();
    let plain = |text: &str| text.trim().to_lowercase();
    let same = strings.iter().find(|(member, _)| plain(member) == plain(text));
    let slip = || {
        let close = nearest(text, strings.iter().map(|(member, _)| *member))?;
        strings.iter().find(|(member, _)| *member == close)
    };
    same.or_else(slip).map(|(_, member)| *member)
}
