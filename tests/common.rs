//! What several tests need.

use raspc::source::SourceId;
use raspc::syntax::ast::Ast;
use raspc::syntax::{describe, parse};

/// The tree of a text without errors.
#[track_caller]
pub fn tree(text: &str) -> Ast {
    let parsed = parse(SourceId::NOWHERE, text);
    let errors: Vec<_> = parsed.errors.iter().map(|e| describe(e, text).message).collect();
    assert!(errors.is_empty(), "{text}: {errors:?}");
    parsed.ast
}
