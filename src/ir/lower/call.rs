//! Calls of functions, whose bodies run where they are called.

use super::{Function, Kind, MAX_CALL_DEPTH, Result, Session, Thing};
use crate::ir::Call;
use crate::source::Span;
use crate::syntax::ast::{Def, Expr};
use crate::value::Value;
use std::sync::Arc;

impl Session<'_> {
    pub(super) fn call(&mut self, callee: &Expr, args: &[Expr], span: Span) -> Result<Thing> {
        let function = self.expr(callee)?;
        let things = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        match function {
            Thing::Function(function) => self.call_function(&function, &things, span),
            what @ (Thing::SOp(_) | Thing::Selector(_)) => {
                let [input] = things.as_slice() else {
                    let function = self.sources.text(callee.span).into();
                    let (parameters, found) = (Some(1), things.len());
                    let kind =
                        Kind::WrongArguments { function, parameters, found, defined: None, signature: None };
                    return self.fail(span, kind);
                };
                let found = match input {
                    Thing::Atom(Value::Str(text)) if text.is_empty() => "an empty string",
                    Thing::List(list) if list.items.is_empty() => "an empty list",
                    Thing::Atom(Value::Str(_)) | Thing::List(_) | Thing::Dict(_) => {
                        return Ok(Thing::Applied { what: Box::new(what), input: Box::new(input.clone()) });
                    }
                    other => other.describe(),
                };
                let (what, by) = ("a string or list of at least one value", "an s-op applied to an input");
                self.fail(span, Kind::Expected { what, found, by })
            }
            other => self.fail(callee.span, Kind::NotCallable { found: other.describe() }),
        }
    }

    fn call_function(&mut self, function: &Arc<Function>, args: &[Thing], span: Span) -> Result<Thing> {
        let name = function.name();
        let wrong = |parameters, defined: Option<Span>, signature| Kind::WrongArguments {
            function: name.clone(),
            parameters: Some(parameters),
            found: args.len(),
            defined: defined.filter(|span| !span.in_library()),
            signature,
        };
        let (def, scope) = match function.as_ref() {
            Function::Width => {
                return match args {
                    [Thing::Selector(selector)] => Ok(Thing::SOp(self.width(*selector, span))),
                    [other] => {
                        let (what, by) = ("a selector", "the width of a selector");
                        self.fail(span, Kind::Expected { what, found: other.describe(), by })
                    }
                    _ => self.fail(span, wrong(1, None, None)),
                };
            }
            Function::Defined { def, scope } => (def, *scope),
        };
        if args.len() != def.parameters.len() {
            let signature = Some(self.signature(def));
            return self.fail(span, wrong(def.parameters.len(), Some(def.name.span), signature));
        }
        if self.call_depth >= MAX_CALL_DEPTH {
            return self.fail(span, Kind::TooDeepRecursion { function: name });
        }
        let local = self.scopes.push(Some(scope));
        for (parameter, arg) in def.parameters.iter().zip(args) {
            self.scopes.set(local, parameter.value.clone(), arg.clone());
        }
        let parent = self.stack;
        let call = self.program.graph.push_call(Call { function: name, site: span, parent });
        let outer = std::mem::replace(&mut self.scope, local);
        self.stack = Some(call);
        self.call_depth += 1;
        self.block_depth += 1;
        let result = self.body(def);
        self.block_depth -= 1;
        self.call_depth -= 1;
        self.stack = parent;
        self.scope = outer;
        result
    }

    fn body(&mut self, def: &Def) -> Result<Thing> {
        for statement in &def.body {
            self.statement(statement)?;
        }
        let mut values = def.returns.iter().map(|r| self.expr(r)).collect::<Result<Vec<_>>>()?;
        match values.len() {
            1 => Ok(values.remove(0)),
            _ => self.list(values, def.name.span),
        }
    }
}
