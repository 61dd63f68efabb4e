//! What several tests need.

pub mod arrangement;
pub mod command;
pub mod compiled;
pub mod faults;
pub mod file;
pub mod fixture;
pub mod forge;
pub mod random_program;
pub mod tracr;

use raspc::source::SourceId;
use raspc::syntax::ast::Ast;
use raspc::syntax::{describe, format, parse};

/// How much a test is asked to do by the environment.
pub fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// The tree of a text without errors.
#[track_caller]
pub fn tree(text: &str) -> Ast {
    let parsed = parse(SourceId::NOWHERE, text);
    let errors: Vec<_> = parsed.errors.iter().map(|e| describe(e, text).message).collect();
    assert!(errors.is_empty(), "{text}: {errors:?}");
    parsed.ast
}

#[track_caller]
pub fn formats(text: &str, expected: &str) {
    let formatted = format(&tree(text), text);
    assert_eq!(formatted, expected);
    assert_eq!(format(&tree(&formatted), &formatted), formatted, "formatting twice changes something");
}
