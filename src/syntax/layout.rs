//! How does a tree of text pieces break into lines? A small pretty printer after Wadler:
//! a group stays on one line if it fits there, else all of its own breaks become line breaks.

/// Lines longer than this are broken where the text allows it.
pub(super) const WIDTH: usize = 100;
/// The indentation of blocks and of continued lines.
pub(super) const INDENT: usize = 4;

pub(super) enum Doc {
    Text(String),
    /// A space, or a line break if the group around it does not fit.
    Line,
    /// Nothing, or a line break.
    SoftLine,
    Concat(Vec<Doc>),
    /// What is inside is indented, if its line breaks.
    Nest(Box<Doc>),
    Group(Box<Doc>),
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn group(parts: Vec<Doc>) -> Self {
        Self::Group(Box::new(Self::Concat(parts)))
    }

    pub(super) fn nest(parts: Vec<Doc>) -> Self {
        Self::Nest(Box::new(Self::Concat(parts)))
    }

    /// `open item close`, where the item's own brackets are the ones to break.
    pub(super) fn hugged(open: &str, item: Doc, close: &str) -> Self {
        Self::Concat(vec![Self::text(open), item, Self::text(close)])
    }

    /// `open item, item close`, one item per line if they do not fit.
    pub(super) fn bracketed(open: &str, items: Vec<Doc>, close: &str) -> Self {
        if items.is_empty() {
            return Self::text(format!("{open}{close}"));
        }
        let inner = Self::Nest(Box::new(Self::Concat(vec![Self::SoftLine, Self::separated(items)])));
        Self::group(vec![Self::text(open), inner, Self::SoftLine, Self::text(close)])
    }

    /// `item, item`.
    pub(super) fn separated(items: Vec<Doc>) -> Self {
        let mut parts = Vec::with_capacity(3 * items.len());
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                parts.extend([Self::text(","), Self::Line]);
            }
            parts.push(item);
        }
        Self::Concat(parts)
    }

    /// The text, where the first line begins at `indent` and later ones no further left.
    pub(super) fn render(&self, indent: usize, width: usize) -> String {
        let mut out = String::new();
        let mut column = indent;
        let mut todo = vec![Piece { doc: self, indent, flat: false }];
        while let Some(Piece { doc, indent, flat }) = todo.pop() {
            match doc {
                Doc::Text(text) => {
                    out.push_str(text);
                    column += text.chars().count();
                }
                Doc::Line if flat => {
                    out.push(' ');
                    column += 1;
                }
                Doc::SoftLine if flat => {}
                Doc::Line | Doc::SoftLine => {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                    column = indent;
                }
                Doc::Concat(parts) => {
                    todo.extend(parts.iter().rev().map(|doc| Piece { doc, indent, flat }));
                }
                Doc::Nest(inner) => todo.push(Piece { doc: inner, indent: indent + INDENT, flat }),
                Doc::Group(inner) => {
                    let flat = flat || fits(inner, &todo, width.saturating_sub(column));
                    todo.push(Piece { doc: inner, indent, flat });
                }
            }
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Piece<'d> {
    doc: &'d Doc,
    indent: usize,
    flat: bool,
}

/// Whether a group fits on the line together with what follows it up to the next break.
fn fits(group: &Doc, rest: &[Piece<'_>], mut room: usize) -> bool {
    let mut todo = vec![(group, true)];
    let mut rest = rest.iter().rev();
    loop {
        let Some((doc, flat)) = todo.pop().or_else(|| rest.next().map(|p| (p.doc, p.flat))) else {
            return true;
        };
        let used = match doc {
            Doc::Text(text) => text.chars().count(),
            Doc::Line if flat => 1,
            Doc::SoftLine if flat => 0,
            Doc::Line | Doc::SoftLine => return true,
            Doc::Concat(parts) => {
                todo.extend(parts.iter().rev().map(|d| (d, flat)));
                0
            }
            Doc::Nest(inner) => {
                todo.push((inner, flat));
                0
            }
            // A later group may still break.
            Doc::Group(inner) => {
                todo.push((inner, flat));
                0
            }
        };
        let Some(left) = room.checked_sub(used) else { return false };
        room = left;
    }
}
