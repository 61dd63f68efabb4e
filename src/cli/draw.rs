//! How values look in a terminal: s-ops as tables, selectors as matrices.

use crate::interp::Matrix;
use crate::value::{Number, Value};
use std::fmt::Write as _;

/// The left margin of everything that is drawn.
pub const MARGIN: usize = 4;
/// Longer cells are cut off.
const MAX_CELL: usize = 24;

/// A value as a cell: `T`, `1/3`, `a`. Strings have quotes where they would look like something
/// else without.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::Bool(true) => "T".to_owned(),
        Value::Bool(false) => "F".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::Str(s) => {
            let looks_else =
                ["T", "F", "True", "False", "", "..."].contains(&&**s) || Number::parse(s).is_some();
            let hides = s.chars().any(|c| c.is_whitespace() || c.is_control() || ",[]\"|".contains(c));
            if looks_else || hides { format!("\"{}\"", s.escape_debug()) } else { s.to_string() }
        }
    };
    shorten(&text, MAX_CELL)
}

/// A text without the power to move the cursor: control characters are written out.
pub fn printable(text: &str) -> String {
    let show = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(show).collect()
}

/// The beginning of a text that is too long for its place.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect()
}

/// A sequence on one line, as the RASP tool shows it: `[h, e, l, l, o] (strings)`, or
/// `[5]*5 (ints)` if all values are the same.
pub fn sequence(values: &[Value]) -> String {
    let kinds = match values {
        _ if values.iter().all(|v| matches!(v, Value::Str(_))) => "strings",
        _ if values.iter().all(|v| matches!(v, Value::Bool(_))) => "bools",
        _ if values.iter().all(|v| matches!(v, Value::Number(n) if n.is_integer())) => "ints",
        _ if values.iter().all(|v| matches!(v, Value::Number(_))) => "fractions",
        _ => "mixed",
    };
    match values {
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|v| v == first) => {
            format!("[{}]*{} ({kinds})", cell(first), values.len())
        }
        _ => format!("[{}] ({kinds})", values.iter().map(cell).collect::<Vec<_>>().join(", ")),
    }
}

/// Labels have room for this many characters, however narrow the terminal is.
const MIN_LABEL: usize = 12;

/// A row of a table: its name, and one cell per position.
pub type Row = (String, Vec<String>);

/// Widths, in characters, that tables share whose columns are to stand under each other.
#[derive(Clone, Copy)]
pub struct Grid {
    label_width: usize,
    cell_width: usize,
    /// Of the terminal.
    width: usize,
}

impl Grid {
    /// Labels are cut off beyond half the width.
    pub fn label_room(width: usize) -> usize {
        (width / 2).saturating_sub(MARGIN).max(MIN_LABEL)
    }

    /// The grid in which all these rows fit.
    pub fn of(rows: &[Row], width: usize) -> Self {
        let label_width = rows.iter().map(|(label, _)| length(label)).max().unwrap_or(0);
        let label_width = label_width.min(Self::label_room(width));
        let cell_width = rows.iter().flat_map(|(_, cells)| cells).map(|c| length(c)).max().unwrap_or(0);
        Self { label_width, cell_width, width }
    }

    /// The grid whose columns stand under those of `self` when its lines are indented.
    pub fn indented(&self, by: usize) -> Self {
        Self {
            label_width: self.label_width.saturating_sub(by),
            width: self.width.saturating_sub(by),
            ..*self
        }
    }

    /// Rows under each other, one column per position, in as many blocks as the width demands.
    pub fn table(&self, rows: &[Row]) -> String {
        let Self { label_width, cell_width, width } = *self;
        let n = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let room = width.saturating_sub(MARGIN + label_width + 1);
        let per_block = (room / (cell_width + 1)).max(1);
        let mut out = String::new();
        for start in (0..n).step_by(per_block) {
            if start > 0 {
                out.push('\n');
            }
            for (label, cells) in rows {
                let label = shorten(label, label_width);
                let mut line = format!("{:MARGIN$}{label:<label_width$} ", "");
                for cell in cells.iter().skip(start).take(per_block) {
                    let _ = write!(line, " {cell:>cell_width$}");
                }
                out += line.trim_end();
                out.push('\n');
            }
        }
        out
    }
}

/// A selector as a matrix: one row per query, one column per key, `1` where the query selects the
/// key. `labels` name the positions.
///
/// Where keys do not fit side by side, their names are written downwards, then the gaps between
/// columns go, and what still does not fit is left out.
pub fn matrix(matrix: &Matrix, labels: &[String], width: usize) -> String {
    let n = matrix.n();
    let label_width = labels.iter().map(|l| length(l)).max().unwrap_or(0);
    let room = width.saturating_sub(MARGIN + label_width + 3).max(1);
    let across = n * (label_width + 1) <= room;
    let (cell_width, gap) =
        if across { (label_width, " ") } else { (1, if n * 2 <= room { " " } else { "" }) };
    let shown = n.min(room / (cell_width + gap.len()));
    let mut out = String::new();
    let mut push = |label: &str, bar: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|c| format!("{c:>cell_width$}")).collect();
        let line = format!("{:MARGIN$}{label:>label_width$} {bar} {}", "", cells.join(gap));
        out += line.trim_end();
        out.push('\n');
    };
    let keys = labels.get(..shown).unwrap_or(labels);
    if across {
        push("", " ", keys.to_vec());
    } else {
        for i in 0..label_width {
            // The last characters of all names stand on one line.
            let letter = |label: &String| {
                let skipped = label_width - length(label);
                i.checked_sub(skipped).and_then(|i| label.chars().nth(i)).unwrap_or(' ').to_string()
            };
            push("", " ", keys.iter().map(letter).collect());
        }
    }
    for (query, label) in keys.iter().enumerate() {
        let mark = |selected: &bool| if *selected { "1" } else { "" }.to_owned();
        push(label, "|", matrix.row(query).iter().take(shown).map(mark).collect());
    }
    if shown < n {
        let _ = writeln!(out, "{:MARGIN$}(the first {shown} of {n} positions)", "");
    }
    out
}

/// The number of characters of a text.
pub fn length(text: &str) -> usize {
    text.chars().count()
}
