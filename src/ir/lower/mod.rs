//! From syntax tree to program graph: names resolved, functions inlined, loops unrolled.
//!
//! Lowering runs the program before any input is known: numbers, lists and functions are
//! computed, and what depends on the input becomes nodes of the graph. A wrong statement is
//! reported and skipped, so that one run shows every error.

mod again;
mod assign;
mod builtins;
mod call;
mod declare;
mod docs;
mod error;
mod expr;
mod feed;
mod help;
mod kinds;
mod operators;
mod scope;
mod thing;

pub use again::{PROGRAM, is_library, is_own, read_again};
pub use declare::ONLY_COLUMN;
pub use error::{LowerError, LowerErrorKind, describe};
pub use feed::Fed;
pub use scope::{RASPLIB, ScopeId};
pub use thing::{Function, List, Thing};

use super::{LeftOut, Node, Origin, Program, StackId};
use crate::diagnostic::{self, Diagnostic};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::ast::{Ast, Expr, Name, Repl, Statement, StatementKind};
use crate::syntax::{self, ast};
use error::LowerErrorKind as Kind;
use scope::Scopes;
use std::sync::Arc;

/// Unrolling more expressions than this is given up: a second or so of work.
pub const MAX_STEPS: usize = 3_000_000;
/// Calls inside calls beyond this are taken for endless recursion.
pub const MAX_CALL_DEPTH: usize = 400;
/// Programs beyond this many s-ops and selectors are given up.
pub const MAX_NODES: usize = 200_000;
/// The largest domain of one input.
pub const MAX_DOMAIN: usize = 100_000;
/// The greatest length that can be declared: a selector has a cell for every pair of positions.
pub const MAX_LENGTH: usize = 10_000;
/// Repeating mistakes in a loop are reported this many times at most.
const MAX_ERRORS: usize = 50;

/// The text of the standard library, which is always in scope.
const LIBRARY: &str = include_str!("../../../programs/lib/rasplib.rasp");
/// The name under which the library appears in messages.
pub const LIBRARY_NAME: &str = "lib/rasplib.rasp";

/// Finds the files that programs load.
pub trait Loader {
    /// The name and text of the file that `path` means in the file named `from`; or why not.
    fn load(&self, path: &str, from: &str) -> std::result::Result<(String, String), String>;
}

/// A loader for programs that stand alone.
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _: &str, _: &str) -> std::result::Result<(String, String), String> {
        Err("there are no files here".to_owned())
    }
}

/// Marks that something is wrong and has been reported.
#[derive(Clone, Copy, Debug)]
pub struct Reported;

type Result<T> = std::result::Result<T, Reported>;

/// What a statement did, for whoever shows it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An expression statement had this value.
    Value {
        thing: Thing,
        text: String,
    },
    /// These names were given these values.
    Assigned(Vec<(Arc<str>, Thing)>),
    Defined(Arc<str>),
    Draw {
        thing: Thing,
        input: Option<Thing>,
    },
    SetExample {
        of: ast::Which,
        example: Thing,
    },
    Command(Repl),
}

/// A program on its way into a graph. It can be fed piece by piece, as a REPL does.
pub struct Session<'l> {
    pub sources: Sources,
    pub program: Program,
    loader: &'l dyn Loader,
    scopes: Scopes,
    /// Where top-level names live: the library's, and the program's below it.
    library: ScopeId,
    globals: ScopeId,
    scope: ScopeId,
    stack: Option<StackId>,
    call_depth: usize,
    block_depth: usize,
    steps: usize,
    loading: Vec<String>,
    errors: Vec<LowerError>,
    warnings: Vec<LowerError>,
    declared: declare::Declared,
    /// The last s-op at top level: the output of a program that declares none.
    last: Option<(Arc<str>, super::SOpId, Span)>,
}

/// A program that was read from text; `program` is none if there were errors.
pub struct Read {
    pub sources: Sources,
    pub program: Option<Program>,
    pub diagnostics: Vec<Diagnostic>,
}

/// What is said about a program from outside of it, as text in the language.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// `input`, `length` and `attention` declarations, which win over the program's.
    pub declarations: String,
    /// `assume` declarations, added to the program's.
    pub assumptions: String,
    /// `output` declarations, instead of the program's.
    pub outputs: String,
}

/// The name under which text from outside appears in messages.
const OUTSIDE: &str = "<options>";

/// Reads a whole program.
pub fn read(name: &str, text: &str, loader: &dyn Loader, outside: &Outside) -> Read {
    let mut session = Session::new(loader);
    let mut diagnostics = session.declare_outside(OUTSIDE, &outside.declarations);
    let fed = session.feed(name, text);
    diagnostics.extend(fed.diagnostics);
    if !outside.outputs.is_empty() {
        // What the program says of its outputs is not about these.
        session.program.outputs.clear();
        let examples = std::mem::take(&mut session.declared.examples);
        session.program.left_out.extend(examples.iter().map(|_| LeftOut::Outputs));
    }
    for more in [&outside.assumptions, &outside.outputs] {
        diagnostics.extend(session.feed(OUTSIDE, more).diagnostics);
    }
    diagnostics.extend(session.finish());
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    // What other outputs than the program's leave unused is no slip of its author.
    if !failed && outside.outputs.is_empty() {
        diagnostics.extend(syntax::unused(&fed.ast));
    }
    Read { sources: session.sources, program: (!failed).then_some(session.program), diagnostics }
}

