//! Networks that are wrong in a way that was once called proved, or could be: by hand, each with an input on which
//! it shows.

use super::forward::{Order, Plain, means};
use crate::common::compiled::{Compiled, compile};
use crate::common::faults::matrices;
use crate::common::file::File;
use ndarray::{Array2, Axis};
use raspc::inputs::Columns;
use raspc::interp::Interpreter;
use raspc::ir::lower::{self, NoFiles, Outside};
use raspc::model::{Artifact, Decode};
use raspc::value::{Number, Value};
use raspc::verify::Within;
use raspc::verify::check::prove;

fn ints(values: &[i64]) -> Vec<Value> {
    values.iter().copied().map(Value::int).collect()
}

/// Whether a network is wrong on an input: a number without a list must be right within `bound`.
fn is_wrong(compiled: &Compiled, artifact: &Artifact, input: &Columns, bound: &Number) -> bool {
    let expected = Interpreter::new(&compiled.program).outputs(input).unwrap();
    let config = &artifact.manifest.config;
    let logits = Plain::new(config, &artifact.weights).and_then(|plain| plain.logits(input, Order::Forwards));
    let Some(logits) = logits else { return true };
    let mut outputs = logits.iter().zip(&expected).zip(&config.outputs);
    !outputs.all(|((rows, expected), output)| {
        rows.iter().zip(expected).all(|(row, value)| means(&output.decode, row, value, bound))
    })
}

/// A network that is wrong on an input is not proved.
#[track_caller]
fn refused(compiled: &Compiled, artifact: &Artifact, input: &Columns) {
    assert!(is_wrong(compiled, artifact, input, &Number::ZERO), "it is right on {input:?}");
    assert!(prove(&compiled.program, artifact).is_err(), "proved, but wrong on {input:?}");
}

/// Every way to take one row out of a matrix of a head; says how many are wrong on one of these inputs.
fn rows_gone(compiled: &Compiled, inputs: &[Columns], bound: &Number) -> usize {
    let mut wrong = 0;
    for l in 0..compiled.artifact.weights.layers.len() {
        for h in 0..compiled.artifact.weights.layers[l].heads.len() {
            for matrix in 0..3 {
                for row in 0..compiled.artifact.weights.w_pos.ncols() {
                    let mut mutant = compiled.artifact.clone();
                    let head = &mut mutant.weights.layers[l].heads[h];
                    [&mut head.w_q, &mut head.w_k, &mut head.w_v][matrix].row_mut(row).fill(0.0);
                    let Some(input) = inputs.iter().find(|input| is_wrong(compiled, &mutant, input, bound))
                    else {
                        continue;
                    };
                    wrong += 1;
                    let what = format!("layer {l}, head {h}, matrix {matrix}, row {row}");
                    assert!(
                        prove(&compiled.program, &mutant).is_err(),
                        "{what}: proved, but wrong on {input:?}"
                    );
                }
            }
        }
    }
    wrong
}

/// The key `"x"`, of which the half is no value, is selected by nobody; its score counts all the same.
#[test]
fn a_key_on_which_the_rest_of_the_program_fails_is_still_a_key() {
    let programs =
        [("0..20", "aggregate(s, tokens) / 2"), ("0..20", "aggregate(s, tokens) - aggregate(s, tokens * 2)")];
    for (numbers, output) in programs {
        let compiled = compile(&format!(
            "input tokens : {{{numbers}, \"x\"}}; length 1..3; s = select(tokens, \"x\", !=); output {output};"
        ));
        let list = |first: i64, last: i64| vec![vec![Value::int(first), Value::str("x"), Value::int(last)]];
        let wrong =
            rows_gone(&compiled, &[list(1, 2), list(2, 2), list(1, 1)], &Number::ratio(1, 1_000).unwrap());
        assert!(wrong > 0, "{output}: a fault is seen");
    }
}

/// A network that hands a number for each token on, read by a rule.
fn as_number(compiled: &Compiled, numbers: &[f32], values: Vec<Value>, bound: Number) -> Artifact {
    let mut mutant = compiled.artifact.clone();
    let (config, weights) = (&mut mutant.manifest.config, &mut mutant.weights);
    (config.d_model, config.bos, config.layers, weights.layers) = (1, false, Vec::new(), Vec::new());
    weights.w_e = vec![Array2::from_shape_vec((numbers.len(), 1), numbers.to_vec()).unwrap()];
    weights.w_pos = Array2::zeros((config.n_ctx, 1));
    weights.w_u = vec![Array2::ones((1, 1))];
    config.outputs[0].decode = Decode::Numeric { values, bound };
    mutant
}

