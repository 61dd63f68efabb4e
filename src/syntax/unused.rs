//! Warnings of names that a program sets and never reads.
//!
//! Only programs that say what they compute are warned: a file without `output` may be one that others
//! load. A name that begins with `_` is never warned of.

use super::ast::*;
use super::parse::{children, parts};
use crate::diagnostic::Diagnostic;
use std::collections::HashSet;
use std::sync::Arc;

/// A warning for each top-level name that nothing reads, and for each of several inputs.
pub fn unused(ast: &Ast) -> Vec<Diagnostic> {
    let is_output = |s: &Statement| matches!(s.kind, StatementKind::Declare(Declaration::Output(_)));
    let broken = |s: &Statement| matches!(s.kind, StatementKind::Error);
    if !ast.statements.iter().any(is_output) || ast.statements.iter().any(broken) {
        return Vec::new();
    }
    let mut names = Names::default();
    for statement in &ast.statements {
        names.read_in(statement);
        names.set_in(statement);
    }
    let unread = |name: &&Name| !names.read.contains(&name.value) && !name.value.starts_with('_');
    let report = |code, message: String, name: &Name| {
        let silenced = format!("remove it, or call it `_{}` to keep it without this warning", name.value);
        Diagnostic::warning(code, message).label(name.span, "nothing reads it").help(silenced)
    };
    let set = names.set.iter().filter(unread);
    let set = set.map(|name| report("W0205", format!("`{}` is never used", name.value), name));
    // The only input gives the positions, even if nothing reads its values; and whoever writes examples
    // has a column for each input in mind, as a table has columns that a query does not read.
    let is_example = |s: &Statement| matches!(s.kind, StatementKind::Declare(Declaration::Example { .. }));
    let meant = names.inputs.len() < 2 || ast.statements.iter().any(is_example);
    let inputs = names.inputs.iter().filter(|_| !meant).filter(unread);
    let inputs =
        inputs.map(|name| report("W0206", format!("the input `{}` is never used", name.value), name));
    set.chain(inputs).collect()
}

/// The names of a program, each where it is first set.
#[derive(Default)]
struct Names {
    read: HashSet<Arc<str>>,
    seen: HashSet<Arc<str>>,
    set: Vec<Name>,
    inputs: Vec<Name>,
}

impl Names {
    /// Every name that stands in an expression, wherever that is: parameters and variables of the same
    /// name count too, so that there are rather too few warnings than too many.
    fn read_in(&mut self, statement: &Statement) {
        let (exprs, body) = parts(&statement.kind);
        let mut open = exprs;
        while let Some(expr) = open.pop() {
            if let ExprKind::Name(name) = &expr.kind {
                self.read.insert(name.clone());
            }
            open.extend(children(&expr.kind));
        }
        for statement in body {
            self.read_in(statement);
        }
    }

    /// The names that a statement of the top level sets. Of several names that are set at once, the
    /// others may be what is wanted.
    fn set_in(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Assign { names, .. } => {
                if let [name] = names.as_slice() {
                    self.set(name);
                }
            }
            StatementKind::Def(def) => self.set(&def.name),
            StatementKind::For { body, .. } => body.iter().for_each(|statement| self.set_in(statement)),
            StatementKind::Declare(Declaration::Input { name, .. }) => self.inputs.push(name.clone()),
            StatementKind::Expr(_)
            | StatementKind::Load { .. }
            | StatementKind::Draw { .. }
            | StatementKind::Declare(_)
            | StatementKind::Repl(_)
            | StatementKind::Error => {}
        }
    }

    fn set(&mut self, name: &Name) {
        if self.seen.insert(name.value.clone()) {
            self.set.push(name.clone());
        }
    }
}
