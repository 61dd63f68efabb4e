//! Names: which can be set, what they are set to, and what is said of it.

use super::{Effect, Kind, Node, Result, Session, Thing, scope};
use crate::ir::Op;
use crate::source::Span;
use crate::syntax::ast::{Expr, Name, Statement, StatementKind};
use std::sync::Arc;

impl Session<'_> {
    pub(super) fn assign(&mut self, names: &[Name], values: &[Expr], span: Span) -> Result<Vec<Effect>> {
        let mut things = Vec::new();
        for value in values {
            things.push(self.expr(value)?);
        }
        if let ([Thing::List(list)], true) = (things.as_slice(), names.len() > 1) {
            things = list.items.to_vec();
        }
        if things.len() != names.len() {
            return self
                .fail(span, Kind::WrongCount { what: "values", names: names.len(), values: things.len() });
        }
        for name in names {
            self.check_assignable(name)?;
        }
        if let Some(last) = things.last() {
            self.set_out(last);
        }
        let mut assigned = Vec::new();
        for (name, thing) in names.iter().zip(things) {
            self.warn_hidden(name, &thing);
            self.bind(name, thing.clone(), span);
            assigned.push((name.value.clone(), thing));
        }
        Ok(vec![Effect::Assigned(assigned)])
    }

    /// Warns if a name of the program now hides an input that the new value does not depend on.
    fn warn_hidden(&mut self, name: &Name, thing: &Thing) {
        let columns = &self.program.columns;
        let place = columns.iter().position(|c| c.name == name.value);
        let is_input = place.is_some() || *name.value == *"tokens" && columns.is_empty();
        if !is_input || self.stack.is_some() || self.scope != self.globals || !self.in_main_file() {
            return;
        }
        let depends = match thing {
            Thing::SOp(sop) => {
                self.program.graph.live([Node::SOp(*sop)]).into_iter().any(|node| match node {
                    Node::SOp(id) => matches!(self.program.graph[id].op, Op::Input(_)),
                    Node::Selector(_) => false,
                })
            }
            Thing::Atom(_) | Thing::List(_) | Thing::Dict(_) | Thing::Selector(_) | Thing::Function(_) => {
                false
            }
            Thing::Applied { .. } | Thing::Unknown => true,
        };
        if !depends {
            self.warn(name.span, Kind::HidesInput { name: name.value.clone() });
        }
    }

    /// Sets a name in the current scope, and names the node that it stands for.
    pub(super) fn bind(&mut self, name: &Name, thing: Thing, span: Span) {
        let node = match thing {
            Thing::SOp(sop) => Some(Node::SOp(sop)),
            Thing::Selector(selector) => Some(Node::Selector(selector)),
            _ => None,
        };
        if let Some(node) = node {
            let label = match self.stack {
                None => name.value.clone(),
                Some(stack) => format!("{}.{}", self.program.graph.call(stack).function, name.value).into(),
            };
            self.program.graph.set_name(node, &label);
        }
        if self.stack.is_none() {
            match &thing {
                Thing::SOp(sop) => self.last = Some((name.value.clone(), *sop, span)),
                // The s-op that had this name cannot be read any more.
                _ if self.last.as_ref().is_some_and(|(last, ..)| *last == name.value) => self.last = None,
                _ => {}
            }
        }
        self.scopes.set(self.scope, name.value.clone(), thing);
    }

    pub(super) fn check_assignable(&mut self, name: &Name) -> Result<()> {
        if scope::RESERVED.contains(&name.value.as_ref()) {
            return self.fail(name.span, Kind::ReservedName { name: name.value.clone(), by_library: false });
        }
        if self.is_locked(&name.value) {
            return self.fail(name.span, Kind::ReservedName { name: name.value.clone(), by_library: true });
        }
        Ok(())
    }

    /// Whether a name cannot be set in the current scope: at top level, rasplib's are locked.
    pub(super) fn is_locked(&self, name: &str) -> bool {
        scope::RESERVED.contains(&name)
            || self.scope == self.globals && self.globals != self.library && scope::RASPLIB.contains(&name)
    }

    /// Names that a failed statement would have set are unknown, so that their uses stay silent.
    pub(super) fn poison(&mut self, statement: &Statement) {
        let names: Vec<Arc<str>> = match &statement.kind {
            StatementKind::Assign { names, .. } => names.iter().map(|n| n.value.clone()).collect(),
            StatementKind::Def(def) => vec![def.name.value.clone()],
            _ => Vec::new(),
        };
        for name in names {
            self.set_unknown(name);
        }
    }

    pub(super) fn set_unknown(&mut self, name: Arc<str>) {
        if !self.is_locked(&name) {
            self.scopes.set(self.scope, name, Thing::Unknown);
        }
    }
}