fn identity(domain: &str) -> Compiled {
    compile(&format!("input tokens : {domain}; length 1..2; output tokens;"))
}

/// The nearest of a list is found in a sorted one: a list in another order is no rule.
#[test]
fn lists_of_numbers_are_sorted_and_say_nothing_twice() {
    let compiled = identity("{0, 3, 7}");
    let rule = |values: &[i64]| as_number(&compiled, &[0.0, 3.0, 7.0], ints(values), Number::ZERO);
    assert!(!is_wrong(&compiled, &rule(&[0, 3, 7]), &vec![ints(&[3, 7])], &Number::ZERO));
    assert!(prove(&compiled.program, &rule(&[0, 3, 7])).is_ok());
    for values in [&[0, 7, 3][..], &[7, 3, 0], &[0, 3], &[0, 3, 3, 7], &[3, 7], &[0, 3, 7, 5]] {
        assert!(prove(&compiled.program, &rule(values)).is_err(), "{values:?}");
    }
    // A number half-way between two is neither.
    let halfway = as_number(&compiled, &[0.0, 1.5, 7.0], ints(&[0, 3, 7]), Number::ZERO);
    refused(&compiled, &halfway, &vec![ints(&[3])]);
}

#[test]
fn true_is_not_one() {
    let compiled = compile("input tokens : {0, 1}; length 1..2; output tokens == 1;");
    let input = vec![ints(&[0, 1])];
    let booleans = vec![Value::Bool(false), Value::Bool(true)];
    let rule = |compiled, values| as_number(compiled, &[0.0, 1.0], values, Number::ZERO);
    for values in [vec![], ints(&[0, 1]), vec![Value::Bool(false), Value::int(1)]] {
        refused(&compiled, &rule(&compiled, values), &input);
    }
    let Decode::Categorical { values } = &compiled.artifact.manifest.config.outputs[0].decode else {
        panic!()
    };
    assert_eq!(*values, booleans);
    let mut mutant = compiled.artifact.clone();
    mutant.manifest.config.outputs[0].decode = Decode::Categorical { values: ints(&[0, 1]) };
    refused(&compiled, &mutant, &input);
    // And the other way round.
    let compiled = identity("{0, 1}");
    refused(&compiled, &rule(&compiled, booleans.clone()), &input);
    let mut mutant = compiled.artifact.clone();
    mutant.manifest.config.outputs[0].decode = Decode::Categorical { values: booleans };
    refused(&compiled, &mutant, &input);
    // Where both occur, each is itself.
    let compiled = identity("{True, 1}");
    let both = vec![vec![Value::Bool(true), Value::int(1)]];
    for values in [vec![], ints(&[1]), vec![Value::Bool(true)], vec![Value::Bool(true), Value::int(1)]] {
        refused(&compiled, &as_number(&compiled, &[1.0, 1.0], values, Number::ZERO), &both);
    }
}

#[test]
fn values_that_tie_or_stand_twice_are_not_read() {
    let compiled = identity("{0, 3, 7}");
    let input = vec![ints(&[3, 7])];
    let mut twice = compiled.artifact.clone();
    twice.weights.w_u[0] = ndarray::concatenate![
        Axis(1),
        twice.weights.w_u[0].view(),
        twice.weights.w_u[0].column(1).insert_axis(Axis(1))
    ];
    let decode = |values: &[i64]| Decode::Categorical { values: ints(values) };
    for values in [&[0, 3, 7, 5][..], &[0, 5, 7, 3], &[5, 3, 7, 3], &[0, 3, 3, 7]] {
        twice.manifest.config.outputs[0].decode = decode(values);
        assert!(is_wrong(&compiled, &twice, &input, &Number::ZERO) || *values == [5, 3, 7, 3]);
        assert!(prove(&compiled.program, &twice).is_err(), "{values:?}");
    }
    let mut silent = compiled.artifact.clone();
    silent.weights.w_u[0].fill(0.0);
    refused(&compiled, &silent, &vec![ints(&[0, 0])]);
}

