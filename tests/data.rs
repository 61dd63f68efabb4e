//! Programs as datasets.

use crate::common::compiled::{Compiled, compile, compile_for};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::data::{DISTRIBUTIONS, Dataset, Examples, IGNORED, Spec, Targets};
use raspc::inputs::{Columns, Inputs};
use raspc::interp::Interpreter;
use raspc::value::Value;
use std::collections::HashSet;

const PEAK: &str = include_str!("../programs/peak.rasp");
const PALINDROME: &str = include_str!("../programs/palindrome.rasp");
const FRACTOK: &str = include_str!("../programs/fractok.rasp");
const TRIPLETS: &str = include_str!("../programs/triplets.rasp");
const JOIN: &str = include_str!("../programs/sql/join_bonus_cells.rasp");
const DISTINCT: &str = include_str!("../programs/sql/count_distinct_rows.rasp");
const RANK_SORT: &str = include_str!("../programs/rank_sort.rasp");

fn spec(distribution: &str, train: usize, held_out: usize) -> Spec {
    Spec { distributions: vec![distribution.to_owned()], train, held_out, ..Spec::default() }
}

fn dataset(compiled: &Compiled, spec: &Spec) -> Dataset {
    Dataset::new(&compiled.program, &compiled.facts, compiled.model.config(), spec).unwrap()
}

/// The tokens of each example, without the padding.
fn rows(examples: &Examples) -> Vec<Vec<u32>> {
    let seq = examples.batch.seq;
    let row = |(i, length): (usize, &usize)| examples.batch.tokens[0][i * seq..i * seq + length].to_vec();
    examples.batch.lengths.iter().enumerate().map(row).collect()
}

#[test]
fn no_input_stands_in_both_parts_and_seeds_decide() {
    let peak = compile(PEAK);
    let first = dataset(&peak, &spec("peak", 2_000, 300));
    let (train, held_out) = (rows(&first.train), rows(&first.held_out));
    let distinct: HashSet<_> = held_out.iter().collect();
    assert_eq!((train.len(), held_out.len(), distinct.len()), (2_000, 300, 300));
    assert!(train.iter().all(|row| !distinct.contains(row)));
    assert_eq!(dataset(&peak, &spec("peak", 2_000, 300)), first);
    let other = dataset(&peak, &Spec { seed: 1, ..spec("peak", 2_000, 300) });
    assert_ne!(other.train, first.train);
    // The size of one part changes nothing in the other.
    assert_eq!(dataset(&peak, &spec("peak", 10, 300)).held_out, first.held_out);
}

#[test]
fn targets_are_what_the_interpreter_says() {
    let compiled = compile(FRACTOK);
    let data = dataset(&compiled, &spec("fractok", 50, 50));
    let interpreter = Interpreter::new(&compiled.program);
    let vocabulary = &compiled.model.config().columns[0].vocabulary;
    let Targets::Numbers(numbers) = &data.train.targets[0] else { panic!("fractions are numbers") };
    for (row, targets) in rows(&data.train).iter().zip(numbers.chunks(data.train.batch.seq)) {
        let input: Vec<Value> = row.iter().map(|t| vocabulary[*t as usize].clone()).collect();
        let expected = interpreter.outputs(&[input]).unwrap().remove(0);
        let (real, padding) = targets.split_at(row.len());
        assert!(real.iter().zip(&expected).all(|(x, v)| *x == v.number().unwrap().to_f64()));
        assert!(padding.iter().all(|x| x.is_nan()));
    }
    let compiled = compile(PEAK);
    let data = dataset(&compiled, &spec("peak", 50, 50));
    let Targets::Classes(classes) = &data.train.targets[0] else { panic!("peaks are booleans") };
    for (length, targets) in data.train.batch.lengths.iter().zip(classes.chunks(data.train.batch.seq)) {
        let asked = |at: usize| (1..*length).contains(&at);
        assert!(
            targets.iter().enumerate().all(|(at, class)| (*class != IGNORED) == asked(at)),
            "BOS has none"
        );
    }
}

