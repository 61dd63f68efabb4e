//! Does every file under `programs/` say what it is for, and do what it says?

use crate::common::file::File;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use raspc::inputs::Inputs;
use raspc::interp::Interpreter;
use raspc::source::SourceId;
use raspc::syntax;
use raspc::syntax::ast::{Declaration, StatementKind};

#[test]
fn every_program_opens_with_a_sentence_and_declares_everything() {
    for File { name, text } in File::all() {
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("# ") && first.ends_with('.'), "{name}: {first}");
        let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_/".contains(c);
        assert!(name.chars().all(snake), "{name}");

        let statements = syntax::parse(SourceId::NOWHERE, &text).ast.statements;
        let declares = |what: fn(&Declaration) -> bool| {
            let declarations = statements.iter().filter_map(|s| match &s.kind {
                StatementKind::Declare(declaration) => Some(declaration),
                _ => None,
            });
            declarations.filter(|d| what(d)).count()
        };
        assert!(declares(|d| matches!(d, Declaration::Input { .. })) >= 1, "{name} declares no input");
        assert!(declares(|d| matches!(d, Declaration::Length { .. })) == 1, "{name} declares no length");
        assert!(declares(|d| matches!(d, Declaration::Output(_))) >= 1, "{name} declares no output");
        let examples = declares(|d| matches!(d, Declaration::Example { .. }));
        assert!(examples >= 3, "{name} has {examples} examples");
    }
}

#[test]
fn every_program_stands_in_the_one_style() {
    let library = File::read("lib/rasplib");
    for File { name, text } in File::all().into_iter().chain([library]) {
        let ast = syntax::parse(SourceId::NOWHERE, &text).ast;
        assert_eq!(syntax::format(&ast, &text), text, "{name} is not formatted");
    }
}

#[test]
fn every_example_holds() {
    for file in File::all() {
        let program = file.program();
        let interpreter = Interpreter::new(&program);
        for example in &program.examples {
            let broken = interpreter.broken_assumption(&example.inputs);
            assert!(broken.is_none(), "{}: {:?} breaks an assumption", file.name, example.inputs);
            let found = interpreter.outputs(&example.inputs).unwrap();
            let same = found
                .iter()
                .zip(&example.expected)
                .all(|(f, e)| f.len() == e.len() && f.iter().zip(e).all(|(f, e)| f.same(e)));
            assert!(same, "{}: on {:?} found {found:?}", file.name, example.inputs);
        }
    }
}

#[test]
fn no_program_fails_on_an_input_that_it_declares() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for file in File::all() {
        let program = file.program();
        let interpreter = Interpreter::new(&program);
        let inputs = Inputs::new(&program, &interpreter, Vec::new()).unwrap();
        let mut longest = 0;
        let random = std::iter::from_fn(|| inputs.sample(&mut rng)).take(200);
        for input in inputs.all().take(200).chain(random) {
            longest = longest.max(input[0].len());
            if let Err(failure) = interpreter.outputs(&input) {
                panic!("{}: {} on {input:?}", file.name, failure.fault);
            }
        }
        assert_eq!(Some(longest), program.lengths.map(|l| l.max), "{}", file.name);
    }
}
