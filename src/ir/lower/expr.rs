//! Expressions.

use super::error::{Place, TextOf};
use super::{Function, Kind, List, Node, Reported, Result, ScopeId, Session, Thing};
use crate::ir::{Op, SOpId, SelectorId, SelectorOp};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Name};
use crate::value::{Compare, Elementwise, Kinds, Number, Table, Value};
use std::sync::Arc;

impl Session<'_> {
    /// What an expression stands for.
    pub(super) fn expr(&mut self, expr: &Expr) -> Result<Thing> {
        self.step(expr.span)?;
        stacker::maybe_grow(128 << 10, 1 << 20, || self.expr_inner(expr))
    }

    fn expr_inner(&mut self, expr: &Expr) -> Result<Thing> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Number(number) => Ok(Thing::Atom(Value::Number(number.clone()))),
            ExprKind::Str(text) => Ok(Thing::Atom(Value::Str(text.clone()))),
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::List(items) => {
                let items = items.iter().map(|item| self.expr(item)).collect::<Result<_>>()?;
                self.list(items, span)
            }
            ExprKind::Dict(pairs) => {
                let mut things = Vec::new();
                for (key, value) in pairs {
                    things.push((self.atom(key, "a dictionary's key")?, self.expr(value)?));
                }
                self.dict(things, span)
            }
            ExprKind::ListFor { element, names, iterable } => {
                let items = self.comprehend(names, iterable, |session| session.expr(element))?;
                self.list(items, span)
            }
            ExprKind::DictFor { key, value, names, iterable } => {
                let pairs = self.comprehend(names, iterable, |session| {
                    Ok((session.atom(key, "a dictionary's key")?, session.expr(value)?))
                })?;
                self.dict(pairs, span)
            }
            ExprKind::Select { key, query, op } => self.select(key, query, *op, span).map(Thing::Selector),
            ExprKind::Aggregate { selector, value, default } => {
                self.aggregate(selector, value, default.as_deref(), span).map(Thing::SOp)
            }
            ExprKind::Builtin { function, args } => self.builtin(*function, args, span),
            ExprKind::Index { base, index } => self.index(base, index, span),
            ExprKind::Call { callee, args } => self.call(callee, args, span),
            ExprKind::Unary { op, operand } => {
                let thing = self.expr(operand)?;
                self.unary(*op, thing, span)
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.binary(*op, left, right, span)
            }
            ExprKind::If { then, condition, otherwise } => self.conditional(then, condition, otherwise, span),
            ExprKind::Error => Err(Reported),
        }
    }

    fn name(&mut self, name: &Arc<str>, span: Span) -> Result<Thing> {
        match self.scopes.get(self.scope, name) {
            Some(Thing::Unknown) => return Err(Reported),
            Some(thing) => return Ok(thing.clone()),
            None => {}
        }
        let conversion = match name.as_ref() {
            "True" | "False" => return Ok(Thing::Atom(Value::Bool(name.as_ref() == "True"))),
            "indices" => return Ok(Thing::SOp(self.add(Op::Indices, span))),
            "_width" => return Ok(Thing::Function(Arc::new(Function::Width))),
            "tokens_asis" => None,
            "tokens" | "tokens_str" => Some(Elementwise::ToStr),
            "tokens_int" => Some(Elementwise::ToInt),
            "tokens_float" => Some(Elementwise::ToFloat),
            "tokens_bool" => Some(Elementwise::ToBool),
            _ => {
                let mut known = self.scopes.names(self.scope);
                known.extend(["indices", "tokens", "True", "False"].map(Arc::from));
                return self
                    .fail(span, Kind::UndefinedName { name: name.clone(), known, place: Place::Expression });
            }
        };
        let input = self.only_column(name, span)?;
        if let (Some(TextOf::Column(column)), "tokens") = (self.text_of(0), name.as_ref()) {
            self.warn(span, Kind::TextOfInput { column });
        }
        match conversion {
            None => Ok(Thing::SOp(input)),
            Some(f) => self.elementwise(f, vec![input], span).map(Thing::SOp),
        }
    }

    /// Adds an s-op at a place.
    pub(super) fn add(&mut self, op: Op, span: Span) -> SOpId {
        let origin = self.origin(span);
        self.program.graph.add(op, Kinds::ANY, origin)
    }

    pub(super) fn add_selector(&mut self, op: SelectorOp, span: Span) -> SelectorId {
        let origin = self.origin(span);
        self.program.graph.add_selector(op, origin)
    }

    /// An atom or an s-op as an s-op: an atom stands for itself at every position.
    pub(super) fn broadcast(&mut self, thing: &Thing, span: Span) -> Option<SOpId> {
        match thing {
            Thing::SOp(sop) => Some(*sop),
            Thing::Atom(value) => Some(self.add(Op::Const(value.clone()), span)),
            _ => None,
        }
    }

    fn operand(&mut self, expr: &Expr, by: &'static str) -> Result<SOpId> {
        let thing = self.expr(expr)?;
        match self.broadcast(&thing, expr.span) {
            Some(sop) => Ok(sop),
            None => self.fail(expr.span, Kind::Expected { what: "an s-op", found: thing.describe(), by }),
        }
    }

    fn atom(&mut self, expr: &Expr, by: &'static str) -> Result<Value> {
        match self.expr(expr)? {
            Thing::Atom(value) => Ok(value),
            other => self.fail(expr.span, Kind::Expected { what: "a constant", found: other.describe(), by }),
        }
    }

    pub(super) fn list(&mut self, items: Vec<Thing>, span: Span) -> Result<Thing> {
        match List::new(items) {
            Some(list) => Ok(Thing::List(list)),
            None => self.fail(span, Kind::TooLarge { what: "this list" }),
        }
    }

    fn dict(&mut self, pairs: Vec<(Value, Thing)>, span: Span) -> Result<Thing> {
        match Thing::dict(pairs) {
            Some(dict) => Ok(dict),
            None => self.fail(span, Kind::TooLarge { what: "this dictionary" }),
        }
    }

    /// The elements that a loop or comprehension runs over: of a list, or a dictionary's keys.
    pub(super) fn iterate(&mut self, iterable: &Expr) -> Result<Vec<Thing>> {
        match self.expr(iterable)? {
            Thing::List(list) => Ok(list.items.to_vec()),
            Thing::Dict(pairs) => Ok(pairs.iter().map(|(key, _)| Thing::Atom(key.clone())).collect()),
            other => {
                let kind =
                    Kind::Expected { what: "a list or dictionary", found: other.describe(), by: "a loop" };
                self.fail(iterable.span, kind)
            }
        }
    }

    /// Gives one element to one name, or the elements of a list to several.
    pub(super) fn bind_iterators(
        &mut self,
        names: &[Name],
        item: Thing,
        span: Span,
        scope: ScopeId,
    ) -> Result<()> {
        if let [name] = names {
            self.scopes.set(scope, name.value.clone(), item);
            return Ok(());
        }
        match item {
            Thing::List(list) if list.items.len() == names.len() => {
                for (name, item) in names.iter().zip(list.items.iter()) {
                    self.scopes.set(scope, name.value.clone(), item.clone());
                }
                Ok(())
            }
            Thing::List(list) => {
                let kind =
                    Kind::WrongCount { what: "elements", names: names.len(), values: list.items.len() };
                self.fail(span, kind)
            }
            other => {
                let kind = Kind::Expected {
                    what: "a list of lists",
                    found: other.describe(),
                    by: "a loop with several names",
                };
                self.fail(span, kind)
            }
        }
    }

    fn comprehend<T>(
        &mut self,
        names: &[Name],
        iterable: &Expr,
        mut element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let items = self.iterate(iterable)?;
        let outer = self.scope;
        self.scope = self.scopes.push(Some(outer));
        let mut out = Vec::with_capacity(items.len());
        let mut result = Ok(());
        for item in items {
            let made =
                self.bind_iterators(names, item, iterable.span, self.scope).and_then(|()| element(self));
            match made {
                Ok(thing) => out.push(thing),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.scope = outer;
        result.map(|()| out)
    }

    fn select(&mut self, key: &Expr, query: &Expr, op: Compare, span: Span) -> Result<SelectorId> {
        let (key, query) = (self.operand(key, "`select`")?, self.operand(query, "`select`")?);
        let (key_kinds, query_kinds) = (self.program.graph[key].kinds, self.program.graph[query].kinds);
        if !op.possible(key_kinds, query_kinds) {
            let text = self.text_among(&[key, query]);
            return self.fail(span, Kind::NeverCompares { op, key: key_kinds, query: query_kinds, text });
        }
        self.warn_unequal(op, [key, query], true, span);
        Ok(self.add_selector(SelectorOp::Select { key, query, op }, span))
    }

    fn selector(&mut self, expr: &Expr, by: &'static str) -> Result<SelectorId> {
        match self.expr(expr)? {
            Thing::Selector(selector) => Ok(selector),
            other => self.fail(expr.span, Kind::Expected { what: "a selector", found: other.describe(), by }),
        }
    }

    fn aggregate(
        &mut self,
        selector: &Expr,
        value: &Expr,
        default: Option<&Expr>,
        span: Span,
    ) -> Result<SOpId> {
        let selector = self.selector(selector, "`aggregate`")?;
        let value = self.operand(value, "`aggregate`")?;
        let default = match default {
            Some(expr) => self.atom(expr, "the default of `aggregate`")?,
            None => Value::int(0),
        };
        Ok(self.add(Op::Aggregate { selector, value, default }, span))
    }

    /// The number of keys that a selector selects.
    pub(super) fn width(&mut self, selector: SelectorId, span: Span) -> SOpId {
        self.add(Op::Width { selector }, span)
    }

    fn index(&mut self, base: &Expr, index: &Expr, span: Span) -> Result<Thing> {
        let (thing, at) = (self.expr(base)?, self.expr(index)?);
        if let Thing::SOp(sop) = thing {
            return self.position(sop, &at, [base.span, index.span], span);
        }
        match (&thing, &at) {
            (Thing::List(list), Thing::Atom(key)) => self.element(&list.items, key, span),
            (Thing::Dict(pairs), Thing::Atom(key)) => match pairs.iter().find(|(k, _)| k.same(key)) {
                Some((_, value)) => Ok(value.clone()),
                None => self.fail(span, Kind::Constant(crate::value::Fault::MissingKey { key: key.clone() })),
            },
            (Thing::Atom(Value::Str(text)), Thing::Atom(key)) => {
                let chars: Vec<Thing> = text.chars().map(|c| Thing::Atom(char_value(c))).collect();
                self.element(&chars, key, span)
            }
            (_, Thing::SOp(key)) => {
                let table = match &thing {
                    Thing::List(list) => list.atoms().map(|atoms| Table::List(atoms.into())),
                    Thing::Atom(Value::Str(text)) => {
                        Some(Table::List(text.chars().map(char_value).collect()))
                    }
                    Thing::Dict(pairs) => pairs
                        .iter()
                        .map(|(k, v)| match v {
                            Thing::Atom(v) => Some((k.clone(), v.clone())),
                            _ => None,
                        })
                        .collect::<Option<Vec<_>>>()
                        .map(Table::dict),
                    _ => None,
                };
                match table {
                    Some(table) => {
                        self.elementwise(Elementwise::LookUp(table), vec![*key], span).map(Thing::SOp)
                    }
                    None => {
                        let (what, by) =
                            ("a list, dictionary or string of constants", "a look-up by an s-op");
                        self.fail(base.span, Kind::Expected { what, found: thing.describe(), by })
                    }
                }
            }
            _ => {
                let (left, right) = (thing.describe(), Some(at.describe()));
                self.fail(span, Kind::Operands { operator: "[]", left, right })
            }
        }
    }

    fn element(&mut self, items: &[Thing], key: &Value, span: Span) -> Result<Thing> {
        // The table of positions says which element an index means, or what is wrong with it.
        let places: Arc<[Value]> = (0..items.len()).map(|i| Value::Number(i.into())).collect();
        match Table::List(places).look_up(key) {
            Ok(place) => {
                let place = place.number().and_then(|n| n.to_i64()).and_then(|i| usize::try_from(i).ok());
                Ok(place.and_then(|i| items.get(i)).cloned().unwrap_or(Thing::Unknown))
            }
            Err(fault) => self.fail(span, Kind::Constant(fault)),
        }
    }

    /// `sop[i]`: the value at position i, everywhere; negative positions count from the end.
    /// `places`: where the s-op and the index stand.
    fn position(&mut self, sop: SOpId, at: &Thing, places: [Span; 2], span: Span) -> Result<Thing> {
        let [base, at_span] = places;
        if let Thing::SOp(_) = at {
            let [base, index] = [base, at_span].map(|place| self.sources.text(place).to_owned());
            return self.fail(at_span, Kind::IndexedBySOp { base, index });
        }
        let index = match at {
            Thing::Atom(value) => value.number().filter(Number::is_integer),
            _ => None,
        };
        let Some(index) = index else {
            let found = at.describe();
            return self
                .fail(at_span, Kind::Expected { what: "an integer", found, by: "the index of an s-op" });
        };
        let indices = self.add(Op::Indices, span);
        let mut query = self.add(Op::Const(Value::Number(index.clone())), span);
        if index.is_negative() {
            let Some(&Thing::SOp(length)) = self.scopes.get(self.library, "length") else {
                return Err(Reported);
            };
            query = self.elementwise(Elementwise::Add, vec![length, query], span)?;
        }
        let selector = self.add_selector(SelectorOp::Select { key: indices, query, op: Compare::Eq }, span);
        Ok(Thing::SOp(self.add(Op::Aggregate { selector, value: sop, default: Value::int(0) }, span)))
    }

    fn conditional(&mut self, then: &Expr, condition: &Expr, otherwise: &Expr, span: Span) -> Result<Thing> {
        match self.expr(condition)? {
            Thing::Atom(value) => self.expr(if value.truth() { then } else { otherwise }),
            Thing::SOp(condition) => {
                let by = "a conditional on an s-op";
                let (then, otherwise) = (self.operand(then, by)?, self.operand(otherwise, by)?);
                self.elementwise(Elementwise::If, vec![condition, then, otherwise], span).map(Thing::SOp)
            }
            other => {
                let (what, by) = ("a constant or an s-op", "a condition");
                self.fail(condition.span, Kind::Expected { what, found: other.describe(), by })
            }
        }
    }

    /// The name of a node, or the text that defines it.
    pub fn label(&self, node: Node) -> String {
        crate::ir::label(&self.program, &self.sources, node)
    }
}

fn char_value(c: char) -> Value {
    Value::Str(c.to_string().into())
}