/// Draws from a distribution, and how many of them are as the function says.
fn share(compiled: &Compiled, name: &str, is: impl Fn(&[Value]) -> bool) -> f64 {
    let interpreter = Interpreter::new(&compiled.program);
    let inputs = Inputs::new(&compiled.program, &interpreter, vec![false]).unwrap();
    let distribution = raspc::data::distribution(name).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let drawn: Vec<Columns> = (0..4_000).filter_map(|_| distribution.draw(&inputs, &mut rng)).collect();
    drawn.iter().filter(|input| is(&input[0])).count() as f64 / drawn.len() as f64
}

#[track_caller]
fn near(share: f64, expected: f64) {
    assert!((share - expected).abs() < 0.03, "{share}, and {expected} was expected");
}

#[test]
fn draws_have_the_shares_that_the_sources_state() {
    let letters = compile_for(PALINDROME, None, "1..10");
    let palindrome = |v: &[Value]| v.iter().eq(v.iter().rev());
    // Draws of random words that are palindromes come to nothing.
    assert!((0.5..0.54).contains(&share(&letters, "palindrome", palindrome)));
    near(share(&letters, "palindrome", |v| palindrome(v) && v.len() % 2 == 1), 0.255);
    let digits = compile(PEAK);
    let constant = |v: &[Value]| v.iter().all(|x| *x == v[0]);
    // Short ones are sorted by chance.
    let sorted =
        |v: &[Value]| v.len() > 5 && !constant(v) && (v.is_sorted() || v.is_sorted_by(|a, b| a >= b));
    let top = [8, 9].map(Value::int);
    let bottom = [0, 1].map(Value::int);
    let alternating =
        |v: &[Value]| (0..v.len()).all(|i| if i % 2 == 0 { &top } else { &bottom }.contains(&v[i]));
    near(share(&digits, "peak", constant), 0.10);
    near(share(&digits, "peak", sorted), 0.2 * 4.0 / 7.0);
    near(share(&digits, "peak", alternating), 0.30);
    near(share(&digits, "peak", |v| v.len() == 3), 1.0 / 7.0);
    let fractok = compile(FRACTOK);
    let x = Value::str("x");
    let all_x = |v: &[Value]| v.iter().all(|t| *t == x);
    // Σ 1/(n+1) / 8 for n from 2 to 9.
    near(share(&fractok, "fractok", all_x), 0.179);
    near(share(&fractok, "fractok_test", |v| v.len() == 1), 1.0 / 9.0);
    let triplets = compile(TRIPLETS);
    let rising = |v: &[Value]| v.windows(2).all(|w| w[0] < w[1]);
    near(share(&triplets, "triplets", rising), 0.206);
}

/// A program that each distribution is for.
fn meant(distribution: &str) -> Compiled {
    match distribution {
        "where" => compile(
            "input name : {1..5}; input department : 6..9; length 5..5; output name if department == 6 else 0;",
        ),
        "join" | "join_smaller" => compile(JOIN),
        "distinct" => compile(DISTINCT),
        _ => compile_for(FRACTOK, Some("{\"x\", \"a\"..\"m\"}"), "1..10"),
    }
}

#[test]
fn every_distribution_says_what_it_is_and_draws_the_same_from_the_same_seed() {
    let mut names = HashSet::new();
    for distribution in DISTRIBUTIONS {
        assert!(names.insert(distribution.name()) && !distribution.about().is_empty());
        let (compiled, spec) = (meant(distribution.name()), spec(distribution.name(), 20, 5));
        let drawn = || format!("{:?}", dataset(&compiled, &spec));
        // Where there is no target stands NaN, which differs from itself.
        assert_eq!(drawn(), drawn());
    }
}

/// Draws from a distribution for the program that it is meant for.
fn draws(name: &str, compiled: &Compiled) -> Vec<Columns> {
    let interpreter = Interpreter::new(&compiled.program);
    let inputs = Inputs::new(&compiled.program, &interpreter, vec![false; 2]).unwrap();
    let distribution = raspc::data::distribution(name).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..4_000).filter_map(|_| distribution.draw(&inputs, &mut rng)).collect()
}

