//! A print-out of a program graph that a person can read.

use super::{Graph, Lengths, Node, Op, Program, SOpId, SelectorId, SelectorOp};
use crate::source::Sources;
use crate::value::{Elementwise, Table, Value};
use std::fmt::Write as _;

/// One line per node that the outputs depend on: name or number, definition, type, place.
///
/// ```text
/// input tokens : 0, 1, 2
/// #1 left = aggregate(#0, tokens, 0)        number   peak.rasp:4
/// ```
pub fn print(program: &Program, sources: &Sources) -> String {
    let graph = &program.graph;
    let mut out = String::new();
    for column in &program.columns {
        let domain = match &column.domain {
            None => "undeclared".to_owned(),
            Some(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        let _ = writeln!(out, "input {} : {domain}", column.name);
    }
    if let Some(Lengths { min, max }) = program.lengths {
        let _ = writeln!(out, "length {min}..{max}");
    }
    if program.causal {
        out += "attention causal\n";
    }
    let printer = Printer { graph, columns: program };
    let rows: Vec<[String; 3]> = program
        .live()
        .into_iter()
        .filter(|node| !printer.is_leaf(*node))
        .map(|node| {
            let kind = match node {
                Node::SOp(sop) => graph[sop].kinds.to_string(),
                Node::Selector(_) => "selector".to_owned(),
            };
            let text = format!("{} = {}", printer.reference(node), printer.definition(node));
            [text, kind, sources.place(outermost(graph, node))]
        })
        .collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0).min(80);
    let widths = [width(0), width(1)];
    for [text, kind, place] in &rows {
        let _ = writeln!(out, "{text:<w0$}  {kind:<w1$}  {place}", w0 = widths[0], w1 = widths[1]);
    }
    for (sop, _) in &program.assumptions {
        let _ = writeln!(out, "assume {}", printer.reference(Node::SOp(*sop)));
    }
    for output in &program.outputs {
        let reference = printer.reference(Node::SOp(output.sop));
        let alias = if *output.name == *reference { String::new() } else { format!(" as {}", output.name) };
        let _ = writeln!(out, "output {reference}{alias}");
    }
    out
}

/// The name of a node, or the text that defines it where the program wrote it.
pub fn label(graph: &Graph, sources: &Sources, node: Node) -> String {
    if let Some(name) = graph.name(node) {
        return name.to_string();
    }
    let text = sources.text(outermost(graph, node)).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { format!("{node:?}") } else { text }
}

/// The place in the program's own text that led to a node: the outermost call, or the node.
fn outermost(graph: &Graph, node: Node) -> crate::source::Span {
    let origin = graph.origin(node);
    graph.calls(origin.stack).last().map_or(origin.span, |call| call.site)
}

struct Printer<'a> {
    graph: &'a Graph,
    columns: &'a Program,
}

impl Printer<'_> {
    /// Constants, indices and inputs are shown where they are used.
    fn is_leaf(&self, node: Node) -> bool {
        match node {
            Node::SOp(id) => matches!(self.graph[id].op, Op::Const(_) | Op::Indices | Op::Input(_)),
            Node::Selector(_) => false,
        }
    }

    fn reference(&self, node: Node) -> String {
        match node {
            Node::SOp(id) => self.sop(id),
            Node::Selector(id) => self.selector(id),
        }
    }

    fn sop(&self, id: SOpId) -> String {
        match (&self.graph[id].op, &self.graph[id].name) {
            (Op::Const(value), _) => value.to_string(),
            (Op::Indices, _) => "indices".to_owned(),
            (Op::Input(column), _) => {
                self.columns.columns.get(*column).map_or("input".to_owned(), |c| c.name.to_string())
            }
            (_, Some(name)) => name.to_string(),
            (Op::Elementwise { .. } | Op::Aggregate { .. } | Op::Width { .. }, None) => {
                format!("#{}", id.index())
            }
        }
    }

    fn selector(&self, id: SelectorId) -> String {
        self.graph[id].name.as_ref().map_or_else(|| format!("@{}", id.index()), ToString::to_string)
    }

    fn definition(&self, node: Node) -> String {
        match node {
            Node::SOp(id) => match &self.graph[id].op {
                Op::Input(_) | Op::Indices | Op::Const(_) => self.sop(id),
                Op::Elementwise { f, args } => self.elementwise(f, args),
                Op::Aggregate { selector, value, default } => {
                    format!("aggregate({}, {}, {default})", self.selector(*selector), self.sop(*value))
                }
                Op::Width { selector } => format!("selector_width({})", self.selector(*selector)),
            },
            Node::Selector(id) => match self.graph[id].op {
                SelectorOp::Select { key, query, op } => {
                    format!("select({}, {}, {})", self.sop(key), self.sop(query), op.symbol())
                }
                SelectorOp::And(a, b) => format!("{} and {}", self.selector(a), self.selector(b)),
                SelectorOp::Or(a, b) => format!("{} or {}", self.selector(a), self.selector(b)),
                SelectorOp::Not(a) => format!("not {}", self.selector(a)),
            },
        }
    }

    fn elementwise(&self, f: &Elementwise, args: &[SOpId]) -> String {
        let arg = |i: usize| args.get(i).map_or_else(String::new, |&a| self.sop(a));
        match f {
            Elementwise::Neg | Elementwise::Pos => format!("{}{}", f.symbol(), arg(0)),
            Elementwise::Not => format!("not {}", arg(0)),
            Elementwise::Round
            | Elementwise::Indicator
            | Elementwise::ToStr
            | Elementwise::ToInt
            | Elementwise::ToFloat
            | Elementwise::ToBool => format!("{}({})", f.symbol(), arg(0)),
            Elementwise::Add
            | Elementwise::Sub
            | Elementwise::Mul
            | Elementwise::Div
            | Elementwise::Mod
            | Elementwise::Pow
            | Elementwise::Compare(_)
            | Elementwise::And
            | Elementwise::Or => format!("{} {} {}", arg(0), f.symbol(), arg(1)),
            Elementwise::If => format!("{} if {} else {}", arg(1), arg(0), arg(2)),
            Elementwise::LookUp(table) => format!("{}[{}]", table_text(table), arg(0)),
            Elementwise::Member(list) => format!("{} in {}", arg(0), list_text(list)),
        }
    }
}

fn list_text(list: &[Value]) -> String {
    format!("[{}]", list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn table_text(table: &Table) -> String {
    match table {
        Table::List(list) => list_text(list),
        Table::Dict(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}: {v}")).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}
