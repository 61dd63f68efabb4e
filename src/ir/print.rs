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
    let printer = Printer { graph, columns: program, inline: 0 };
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

/// What a node is called: its name, or the text that defines it; inside a function, where that
/// text would name what only the function knows, its definition in terms of named nodes.
pub fn label(program: &Program, sources: &Sources, node: Node) -> String {
    let graph = &program.graph;
    if let Some(name) = graph.name(node) {
        return name.to_string();
    }
    let origin = graph.origin(node);
    let text = sources.text(origin.span).split_whitespace().collect::<Vec<_>>().join(" ");
    if origin.stack.is_none() && !text.is_empty() { text } else { definition(program, node) }
}

/// The place in the program's own text that led to a node: the outermost call, or the node.
pub fn outermost(graph: &Graph, node: Node) -> crate::source::Span {
    let origin = graph.origin(node);
    graph.calls(origin.stack).last().map_or(origin.span, |call| call.site)
}

/// What a node computes, in terms of named nodes: `aggregate(flip, tokens, 0)`.
pub fn definition(program: &Program, node: Node) -> String {
    Printer { graph: &program.graph, columns: program, inline: MAX_INLINE }.definition(node)
}

/// A node where an operator reads it: its name, or its definition, in parentheses if need be.
pub fn operand(program: &Program, node: Node) -> String {
    Printer { graph: &program.graph, columns: program, inline: MAX_INLINE }.operand(node)
}

/// Unnamed nodes are written out where they are used, down to this many levels.
const MAX_INLINE: usize = 8;

struct Printer<'a> {
    graph: &'a Graph,
    columns: &'a Program,
    /// How many more levels of unnamed nodes are written out; below, they have numbers.
    inline: usize,
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
                self.unnamed(Node::SOp(id)).unwrap_or_else(|| format!("#{}", id.index()))
            }
        }
    }

    fn selector(&self, id: SelectorId) -> String {
        match &self.graph[id].name {
            Some(name) => name.to_string(),
            None => self.unnamed(Node::Selector(id)).unwrap_or_else(|| format!("@{}", id.index())),
        }
    }

    /// The definition of an unnamed node, if it is to be written out.
    fn unnamed(&self, node: Node) -> Option<String> {
        let inline = self.inline.checked_sub(1)?;
        Some(Self { inline, ..*self }.definition(node))
    }

    /// A reference between two operators: in parentheses if it is written out with operators.
    fn operand(&self, node: Node) -> String {
        let has_operator = match node {
            Node::SOp(id) => match &self.graph[id].op {
                Op::Elementwise { f, .. } => !is_word(f),
                Op::Input(_) | Op::Indices | Op::Const(_) | Op::Aggregate { .. } | Op::Width { .. } => false,
            },
            Node::Selector(id) => match self.graph[id].op {
                SelectorOp::And(..) | SelectorOp::Or(..) | SelectorOp::Not(_) => true,
                SelectorOp::Select { .. } => false,
            },
        };
        let text = self.reference(node);
        let inlined = self.inline > 0 && self.graph.name(node).is_none();
        if inlined && has_operator { format!("({text})") } else { text }
    }

    fn definition(&self, node: Node) -> String {
        let operand = |id| self.operand(Node::Selector(id));
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
                SelectorOp::And(a, b) => format!("{} and {}", operand(a), operand(b)),
                SelectorOp::Or(a, b) => format!("{} or {}", operand(a), operand(b)),
                SelectorOp::Not(a) => format!("not {}", operand(a)),
            },
        }
    }

    fn elementwise(&self, f: &Elementwise, args: &[SOpId]) -> String {
        let arg = |i: usize| args.get(i).map_or_else(String::new, |&a| self.operand(Node::SOp(a)));
        let whole = |i: usize| args.get(i).map_or_else(String::new, |&a| self.sop(a));
        match f {
            Elementwise::Neg | Elementwise::Pos => format!("{}{}", f.symbol(), arg(0)),
            Elementwise::Not => format!("not {}", arg(0)),
            Elementwise::Round | Elementwise::Indicator => format!("{}({})", f.symbol(), whole(0)),
            // These read the only input, and nothing else.
            Elementwise::ToStr => "tokens_str".to_owned(),
            Elementwise::ToInt => "tokens_int".to_owned(),
            Elementwise::ToFloat => "tokens_float".to_owned(),
            Elementwise::ToBool => "tokens_bool".to_owned(),
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
            Elementwise::LookUp(table) => format!("{}[{}]", table_text(table), whole(0)),
            Elementwise::Member(list) => format!("{} in {}", arg(0), list_text(list)),
        }
    }
}

/// Whether an operation is written as a word or a call, and needs no parentheses.
fn is_word(f: &Elementwise) -> bool {
    match f {
        Elementwise::Round
        | Elementwise::Indicator
        | Elementwise::ToStr
        | Elementwise::ToInt
        | Elementwise::ToFloat
        | Elementwise::ToBool
        | Elementwise::LookUp(_) => true,
        Elementwise::Neg
        | Elementwise::Pos
        | Elementwise::Not
        | Elementwise::Add
        | Elementwise::Sub
        | Elementwise::Mul
        | Elementwise::Div
        | Elementwise::Mod
        | Elementwise::Pow
        | Elementwise::Compare(_)
        | Elementwise::And
        | Elementwise::Or
        | Elementwise::If
        | Elementwise::Member(_) => false,
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
