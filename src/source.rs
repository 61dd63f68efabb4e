//! Where text comes from: files, spans and line numbers.

use std::fmt;

/// One text that was read: a program, a loaded file, the standard library, a REPL line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

impl SourceId {
    /// For text that is looked at but never shown.
    pub const NOWHERE: Self = Self(u32::MAX);
    /// The first source of any [`Sources`]: the standard library, wherever programs are read.
    pub const FIRST: Self = Self(0);
}

/// A half-open range of bytes in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of `start..end` in `source`. Sources are below 4 GiB (see [`Sources::add`]).
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Self { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether it lies in the standard library.
    pub fn in_library(self) -> bool {
        self.source == SourceId::FIRST
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A name with the place where it stands. Two are equal if their texts are.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A text and the name under which it is shown.
#[derive(Clone, Debug)]
pub struct Source {
    /// A path relative to the program, or a name in angle brackets for text that is no file.
    pub name: String,
    pub text: String,
}

/// Every text that was read so far, in the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Keeps a text of at most [`Self::MAX_BYTES`]: whoever reads files refuses larger ones.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(self.files.len() as u32);
        self.files.push(Source { name: name.into(), text: text.into() });
        id
    }

    /// The largest text that is accepted: far beyond any program, far below 32-bit offsets.
    pub const MAX_BYTES: usize = 16 << 20;

    pub fn get(&self, id: SourceId) -> &Source {
        &self.files[id.0 as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.files.iter().enumerate().map(|(i, file)| (SourceId(i as u32), file))
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.range()).unwrap_or_default()
    }

    /// Line and column of a span's first character, both counted from 1.
    pub fn line_col(&self, span: Span) -> (usize, usize) {
        let [first, _] = self.range(span);
        first
    }

    /// Line and column of a span's first character and of the first one behind it, all counted from 1.
    pub fn range(&self, span: Span) -> [(usize, usize); 2] {
        let text = &self.get(span.source).text;
        [span.start, span.end].map(|offset| {
            let before = text.get(..offset as usize).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |i| i + 1);
            (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
        })
    }

    /// `name:line` of a span, as messages without a drawing show it.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}", self.get(span.source).name, self.line_col(span).0)
    }
}
