//! Declarations: what a program says about its inputs, lengths, attention, outputs, examples.

use super::error::{LowerError, Place};
use super::{Kind, MAX_DOMAIN, MAX_LENGTH, Reported, Result, Session, Thing};
use crate::diagnostic::Diagnostic;
use crate::ir::{Column, Example, LeftOut, Lengths, Op, Output, SOpId};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{
    Declaration, DomainItem, Expr, ExprKind, Literal, LiteralKind, Name, StatementKind,
};
use crate::value::{Kinds, Number, Value};
use std::sync::Arc;

/// What was declared so far, and where.
#[derive(Default)]
pub(super) struct Declared {
    lengths: Option<Span>,
    attention: Option<Span>,
    /// Where an undeclared input was first used.
    pub(super) used: Option<Span>,
    /// Domains given from outside apply to columns that the program declares or uses later.
    outside: Vec<Column>,
    pub(super) examples: Vec<(Vec<Thing>, Vec<Thing>, Span)>,
    /// Syntax errors of loaded files.
    pub(super) syntax_errors: Vec<Diagnostic>,
    lengths_outside: bool,
}

/// The name by which a domain from outside means the only column, whatever it is called.
pub const ONLY_COLUMN: &str = "_";

impl Declared {
    /// What was said from outside about the column of this name, in this place.
    fn outside(&self, name: &str, place: usize) -> Option<&Column> {
        let means = |c: &&Column| *c.name == *name || (*c.name == *ONLY_COLUMN && place == 0);
        self.outside.iter().find(means)
    }
}

