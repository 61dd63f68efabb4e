//! Warnings for what means something else in RASP than it seems to.

use super::ast::Ast;
use crate::diagnostic::Diagnostic;

/// Every surprise in a program that is written without parentheses that would show it.
pub fn warnings(_ast: &Ast) -> Vec<Diagnostic> {
    Vec::new()
}
