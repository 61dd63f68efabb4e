//! Are compiled programs exact at lengths where approximate networks fail: 10, 20 and 50, and a
//! few to 500?
//!
//! Each program is compiled for all lengths up to the one named, and compared with the interpreter
//! on random inputs of exactly that length, and of any. `RASPC_INPUTS=10000 cargo test lengths`
//! takes more of them.

use crate::common::compiled::{Compiled, compile, compile_for};
use crate::common::file::File;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::interp::Interpreter;
use raspc::ir::Lengths;
use raspc::model::{Decode, Decoded};
use raspc::value::Value;
use raspc::verify::{self, Effort, Verdict};

const LENGTHS: [usize; 3] = [10, 20, 50];

/// Random inputs for each program and length: half of that length, half of any.
fn n_inputs() -> usize {
    std::env::var("RASPC_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

/// Compares on inputs of exactly so many tokens.
#[track_caller]
fn compare_at(compiled: &Compiled, length: usize, samples: usize) -> usize {
    let mut program = compiled.program.clone();
    program.lengths = Some(Lengths { min: length, max: length });
    let effort = Effort { all_up_to: 0, samples, seed: 11 };
    match verify::compare(&program, &compiled.facts, &compiled.model, effort, &mut |_| true).unwrap() {
        Verdict::Enumerated { inputs, .. } | Verdict::Tested { inputs, .. } => inputs,
        Verdict::Undecided { .. } => 0,
        Verdict::Refuted(d) => panic!("{d:?}"),
    }
}

/// Whether every output is decoded to exactly one value, not to a number within a bound.
fn decodes_exactly(compiled: &Compiled) -> bool {
    let exactly = |decode: &Decode| match decode {
        Decode::Categorical { .. } => true,
        Decode::Numeric { values, .. } => !values.is_empty(),
    };
    compiled.model.config().outputs.iter().all(|output| exactly(&output.decode))
}

#[track_caller]
fn compiled_to(text: &str, domain: Option<&str>, length: usize) -> Compiled {
    let compiled = compile_for(text, domain, &format!("1..{length}"));
    assert!(decodes_exactly(&compiled), "at length {length} an output is no exact value");
    compiled
}

/// Compiles to each of the lengths and compares there.
#[track_caller]
fn exact(text: &str, domain: Option<&str>, lengths: &[usize]) {
    for &length in lengths {
        let compiled = compiled_to(text, domain, length);
        let half = n_inputs().div_ceil(2);
        let inputs = compare_at(&compiled, length, half) + compiled.compare(0, half);
        assert_eq!(inputs, 2 * half, "some inputs were passed over");
    }
}

#[track_caller]
fn program_is_exact(name: &str) {
    exact(&File::read(name).text, None, &LENGTHS);
}

/// What f32 can do at 200 and 500 tokens, on few inputs: the networks are large.
#[test]
fn long_inputs() {
    let few = n_inputs().div_ceil(200).max(2);
    for name in ["length", "histogram", "reverse", "sort", "shift_by_1", "count_a"] {
        for length in [200, 500] {
            let compiled = compiled_to(&File::read(name).text, None, length);
            assert_eq!(compare_at(&compiled, length, few), few, "{name} at length {length}");
        }
    }
}

#[test]
fn length() {
    program_is_exact("length");
}

#[test]
fn reverse() {
    program_is_exact("reverse");
}

#[test]
fn histogram() {
    program_is_exact("histogram");
}

#[test]
fn sort() {
    program_is_exact("sort");
}

#[test]
fn count() {
    program_is_exact("count_a");
}

#[test]
fn fraction_of_previous() {
    program_is_exact("fraction_previous");
}

#[test]
fn fraction_of_previous_at_least_one_half() {
    let text = "output fraction_so_far(tokens == \"a\") >= 0.5;";
    exact(text, Some("{\"a\", \"b\"}"), &LENGTHS);
    exact(&format!("attention causal; {text}"), Some("{\"a\", \"b\"}"), &LENGTHS);
}

/// Compares on inputs of one column that all decode exactly.
#[track_caller]
fn compare_on(compiled: &Compiled, inputs: &[Vec<Value>]) {
    let interpreter = Interpreter::new(&compiled.program);
    let inputs: Vec<Vec<Vec<Value>>> = inputs.iter().map(|input| vec![input.clone()]).collect();
    for some in inputs.chunks(64) {
        let views: Vec<&[Vec<Value>]> = some.iter().map(Vec::as_slice).collect();
        for (input, found) in some.iter().zip(compiled.model.run_all(&views).unwrap()) {
            let exactly = |values: Vec<Value>| values.into_iter().map(Decoded::Value).collect();
            let expected: Vec<Vec<Decoded>> =
                interpreter.outputs(input).unwrap().into_iter().map(exactly).collect();
            assert_eq!(found, expected, "on {input:?}");
        }
    }
}

fn characters(text: &str) -> Vec<Value> {
    text.chars().map(|c| Value::str(&c.to_string())).collect()
}

#[test]
fn palindrome() {
    let text = File::read("palindrome").text;
    exact(&text, None, &LENGTHS);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for length in LENGTHS {
        // Palindromes, half of them with one letter changed, which random texts never are.
        let mut near = |i: usize| {
            let n = rng.random_range(1..=length);
            let mut letters: Vec<char> = (0..n).map(|_| rng.random_range('a'..='z')).collect();
            (0..n / 2).for_each(|i| letters[n - 1 - i] = letters[i]);
            if i.is_multiple_of(2) {
                letters[rng.random_range(0..n)] = rng.random_range('a'..='z');
            }
            characters(&letters.into_iter().collect::<String>())
        };
        let inputs: Vec<Vec<Value>> = (0..n_inputs()).map(&mut near).collect();
        compare_on(&compiled_to(&text, None, length), &inputs);
    }
}

/// Brackets that are balanced and nested, up to a length.
fn balanced(pairs: &[&str], length: usize, rng: &mut ChaCha8Rng) -> Vec<char> {
    let half = rng.random_range(1..=length / 2);
    let (mut text, mut open) = (Vec::new(), Vec::new());
    while text.len() < 2 * half {
        let left = 2 * half - text.len();
        if open.len() < left && (open.is_empty() || rng.random_bool(0.5)) {
            let pair: Vec<char> = pairs[rng.random_range(0..pairs.len())].chars().collect();
            text.push(pair[0]);
            open.push(pair[1]);
        } else {
            text.extend(open.pop());
        }
    }
    text
}

/// Brackets that random texts would hardly ever balance: a third is balanced and nested, a third
/// has two of them exchanged, a third is shuffled.
fn brackets(pairs: &[&str], length: usize) -> Vec<Vec<Value>> {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let one = |i: usize| {
        let mut text = balanced(pairs, length, &mut rng);
        let n = text.len();
        match i % 3 {
            0 => {}
            1 => text.swap(rng.random_range(0..n), rng.random_range(0..n)),
            _ => text.shuffle(&mut rng),
        }
        characters(&text.into_iter().collect::<String>())
    };
    (0..n_inputs()).map(one).collect()
}

#[track_caller]
fn brackets_are_exact(name: &str, pairs: &[&str], lengths: &[usize]) {
    let text = File::read(name).text;
    exact(&text, None, lengths);
    for &length in lengths {
        compare_on(&compiled_to(&text, None, length), &brackets(pairs, length));
    }
}

#[test]
fn dyck1() {
    brackets_are_exact("dyck1", &["()"], &LENGTHS);
}

#[test]
fn dyck2() {
    brackets_are_exact("dyck2", &["()", "{}"], &[10, 20]);
}

/// 7.3 million parameters, the most here by far.
#[test]
fn dyck2_at_length_50() {
    let compiled = compiled_to(&File::read("dyck2").text, None, 50);
    let inputs = brackets(&["()", "{}"], 50);
    compare_on(&compiled, &inputs[..inputs.len().div_ceil(4)]);
}

#[test]
fn shuffle_dyck2() {
    brackets_are_exact("shuffle_dyck2", &["()", "{}"], &LENGTHS);
}

/// Means of digits have too many values to be told apart: they are numbers within a bound.
#[test]
fn means_of_digits_are_within_their_bound() {
    for length in LENGTHS {
        let text = "output aggregate(select(indices, indices, <=), tokens);";
        let compiled = compile(&format!("input tokens : 0..9; length 1..{length}; {text}"));
        let Decode::Numeric { values, bound } = &compiled.model.config().outputs[0].decode else {
            panic!("a mean is a number")
        };
        assert_eq!(values.is_empty(), length == 50, "{} values at {length}", values.len());
        assert!(bound.to_f64() < 1e-4, "the bound is {bound}");
        assert_eq!(compare_at(&compiled, length, n_inputs()), n_inputs());
    }
}