impl<'l> Session<'l> {
    /// A session with the standard library in scope.
    pub fn new(loader: &'l dyn Loader) -> Self {
        let mut scopes = Scopes::default();
        let library = scopes.push(None);
        let globals = scopes.push(Some(library));
        let mut session = Self {
            sources: Sources::default(),
            program: Program::default(),
            loader,
            scopes,
            library,
            globals: library,
            scope: library,
            stack: None,
            call_depth: 0,
            block_depth: 0,
            steps: 0,
            loading: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            declared: declare::Declared::default(),
            last: None,
        };
        let fed = session.feed(LIBRARY_NAME, LIBRARY);
        debug_assert!(!fed.has_errors(), "the library is sound: {:?}", fed.diagnostics);
        session.globals = globals;
        session.scope = globals;
        session.last = None;
        session
    }

    fn parse(&mut self, source: SourceId, diagnostics: &mut Vec<Diagnostic>) -> Ast {
        let text = &self.sources.get(source).text;
        let is_bound = |name: &str| self.scopes.get(self.scope, name).is_some();
        let parsed = syntax::parse_among(source, text, is_bound);
        let reports = parsed.errors.iter().map(|e| syntax::describe(e, text));
        diagnostics.extend(diagnostic::merged(reports.collect()));
        if self.scope != self.library {
            diagnostics.extend(syntax::warnings(&parsed.ast));
        }
        parsed.ast
    }

    fn take_errors(&mut self) -> Vec<Diagnostic> {
        let errors = std::mem::take(&mut self.errors);
        let warnings = std::mem::take(&mut self.warnings);
        diagnostic::merged(warnings.iter().chain(&errors).map(describe).collect())
    }