impl Session<'_> {
    pub(super) fn declare(&mut self, declaration: &Declaration, span: Span) -> Result<()> {
        let what = match declaration {
            Declaration::Input { .. } => "an input",
            Declaration::Length { .. } => "the length",
            Declaration::Attention { .. } => "the attention",
            Declaration::Assume(_) => "an assumption",
            Declaration::Output(_) => "an output",
            Declaration::Example { .. } => "an example",
        };
        if self.block_depth > 0 {
            return self.fail(span, Kind::DeclarationInside { what });
        }
        // A loaded file speaks of itself; its inputs are the program's.
        if !self.in_main_file() {
            return match declaration {
                Declaration::Input { name, .. } => self.bind_loaded_input(name),
                _ => Ok(()),
            };
        }
        match declaration {
            Declaration::Input { name, domain } => self.declare_input(name, domain),
            Declaration::Length { min, max } => self.declare_length(min.as_ref(), max, span),
            Declaration::Attention { mode } => self.declare_attention(mode, span),
            Declaration::Assume(expr) => match self.expr(expr)? {
                Thing::SOp(sop) => {
                    self.program.assumptions.push((sop, expr.span));
                    Ok(())
                }
                Thing::Atom(Value::Bool(true)) => Ok(()),
                other => {
                    let (what, by) = ("a condition on the input", "an assumption");
                    let found =
                        if other.atom() == Some(&Value::Bool(false)) { "`False`" } else { other.describe() };
                    self.fail(expr.span, Kind::Expected { what, found, by })
                }
            },
            Declaration::Output(exprs) => exprs.iter().try_for_each(|e| self.declare_output(e)),
            Declaration::Example { inputs, expected } => {
                let inputs = inputs.iter().map(|e| self.shown(e)).collect::<Result<_>>()?;
                let expected = expected.iter().map(|e| self.shown(e)).collect::<Result<_>>()?;
                self.declared.examples.push((inputs, expected, span));
                Ok(())
            }
        }
    }

    /// A list of an example, in which a name that is not defined was meant as a string.
    fn shown(&mut self, expr: &Expr) -> Result<Thing> {
        let result = self.expr(expr);
        if result.is_err() {
            self.undefined_in(expr.span, Place::Example);
        }
        result
    }

    /// Says of a name in an expression that was just found to be undefined, if one was, where it stands.
    fn undefined_in(&mut self, expr: Span, now: Place) {
        if let Some(LowerError { kind: Kind::UndefinedName { place, .. }, span, .. }) = self.errors.last_mut()
            && span.to(expr) == expr
        {
            *place = now;
        }
    }

    /// The only input column, as `tokens_asis` and its kin read it; it is made if there is none.
    pub(super) fn only_column(&mut self, name: &Arc<str>, span: Span) -> Result<SOpId> {
        if self.program.columns.is_empty() {
            self.program.columns.push(Column { name: "tokens".into(), domain: None, span: None });
            self.declared.used = Some(span);
        }
        if let columns @ [_, _, ..] = self.program.columns.as_slice() {
            let columns = columns.iter().map(|c| c.name.clone()).collect();
            return self.fail(span, Kind::AmbiguousTokens { name: name.clone(), columns });
        }
        Ok(self.input(0, span))
    }

    fn input(&mut self, column: usize, span: Span) -> SOpId {
        let kinds = match self.program.columns.get(column).and_then(|c| c.domain.as_ref()) {
            Some(domain) => Kinds::of_all(domain),
            None => Kinds::ANY,
        };
        let origin = self.origin(span);
        self.program.graph.add(Op::Input(column), kinds, origin)
    }

    fn declare_input(&mut self, name: &Name, domain: &[DomainItem]) -> Result<()> {
        self.check_assignable(name)?;
        let written = self.domain(domain, name.span);
        let named = |c: &Column| c.name == name.value;
        if let Some(first) = self.program.columns.iter().find(|c| named(c) && c.span.is_some()) {
            let first = first.span;
            return self.fail(name.span, Kind::InputTwice { name: name.value.clone(), first });
        }
        if let Some(used) = self.declared.used {
            return self.fail(name.span, Kind::InputAfterUse { name: name.value.clone(), used });
        }
        let outside = self.declared.outside(&name.value, self.program.columns.len());
        let domain = outside.and_then(|c| c.domain.as_ref()).or(written.as_ref().ok()).cloned();
        // With a domain that is wrong it is a column all the same, of values of any kind.
        let column = Column { name: name.value.clone(), domain, span: Some(name.span) };
        self.program.columns.push(column);
        let sop = self.input(self.program.columns.len() - 1, name.span);
        // An input alone is nothing that a program computes; what stands before it may be.
        let last = self.last.take().filter(|(last, ..)| *last != name.value);
        self.bind(name, Thing::SOp(sop), name.span);
        self.last = last;
        written.map(drop)
    }

    fn bind_loaded_input(&mut self, name: &Name) -> Result<()> {
        let column = self.program.columns.iter().position(|c| c.name == name.value);
        let sop = match column {
            Some(column) => self.input(column, name.span),
            None => self.only_column(&name.value, name.span)?,
        };
        self.scopes.set(self.scope, name.value.clone(), Thing::SOp(sop));
        Ok(())
    }

    fn domain(&mut self, items: &[DomainItem], span: Span) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for item in items {
            match item {
                DomainItem::One(literal) => values.push(self.literal(literal)?),
                DomainItem::Range(from, to) => {
                    values.extend(self.domain_range(from, to)?);
                }
            }
            if values.len() > MAX_DOMAIN {
                return self.fail(span, Kind::DomainTooLarge);
            }
        }
        let mut seen = std::collections::HashSet::new();
        values.retain(|v| seen.insert(v.canonical()));
        Ok(values)
    }

    fn literal(&mut self, literal: &Literal) -> Result<Value> {
        match &literal.kind {
            LiteralKind::Number(number) => Ok(Value::Number(number.clone())),
            LiteralKind::Ratio(n, d) => match n.div(d) {
                Ok(number) => Ok(Value::Number(number)),
                Err(fault) => self.fail(literal.span, Kind::Constant(fault)),
            },
            LiteralKind::Str(text) => Ok(Value::Str(text.clone())),
            LiteralKind::Name(name) => match name.as_ref() {
                "True" => Ok(Value::Bool(true)),
                "False" => Ok(Value::Bool(false)),
                _ => self.fail(literal.span, Kind::DomainName { name: name.clone() }),
            },
        }
    }

    fn domain_range(&mut self, from: &Literal, to: &Literal) -> Result<Vec<Value>> {
        let span = from.span.to(to.span);
        let written = |literal: &Literal| self.sources.text(literal.span).to_owned();
        let texts = (written(from), written(to));
        let (from, to) = (self.literal(from)?, self.literal(to)?);
        let single = |v: &Value| match v {
            Value::Str(s) => s.chars().next().filter(|_| s.chars().count() == 1),
            _ => None,
        };
        let integer = |v: &Value| match v {
            Value::Number(n) => n.to_i64(),
            _ => None,
        };
        if let (Some(a), Some(b)) = (integer(&from), integer(&to)) {
            if a > b {
                return self.fail(span, Kind::DomainReversed { from: texts.0, to: texts.1 });
            }
            if b.abs_diff(a) >= MAX_DOMAIN as u64 {
                return self.fail(span, Kind::DomainTooLarge);
            }
            return Ok((a..=b).map(Value::int).collect());
        }
        match (single(&from), single(&to)) {
            (Some(a), Some(b)) if a > b => {
                self.fail(span, Kind::DomainReversed { from: texts.0, to: texts.1 })
            }
            (Some(a), Some(b)) => {
                Ok((a..=b).take(MAX_DOMAIN + 1).map(|c| Value::Str(c.to_string().into())).collect())
            }
            _ => self.fail(span, Kind::DomainMixesRange { from: texts.0, to: texts.1 }),
        }
    }

    fn declare_length(
        &mut self,
        min: Option<&Spanned<Number>>,
        max: &Spanned<Number>,
        span: Span,
    ) -> Result<()> {
        let one = Spanned { value: Number::from(1_i64), span: max.span };
        let min = min.unwrap_or(&one);
        let bound = |n: &Number| {
            n.to_i64().and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=MAX_LENGTH).contains(n))
        };
        let (Some(low), Some(high)) = (bound(&min.value), bound(&max.value)) else {
            let wrong = if bound(&min.value).is_none() { min } else { max };
            return self.fail(wrong.span, Kind::BadLength);
        };
        if low > high {
            return self.fail(min.span.to(max.span), Kind::BadLength);
        }
        if self.declared.lengths_outside {
            return Ok(());
        }
        if let Some(first) = self.declared.lengths.replace(span) {
            return self.fail(span, Kind::DeclaredTwice { what: "the length", first });
        }
        self.program.lengths = Some(Lengths { min: low, max: high });
        Ok(())
    }

    fn declare_attention(&mut self, mode: &Name, span: Span) -> Result<()> {
        self.program.causal = match mode.value.as_ref() {
            "causal" => true,
            "full" => self.program.causal,
            _ => return self.fail(mode.span, Kind::UnknownAttention { mode: mode.value.clone() }),
        };
        match self.declared.attention.replace(span) {
            Some(first) => self.fail(span, Kind::DeclaredTwice { what: "the attention", first }),
            None => Ok(()),
        }
    }

    fn declare_output(&mut self, expr: &Expr) -> Result<()> {
        let result = self.expr(expr);
        if result.is_err() && matches!(expr.bare().kind, ExprKind::Name(_)) {
            let named = self.scopes.own(self.globals).into_iter();
            let graph = &self.program.graph;
            let computed = |sop: SOpId| !matches!(graph[sop].op, Op::Input(_));
            let is_sop = |name: &str, thing: &Thing| {
                matches!(thing, Thing::SOp(sop) if computed(*sop)) && name != "out"
            };
            let sops = named.filter(|(n, t)| is_sop(n, t)).map(|(name, _)| name).collect();
            self.undefined_in(expr.span, Place::Output { sops });
        }
        let thing = result?;
        let sop = match thing {
            Thing::SOp(sop) => sop,
            Thing::Atom(ref value) => self.add(Op::Const(value.clone()), expr.span),
            other => return self.fail(expr.span, Kind::NotAnOutput { found: other.describe() }),
        };
        let name: Arc<str> = match &expr.bare().kind {
            ExprKind::Name(name) => name.clone(),
            _ => self.sources.text(expr.span).into(),
        };
        if let Some(first) = self.program.outputs.iter().find(|o| o.name == name) {
            let first = first.span;
            return self.fail(expr.span, Kind::OutputTwice { name, first });
        }
        self.program.outputs.push(Output { name, sop, span: expr.span });
        Ok(())
    }

    /// Ends a program: outputs are settled and examples checked against the declarations.
    pub fn finish(&mut self) -> Vec<Diagnostic> {
        if self.program.outputs.is_empty()
            && let Some((name, sop, span)) = self.last.clone()
        {
            self.program.outputs.push(Output { name, sop, span });
        }
        if self.program.columns.is_empty() {
            self.program.columns.push(Column { name: "tokens".into(), domain: None, span: None });
        }
        for (place, column) in self.program.columns.iter_mut().enumerate() {
            if let Some(outside) = self.declared.outside(&column.name, place) {
                column.domain.clone_from(&outside.domain);
            }
        }
        self.check_outside();
        for (inputs, expected, span) in std::mem::take(&mut self.declared.examples) {
            match self.example(&inputs, &expected, span) {
                Ok(Ok(example)) => self.program.examples.push(example),
                Ok(Err(left_out)) => self.program.left_out.push(left_out),
                Err(Reported) => {}
            }
        }
        let mut diagnostics = std::mem::take(&mut self.declared.syntax_errors);
        diagnostics.extend(self.take_errors());
        diagnostics
    }

    /// Reports domains from outside that belong to no column.
    fn check_outside(&mut self) {
        let columns: Vec<Arc<str>> = self.program.columns.iter().map(|c| c.name.clone()).collect();
        for outside in std::mem::take(&mut self.declared.outside) {
            let fits =
                columns.contains(&outside.name) || (*outside.name == *ONLY_COLUMN && columns.len() == 1);
            if let (false, Some(span)) = (fits, outside.span) {
                let name = outside.name.clone();
                let _: Result<()> = self.fail(span, Kind::NoSuchInput { name, columns: columns.clone() });
            }
            self.declared.outside.push(outside);
        }
    }

    /// An example as lists of values, if declarations from outside leave it a place.
    fn example(
        &mut self,
        inputs: &[Thing],
        expected: &[Thing],
        span: Span,
    ) -> Result<std::result::Result<Example, LeftOut>> {
        let counts = [
            ("input columns", self.program.columns.len(), inputs.len()),
            ("outputs", self.program.outputs.len(), expected.len()),
        ];
        for (what, expected, found) in counts {
            if expected != found {
                return self.fail(span, Kind::ExampleCount { what, expected, found });
            }
        }
        let columns = self.program.columns.clone();
        let mut inputs = inputs
            .iter()
            .zip(&columns)
            .map(|(thing, column)| self.sequence(thing, Some(column), span))
            .collect::<Result<Vec<_>>>()?;
        let expected = expected.iter().map(|t| self.sequence(t, None, span)).collect::<Result<Vec<_>>>()?;
        let length = inputs.first().map_or(0, Vec::len);
        for (what, list) in
            inputs.iter().map(|l| ("a column", l)).chain(expected.iter().map(|l| ("an output", l)))
        {
            if list.len() != length {
                return self.fail(span, Kind::ExampleLength { what, expected: length, found: list.len() });
            }
        }
        let Lengths { min, max } = self.program.lengths.unwrap_or(Lengths { min: 1, max: MAX_LENGTH });
        if !(min..=max).contains(&length) {
            if self.declared.lengths_outside {
                return Ok(Err(LeftOut::Lengths));
            }
            return self.fail(span, Kind::ExampleTooLong { length, min, max });
        }
        for (column, values) in self.program.columns.iter().zip(&mut inputs) {
            let Some(domain) = &column.domain else { continue };
            for value in values {
                if let Some(member) = value.member_of(domain) {
                    *value = member.clone();
                    continue;
                }
                if !self.declared.outside.is_empty() {
                    return Ok(Err(LeftOut::Domains));
                }
                let shown: Vec<String> = domain.iter().take(12).map(ToString::to_string).collect();
                let more = if domain.len() > shown.len() { ", …" } else { "" };
                let domain = shown.join(", ") + more;
                let kind = Kind::ExampleOutside { value: value.clone(), column: column.name.clone(), domain };
                return self.fail(span, kind);
            }
        }
        Ok(Ok(Example { inputs, expected, span }))
    }

    /// The values of a list, or of a word: as the characters of a column, if it is for one.
    fn sequence(&mut self, thing: &Thing, column: Option<&Column>, span: Span) -> Result<Vec<Value>> {
        let values = match thing {
            Thing::List(list) => list.atoms(),
            Thing::Atom(Value::Str(word)) => Some(match column {
                Some(column) => column.characters(word),
                None => word.chars().map(|c| Value::Str(c.to_string().into())).collect(),
            }),
            _ => None,
        };
        match values {
            Some(values) => Ok(values),
            None => self.fail(span, Kind::ExampleNotList { found: thing.describe() }),
        }
    }

    /// Declarations from outside of the program (command-line flags): domains, lengths and
    /// attention. They give the domain, never the type, and win over the program's own.
    pub(super) fn declare_outside(&mut self, name: &str, text: &str) -> Vec<Diagnostic> {
        let source = self.sources.add(name, text);
        let mut diagnostics = Vec::new();
        for statement in self.parse(source, &mut diagnostics).statements {
            let StatementKind::Declare(declaration) = &statement.kind else {
                continue;
            };
            // What is wrong is reported; there is no more to do about it here.
            let _: Result<()> = match declaration {
                Declaration::Input { name, domain } => self.domain(domain, name.span).map(|domain| {
                    let column =
                        Column { name: name.value.clone(), domain: Some(domain), span: Some(name.span) };
                    self.declared.outside.push(column);
                }),
                Declaration::Length { min, max } => {
                    let result = self.declare_length(min.as_ref(), max, statement.span);
                    self.declared.lengths_outside = true;
                    result
                }
                Declaration::Attention { mode } => {
                    let result = self.declare_attention(mode, statement.span);
                    self.declared.attention = None;
                    result
                }
                Declaration::Assume(_) | Declaration::Output(_) | Declaration::Example { .. } => Ok(()),
            };
        }
        diagnostics.extend(self.take_errors());
        diagnostics
    }
}