/// Logits, and whatever leads to them.
#[test]
fn no_number_and_infinity_prove_nothing() {
    for text in [
        "input tokens : {0, 3, 7}; length 1..2; output tokens;",
        "input tokens : {0, 1}; length 1..3; output aggregate(select(tokens, 1, ==), indices);",
        "input tokens : {0, 1}; length 1..2; output tokens * 0;",
        "input tokens : {0, 1}; length 1..3; output selector_width(select(tokens, tokens, ==));",
    ] {
        let compiled = compile(text);
        assert!(prove(&compiled.program, &compiled.artifact).is_ok(), "{text}");
        let sizes: Vec<usize> =
            compiled.artifact.weights.named().iter().map(|(_, matrix)| matrix.len()).collect();
        let mut proved = Vec::new();
        for (m, i) in sizes.iter().enumerate().flat_map(|(m, size)| (0..*size).map(move |i| (m, i))) {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut mutant = compiled.artifact.clone();
                *matrices(&mut mutant.weights)[m].iter_mut().nth(i).unwrap() = bad;
                if prove(&compiled.program, &mutant).is_ok() {
                    proved.push((mutant.weights.named()[m].0.clone(), i, bad));
                }
            }
        }
        assert!(
            proved.is_empty(),
            "{text}: {} are proved: {:?}",
            proved.len(),
            &proved[..proved.len().min(20)]
        );
    }
}

/// The claimant does not choose how far off a number may be: what is proved is how far off it is, and whether that
/// tells values apart.
#[test]
fn a_wide_bound_is_not_what_is_proved() {
    let compiled = compile(&File::read("count_a").text);
    let mut silent = compiled.artifact.clone();
    silent.weights.w_u[0] = Array2::zeros((silent.manifest.config.d_model, 1));
    let bound = Number::from(100_i64);
    silent.manifest.config.outputs[0].decode = Decode::Numeric { values: Vec::new(), bound };
    let proof = prove(&compiled.program, &silent);
    assert!(proof.is_ok_and(|proof| Within::of_certificate(&proof).is_some_and(|w| !w.decisive)));
    let compiled = identity("{0, 3, 7}");
    let number = |n: i64, parts: i64| Number::ratio(n, parts).unwrap();
    let proved = |numbers: &[f32], bound: Number| {
        let artifact = as_number(&compiled, numbers, Vec::new(), bound);
        prove(&compiled.program, &artifact).ok().map(|proof| Within::of_certificate(&proof))
    };
    assert_eq!(proved(&[0.0, 3.0, 7.0], Number::ZERO), Some(None));
    assert_eq!(proved(&[0.0, 3.0, 7.0], number(100, 1)), Some(None));
    // Bounds are rounded up to a few digits.
    let is = |found: Option<Option<Within>>, off: Number, decisive: bool| {
        let within = found.unwrap().unwrap();
        let rounded = within.bound >= off && within.bound <= off.mul(&number(101, 100)).unwrap();
        assert!(rounded && within.decisive == decisive, "{within:?}");
    };
    is(proved(&[0.0, 3.5, 7.0], number(100, 1)), number(1, 2), true);
    is(proved(&[3.0, 3.0, 3.0], number(4, 1)), number(4, 1), false);
    is(proved(&[1.5, 1.5, 7.0], number(2, 1)), number(3, 2), false);
    // Off by more than it says itself.
    assert_eq!(proved(&[0.0, 3.5, 7.0], number(2, 5)), None);
}

/// A file carries the text of its program and the options that it was compiled with. What is proved is proved of both
/// together, and their hash is another one than that of the program alone.
#[test]
fn options_make_another_program() {
    let text = File::read("sort").text;
    let file = |declarations: &str, outputs: &str| {
        let (declarations, outputs) = (format!("length 1..3;\n{declarations}"), outputs.to_owned());
        let outside = Outside { declarations, outputs, ..Outside::default() };
        let read = lower::read("sort.rasp", &text, &NoFiles, &outside);
        Compiled::new(read.program.unwrap(), read.sources).unwrap()
    };
    let plain = file("", "");
    for options in [("", "output tokens;"), ("input tokens : 1..1;", "")] {
        let other = file(options.0, options.1);
        let own = other.artifact.manifest.read_program().and_then(|read| read.program).unwrap();
        assert!(prove(&own, &other.artifact).is_ok(), "{options:?}");
        assert!(prove(&plain.program, &other.artifact).is_err(), "{options:?}");
        let hash = |compiled: &Compiled| compiled.artifact.manifest.sha256.sources.clone();
        assert_ne!(hash(&plain), hash(&other), "{options:?}");
    }
}
