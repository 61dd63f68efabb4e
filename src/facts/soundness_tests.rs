use super::soundness::check;
use super::*;
use crate::inputs::Inputs;
use crate::interp::Interpreter;
use crate::ir::{Node, Op};
use crate::random_program::{self, operations_of, programs};
use crate::value::{Compare, Number};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Every input if there are few, else so many random ones.
pub(crate) fn some_inputs(program: &Program, most: usize) -> Vec<Vec<Vec<Value>>> {
    let interpreter = Interpreter::new(program);
    let Some(inputs) = Inputs::new(program, &interpreter, Vec::new()) else { return Vec::new() };
    if inputs.count() <= most as u128 {
        return inputs.all().collect();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..most).filter_map(|_| inputs.sample(&mut rng)).collect()
}

/// How many programs there were, how many of them ran, and how many had each operation and each
/// kind of fact.
#[derive(Default)]
struct Coverage {
    programs: usize,
    ran: usize,
    runs: usize,
    operations: BTreeMap<String, usize>,
    facts: BTreeMap<&'static str, usize>,
}

/// The facts that a program has and that not every program has.
fn kinds_of_facts(program: &Program, facts: &Facts) -> BTreeSet<&'static str> {
    let max = program.lengths.map_or(usize::MAX, |l| l.max);
    let of = |node: &Node| match *node {
        Node::SOp(id) => [
            ("injective", facts.injective(id).is_some()),
            ("permutation", facts.permutation(id).is_some()),
            ("agreement", facts.agreement(id).is_some()),
            ("constant", facts.depends(id).constant()),
            ("position alone", facts.depends(id).position_alone()),
            ("local", facts.depends(id).local()),
            ("no index", !facts.depends(id).index),
            ("explicit set", facts.values(id).explicit().is_some()),
            ("no inputs", facts.values(id).is_empty()),
        ],
        Node::Selector(id) => [
            ("always", facts.always(id).is_some()),
            ("total order", facts.total_order(id).is_some()),
            ("at least one", facts.width(id).at_least_one()),
            ("at most one", facts.width(id).at_most_one()),
            ("exactly one", facts.width(id).exactly_one()),
            ("never", facts.width(id).max == 0),
            ("not all", facts.width(id).max + 1 == max),
            ("some bound", facts.width(id) != WidthBounds { min: 0, max }),
            ("", false),
        ],
    };
    let leaf = |node: &&Node| match **node {
        Node::SOp(id) => matches!(program.graph[id].op, Op::Input(_) | Op::Indices | Op::Const(_)),
        Node::Selector(_) => false,
    };
    program
        .live()
        .iter()
        .filter(|node| !leaf(node))
        .flat_map(of)
        .filter(|(_, holds)| *holds)
        .map(|(name, _)| name)
        .collect()
}

fn soundness(rules: Rules, cases: u32) -> (Result<(), TestError<Program>>, Coverage) {
    let coverage = RefCell::new(Coverage::default());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(&programs(12, 5), |program| {
        let facts = analyse_by(&program, rules);
        let runs = check(&program, &facts, &some_inputs(&program, 40));
        let runs = runs.map_err(|wrong| TestCaseError::fail(wrong.to_string()))?;
        let mut coverage = coverage.borrow_mut();
        coverage.programs += 1;
        coverage.runs += runs;
        if runs > 0 {
            coverage.ran += 1;
            for name in operations_of(&program) {
                *coverage.operations.entry(name).or_default() += 1;
            }
            for name in kinds_of_facts(&program, &facts) {
                *coverage.facts.entry(name).or_default() += 1;
            }
        }
        Ok(())
    });
    (outcome, coverage.into_inner())
}

