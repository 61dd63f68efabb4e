//! `raspc check`: everything that can be said about a program without compiling it.

use super::input::Columns;
use super::program::{self, Loaded, ProgramFlags};
use super::run::list_text;
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::interp::{Failure, Interpreter};
use crate::ir::{self, Node, Program};
use std::path::PathBuf;

/// Check programs: errors, warnings, examples, and whether they can fail.
#[derive(clap::Args)]
pub struct CheckArgs {
    /// Programs (.rasp).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the program graph: every s-op and selector with its definition.
    #[arg(long)]
    graph: bool,
    #[command(flatten)]
    flags: ProgramFlags,
}

pub fn check(args: &CheckArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    for file in &args.files {
        let exit = match program::load(file, &args.flags, ui)? {
            Ok(loaded) => check_one(&loaded, args, ui),
            Err(exit) => exit,
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

fn check_one(loaded: &Loaded, args: &CheckArgs, ui: &Ui) -> Exit {
    if args.graph {
        ui.out(&ir::print(&loaded.program, &loaded.sources));
    }
    let wrong = wrong_examples(&loaded.program);
    ui.diagnostics(&wrong, &loaded.sources);
    let examples = loaded.program.examples.len();
    if !wrong.is_empty() {
        ui.line(&format!("{}: {} of {examples} examples are wrong", loaded.name, wrong.len()));
        return Exit::Refuted;
    }
    ui.line(&format!("{}: {examples} examples hold", loaded.name));
    Exit::Done
}

/// The examples in a program that do not hold.
pub fn wrong_examples(program: &Program) -> Vec<Diagnostic> {
    let interpreter = Interpreter::new(program);
    let mut wrong = Vec::new();
    for example in &program.examples {
        if let Some(assumption) = interpreter.broken_assumption(&example.inputs) {
            wrong.push(
                Diagnostic::error("E0302", "this example breaks an assumption of the program")
                    .label(example.span, format!("the input is {}", columns_text(&example.inputs)))
                    .label(assumption, "assumed here"),
            );
            continue;
        }
        match interpreter.outputs(&example.inputs) {
            Err(failure) => wrong.push(failure_report(program, &failure, &example.inputs)),
            Ok(outputs) => {
                let same = |a: &[_], b: &[crate::value::Value]| a.iter().zip(b).all(|(x, y)| y.same(x));
                if !outputs.iter().zip(&example.expected).all(|(a, b)| same(a, b)) {
                    wrong.push(
                        Diagnostic::error("E0301", "this example does not hold")
                            .label(example.span, format!("the program gives {}", columns_text(&outputs))),
                    );
                }
            }
        }
    }
    wrong
}

/// The report of a program that fails on an input.
pub fn failure_report(program: &Program, failure: &Failure, input: &Columns) -> Diagnostic {
    let origin = program.graph.origin(failure.node);
    let what = match failure.node {
        Node::SOp(_) => "this s-op has no value",
        Node::Selector(_) => "this selector has no row",
    };
    let message = format!("the program fails on {}: {}", columns_text(input), failure.fault);
    let mut diagnostic = Diagnostic::error("E0303", message)
        .label(origin.span, format!("{what} at position {}", failure.position));
    for call in program.graph.calls(origin.stack).take(3) {
        diagnostic = diagnostic.label(call.site, format!("in this call of `{}`", call.function));
    }
    diagnostic
}

/// The lists of an input or output, several joined by commas.
pub fn columns_text(columns: &[Vec<crate::value::Value>]) -> String {
    columns.iter().map(|c| list_text(c)).collect::<Vec<_>>().join(", ")
}