#[test]
fn tables_are_drawn_as_the_sources_state() {
    let part = |drawn: &[Columns], is: &dyn Fn(&Columns) -> bool| {
        drawn.iter().filter(|table| is(table)).count() as f64 / drawn.len() as f64
    };
    let drawn = draws("where", &meant("where"));
    let distinct: HashSet<_> = drawn.iter().collect();
    assert!(drawn.len() == 4_000 && distinct.len() > 2_900, "5! · 5!/2 tables, 7,200");
    for table in &drawn {
        let sorted = [0, 1].map(|c| {
            let mut column = table[c].clone();
            column.sort();
            column
        });
        assert_eq!(
            sorted,
            [vec![1, 2, 3, 4, 5], vec![6, 6, 7, 8, 9]]
                .map(|c| c.into_iter().map(Value::int).collect::<Vec<_>>())
        );
    }
    // One cell per position: five salaries, then five numbers of rows.
    let cells = compile(JOIN);
    let drawn = draws("join", &cells);
    let row_number = |v: &Value| *v <= Value::int(4);
    let halves = |t: &Columns| !t[0][..5].iter().any(row_number) && t[0][5..].iter().all(row_number);
    assert!(drawn.iter().all(|table| table[0].len() == 10 && halves(table)));
    near(part(&drawn, &|t| t[0][0] == Value::int(60_000)), 1.0 / 3.0);
    near(part(&drawn, &|t| t[0][5] == Value::int(4)), 1.0 / 5.0);
    let drawn = draws("join_smaller", &cells);
    near(part(&drawn, &|t| t[0].len() == 2), 1.0 / 5.0);
    let small = |t: &Columns| t[0][t[0].len() / 2..].iter().all(|v| *v < Value::int(t[0].len() as i64 / 2));
    assert!(drawn.iter().all(small), "a bonus belongs to a row that there is");
    let drawn = draws("distinct", &compile(DISTINCT));
    // Half of the tables of ten rows and more go on from the first group at once.
    near(part(&drawn, &|t| t[1].len() > 1 && t[1][0] != t[1][1]), 0.45);
    near(part(&drawn, &|t| t[1].len() == 1), 0.1);
    let first = Value::str("Sales");
    assert!(drawn.iter().all(|t| t[1][0] == first && t[0].len() == t[1].len()));
    let back = |t: &Columns| (1..t[1].len()).any(|i| t[1][i] == first && t[1][i - 1] != first);
    assert!(!drawn.iter().any(back), "groups come in order");
}

#[test]
fn assumptions_hold_and_what_cannot_be_drawn_is_told() {
    let sort = compile(RANK_SORT);
    for row in rows(&dataset(&sort, &spec("declared", 200, 20)).train) {
        let row = &row[usize::from(sort.model.config().bos)..];
        let distinct: HashSet<_> = row.iter().collect();
        assert!(sort.program.assumptions.is_empty() || distinct.len() == row.len());
    }
    let peak = compile(PEAK);
    let error = |spec: Spec| {
        let data = Dataset::new(&peak.program, &peak.facts, peak.model.config(), &spec);
        data.unwrap_err().to_string()
    };
    assert!(error(spec("peek", 1, 1)).contains("the nearest is `peak`"));
    assert!(error(spec("palindrome", 5, 1)).contains("5 are asked for"));
    assert!(error(Spec { held_out_share: 1.0, ..spec("peak", 5, 1) }).contains("held_out_share"));
}

#[test]
fn parts_of_examples_are_their_rows() {
    let peak = compile(PEAK);
    let all = dataset(&peak, &spec("declared", 30, 10)).train;
    let part = all.select(&[7, 3]);
    assert_eq!(rows(&part), [rows(&all)[7].clone(), rows(&all)[3].clone()]);
    assert_eq!(part.select(&[1, 0]), all.select(&[3, 7]));
}
