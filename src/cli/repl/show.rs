//! What the REPL shows of a value: its kind and name, and what it is on an input.

use super::example;
use super::{Repl, flow};
use crate::cli::draw;
use crate::cli::input::{self, Columns};
use crate::diagnostic::{Diagnostic, Severity};
use crate::interp::{self, Failure, Trace};
use crate::ir::Node;
use crate::ir::lower::{Function, Thing};
use crate::value::Value;

/// Of a list, the s-ops and selectors among this many elements are shown.
const MAX_ELEMENTS: usize = 10;

impl Repl<'_> {
    /// Shows what was typed: `name` if it was given one, `title` in any case.
    pub(super) fn show(&mut self, name: Option<&str>, title: &str, thing: &Thing) {
        let equals = name.map_or(String::new(), |name| format!("{name} = "));
        match thing {
            Thing::SOp(sop) => {
                self.ui.line(&format!("s-op: {title}"));
                if self.sops.on {
                    self.show_on_example(Node::SOp(*sop), title, self.sops.example.clone());
                }
            }
            Thing::Selector(selector) => {
                self.ui.line(&format!("selector: {title}"));
                if self.selectors.on {
                    self.show_on_example(Node::Selector(*selector), title, self.selectors.example.clone());
                }
            }
            Thing::Applied { what, input } => match self.input(input) {
                Ok(input) => {
                    self.ui.line(&format!("{title}:"));
                    if let Some(node) = node(what) {
                        self.show_on(node, title, &input);
                    }
                }
                Err(error) => self.error(&error),
            },
            Thing::Atom(_) => self.ui.line(&format!("value: {equals}{}", self.text(thing))),
            Thing::List(list) => {
                self.ui.line(&format!("list: {equals}{}", self.text(thing)));
                self.show_elements(title, &list.items);
            }
            Thing::Dict(_) => self.ui.line(&format!("dict: {equals}{}", self.text(thing))),
            Thing::Function(function) => {
                self.ui.line(&format!("function: {}", signature(name.unwrap_or(&function.name()), function)));
            }
            // It was reported.
            Thing::Unknown => {}
        }
    }

    /// Shows the s-ops and selectors among the first elements of a list.
    fn show_elements(&mut self, title: &str, items: &[Thing]) {
        for (i, item) in items.iter().enumerate().take(MAX_ELEMENTS) {
            if node(item).is_some() {
                self.show(None, &format!("{title}[{i}]"), item);
            }
        }
    }

    /// A constant as it is written, with s-ops, selectors and functions by their names.
    fn text(&self, thing: &Thing) -> String {
        match thing {
            Thing::List(list) => {
                format!("[{}]", list.items.iter().map(|t| self.text(t)).collect::<Vec<_>>().join(", "))
            }
            Thing::Dict(pairs) => {
                let pair = |(key, value): &(Value, Thing)| format!("{key}: {}", self.text(value));
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Thing::SOp(_) | Thing::Selector(_) => {
                node(thing).map_or_else(String::new, |node| one_line(&self.session.label(node)))
            }
            Thing::Function(function) => signature(&function.name(), function),
            Thing::Applied { what, input } => format!("{}({})", self.text(what), self.text(input)),
            Thing::Atom(_) | Thing::Unknown => draw::printable(&thing.to_string()),
        }
    }

    /// The input that a list or string means, if the program takes it.
    fn input(&self, thing: &Thing) -> anyhow::Result<Columns> {
        let program = &self.session.program;
        let example = example::from_thing(thing, &program.columns)?;
        example::fits(program, &example)
            .map_err(|error| input::with_assumption(error, &self.session.sources))
            .map(|()| example)
    }

    fn show_on_example(&mut self, node: Node, title: &str, example: Columns) {
        let program = &self.session.program;
        match example::fits(program, &example) {
            Ok(()) => self.show_on(node, title, &example),
            Err(_) => {
                let example = example::text(&example, &[]);
                self.ui.line(&format!("    (no value: the example {example} does not fit the program)"));
            }
        }
    }

    fn show_on(&mut self, node: Node, title: &str, input: &Columns) {
        let Some(trace) = self.run(node, title, input) else { return };
        let columns = &self.session.program.columns;
        let picture = match node {
            Node::SOp(sop) => trace.sop(sop).map(|values| {
                if !self.tables {
                    return format!("    {} -> {}\n", example::text(input, columns), draw::sequence(values));
                }
                let mut rows = example::rows(input, columns);
                rows.push(("value".to_owned(), values.iter().map(draw::cell).collect()));
                draw::Grid::of(&rows, self.ui.width()).table(&rows)
            }),
            Node::Selector(selector) => trace
                .selector(selector)
                .map(|matrix| draw::matrix(matrix, &example::labels(input), self.ui.width())),
        };
        self.ui.out(&picture.unwrap_or_default());
    }

    pub(super) fn draw(&mut self, thing: &Thing, input: Option<&Thing>) {
        let (what, input) = match (thing, input) {
            (Thing::List(list), _) => {
                return list.items.iter().for_each(|thing| self.draw(thing, input));
            }
            (Thing::Applied { what, input: applied }, None) => (what.as_ref(), Some(applied.as_ref())),
            _ => (thing, input),
        };
        let Some(node) = node(what) else {
            return self
                .error(&anyhow::anyhow!("only s-ops and selectors can be drawn, not {}", what.describe()));
        };
        let input = match (input, node) {
            (Some(input), _) => self.input(input),
            (None, Node::SOp(_)) => self.fitting(self.sops.example.clone()),
            (None, Node::Selector(_)) => self.fitting(self.selectors.example.clone()),
        };
        let input = match input {
            Ok(input) => input,
            Err(error) => return self.error(&error),
        };
        let title = one_line(&self.session.label(node));
        if let Some(trace) = self.run(node, &title, &input) {
            self.ui.line(&format!("drawing: {title}"));
            self.ui.out(&flow::draw(&self.session.program, node, &trace, &input, self.ui.width()));
        }
    }

    fn fitting(&self, example: Columns) -> anyhow::Result<Columns> {
        example::fits(&self.session.program, &example)
            .map_err(|e| e.context("the example does not fit the program"))
            .map(|()| example)
    }

    /// Runs what a node depends on; a failure is shown as a warning, since the program may well be
    /// right on other inputs.
    pub(super) fn run(&mut self, node: Node, title: &str, input: &Columns) -> Option<Trace> {
        let program = &self.session.program;
        let nodes = program.graph.live([node]);
        let (length, longest) = (input.first().map_or(0, Vec::len), interp::longest(&nodes));
        if length > longest {
            self.error(&anyhow::anyhow!("`{title}` can be shown on lengths up to {longest}, not {length}"));
            return None;
        }
        match interp::run(&program.graph, &nodes, input, program.causal) {
            Ok(trace) => Some(trace),
            Err(failure) => {
                self.report(&[self.failure_report(&failure, title, input)]);
                None
            }
        }
    }

    fn failure_report(&self, failure: &Failure, title: &str, input: &Columns) -> Diagnostic {
        let program = &self.session.program;
        let input_text = example::text(input, &program.columns);
        Diagnostic {
            severity: Severity::Warning,
            code: "W0301",
            message: format!("`{title}` fails on {input_text}: {}", failure.fault),
            ..crate::verify::failure_report(program, failure, input)
        }
        .note("it stays defined; it may have a value on other inputs")
    }
}

fn node(thing: &Thing) -> Option<Node> {
    match thing {
        Thing::SOp(sop) => Some(Node::SOp(*sop)),
        Thing::Selector(selector) => Some(Node::Selector(*selector)),
        Thing::Atom(_)
        | Thing::List(_)
        | Thing::Dict(_)
        | Thing::Function(_)
        | Thing::Applied { .. }
        | Thing::Unknown => None,
    }
}

/// `name(a, b)`
fn signature(name: &str, function: &Function) -> String {
    let parameters = match function {
        Function::Defined { def, .. } => def.parameters.iter().map(ToString::to_string).collect(),
        Function::Width => vec!["selector".to_owned()],
    };
    format!("{name}({})", parameters.join(", "))
}

/// A text with its lines joined, cut off where it is long.
pub(super) fn one_line(text: &str) -> String {
    draw::shorten(&draw::printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")), 80)
}
