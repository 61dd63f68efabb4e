//! Do the examples in a program hold, and what is said of one that does not?

use super::advice::{self, Advice};
use super::failure::{CanFail, Counts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::inputs::{Columns, columns_text};
use crate::interp::{Failure, Interpreter};
use crate::ir::place::with_calls;
use crate::ir::{Node, Program};
use crate::value::Value;

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
                let same = |a: &[_], b: &[Value]| a.iter().zip(b).all(|(x, y)| y.same(x));
                if !outputs.iter().zip(&example.expected).all(|(a, b)| same(a, b)) {
                    wrong.push(
                        Diagnostic::error("E0301", "this example does not hold")
                            .label(example.span, format!("the program gives {}", columns_text(&outputs)))
                            .help("mend the program, or write what it gives if that is right"),
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
    let report = Diagnostic::error("E0303", message)
        .label(origin.span, format!("{what} at position {}", failure.position));
    let calls = program.graph.calls(origin.stack).map(|call| (call.function.clone(), call.site));
    let report = with_calls(report, calls);
    let Advice { conditional, help } = advice::of(program, failure, input);
    let report = conditional.into_iter().fold(report, |report, (span, text)| report.label(span, text));
    report.maybe_help(help)
}

/// The warning that a model was, or will be, asked for what its program does not say.
pub fn no_value_warning(program: &Program, failure: &Failure, input: &Columns) -> Diagnostic {
    let report = failure_report(program, failure, input);
    Diagnostic { severity: Severity::Warning, code: "W0302", ..report }
        .note("on such inputs the weights may give anything")
}

/// The report of a program that has a value on no input, if that is known.
pub fn without_value(program: &Program, can_fail: &CanFail) -> Option<Diagnostic> {
    match can_fail {
        CanFail::Fails { input, failure, counts: Some(Counts { with_value: 0, failing }) } => {
            let report = failure_report(program, failure, input);
            let inputs = if *failing == 1 { "input".to_owned() } else { format!("of the {failing} inputs") };
            let message = format!("the program has a value on no {inputs}: {}", report.message);
            Some(Diagnostic { code: "E0306", message, ..report })
        }
        CanFail::NoInputs { all: true } => Some(no_inputs_report(program, true)),
        CanFail::NoInputs { all: false }
        | CanFail::Fails { .. }
        | CanFail::NotByFacts
        | CanFail::NotByEnumeration { .. }
        | CanFail::NotInTests { .. }
        | CanFail::Undeclared => None,
    }
}

/// The report of a program that there is nothing to do with.
pub fn no_outputs_report() -> Diagnostic {
    Diagnostic::error("E0305", "the program computes no s-op")
        .help("give one a name, as in `x = indices;`, or ask for one with `--output`")
}

/// The warning of a program that there is nothing to check of; it may be a file that others load.
pub fn no_outputs_warning() -> Diagnostic {
    Diagnostic { severity: Severity::Warning, code: "W0207", ..no_outputs_report() }
}

/// The report of a program whose assumptions no input fulfils, or none that was found.
pub fn no_inputs_report(program: &Program, all: bool) -> Diagnostic {
    let message = match all {
        true => "no input fulfils the assumptions of the program",
        false => "no input was found that fulfils the assumptions of the program",
    };
    let mut diagnostic = Diagnostic::error("E0304", message);
    for (_, span) in &program.assumptions {
        diagnostic = diagnostic.label(*span, "assumed here");
    }
    diagnostic
        .help("an assumption is true at every position of the inputs that count; see domains and lengths too")
}
