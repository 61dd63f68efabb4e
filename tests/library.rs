//! Does the standard library define what the RASP tool's library defines, and do its additions compute
//! what their comments say?
//!
//! What the tool's functions compute is held against the tool's own values in `fixtures.rs`.

use crate::common::compiled::compile;
use raspc::inputs::Inputs;
use raspc::interp::Interpreter;
use raspc::ir::lower::{NoFiles, RASPLIB, Session, Thing};
use raspc::source::SourceId;
use raspc::syntax;
use raspc::value::Value;
use raspc::verify::check::prove;

const LIBRARY: &str = include_str!("../programs/lib/rasplib.rasp");

#[test]
fn every_name_of_rasplib_is_defined() {
    let session = Session::new(&NoFiles);
    for name in RASPLIB {
        let thing = session.get(name).unwrap_or_else(|| panic!("`{name}` is missing"));
        let right = match name {
            "length" => matches!(thing, Thing::SOp(_)),
            "full_s" => matches!(thing, Thing::Selector(_)),
            _ => matches!(thing, Thing::Function(_)),
        };
        assert!(right, "`{name}` is {}", thing.describe());
    }
}

#[test]
fn the_librarys_text_is_sound() {
    let parsed = syntax::parse(SourceId::NOWHERE, LIBRARY);
    assert_eq!(parsed.errors, []);
    assert_eq!(syntax::warnings(&parsed.ast), []);
}

/// An addition, and what it is at a position: of the values that the position sees, and of those up to it.
type Addition = (&'static str, fn(seen: &[i64], so_far: &[i64]) -> Value);

/// What stands for a condition below.
fn is_one(value: &i64) -> bool {
    *value == 1
}

fn place(found: Option<usize>) -> Value {
    Value::int(found.map_or(-1, |i| i as i64))
}

const ADDITIONS: [Addition; 9] = [
    ("count_so_far(tokens == 1)", |_, so_far| Value::int(so_far.iter().filter(|v| is_one(v)).count() as i64)),
    ("sum_so_far(tokens)", |_, so_far| Value::int(so_far.iter().sum())),
    ("sum_over(tokens)", |seen, _| Value::int(seen.iter().sum())),
    ("any(tokens == 1)", |seen, _| Value::Bool(seen.iter().any(is_one))),
    ("all(tokens == 1)", |seen, _| Value::Bool(seen.iter().all(is_one))),
    ("first_where(tokens == 1)", |seen, _| place(seen.iter().position(is_one))),
    ("last_where(tokens == 1)", |seen, _| place(seen.iter().rposition(is_one))),
    ("max_over(tokens)", |seen, _| Value::int(*seen.iter().max().unwrap())),
    ("min_over(tokens)", |seen, _| Value::int(*seen.iter().min().unwrap())),
];

/// On every input, with full and with causal attention; and the network is proved to compute it. What a
/// causal `sum_over` multiplies its mean by is a width that the proof takes for any of its values, so its
/// network is run on every input.
#[test]
fn additions_compute_what_they_say_and_so_do_their_networks() {
    for (attention, causal) in [("", false), ("attention causal;", true)] {
        for (call, meaning) in ADDITIONS {
            let text = format!("input tokens : -1..2;\nlength 1..4;\n{attention}\noutput {call};");
            let compiled = compile(&text);
            let interpreter = Interpreter::new(&compiled.program);
            let inputs = Inputs::new(&compiled.program, &interpreter, vec![false]).unwrap();
            for input in inputs.candidates() {
                let number = |value: &Value| value.number().and_then(|n| n.to_i64()).unwrap();
                let tokens: Vec<i64> = input[0].iter().map(number).collect();
                let at = |q: usize| meaning(if causal { &tokens[..=q] } else { &tokens }, &tokens[..=q]);
                let expected: Vec<Value> = (0..tokens.len()).map(at).collect();
                assert_eq!(
                    interpreter.outputs(&input).unwrap(),
                    [expected],
                    "{attention} {call} on {tokens:?}"
                );
            }
            if causal && call.starts_with("sum_over") {
                assert_eq!(compiled.compare(1_000, 0), 4 + 16 + 64 + 256);
                continue;
            }
            let proof = prove(&compiled.program, &compiled.artifact);
            assert!(proof.is_ok(), "{attention} {call}: {}", proof.unwrap_err());
        }
    }
}

#[test]
fn strings_have_a_first_and_a_last_in_order() {
    for attention in ["", "attention causal;"] {
        let text = format!(
            "input tokens : {{\"a\", \"b\", \"cd\"}};\nlength 1..4;\n{attention}\noutput max_over(tokens), min_over(tokens);"
        );
        let compiled = compile(&text);
        assert!(prove(&compiled.program, &compiled.artifact).is_ok(), "{attention}");
        let input = ["b", "a", "cd", "a"].map(Value::str).to_vec();
        let outputs = Interpreter::new(&compiled.program).outputs(&[input]).unwrap();
        let last: Vec<String> = outputs.iter().map(|values| values[3].to_string()).collect();
        assert_eq!(last, ["\"cd\"", "\"a\""]);
    }
}

/// Names of additions are free, unlike those of the tool's library.
#[test]
fn a_program_may_set_the_names_of_additions() {
    let program = "def max_over(x) { return x + 1; } any = indices; first_where = 2;\n\
        def all(a, b) { return a * b; } sum_so_far = max_over(any); all(sum_so_far, first_where);";
    let fed = Session::new(&NoFiles).feed("main.rasp", program);
    assert!(!fed.has_errors(), "{:?}", fed.diagnostics);
    assert_eq!(fed.diagnostics, []);
}
