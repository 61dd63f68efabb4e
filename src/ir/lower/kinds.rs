//! Do the types of s-ops fit what is done with them?

use super::error::TextOf;
use super::{Kind, Result, Session};
use crate::ir::{Node, Op, SOpId};
use crate::source::Span;
use crate::value::{Compare, Elementwise, Kinds};

impl Session<'_> {
    /// An elementwise operation on s-ops; an error if it can never have a result.
    pub(super) fn elementwise(&mut self, f: Elementwise, args: Vec<SOpId>, span: Span) -> Result<SOpId> {
        let operands: Vec<Kinds> = args.iter().map(|&a| self.program.graph[a].kinds).collect();
        if f.kinds(&operands).is_empty() {
            let (operator, text) = (f.symbol(), self.text_among(&args));
            return self.fail(span, Kind::NeverWorks { operator, operands, text });
        }
        if let (Elementwise::Compare(op), &[left, right]) = (&f, args.as_slice()) {
            self.warn_unequal(*op, [left, right], false, span);
        }
        Ok(self.add(Op::Elementwise { f, args }, span))
    }

    /// Warns of a comparison whose operands are never equal.
    pub(super) fn warn_unequal(&mut self, op: Compare, args: [SOpId; 2], selects: bool, span: Span) {
        let graph = &self.program.graph;
        let operands = args.map(|a| graph[a].kinds);
        if Compare::may_be_equal(operands[0], operands[1])
            || !matches!(op, Compare::Eq | Compare::Ne)
            || !self.can_warn(span)
        {
            return;
        }
        let constant = args.iter().find_map(|&a| {
            let Op::Const(value) = &graph[a].op else { return None };
            Some(value.clone())
        });
        let text = self.text_among(&args);
        self.warn(span, Kind::NeverEqual { op, operands, selects, text, constant });
    }

    /// What `tokens` is the text of, if s-ops depend on it.
    pub(super) fn text_among(&self, sops: &[SOpId]) -> Option<TextOf> {
        let graph = &self.program.graph;
        graph.live(sops.iter().map(|&sop| Node::SOp(sop))).into_iter().find_map(|node| {
            let Node::SOp(id) = node else { return None };
            let Op::Elementwise { f: Elementwise::ToStr, args } = &graph[id].op else { return None };
            let Op::Input(column) = graph[*args.first()?].op else { return None };
            self.text_of(column)
        })
    }

    /// What the text of a column is the text of; none if its values are strings anyway.
    pub(super) fn text_of(&self, column: usize) -> Option<TextOf> {
        let column = self.program.columns.get(column)?;
        match &column.domain {
            _ if column.span.is_none() => Some(TextOf::Undeclared),
            Some(domain) if Kinds::of_all(domain) == Kinds::STR => None,
            _ => Some(TextOf::Column(column.name.clone())),
        }
    }
}
