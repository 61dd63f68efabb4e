//! One style for all programs: a statement per line, blocks indented by four spaces, long lines
//! broken, at most one blank line in a row, and every comment kept.

use super::ast::{Ast, Comment, Def, Statement, StatementKind};
use super::layout::{Doc, INDENT, WIDTH};
use super::print::Printer;

/// The program in one style. `text` is what the tree was parsed from, without errors.
///
/// Comments on a line of their own stay before the statement they precede, comments at the end
/// of a line stay there, and comments inside a statement move to the line before it.
pub fn format(ast: &Ast, text: &str) -> String {
    Formatter::new(text, &ast.comments).program(&ast.statements)
}

pub(super) struct Formatter<'a> {
    printer: Printer<'a>,
    /// Those that are not yet written.
    comments: &'a [Comment],
    out: String,
    /// The offset in the text behind what was written last.
    done: usize,
    /// Nothing was written in this block yet.
    fresh: bool,
    indent: usize,
}

impl<'a> Formatter<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Comment]) -> Self {
        Self { printer: Printer { text }, comments, out: String::new(), done: 0, fresh: true, indent: 0 }
    }

    pub(super) fn program(mut self, statements: &[Statement]) -> String {
        self.statements(statements);
        self.comments_before(usize::MAX, Self::gap);
        self.out
    }

    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            let (start, end) = (statement.span.start as usize, statement.span.end as usize);
            let head = self.printer.head(&statement.kind);
            match &statement.kind {
                StatementKind::Def(def) => {
                    let names = std::iter::once(&def.name).chain(&def.parameters);
                    let open = self.after(names.map(|n| n.span.end).max().unwrap_or(0) as usize, '{');
                    self.line(start, &head, open);
                    self.block(&def.body, Some(def), end);
                }
                StatementKind::For { iterable, body, .. } => {
                    let open = self.after(iterable.span.end as usize, '{');
                    self.line(start, &head, open);
                    self.block(body, None, end);
                }
                StatementKind::Expr(_)
                | StatementKind::Assign { .. }
                | StatementKind::Load { .. }
                | StatementKind::Draw { .. }
                | StatementKind::Declare(_)
                | StatementKind::Repl(_)
                | StatementKind::Error => self.line(start, &head, end),
            }
        }
    }

    /// What stands between `{` and `}`, and the `}`.
    fn block(&mut self, body: &[Statement], def: Option<&Def>, end: usize) {
        self.fresh = true;
        self.indent += INDENT;
        self.statements(body);
        if let Some(def) = def
            && let [first, .., last] | [first @ last] = def.returns.as_slice()
        {
            let returns = self.printer.returns(&def.returns);
            let semicolon = self.after(last.span.end as usize, ';');
            self.line(first.span.start as usize, &returns, semicolon);
        }
        self.comments_before(end, Self::gap);
        self.indent -= INDENT;
        self.fresh = false;
        self.push_line("}");
        self.end_line(end);
    }

    /// Writes what stands at `start..end`, with the comments before, in and right behind it.
    fn line(&mut self, start: usize, doc: &Doc, end: usize) {
        self.comments_before(start, Self::gap);
        self.gap(start);
        self.comments_before(end, |_, _| {});
        self.push_line(&doc.render(self.indent, WIDTH));
        self.end_line(end);
    }

    /// Ends the line of what ended at `end`, after the comment that stands behind it.
    fn end_line(&mut self, end: usize) {
        self.done = end;
        if let Some((comment, rest)) = self.comments.split_first()
            && let Some(between) = self.printer.text.get(end..comment.span.start as usize)
            && between.chars().all(|c| c != '\n' && is_filler(c))
        {
            self.out.push_str("  ");
            self.out.push_str(&comment.text);
            self.done = comment.span.end as usize;
            self.comments = rest;
        }
        self.out.push('\n');
    }

    /// Writes the comments that begin before `offset`, each on its own line.
    fn comments_before(&mut self, offset: usize, gap: impl Fn(&mut Self, usize)) {
        while let Some((comment, rest)) = self.comments.split_first()
            && (comment.span.start as usize) < offset
        {
            gap(self, comment.span.start as usize);
            self.push_line(&comment.text);
            self.out.push('\n');
            self.done = comment.span.end as usize;
            self.comments = rest;
        }
    }

    /// A blank line, if there was one before `start`, except at the beginning of a block.
    fn gap(&mut self, start: usize) {
        let blank = self.printer.text.get(self.done..start).is_some_and(|between| {
            between.chars().take_while(|c| is_filler(*c)).filter(|c| *c == '\n').count() > 1
        });
        if blank && !self.fresh {
            self.out.push('\n');
        }
        self.fresh = false;
    }

    fn push_line(&mut self, line: &str) {
        self.out.push_str(&" ".repeat(self.indent));
        self.out.push_str(line);
    }

    /// The offset behind the first `mark` at or after `from` that is in no comment.
    fn after(&self, mut from: usize, mark: char) -> usize {
        let text = self.printer.text;
        let find = |from: usize, to: usize| text.get(from..to)?.find(mark).map(|i| from + i + 1);
        for comment in self.comments {
            if let Some(found) = find(from, comment.span.start as usize) {
                return found;
            }
            from = from.max(comment.span.end as usize);
        }
        find(from, text.len()).unwrap_or(from)
    }
}

/// What may stand between statements: space, and the `;` that a REPL statement does not need.
fn is_filler(c: char) -> bool {
    c.is_whitespace() || c == ';' || c == '\u{feff}'
}
