//! Operators: on constants at once, on s-ops as nodes, on selectors as selectors.

use super::{Kind, Result, Session, Thing};
use crate::ir::{SOpId, SelectorOp};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, UnaryOp};
use crate::value::{self, Compare, Elementwise, Value};

impl Session<'_> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: Thing, span: Span) -> Result<Thing> {
        if let (UnaryOp::Not, Thing::Selector(selector)) = (op, &operand) {
            return Ok(Thing::Selector(self.add_selector(SelectorOp::Not(*selector), span)));
        }
        let f = match op {
            UnaryOp::Not => Elementwise::Not,
            UnaryOp::Neg => Elementwise::Neg,
            UnaryOp::Pos => Elementwise::Pos,
        };
        self.apply(f, &[&operand], span)
    }

    /// An elementwise operation on constants or s-ops.
    pub(super) fn apply(&mut self, f: Elementwise, args: &[&Thing], span: Span) -> Result<Thing> {
        let atoms: Option<Vec<&Value>> = args.iter().map(|t| t.atom()).collect();
        if let Some(atoms) = atoms {
            return match f.apply(&atoms) {
                Ok(value) => {
                    if let Value::Str(text) = &value {
                        // Long strings take time and memory: they count for more than one step.
                        self.steps = (self.steps + text.len() / 32).min(super::MAX_STEPS);
                    }
                    Ok(Thing::Atom(value))
                }
                Err(fault) => self.fail(span, Kind::Constant(fault)),
            };
        }
        let sops: Option<Vec<SOpId>> = args.iter().map(|t| self.broadcast(t, span)).collect();
        match sops {
            Some(sops) => self.elementwise(f, sops, span).map(Thing::SOp),
            None => {
                let (left, right) = (args[0].describe(), args.get(1).map(|t| t.describe()));
                self.fail(span, Kind::Operands { operator: f.symbol(), left, right })
            }
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: Thing, right: Thing, span: Span) -> Result<Thing> {
        let f = match op {
            BinaryOp::And | BinaryOp::Or => return self.logic(op, left, right, span),
            BinaryOp::In => return self.contains(left, right, span),
            BinaryOp::Add => Elementwise::Add,
            BinaryOp::Sub => Elementwise::Sub,
            BinaryOp::Mul => Elementwise::Mul,
            BinaryOp::Div => Elementwise::Div,
            BinaryOp::Mod => Elementwise::Mod,
            BinaryOp::Pow => Elementwise::Pow,
            BinaryOp::Compare(compare) => Elementwise::Compare(compare),
        };
        match (&f, &left, &right) {
            (Elementwise::Add, Thing::List(a), Thing::List(b)) => {
                self.list(a.items.iter().chain(b.items.iter()).cloned().collect(), span)
            }
            (Elementwise::Mul, Thing::List(list), Thing::Atom(times))
            | (Elementwise::Mul, Thing::Atom(times), Thing::List(list)) => {
                let Some(times) = times.number().and_then(|n| n.to_i64()) else {
                    let found = Thing::Atom(times.clone()).describe();
                    return self
                        .fail(span, Kind::Expected { what: "an integer", found, by: "repeating a list" });
                };
                let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
                if list.items.len().saturating_mul(times) > super::thing::MAX_WEIGHT {
                    return self.fail(span, Kind::TooLarge { what: "this list" });
                }
                let count = list.items.len() * times;
                self.list(list.items.iter().cycle().take(count).cloned().collect(), span)
            }
            (Elementwise::Compare(compare @ (Compare::Eq | Compare::Ne)), a, b)
                if matches!(a, Thing::List(_)) || matches!(b, Thing::List(_)) =>
            {
                match a.equals(b) {
                    Some(equal) => Ok(Thing::Atom(Value::Bool(equal == (*compare == Compare::Eq)))),
                    None => {
                        let (left, right) = (a.describe(), Some(b.describe()));
                        self.fail(span, Kind::Operands { operator: compare.symbol(), left, right })
                    }
                }
            }
            _ => self.apply(f, &[&left, &right], span),
        }
    }

    /// `and`, `or`: of selectors a selector, of constants one of the two, of s-ops a boolean.
    fn logic(&mut self, op: BinaryOp, left: Thing, right: Thing, span: Span) -> Result<Thing> {
        let and = op == BinaryOp::And;
        match (&left, &right) {
            (Thing::Selector(a), Thing::Selector(b)) => {
                let op = if and { SelectorOp::And(*a, *b) } else { SelectorOp::Or(*a, *b) };
                Ok(Thing::Selector(self.add_selector(op, span)))
            }
            (Thing::Atom(a), Thing::Atom(_)) => Ok(if a.truth() == and { right } else { left }),
            _ => {
                self.warn_truth(op, [&left, &right], span);
                self.apply(if and { Elementwise::And } else { Elementwise::Or }, &[&left, &right], span)
            }
        }
    }

    /// Warns of an `and` or `or` with an operand that is never a boolean.
    fn warn_truth(&mut self, op: BinaryOp, operands: [&Thing; 2], span: Span) {
        let is_value = |thing: &Thing| match thing {
            Thing::Atom(value) => value.kind() != value::Kind::Bool,
            Thing::SOp(sop) => !self.program.graph[*sop].kinds.contains(value::Kind::Bool),
            Thing::List(_)
            | Thing::Dict(_)
            | Thing::Selector(_)
            | Thing::Function(_)
            | Thing::Applied { .. }
            | Thing::Unknown => false,
        };
        if operands.into_iter().any(is_value) {
            self.warn(span, Kind::TruthOfValues { operator: op.symbol() });
        }
    }

    /// `x in list`: elementwise for an s-op. `atom in sop`: whether it occurs at any position.
    fn contains(&mut self, item: Thing, container: Thing, span: Span) -> Result<Thing> {
        match (&item, &container) {
            (Thing::Atom(value), Thing::List(list)) => match list.atoms() {
                Some(atoms) => Ok(Thing::Atom(Value::Bool(atoms.iter().any(|v| v.same(value))))),
                None => {
                    Ok(Thing::Atom(Value::Bool(list.items.iter().any(|t| t.equals(&item) == Some(true)))))
                }
            },
            (Thing::SOp(sop), Thing::List(list)) => match list.atoms() {
                Some(atoms) => {
                    self.elementwise(Elementwise::Member(atoms.into()), vec![*sop], span).map(Thing::SOp)
                }
                None => {
                    let (what, by) = ("a list of constants", "`in` after an s-op");
                    self.fail(span, Kind::Expected { what, found: "a list with other things", by })
                }
            },
            (Thing::Atom(value), Thing::SOp(sop)) => {
                let query = self.add(crate::ir::Op::Const(value.clone()), span);
                let op = SelectorOp::Select { key: *sop, query, op: Compare::Eq };
                let equal = self.add_selector(op, span);
                let count = self.width(equal, span);
                let zero = self.add(crate::ir::Op::Const(Value::int(0)), span);
                let f = Elementwise::Compare(Compare::Gt);
                self.elementwise(f, vec![count, zero], span).map(Thing::SOp)
            }
            _ => {
                let (left, right) = (item.describe(), Some(container.describe()));
                self.fail(span, Kind::Operands { operator: "in", left, right })
            }
        }
    }
}
