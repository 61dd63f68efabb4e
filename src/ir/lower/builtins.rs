//! The functions with a syntax of their own: `range`, `zip`, `len`, `round`, `indicator`.

use super::{Kind, Result, Session, Thing};
use crate::source::Span;
use crate::syntax::ast::{Builtin, Expr};
use crate::value::{Elementwise, Value};
use std::sync::Arc;

impl Session<'_> {
    pub(super) fn builtin(&mut self, function: Builtin, args: &[Expr], span: Span) -> Result<Thing> {
        let things = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        let parameters = match function {
            Builtin::Range => return self.range(args, &things, span),
            Builtin::Zip => return self.zip(args, &things, span),
            Builtin::Len | Builtin::Round | Builtin::Indicator => 1,
        };
        let [thing] = things.as_slice() else {
            let function = Arc::from(function.name());
            let kind = Kind::WrongArguments {
                function,
                parameters: Some(parameters),
                found: args.len(),
                defined: None,
                signature: None,
            };
            return self.fail(span, kind);
        };
        let by = match function {
            Builtin::Len => {
                return match thing {
                    Thing::List(list) => Ok(Thing::Atom(Value::Number(list.items.len().into()))),
                    other => self
                        .fail(span, Kind::Expected { what: "a list", found: other.describe(), by: "`len`" }),
                };
            }
            Builtin::Round => Elementwise::Round,
            Builtin::Indicator => Elementwise::Indicator,
            Builtin::Range | Builtin::Zip => unreachable!("handled above"),
        };
        self.apply(by, &[thing], span)
    }

    fn range(&mut self, args: &[Expr], things: &[Thing], span: Span) -> Result<Thing> {
        let mut bounds = Vec::new();
        for (arg, thing) in args.iter().zip(things) {
            match thing {
                Thing::Atom(value) if value.number().and_then(|n| n.to_i64()).is_some() => {
                    bounds.extend(value.number().and_then(|n| n.to_i64()));
                }
                other => {
                    let kind = Kind::Expected { what: "an integer", found: other.describe(), by: "`range`" };
                    return self.fail(arg.span, kind);
                }
            }
        }
        let (start, end, step) = match *bounds.as_slice() {
            [end] => (0, end, 1),
            [start, end] => (start, end, 1),
            [start, end, step] => (start, end, step),
            _ => return self.fail(span, Kind::BadRange { found: bounds.len() }),
        };
        if step == 0 {
            return self.fail(span, Kind::ZeroStep);
        }
        let mut items = Vec::new();
        let mut next = start;
        while if step > 0 { next < end } else { next > end } {
            if items.len() > super::thing::MAX_WEIGHT {
                return self.fail(span, Kind::TooLarge { what: "this range" });
            }
            items.push(Thing::Atom(Value::int(next)));
            match next.checked_add(step) {
                Some(n) => next = n,
                None => break,
            }
        }
        self.list(items, span)
    }

    fn zip(&mut self, args: &[Expr], things: &[Thing], span: Span) -> Result<Thing> {
        let mut lists = Vec::new();
        for (arg, thing) in args.iter().zip(things) {
            match thing {
                Thing::List(list) => lists.push(list),
                other => {
                    let kind = Kind::Expected { what: "a list", found: other.describe(), by: "`zip`" };
                    return self.fail(arg.span, kind);
                }
            }
        }
        let lengths: Vec<usize> = lists.iter().map(|l| l.items.len()).collect();
        if lengths.windows(2).any(|w| w[0] != w[1]) {
            return self.fail(span, Kind::UnevenZip { lengths });
        }
        let mut rows = Vec::new();
        for i in 0..lengths.first().copied().unwrap_or(0) {
            let row = lists.iter().filter_map(|l| l.items.get(i).cloned()).collect();
            rows.push(self.list(row, span)?);
        }
        self.list(rows, span)
    }
}
