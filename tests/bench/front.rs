//! How long the front half takes on large programs and inputs: `cargo bench --bench front`.

use raspc::facts;
use raspc::interp::Interpreter;
use raspc::ir::lower::{NoFiles, Outside, read};
use raspc::ir::{Program, lower::Read};
use raspc::value::Value;
use std::fmt::Write as _;

fn main() {
    divan::main();
}

fn program(text: &str) -> Program {
    let Read { program, diagnostics, .. } = read("bench.rasp", text, &NoFiles, &Outside::default());
    program.unwrap_or_else(|| panic!("the program is sound: {diagnostics:?}"))
}

const SORT_BY_FREQUENCY: &str = "
    input tokens : \"a\"..\"z\";
    output sort(tokens, -selector_width(select(tokens, tokens, ==)));
";

/// The reference interpreter on sort by frequency, by length of the input.
#[divan::bench(args = [10, 50, 500])]
fn interpret_sort_by_frequency(bencher: divan::Bencher<'_, '_>, length: usize) {
    let program = program(SORT_BY_FREQUENCY);
    let letter = |i: usize| Value::Str(char::from(b'a' + (i * i % 26) as u8).to_string().into());
    let input = vec![(0..length).map(letter).collect::<Vec<_>>()];
    let interpreter = Interpreter::new(&program);
    bencher.bench(|| interpreter.outputs(&input));
}

/// A program of many statements that use each other.
fn long_program(lines: usize) -> String {
    let mut text = "input tokens : 0..9;\nlength 1..10;\n".to_owned();
    let mut names = vec!["tokens".to_owned(), "indices".to_owned(), "length".to_owned()];
    for i in 0..lines {
        let a = &names[names.len() - 1 - i % names.len().min(7)];
        let b = &names[names.len() - 1 - i % names.len().min(11)];
        let value = match i % 5 {
            0 => format!("({a} + {b}) % 7"),
            1 => format!("aggregate(select({a}, {b}, ==), {a})"),
            2 => format!("selector_width(select({a}, {b}, <))"),
            3 => format!("{a} if {b} > 3 else 2"),
            _ => format!("round({a} / 3)"),
        };
        let _ = writeln!(text, "v{i} = {value};");
        names.push(format!("v{i}"));
    }
    let outputs: Vec<String> = (0..lines).map(|i| format!("v{i}")).collect();
    let _ = writeln!(text, "output {};", outputs.join(", "));
    text
}

/// Programs in which every line uses the one before, so that sets and tables grow along the chain.
const CHAINS: [&str; 5] = [
    "selector_width(select(PREV, tokens, <=)) + PREV",
    "PREV if shift(tokens, SHIFT, 0) > 3 else PREV + 1",
    "aggregate(select(PREV, tokens, <=), PREV) + selector_width(select(PREV, tokens, ==))",
    "round(aggregate(select(tokens, tokens, <=), PREV)) + 1",
    "(histogram(PREV) + PREV) % 10",
];

/// Checking 1,000 lines of a chain without enumeration. At most 0.3 s each.
#[divan::bench(args = CHAINS)]
fn check_chain(bencher: divan::Bencher<'_, '_>, line: &str) {
    let mut text = "input tokens : 0..9;\nlength 1..10;\nv0 = tokens;\n".to_owned();
    for i in 1..=1_000 {
        let value = line.replace("PREV", &format!("v{}", i - 1)).replace("SHIFT", &(i % 9 + 1).to_string());
        let _ = writeln!(text, "v{i} = {value};");
    }
    text += "output v1000;\n";
    bencher.bench(|| {
        let program = program(&text);
        facts::may_fail(&program, &facts::analyse(&program))
    });
}

/// Reading a long program: parsing, warnings and lowering.
#[divan::bench(args = [100, 1_000])]
fn read_program(bencher: divan::Bencher<'_, '_>, lines: usize) {
    let text = long_program(lines);
    bencher.bench(|| program(&text));
}

/// Checking a long program without enumeration: reading it, its facts, and whether it can fail.
#[divan::bench(args = [100, 1_000])]
fn check_program(bencher: divan::Bencher<'_, '_>, lines: usize) {
    let text = long_program(lines);
    bencher.bench(|| {
        let program = program(&text);
        facts::may_fail(&program, &facts::analyse(&program))
    });
}
