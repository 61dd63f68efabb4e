//! Rows of cells under each other, on terminals of any width.

use super::draw::{MARGIN, length};
use std::fmt::Write as _;
use std::ops::Range;

/// What stands between columns.
const GAP: &str = "  ";

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

/// Columns that are printed side by side.
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
