//! How values look in a terminal: s-ops as tables, selectors as matrices.

use crate::interp::Matrix;
use crate::value::{Number, Value};
use std::fmt::Write as _;
use std::ops::Range;

/// The left margin of everything that is drawn.
const MARGIN: usize = 4;
/// What stands between columns.
const GAP: &str = "  ";
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

/// Rows of cells, each column as wide as its widest cell. Columns that do not fit beside the others go
/// to lines below them, and cells that are too long for a line go on in the next one.
pub fn columns(rows: &[Vec<String>], width: usize) -> String {
    let n = rows.iter().map(Vec::len).max().unwrap_or(0);
    // The last cell of a row may run on, so it does not widen its column unless that is the last one.
    let widens = |row: &&Vec<String>, c: usize| c + 1 < row.len() || c + 1 == n && c < row.len();
    let widest =
        |c: usize| rows.iter().filter(|row| widens(row, c)).map(|row| length(&row[c])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n).map(widest).collect();
    let bands = bands(&widths, width);
    let mut out = String::new();
    for row in rows {
        for band in &bands {
            let cells = row.get(band.columns.start..band.columns.end.min(row.len())).unwrap_or_default();
            if cells.iter().any(|cell| !cell.is_empty()) {
                out += &line(cells, &widths[band.columns.start..], band, width);
            }
        }
    }
    out
}

/// Columns that stand beside each other.
struct Band {
    columns: Range<usize>,
    indent: usize,
    /// Where a line below begins.
    below: usize,
}

/// A column that fits only with its cells broken goes to the next line if it has less room than this.
const LEAST_ROOM: usize = 24;

/// As many columns on each line as fit. Lines below the first begin under its second column, unless the
/// first one takes more than half the width.
fn bands(widths: &[usize], width: usize) -> Vec<Band> {
    let second = MARGIN + widths.first().map_or(0, |first| first + GAP.len());
    let below = if second * 2 <= width { second } else { 2 * MARGIN };
    let mut bands = vec![Band { columns: 0..0, indent: MARGIN, below }];
    let mut begin = MARGIN;
    for (c, column) in widths.iter().enumerate() {
        let room = width.saturating_sub(begin);
        let breaks = c + 1 == widths.len() && room >= LEAST_ROOM;
        if c > 0 && room < *column && !breaks {
            bands.push(Band { columns: c..c, indent: below, below });
            begin = below;
        }
        if let Some(band) = bands.last_mut() {
            band.columns.end = c + 1;
        }
        begin += column + GAP.len();
    }
    bands
}

/// Cells beside each other. The last one is broken where the width ends, or goes to a line of its own.
fn line(cells: &[String], widths: &[usize], band: &Band, width: usize) -> String {
    let mut line = " ".repeat(band.indent);
    let Some((last, before)) = cells.split_last() else { return String::new() };
    for (cell, width) in before.iter().zip(widths) {
        let _ = write!(line, "{cell:<width$}{GAP}");
    }
    let mut begin = length(&line);
    let room = width.saturating_sub(begin);
    let mut out = String::new();
    if room < length(last).min(LEAST_ROOM) && !line.trim().is_empty() {
        out = line.trim_end().to_owned() + "\n";
        begin = band.below;
        line = " ".repeat(begin);
    }
    for (i, part) in broken(last, width.saturating_sub(begin)).iter().enumerate() {
        if i > 0 {
            line = " ".repeat(begin);
        }
        line += part;
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// A text in lines of at most `room` characters, broken at blanks where that is possible.
pub fn broken(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut rest: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > room {
        let blank = rest[..=room].iter().rposition(|c| *c == ' ').filter(|at| *at > 0);
        let (end, next) = blank.map_or((room, room), |at| (at, at + 1));
        lines.push(rest[..end].iter().collect());
        rest.drain(..next);
    }
    lines.push(rest.iter().collect());
    lines
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

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect();
        vec![
            row(&["blocks.0.attn.0", "attends", "at_right", "peak.rasp:6", "selected 256, others at most 0"]),
            row(&["", "code", "selector_width(at_right)", "peak.rasp:9", ""]),
            row(&["", "because", "no query selects more than one key"]),
        ]
    }

    #[test]
    fn columns_stand_beside_each_other_where_they_fit() {
        let expected = "    \
    blocks.0.attn.0  attends  at_right                  peak.rasp:6  selected 256, others at most 0
                     code     selector_width(at_right)  peak.rasp:9
                     because  no query selects more than one key
";
        assert_eq!(columns(&rows(), 120), expected);
    }

    #[test]
    fn columns_that_do_not_fit_go_below() {
        let expected = "    \
    blocks.0.attn.0  attends  at_right                  peak.rasp:6
                     selected 256, others at most 0
                     code     selector_width(at_right)  peak.rasp:9
                     because  no query selects more than one key
";
        assert_eq!(columns(&rows(), 80), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [20, 40, 60, 80, 100, 200] {
            let table = columns(&rows(), width);
            let widest = table.lines().map(length).max();
            assert!(widest <= Some(width), "{width}:\n{table}");
            // Nothing is left out.
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&table), letters(&rows().concat().concat()), "{width}:\n{table}");
        }
    }

    #[test]
    fn texts_are_broken_at_blanks() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("onetwothree", 4), ["onet", "woth", "ree"]);
        assert_eq!(broken("", 4), [""]);
        assert_eq!(broken("äöü äöü", 3), ["äöü", "äöü"]);
    }
}
