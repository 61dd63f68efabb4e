//! What is told to the user: a message with its places, drawn by ariadne.
//!
//! Each phase has its own error type and one function with the words for it; this file knows
//! how to draw the result and nothing else.

use crate::source::{SourceId, Sources, Span};
use ariadne::{CharSet, Color, Config, IndexType, Label as Mark, Report, ReportKind, Source};
use std::collections::HashMap;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program means something, but perhaps not what its author thinks.
    Warning,
    /// The program has no meaning, or it cannot be compiled.
    Error,
}

/// A place and why it matters there.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// A message: what is wrong, where and why there, and what to write instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// `E0101`, `W0103`: stable names that tests and users can refer to.
    pub code: &'static str,
    pub message: String,
    /// The first label is the place where the report points.
    pub labels: Vec<Label>,
    pub note: Option<String>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity, code, message: message.into(), labels: Vec::new(), note: None, help: None }
    }

    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// [`Self::help`] for help that there may not be.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help = text.or(self.help);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The report as text, with the source lines.
    pub fn render(&self, sources: &Sources, color: bool) -> String {
        let shows = |label: &Label| longest_line(sources, label.span) <= MAX_LINE;
        let Some(first) = self.labels.first().filter(|_| self.labels.iter().all(shows)) else {
            return self.render_plain(sources);
        };
        let (kind, tint) = match self.severity {
            Severity::Error => (ReportKind::Error, Color::Red),
            Severity::Warning => (ReportKind::Warning, Color::Yellow),
        };
        let config = Config::default()
            .with_color(color)
            .with_index_type(IndexType::Byte)
            .with_char_set(if color { CharSet::Unicode } else { CharSet::Ascii });
        let mut report = Report::build(kind, (first.span.source, first.span.range()))
            .with_config(config)
            .with_code(self.code)
            .with_message(visible(&self.message));
        for (i, label) in self.labels.iter().enumerate() {
            let tint = if i == 0 { tint } else { Color::Cyan };
            report.add_label(
                Mark::new((label.span.source, label.span.range()))
                    .with_message(visible(&label.text))
                    .with_color(tint)
                    .with_order(i as i32),
            );
        }
        report.set_note_if(self.note.as_deref().map(visible));
        if let Some(help) = &self.help {
            report.set_help(visible(help));
        }
        let mut cache = Cache { sources, read: HashMap::new() };
        let mut out = Vec::new();
        match report.finish().write(&mut cache, &mut out) {
            Ok(()) => String::from_utf8_lossy(&out).lines().map(|l| l.trim_end().to_owned() + "\n").collect(),
            Err(_) => self.render_plain(sources),
        }
    }

    /// The report without the source lines.
    fn render_plain(&self, sources: &Sources) -> String {
        let kind = if self.is_error() { "Error" } else { "Warning" };
        let mut text = format!("[{}] {kind}: {}\n", self.code, visible(&self.message));
        for label in &self.labels {
            let (_, column) = sources.line_col(label.span);
            text += &format!("  {}:{column}: {}\n", sources.place(label.span), visible(&label.text));
        }
        for (kind, words) in [("Note", &self.note), ("Help", &self.help)] {
            if let Some(words) = words {
                text += &format!("  {kind}: {}\n", visible(words));
            }
        }
        text
    }
}

/// Reports of one cause as one report: equal messages with equal help, each at one place, become
/// further labels of the first, as far as those can be shown.
pub fn merged(reports: Vec<Diagnostic>) -> Vec<Diagnostic> {
    /// Places that are shown beside the first.
    const SHOWN: usize = 3;
    let mut kept: Vec<(Diagnostic, usize)> = Vec::new();
    for report in reports {
        let at_one_place = report.help.is_some() && report.labels.len() == 1;
        let same = |(d, more): &&mut (Diagnostic, usize)| {
            let one = at_one_place && d.labels.len() == 1 + (*more).min(SHOWN);
            one && d.code == report.code && d.message == report.message && d.help == report.help
        };
        match kept.iter_mut().find(same) {
            Some((first, more)) => {
                *more += 1;
                if *more <= SHOWN {
                    first.labels.extend(report.labels.into_iter().take(1));
                }
            }
            None => kept.push((report, 0)),
        }
    }
    let finish = |(report, more): (Diagnostic, usize)| match more.checked_sub(SHOWN) {
        None | Some(0) => report,
        Some(1) => report.note("there is one more place like these"),
        Some(n) => report.note(format!("there are {n} more places like these")),
    };
    kept.into_iter().map(finish).collect()
}

/// Reports do not show source lines of more bytes.
const MAX_LINE: usize = 2_000;

/// The bytes of the longest line that a report on a span would show.
fn longest_line(sources: &Sources, span: Span) -> usize {
    let text = &sources.get(span.source).text;
    let start = text.get(..span.start as usize).and_then(|before| before.rfind('\n')).map_or(0, |i| i + 1);
    let rest = text.get(span.end as usize..).and_then(|after| after.find('\n'));
    let end = rest.map_or(text.len(), |i| span.end as usize + i);
    text.get(start..end).unwrap_or_default().lines().map(str::len).max().unwrap_or(0)
}

/// The texts that a report shows, by identity: a file that was loaded twice may have changed.
struct Cache<'a> {
    sources: &'a Sources,
    read: HashMap<SourceId, Source>,
}

impl ariadne::Cache<SourceId> for Cache<'_> {
    type Storage = String;

    fn fetch(&mut self, id: &SourceId) -> Result<&Source, impl std::fmt::Debug> {
        let text = |id| visible(&self.sources.get(id).text);
        let read = self.read.entry(*id).or_insert_with_key(|id| Source::from(text(*id)));
        Ok::<_, std::convert::Infallible>(read)
    }

    fn display<'i>(&self, id: &'i SourceId) -> Option<impl std::fmt::Display + 'i> {
        Some(visible(&self.sources.get(*id).name))
    }
}

/// A text that cannot move the cursor or change colours: each control character is replaced by
/// a mark of as many bytes, so that spans still fit.
fn visible(text: &str) -> String {
    let mark = |c: char| match c {
        '\n' | '\r' | '\t' => c,
        c if c.is_control() => {
            if c.len_utf8() == 1 {
                '?'
            } else {
                '\u{bf}'
            }
        }
        c => c,
    };
    text.chars().map(mark).collect()
}

trait SetNote {
    fn set_note_if(&mut self, note: Option<String>);
}

impl<S: ariadne::Span> SetNote for ariadne::ReportBuilder<'_, S> {
    fn set_note_if(&mut self, note: Option<String>) {
        if let Some(note) = note {
            self.set_note(note);
        }
    }
}

/// The candidate closest to `name`, if it is close enough to be a slip of the keyboard.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    // Every name of one letter is one slip away from every other.
    let limit = if length < 2 { 0 } else { (length / 3).clamp(1, 3) };
    candidates
        .into_iter()
        .map(|c| (edit_distance(name, c), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

/// The number of insertions, deletions and replacements between two words (Levenshtein).
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
