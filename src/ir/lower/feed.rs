//! How is a program fed to a session, whole or line by line?

use super::{Effect, Reported, Session, Thing};
use crate::diagnostic::Diagnostic;
use crate::ir::SOpId;
use crate::ir::graph::Mark;
use crate::source::Span;
use crate::syntax::ast::{Ast, Declaration, Statement, StatementKind};
use std::sync::Arc;

/// What one piece of text gave.
#[derive(Debug, Default)]
pub struct Fed {
    pub diagnostics: Vec<Diagnostic>,
    pub effects: Vec<Effect>,
    /// The text as a tree.
    pub ast: Ast,
}

impl Fed {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// What a statement can change, as it was before.
struct Before {
    graph: Mark,
    n_columns: usize,
    used: Option<Span>,
    n_outputs: usize,
    n_assumptions: usize,
    out: Thing,
    /// Every name, for statements that can fail after they have set some.
    names: Option<Vec<(Arc<str>, Thing)>>,
    last: Option<(Arc<str>, SOpId, Span)>,
}

impl Session<'_> {
    /// Runs a piece of program text, repaired where it has syntax errors, so that all errors are
    /// found at once.
    pub fn feed(&mut self, name: &str, text: &str) -> Fed {
        self.run(name, text, |_| true, Self::statement)
    }

    /// [`Self::feed`] for a console: a text with syntax errors is not run, and a statement that
    /// fails leaves nothing behind.
    pub fn feed_line(&mut self, name: &str, text: &str) -> Fed {
        let former = self.scopes.own(self.globals);
        let sound = |diagnostics: &[Diagnostic]| !diagnostics.iter().any(Diagnostic::is_error);
        let fed = self.run(name, text, sound, Self::all_or_nothing);
        self.scopes.restore_unknown(self.globals, former);
        fed
    }

    fn run(
        &mut self,
        name: &str,
        text: &str,
        worth_running: impl Fn(&[Diagnostic]) -> bool,
        run_one: impl Fn(&mut Self, &Statement) -> Result<Vec<Effect>, Reported>,
    ) -> Fed {
        self.steps = 0;
        let source = self.sources.add(name, text);
        self.loading = vec![name.to_owned()];
        let mut fed = Fed::default();
        let ast = self.parse(source, &mut fed.diagnostics);
        let statements = if worth_running(&fed.diagnostics) { ast.statements.as_slice() } else { &[] };
        for statement in statements {
            if let Ok(effects) = run_one(self, statement) {
                fed.effects.extend(effects);
            }
        }
        fed.diagnostics.extend(self.take_errors());
        fed.ast = ast;
        fed
    }

    /// Runs a statement of the top level, and takes back what it did if it fails. Of a loaded file,
    /// the statements that do not fail stay.
    pub(super) fn all_or_nothing(&mut self, statement: &Statement) -> Result<Vec<Effect>, Reported> {
        if matches!(statement.kind, StatementKind::Load { .. }) {
            return self.statement(statement);
        }
        let before = self.before(statement);
        let result = self.statement(statement);
        if result.is_err() {
            self.undo(before);
        }
        result
    }

    fn before(&self, statement: &Statement) -> Before {
        let sets_early = matches!(
            statement.kind,
            StatementKind::For { .. } | StatementKind::Declare(Declaration::Input { .. })
        );
        Before {
            graph: self.program.graph.mark(),
            n_columns: self.program.columns.len(),
            used: self.declared.used,
            n_outputs: self.program.outputs.len(),
            n_assumptions: self.program.assumptions.len(),
            out: self.get("out").unwrap_or(Thing::Unknown),
            names: sets_early.then(|| self.scopes.own(self.scope)),
            last: self.last.clone(),
        }
    }

    /// Takes back what a failed statement did. Names that it left unknown stay so until the text
    /// is at its end, so that their uses stay silent.
    fn undo(&mut self, before: Before) {
        self.program.graph.truncate(before.graph);
        self.program.columns.truncate(before.n_columns);
        self.declared.used = before.used;
        self.program.outputs.truncate(before.n_outputs);
        self.program.assumptions.truncate(before.n_assumptions);
        if let Some(names) = before.names {
            self.scopes.restore_known(self.scope, names);
        }
        self.set_out(&before.out);
        self.last = before.last;
    }
}
