//! The REPL's running example: what it may be, whether it fits the program, how it is written.

use crate::cli::draw;
use crate::cli::input::{self, Columns};
use crate::interp::Interpreter;
use crate::ir::lower::Thing;
use crate::ir::{Column, Lengths, Program};
use crate::value::Value;
use anyhow::{Context as _, bail, ensure};

/// Longer examples are refused: a selector has a cell for every pair of positions.
const MAX_LENGTH: usize = 1_000;
/// A suggestion begins at one of this many values of a domain.
const MAX_STARTS: usize = 20;
/// So many suggestions are tried.
const MAX_TRIES: usize = 200;

/// The example that a string, a list, or a dictionary with one list per column means.
pub fn from_thing(thing: &Thing, columns: &[Column]) -> anyhow::Result<Columns> {
    let example = match thing {
        Thing::Dict(pairs) => {
            let named = |name: &str| pairs.iter().find(|(key, _)| key.same(&Value::str(name)));
            let known = |key: &Value| columns.iter().any(|c| key.same(&Value::str(&c.name)));
            if let Some((key, _)) = pairs.iter().find(|(key, _)| !known(key)) {
                bail!("the program has no input {key}");
            }
            let column = |c: &Column| {
                let (_, thing) =
                    named(&c.name).with_context(|| format!("the list of `{}` is missing", c.name))?;
                values(thing, Some(c))
            };
            columns.iter().map(column).collect::<anyhow::Result<Columns>>()?
        }
        other => vec![values(other, columns.first())?],
    };
    let length = example.first().map_or(0, Vec::len);
    ensure!(length > 0, "a sequence has at least one position");
    ensure!(length <= MAX_LENGTH, "{length} positions are more than the {MAX_LENGTH} that can be shown");
    Ok(example)
}

fn values(thing: &Thing, column: Option<&Column>) -> anyhow::Result<Vec<Value>> {
    match thing {
        Thing::Atom(Value::Str(word)) => Ok(match column {
            Some(column) => column.characters(word),
            None => word.chars().map(|c| Value::str(&c.to_string())).collect(),
        }),
        Thing::List(list) => list.atoms().context("the list holds something that is no constant"),
        other => bail!("expected a string or a list of constants, found {}", other.describe()),
    }
}

/// Whether a program can be run on an example; if not, why.
pub fn fits(program: &Program, example: &Columns) -> anyhow::Result<()> {
    // A program that has not read its input yet will read one column.
    if program.columns.is_empty() {
        return Ok(());
    }
    ensure!(
        example.len() == program.columns.len(),
        "the program has {} input columns, the input has {}",
        program.columns.len(),
        example.len()
    );
    input::validate(program, &Interpreter::new(program), &mut example.clone())
}

/// An example that fits, if a simple one does: stretches of the domains, of length 5 if possible.
pub fn suggestion(program: &Program) -> Option<Columns> {
    let (shortest, longest) = match program.lengths {
        Some(Lengths { min, max }) => (min.min(MAX_LENGTH), 5.clamp(min, max).min(MAX_LENGTH)),
        None => (1, 5),
    };
    let columns = &program.columns;
    let largest = columns.iter().flat_map(|c| &c.domain).map(Vec::len).max()?;
    let example = |length: usize, start: usize| -> Columns {
        let values =
            |c: &Column| c.domain.iter().flatten().cycle().skip(start).take(length).cloned().collect();
        columns.iter().map(values).collect()
    };
    let lengths = (shortest..=longest).rev();
    let starts = 0..largest.min(MAX_STARTS);
    lengths
        .flat_map(|length| starts.clone().map(move |start| (length, start)))
        .map(|(length, start)| example(length, start))
        .take(MAX_TRIES)
        .find(|example| fits(program, example).is_ok())
}

/// An example as it is written after `set example`.
pub fn text(example: &Columns, columns: &[Column]) -> String {
    match example.as_slice() {
        [only] => column_text(only),
        several => {
            let named = several.iter().zip(columns);
            let pairs: Vec<String> =
                named.map(|(values, c)| format!("\"{}\": {}", c.name, column_text(values))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

fn column_text(values: &[Value]) -> String {
    let character = |v: &Value| match v {
        Value::Str(s) if s.chars().count() == 1 && **s != *"\"" && !s.contains(char::is_control) => {
            Some(s.clone())
        }
        _ => None,
    };
    match values.iter().map(character).collect::<Option<Vec<_>>>() {
        Some(word) => format!("\"{}\"", word.concat()),
        None => draw::printable(&crate::inputs::list_text(values)),
    }
}

/// The rows of a table that say what the input is: positions and tokens.
pub fn rows(example: &Columns, columns: &[Column]) -> Vec<draw::Row> {
    let length = example.first().map_or(0, Vec::len);
    let mut rows = vec![("position".to_owned(), (0..length).map(|i| i.to_string()).collect())];
    for (i, values) in example.iter().enumerate() {
        let name = columns.get(i).map_or("tokens", |c| &*c.name);
        rows.push((name.to_owned(), values.iter().map(draw::cell).collect()));
    }
    rows
}

/// The names of positions along a matrix: their tokens.
pub fn labels(example: &Columns) -> Vec<String> {
    let length = example.first().map_or(0, Vec::len);
    let label = |i| example.iter().filter_map(|c| c.get(i)).map(draw::cell).collect::<Vec<_>>().join(",");
    (0..length).map(label).collect()
}