/// No input contradicts a fact.
#[test]
fn facts_are_sound() {
    let cases = std::env::var("RASPC_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let (outcome, coverage) = soundness(Rules::SOUND, cases);
    if let Err(error) = outcome {
        panic!("{error}\n{error:#?}");
    }
    println!("{} programs, {} of them ran, {} runs", coverage.programs, coverage.ran, coverage.runs);
    let facts = coverage.facts.iter().map(|(name, count)| (*name, count));
    for (name, count) in coverage.operations.iter().map(|(n, c)| (n.as_str(), c)).chain(facts) {
        println!("{name:16} {:5.1} %", 100.0 * *count as f64 / coverage.ran as f64);
    }
    assert!(coverage.ran * 10 > coverage.programs * 6, "too few programs run");
    let mut operations: Vec<&str> = random_program::operations().iter().map(|(f, _, _)| f.symbol()).collect();
    operations.retain(|symbol| *symbol != "+" && *symbol != "-");
    operations.extend(["+", "-", "unary +", "unary -", "input", "indices", "constant", "aggregate"]);
    operations.extend(["selector_width", "selector and", "selector or", "selector not"]);
    let selects = Compare::ALL.map(|op| format!("select {}", op.symbol()));
    for name in operations.into_iter().chain(selects.iter().map(String::as_str)) {
        assert!(coverage.operations.contains_key(name), "no program has {name}");
    }
    let kinds = [
        [
            "injective",
            "permutation",
            "agreement",
            "constant",
            "position alone",
            "local",
            "no index",
            "always",
        ],
        [
            "total order",
            "at least one",
            "at most one",
            "exactly one",
            "never",
            "not all",
            "some bound",
            "explicit set",
        ],
    ];
    for name in kinds.as_flattened() {
        assert!(coverage.facts.contains_key(name), "no program has the fact {name}");
    }
}

/// Facts by rule alone are sound too: nothing, or not much, is enumerated.
#[test]
fn facts_are_sound_without_enumeration() {
    for fuel in [0, 10_000, 300_000] {
        let (outcome, _) = soundness(Rules { fuel, ..Rules::SOUND }, 1_000);
        if let Err(error) = outcome {
            panic!("with {fuel} steps: {error}\n{error:#?}");
        }
    }
}

/// A lattice of fractions and some other values, and members of it.
fn large_set() -> impl Strategy<Value = (ValueSet, Vec<Value>)> {
    let fraction = || (-6..=6_i64, 1..=4_i64).prop_map(|(n, d)| Number::ratio(n, d).unwrap());
    let step = (1..=3_i64, 1..=3_i64).prop_map(|(n, d)| Number::ratio(n, d).unwrap());
    let also = prop_oneof![
        Just(vec![]),
        Just(vec![Value::Bool(true)]),
        Just(vec![Value::int(0)]),
        Just(vec![Value::str("a")]),
        fraction().prop_map(|n| vec![Value::Number(n)]),
    ];
    (step, fraction(), fraction(), 1..=5_usize, also).prop_map(|(step, a, b, max_count, also)| {
        let (lo, hi) = (a.clone().min(b.clone()), a.max(b));
        let lattice = Lattice { step, lo, hi, max_count };
        let mut members = also.clone();
        members.extend(lattice.members(EXPLICIT_LIMIT).unwrap().into_iter().map(Value::Number));
        (ValueSet::Means(Means { lattice, also: also.into() }), members)
    })
}

proptest! {
    #![proptest_config(Config { cases: 4_000, failure_persistence: None, ..Config::default() })]

    /// What an operation gives for members of large sets is in the image of the sets.
    #[test]
    fn images_hold_what_operations_give(
        operation in 0..random_program::operations().len(),
        sets in [large_set(), large_set(), large_set()],
        picks in proptest::collection::vec([0..64_usize, 0..64, 0..64], 8),
    ) {
        let (f, _, _) = random_program::operations().swap_remove(operation);
        let n = f.arity();
        let args: Vec<&ValueSet> = sets[..n].iter().map(|(set, _)| set).collect();
        let result = image::image(&f, &args, EXPLICIT_LIMIT);
        for pick in picks {
            let member = |((_, members), i): (&(ValueSet, Vec<Value>), usize)| {
                (!members.is_empty()).then(|| members[i % members.len()].clone())
            };
            let values: Option<Vec<Value>> = sets[..n].iter().zip(pick).map(member).collect();
            let Some(values) = values else { continue };
            let values: Vec<&Value> = values.iter().collect();
            if let Ok(value) = f.apply(&values) {
                prop_assert!(result.contains(&value), "{f:?} of {values:?} is {value:?}, not in {result:?}");
            }
        }
    }

    /// A lattice contains what it lists and nothing else, and its means and unions hold theirs.
    #[test]
    fn lattices_hold_their_members(((a, of_a), (b, of_b)) in (large_set(), large_set())) {
        let union = a.union(&b);
        for value in of_a.iter().chain(&of_b) {
            prop_assert!(union.contains(value), "{value:?} is not in {union:?}");
        }
        let ValueSet::Means(Means { lattice, .. }) = &a else { unreachable!() };
        let numbers: Vec<Number> = of_a.iter().filter_map(Value::number).collect();
        for (x, y) in numbers.iter().zip(numbers.iter().rev()) {
            let mean = x.add(y).unwrap().div(&Number::from(2_usize)).unwrap();
            let all = [x, y].into_iter().try_fold(lattice.clone(), |l, n| l.with(n)).unwrap();
            prop_assert!(all.means(3).unwrap().contains(&mean), "{mean} of {x} and {y} in {all:?}");
        }
        let listed = lattice.members(EXPLICIT_LIMIT).unwrap();
        for n in -60..=60_i64 {
            let number = Number::ratio(n, 12).unwrap();
            prop_assert_eq!(lattice.contains(&number), listed.contains(&number), "{}", number);
        }
    }
}

/// A rule that is wrong is noticed.
#[test]
fn planted_rules_are_caught() {
    let planted = [
        Rules { selects_itself: |_| true, ..Rules::SOUND },
        Rules { selects_itself: |_| false, ..Rules::SOUND },
        Rules { most_equal_keys: 0, ..Rules::SOUND },
        Rules { masked: |_| false, ..Rules::SOUND },
        Rules { mean_count: |width| width.min(2), ..Rules::SOUND },
    ];
    for (i, rules) in planted.into_iter().enumerate() {
        let (outcome, coverage) = soundness(rules, 2_000);
        assert!(matches!(outcome, Err(TestError::Fail(..))), "{i} passed {} programs", coverage.programs);
    }
}