    /// Names that can be used at top level.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.scopes.names(self.globals)
    }

    /// The value of a top-level name.
    pub fn get(&self, name: &str) -> Option<Thing> {
        self.scopes.get(self.globals, name).cloned()
    }

    /// Reports an error at a place.
    fn fail<T>(&mut self, span: Span, kind: Kind) -> Result<T> {
        if self.errors.len() < MAX_ERRORS {
            let error = self.located(span, kind);
            self.errors.push(error);
        }
        Err(Reported)
    }

    /// Whether a warning at a place is news. What loaded files do is not.
    fn can_warn(&self, span: Span) -> bool {
        let known = || self.warnings.iter().any(|w| w.span == span);
        self.in_main_file() && self.warnings.len() < MAX_ERRORS && !known()
    }

    fn warn(&mut self, span: Span, kind: Kind) {
        if self.can_warn(span) {
            let warning = self.located(span, kind);
            self.warnings.push(warning);
        }
    }

    fn located(&self, span: Span, kind: Kind) -> LowerError {
        let trail = self.trail();
        // The call of the library that the program makes.
        let called = trail.iter().find(|(_, site)| span.in_library() && !site.in_library());
        let signature = called.and_then(|(function, _)| match self.scopes.get(self.library, function)? {
            Thing::Function(function) => match function.as_ref() {
                Function::Defined { def, .. } => Some(self.signature(def)),
                Function::Width => None,
            },
            _ => None,
        });
        LowerError { kind, span, trail, signature }
    }

    /// The calls that led here, innermost first.
    fn trail(&self) -> Vec<(Arc<str>, Span)> {
        self.program.graph.calls(self.stack).map(|c| (c.function.clone(), c.site)).collect()
    }

    fn origin(&self, span: Span) -> Origin {
        Origin { span, stack: self.stack }
    }

    /// Counts one step of unrolling.
    fn step(&mut self, span: Span) -> Result<()> {
        self.steps += 1;
        match self.steps {
            n if n <= MAX_STEPS => {}
            // Reported once; whatever else is running stops silently.
            n if n > MAX_STEPS + 1 => return Err(Reported),
            _ => return self.fail(span, Kind::TooManySteps),
        }
        let nodes = self.program.graph.order().len();
        if nodes > MAX_NODES {
            self.steps = MAX_STEPS + 1;
            return self.fail(span, Kind::TooManyNodes);
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<Vec<Effect>> {
        self.step(statement.span)?;
        let result = stacker::maybe_grow(128 << 10, 1 << 20, || self.statement_inner(statement));
        if result.is_err() {
            self.poison(statement);
        }
        result
    }

    fn statement_inner(&mut self, statement: &Statement) -> Result<Vec<Effect>> {
        match &statement.kind {
            StatementKind::Expr(expr) => {
                let thing = self.expr(expr)?;
                self.set_out(&thing);
                let text = self.sources.text(expr.span).to_owned();
                if let (Thing::SOp(sop), None) = (&thing, self.stack) {
                    self.last = Some((text.as_str().into(), *sop, expr.span));
                }
                Ok(vec![Effect::Value { thing, text }])
            }
            StatementKind::Assign { names, values } => self.assign(names, values, statement.span),
            StatementKind::Def(def) => {
                self.check_assignable(&def.name)?;
                let function = Function::Defined { def: def.clone(), scope: self.scope };
                self.scopes.set(self.scope, def.name.value.clone(), Thing::Function(Arc::new(function)));
                Ok(vec![Effect::Defined(def.name.value.clone())])
            }
            StatementKind::For { names, iterable, body } => self.for_loop(names, iterable, body),
            StatementKind::Load { path } => self.load(path),
            StatementKind::Draw { what, input } => {
                let thing = self.expr(what)?;
                let input = input.as_ref().map(|i| self.expr(i)).transpose()?;
                Ok(vec![Effect::Draw { thing, input }])
            }
            StatementKind::Declare(declaration) => {
                self.declare(declaration, statement.span).map(|()| Vec::new())
            }
            StatementKind::Repl(Repl::SetExample { of, example }) => {
                let example = self.expr(example)?;
                Ok(vec![Effect::SetExample { of: *of, example }])
            }
            StatementKind::Repl(command) => Ok(vec![Effect::Command(command.clone())]),
            StatementKind::Error => {
                for name in syntax::names_set(self.sources.text(statement.span)) {
                    self.set_unknown(name);
                }
                Ok(Vec::new())
            }
        }
    }

    fn set_out(&mut self, thing: &Thing) {
        self.scopes.set(self.globals, "out".into(), thing.clone());
    }

    fn for_loop(&mut self, names: &[Name], iterable: &Expr, body: &[Statement]) -> Result<Vec<Effect>> {
        let items = self.iterate(iterable)?;
        for name in names {
            self.check_assignable(name)?;
        }
        let mut effects = Vec::new();
        self.block_depth += 1;
        let result = items.into_iter().try_for_each(|item| {
            self.step(iterable.span)?;
            self.bind_iterators(names, item, iterable.span, self.scope)?;
            for statement in body {
                effects.extend(self.statement(statement)?);
            }
            Ok(())
        });
        self.block_depth -= 1;
        result.map(|()| latest(effects))
    }

    /// `load "path";`: runs the file in a scope of its own and copies its public names.
    fn load(&mut self, path: &Name) -> Result<Vec<Effect>> {
        let from = self.sources.get(path.span.source).name.clone();
        let (name, text) = match self.loader.load(&path.value, &from) {
            Ok(found) => found,
            Err(reason) => return self.fail(path.span, Kind::Load { path: path.value.clone(), reason }),
        };
        if self.loading.contains(&name) {
            return self.fail(path.span, Kind::LoadCycle { path: path.value.clone() });
        }
        let source = self.sources.add(name.clone(), text);
        let file_scope = self.scopes.push(Some(self.library));
        let outer = (self.scope, self.globals, self.block_depth, self.stack.take());
        (self.scope, self.globals, self.block_depth) = (file_scope, file_scope, 0);
        let mut diagnostics = Vec::new();
        let ast = self.parse(source, &mut diagnostics);
        diagnostics.retain(Diagnostic::is_error);
        self.loading.push(name);
        let mut result = if diagnostics.is_empty() { Ok(()) } else { Err(Reported) };
        let mut effects = Vec::new();
        for statement in &ast.statements {
            match self.all_or_nothing(statement) {
                Ok(more) => effects.extend(more),
                Err(Reported) => result = Err(Reported),
            }
        }
        self.loading.pop();
        (self.scope, self.globals, self.block_depth, self.stack) = outer;
        self.declared.syntax_errors.extend(diagnostics);
        for (name, thing) in self.scopes.own(file_scope) {
            if !name.starts_with('_') && name.as_ref() != "out" && !self.is_locked(&name) {
                self.scopes.set(self.scope, name, thing);
            }
        }
        effects.retain(is_command);
        result.map(|()| effects)
    }

    /// Whether the statement that runs belongs to the program itself, not to a loaded file.
    fn in_main_file(&self) -> bool {
        self.loading.len() <= 1
    }
}

/// Whether a file asks for an effect, instead of just having a value. Its `exit` ends nothing but
/// itself.
fn is_command(effect: &Effect) -> bool {
    match effect {
        Effect::Value { .. } | Effect::Assigned(_) | Effect::Defined(_) | Effect::Command(Repl::Exit) => {
            false
        }
        Effect::Draw { .. } | Effect::SetExample { .. } | Effect::Command(_) => true,
    }
}

/// The effects of a loop: of what it assigns in every round, the last.
fn latest(effects: Vec<Effect>) -> Vec<Effect> {
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<Effect> = effects
        .into_iter()
        .rev()
        .filter(|effect| match effect {
            Effect::Assigned(names) => seen.insert(names.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>()),
            Effect::Value { text, .. } => seen.insert(vec![text.as_str().into()]),
            Effect::Defined(name) => seen.insert(vec![name.clone()]),
            Effect::Draw { .. } | Effect::SetExample { .. } | Effect::Command(_) => true,
        })
        .collect();
    kept.reverse();
    kept
}
