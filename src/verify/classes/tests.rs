use super::*;
use crate::facts;
use crate::ir::lower::{NoFiles, Outside, read};
use crate::ir::{Op, SelectorId};
use crate::model::Manifest;
use crate::plan::{self, Knobs};
use crate::random_program::programs;
use crate::weights;
use canonical::Classes;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::RefCell;

/// Whether tokens are compared by order, and whether positions may be rearranged.
const KINDS: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

fn program(text: &str) -> Program {
    read("test.rasp", text, &NoFiles, &Outside::default()).program.unwrap()
}

fn compiled(text: &str) -> (Program, Artifact) {
    let read = read("test.rasp", text, &NoFiles, &Outside::default());
    let program = &read.program.unwrap();
    let plan = plan::plan(program, &facts::analyse(program), Knobs::default()).unwrap();
    let weights = weights::build(&plan);
    let artifact = Artifact::new(Manifest::new(program, &read.sources, &plan, &weights), weights);
    (program.clone(), artifact)
}

/// How many inputs stand for all.
fn count(values: usize, n: usize, ordered: bool, free: bool) -> usize {
    let places = (0..values).map(|v| (0, v)).collect();
    let classes = Classes { places, columns: vec![(0..values).collect()], ordered, free };
    let mut count = 0;
    let _ = classes.each(n, usize::MAX, |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    count
}

#[test]
fn classes_are_as_many_as_is_known() {
    let of = |ordered, free| (1..=6).map(|n| count(8, n, ordered, free)).collect::<Vec<_>>();
    // The numbers of Bell and of Fubini; a sorted input is a composition of its length.
    assert_eq!(of(false, false), [1, 2, 5, 15, 52, 203]);
    assert_eq!(of(true, false), [1, 3, 13, 75, 541, 4683]);
    assert_eq!(of(false, true), [1, 2, 4, 8, 16, 32]);
    assert_eq!(of(true, true), [1, 2, 4, 8, 16, 32]);
    // With two values: partitions into at most two blocks, rankings with at most two ranks.
    assert_eq!(count(2, 5, false, false), 16);
    assert_eq!(count(2, 5, true, false), 1 + 30);
}

/// Tokens in groups of one are themselves: what is left is to rearrange them.
#[test]
fn multisets() {
    let places = (0..4).map(|v| (v, 0)).collect();
    let classes = Classes { places, columns: vec![(0..4).collect()], ordered: false, free: true };
    let mut found = Vec::new();
    let _ = classes.each(3, usize::MAX, |input| {
        found.push(input.to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!(found.len(), 20);
    assert!(found.iter().all(|input| input.is_sorted()));
}

/// How many inputs there are in all of a length, and of a symmetry's classes.
fn sizes(symmetry: &Symmetry, n: usize) -> (usize, usize) {
    let all = symmetry.classes.columns.iter().map(|column| column.len().pow(n as u32)).product();
    let mut classes = 0;
    let _ = symmetry.classes.each(n, usize::MAX, |_| {
        classes += 1;
        ControlFlow::Continue(())
    });
    (all, classes)
}

/// What is seen on all inputs of a length; none if one of them cannot be told about.
fn on_all(symmetry: &Symmetry, program: &Program, n: usize) -> Option<OfLength> {
    let mut seen = symmetry.nothing();
    let cells: Vec<&Vec<usize>> =
        symmetry.classes.columns.iter().flat_map(|c| std::iter::repeat_n(c, n)).collect();
    let all: usize = cells.iter().map(|c| c.len()).product();
    for number in 0..all {
        let mut rest = number;
        let mut input = Vec::new();
        for cell in &cells {
            input.push(cell[rest % cell.len()]);
            rest /= cell.len();
        }
        if !symmetry.run(program, n, &input, &mut seen) {
            return None;
        }
    }
    Some(seen)
}

/// What classes were looked at.
#[derive(Debug, Default)]
struct Coverage {
    lengths: usize,
    /// Of each kind, those with fewer classes than inputs.
    fewer: [usize; 4],
    /// Unchanged selectors that read tokens, there.
    selectors: usize,
}

/// Whether on one input of each class is seen what is seen on all inputs.
fn check(program: &Program, coverage: &mut Coverage) -> Result<(), String> {
    for (kind, (ordered, free)) in KINDS.into_iter().enumerate() {
        let Some(symmetry) = Symmetry::of(program, ordered, free) else { continue };
        let Some(lengths) = program.lengths else { continue };
        for n in lengths.min..=lengths.max.min(4) {
            let (all, classes) = sizes(&symmetry, n);
            if all > 3_000 {
                continue;
            }
            let seen = symmetry.see(program, n, &AtomicUsize::new(0), &mut |_| true);
            let expected = on_all(&symmetry, program, n);
            if seen != expected {
                let what = format!("ordered {ordered}, free {free}, length {n}");
                return Err(format!("{what}: {seen:?} instead of {expected:?}"));
            }
            let Some(expected) = expected else { continue };
            coverage.lengths += 1;
            if classes < all {
                coverage.fewer[kind] += 1;
                let reads = |id: &SelectorId| program.graph.live([Node::Selector(*id)]);
                let input =
                    |node: &Node| matches!(node, Node::SOp(id) if program.graph[*id].op == Op::Input(0));
                coverage.selectors += expected.widths.keys().filter(|id| reads(id).iter().any(input)).count();
            }
        }
    }
    Ok(())
}

#[test]
fn one_input_of_random_programs_stands_for_its_class() {
    let coverage = RefCell::new(Coverage::default());
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&programs(12, 5), |program| {
        check(&program, &mut coverage.borrow_mut()).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}\n{error:#?}");
    }
    let coverage = coverage.into_inner();
    println!("{coverage:?}");
    assert!(coverage.lengths > 5_000 && coverage.selectors > 2_000, "{coverage:?}");
    assert!(coverage.fewer.iter().all(|n| *n > 1_000), "{coverage:?}");
}

/// Tokens that are handed on and then compared: with a default that is a token, as a mean, chosen by a
/// token, chosen by what is unchanged.
const HANDED_ON: [&str; 9] = [
    "input tokens : \"a\"..\"c\"; length 1..4;
     before = aggregate(select(indices, indices - 1, ==), tokens, \"a\");
     output selector_width(select(before, tokens, ==));",
    "input tokens : \"a\"..\"c\"; length 1..4;
     before = aggregate(select(indices, indices - 1, ==), tokens, \"z\");
     output selector_width(select(before, tokens, ==));",
    "input tokens : {0, 1, 3, 5}; length 1..3;
     mean = aggregate(select(tokens, tokens, !=), tokens, -1);
     output selector_width(select(mean, tokens, ==) and select(indices, indices, ==));",
    // The mean of -1 and 3 is 1, which is True.
    "input tokens : {False, True}; length 2..4;
     x = tokens if indices > 1 else -1;
     y = x if indices > 0 else 3;
     mean = aggregate(select(indices, 2, <), y, 5);
     output selector_width(select(mean, tokens, ==) and select(0, indices, ==));",
    "input tokens : {\"a\", \"b\", True}; length 2..4;
     x = tokens if indices > 1 else -1;
     y = x if indices > 0 else 3;
     mean = aggregate(select(indices, 2, <), y, 5);
     output selector_width(select(mean, tokens, ==) and select(0, indices, ==));",
    // Numbers that are too large to be added in one order, and not in another.
    "input tokens : {\"a\", \"b\"}; length 4..4;
     h = 2 ^ 4095;
     large = {\"a\": h, \"b\": -h}[tokens];
     output aggregate(select(large, 0, >=) or select(large, 0, <), large) > 0;",
    "input a : {False, True}; input b : {False, True}; length 1..3;
     output selector_width(select(a if a else b, b, ==));",
    "input tokens : \"a\"..\"d\"; length 1..4;
     known = select(tokens, tokens, ==) and select(indices, indices, <);
     new = tokens if selector_width(known) == 0 else \"\";
     output selector_width(select(new, tokens, !=));",
    "input tokens : \"a\"..\"d\"; length 1..4;
     vowel = tokens in [\"a\", \"b\"];
     before = aggregate(select(indices, indices - 1, ==), tokens, \"z\");
     output selector_width(select(before, tokens, ==) and select(vowel, before < \"b\", ==));",
];

#[test]
fn one_input_stands_for_its_class() {
    let mut coverage = Coverage::default();
    for text in HANDED_ON {
        check(&program(text), &mut coverage).unwrap_or_else(|wrong| panic!("{text}\n{wrong}"));
    }
    for file in std::fs::read_dir("programs").unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "rasp") {
            let text = std::fs::read_to_string(&file).unwrap();
            check(&program(&text), &mut coverage)
                .unwrap_or_else(|wrong| panic!("{}: {wrong}", file.display()));
        }
    }
    println!("{coverage:?}");
    assert!(coverage.fewer.iter().all(|n| *n > 20) && coverage.selectors > 200, "{coverage:?}");
}

/// What the kernel leaves open alone, by what the program tells apart, and how many classes that are.
const OPEN: [(&str, &str, usize); 4] = [
    (
        "equality",
        "input tokens : \"a\"..\"h\";
         length 1..8;
         hist = selector_width(select(tokens, tokens, ==));
         weight = [0, 1, 7, 31, 129, 517, 2111, 8209, 33013][hist];
         earlier = selector_width(select(tokens, tokens, ==) and select(indices, indices, <));
         total = aggregate(select(earlier == 0, True, ==), weight);
         output total;",
        4_140,
    ),
    // "a" is a group of its own.
    (
        "equality but for one token",
        "input tokens : \"a\"..\"z\";
         length 8..8;
         hist = selector_width(select(tokens, tokens, ==));
         weight = [0, 1, 7, 31, 129, 517, 2111, 8209, 33013][hist];
         earlier = selector_width(select(tokens, tokens, ==) and select(indices, indices, <));
         total = aggregate(select(earlier == 0, True, ==) and select(tokens, \"a\", !=), weight);
         output total;",
        // The number of Bell for nine: whatever stands with the ninth is \"a\".
        21_147,
    ),
    (
        "order, and no position",
        "input tokens : 1..50;
         length 1..6;
         smaller = selector_width(select(tokens, tokens, <));
         same = selector_width(select(tokens, tokens, ==));
         weight = [1, 7, 31, 129, 517, 2111, 8209][smaller];
         total = aggregate(select(smaller, smaller, <=), weight * same);
         output total;",
        16 + 32,
    ),
    // The rank, a sum of two widths, is a permutation: no more than one key is selected.
    (
        "order",
        "input tokens : {1, 7, 31, 129, 517, 2111, 8209, 33013};
         length 1..7;
         smaller = selector_width(select(tokens, tokens, <));
         same = selector_width(select(tokens, tokens, ==) and select(indices, indices, <));
         sorted = aggregate(select(smaller + same, indices, ==), tokens);
         output sorted;",
        47_293,
    ),
];

#[test]
fn what_is_open_is_proved_by_classes() {
    for (name, text, classes) in OPEN {
        let (program, mut artifact) = compiled(text);
        let open = check::prove(&program, &artifact).unwrap_err();
        let by_classes = |artifact: &Artifact, limit| {
            prove_by_classes(&program, artifact, open.clone(), limit, Budget::default(), &mut |_| true)
        };
        assert_eq!(by_classes(&artifact, classes).unwrap().classes, classes, "{name}");
        assert_eq!(by_classes(&artifact, classes - 1), Err(open.clone()), "{name}");
        let stopped =
            prove_by_classes(&program, &artifact, open.clone(), classes, Budget::default(), &mut |_| false);
        assert_eq!(stopped.is_err(), classes > STEP, "{name}");
        // What was seen is of the program: a network that does not compute it is not proved.
        let mut wrong = 0;
        for d in 0..artifact.manifest.config.d_model {
            let row = artifact.weights.w_u[0].row(d).to_owned();
            if row.iter().any(|w| *w != 0.0) {
                artifact.weights.w_u[0].row_mut(d).mapv_inplace(|w| w * -2.0);
                assert!(by_classes(&artifact, classes).is_err(), "{name}: direction {d}");
                artifact.weights.w_u[0].row_mut(d).assign(&row);
                wrong += 1;
            }
        }
        assert!(wrong > 0);
    }
}
