//! Inputs of programs and models, as users write them.

use super::draw;
use super::json_input;
use super::program::Loaded;
use crate::interp::Interpreter;
use crate::ir::{Column, Lengths, Program};
use crate::source::{SourceId, Sources, Span};
use crate::syntax;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Statement, StatementKind, UnaryOp};
use crate::value::{Kind, Number, Value};
use anyhow::{Context as _, anyhow, bail, ensure};

pub use crate::inputs::Columns;

/// Reads an input of a program, and checks that the program takes it.
pub fn read(text: &str, loaded: &Loaded, interpreter: &Interpreter<'_>) -> anyhow::Result<Columns> {
    let mut input = parse(text, &loaded.program.columns)?;
    let checked = validate(&loaded.program, interpreter, &mut input);
    checked
        .map_err(|error| with_list(with_assumption(error, &loaded.sources), text, &loaded.program.columns))?;
    Ok(input)
}

/// Reads an input: a list per column as in an `example`, an object with one list per column, or a
/// plain word as its characters. A text with the brackets of a list may be a word of brackets, too.
pub fn parse(text: &str, columns: &[Column]) -> anyhow::Result<Columns> {
    let lists = match text.trim_start().chars().next() {
        Some('[' | '{' | '"') => match (notation(text.trim(), columns), bracket_word(text, columns)) {
            (Ok(lists), _) if lists.iter().any(|list| !list.is_empty()) => lists,
            (_, Some(word)) => vec![word],
            (lists, None) => lists?,
        },
        _ => vec![columns.first().map_or_else(Vec::new, |column| column.characters(text))],
    };
    ensure!(
        lists.len() == columns.len(),
        "the program has {} input columns; write an object with one list per column: {}",
        columns.len(),
        template(columns)
    );
    Ok(lists)
}

fn notation(text: &str, columns: &[Column]) -> anyhow::Result<Columns> {
    if let (true, Some(column)) = (text.starts_with('"'), columns.first()) {
        return Ok(vec![json_input::word(text, column)?]);
    }
    // In the syntax of programs decimals are exact; JSON has more ways to write the rest.
    // Plain strings of programs have no escapes, those of JSON have.
    let written = literal(text, columns);
    if let (Ok(lists), false) = (&written, has_plain_backslash(text)) {
        return Ok(lists.clone());
    }
    let json = match text.starts_with('{') {
        true => json_input::object(text, columns),
        false => json_input::list(text).map(|list| Ok(vec![list?])),
    };
    match (json, written) {
        (Some(lists), _) => lists,
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => {
            let text = draw::shorten(text, MAX_TEXT);
            bail!("`{text}` is no list: `\\` stands before one of \"\\/bfnrtu only")
        }
    }
}

/// Whether a `\` stands outside of the strings that begin with `e`, in which it begins an escape.
fn has_plain_backslash(text: &str) -> bool {
    syntax::plain_strings(text).any(|plain| plain.contains('\\'))
}

/// A text as a word, if every character is in the domain of the only column.
fn bracket_word(text: &str, columns: &[Column]) -> Option<Vec<Value>> {
    let [column @ Column { domain: Some(domain), .. }] = columns else { return None };
    let word = column.characters(text);
    word.iter().all(|character| domain.contains(character)).then_some(word)
}

/// An object with a list for each column.
pub fn template(columns: &[Column]) -> String {
    let fields: Vec<String> = columns.iter().map(|c| format!("\"{}\": […]", c.name)).collect();
    format!("'{{{}}}'", fields.join(", "))
}

/// Lists of constants in the syntax of programs: `[1/3, True, "a"]`, one per column, or a
/// dictionary of them.
fn literal(text: &str, columns: &[Column]) -> anyhow::Result<Columns> {
    let statement = format!("{BEFORE}{text};");
    let parsed = syntax::parse(SourceId::NOWHERE, &statement);
    let written = |span: Span| statement.get(span.range()).unwrap_or_default();
    if let Some(error) = parsed.errors.first() {
        let reason = syntax::describe(error, &statement).message;
        // What stands behind the text is not the user's.
        let cause = match (error.span().start as usize) < BEFORE.len() + text.len() {
            true => format!(", because of `{}`", written(error.span())),
            false => String::new(),
        };
        bail!("`{}` is no list{cause}: {reason}; {WRITE}", draw::shorten(text, MAX_TEXT));
    }
    let values = match parsed.ast.statements.as_slice() {
        [Statement { kind: StatementKind::Assign { values, .. }, .. }] => values.as_slice(),
        _ => &[],
    };
    let constants = |items: &[Expr]| -> anyhow::Result<Vec<Value>> {
        let item = |item: &Expr| {
            constant(item).with_context(|| format!("{} is no number, string or boolean", written(item.span)))
        };
        items.iter().map(item).collect()
    };
    if let [Expr { kind: ExprKind::Dict(pairs), .. }] = values {
        return dictionary(pairs, columns, constants);
    }
    let list = |value: &Expr| match &value.kind {
        ExprKind::List(items) => constants(items),
        _ => bail!("`{}` is no list; {WRITE}", written(value.span)),
    };
    match values {
        [] => bail!("`{}` is no list; {WRITE}", draw::shorten(text, MAX_TEXT)),
        [_, _, ..] if values.len() != columns.len() => {
            bail!("these are {} lists; write {}", values.len(), template(columns))
        }
        _ => values.iter().map(list).collect(),
    }
}

/// What stands before an input, so that it is a statement.
const BEFORE: &str = "_ = ";

/// The lists of a dictionary, one for each column.
fn dictionary(
    pairs: &[(Expr, Expr)],
    columns: &[Column],
    constants: impl Fn(&[Expr]) -> anyhow::Result<Vec<Value>>,
) -> anyhow::Result<Columns> {
    let is = |key: &Expr, c: &Column| matches!(&key.kind, ExprKind::Str(name) if *name == c.name);
    if pairs.len() != columns.len() || !pairs.iter().all(|(key, _)| columns.iter().any(|c| is(key, c))) {
        bail!("the input has other columns than the program; write {}", template(columns));
    }
    let list = |c: &Column| match pairs.iter().find(|(key, _)| is(key, c)) {
        Some((_, Expr { kind: ExprKind::List(items), .. })) => constants(items),
        Some((_, Expr { kind: ExprKind::Str(word), .. })) => Ok(c.characters(word)),
        Some(_) | None => bail!("the list of `{}` is missing; write {}", c.name, template(columns)),
    };
    columns.iter().map(list).collect()
}

const WRITE: &str = "write for example '[1, 2, 3]', '[\"a\", \"b\"]' or a plain word; \
     to give it as a word, write '\"...\"'";

fn constant(expr: &Expr) -> Option<Value> {
    let number = |expr: &Expr| constant(expr).filter(|v| v.kind() == Kind::Number)?.number();
    match &expr.bare().kind {
        ExprKind::Number(number) => Some(Value::Number(number.clone())),
        ExprKind::Str(text) => Some(Value::Str(text.clone())),
        ExprKind::Name(name) if **name == *"True" || **name == *"False" => {
            Some(Value::Bool(**name == *"True"))
        }
        ExprKind::Unary { op: UnaryOp::Neg, operand } => number(operand).map(|n| Value::Number(n.neg())),
        ExprKind::Binary { op: BinaryOp::Div, left, right } => {
            number(left)?.div(&number(right)?).ok().map(Value::Number)
        }
        _ => None,
    }
}

/// Longer texts and values are cut off in messages.
const MAX_TEXT: usize = 80;
const MAX_VALUE: usize = 40;

/// Checks an input against what the program declares, and replaces values by those of the domain
/// that they mean.
pub fn validate(program: &Program, interpreter: &Interpreter<'_>, input: &mut Columns) -> anyhow::Result<()> {
    let length = input.first().map_or(0, Vec::len);
    for (column, values) in program.columns.iter().zip(&*input) {
        ensure!(
            values.len() == length,
            "columns differ in length: `{}` has {length} values, `{}` has {}",
            program.columns[0].name,
            column.name,
            values.len()
        );
    }
    ensure!(length > 0, "the input is empty; a sequence has at least one position");
    if let Some(Lengths { min, max }) = program.lengths {
        ensure!(
            (min..=max).contains(&length),
            "the input has length {length}, but the program declares lengths {min}..{max}"
        );
    }
    ensure!(
        length <= interpreter.longest(),
        "the input has length {length}; this program can be run on lengths up to {}, because a selector \
         has a cell for every pair of positions",
        interpreter.longest()
    );
    for (column, values) in program.columns.iter().zip(input.iter_mut()) {
        let Some(domain) = &column.domain else { continue };
        for (position, value) in values.iter_mut().enumerate() {
            match value.member_of(domain) {
                Some(member) => *value = member.clone(),
                None => bail!(
                    "{} at position {position} is not in the domain of `{}`: {}",
                    draw::shorten(&value.to_string(), MAX_VALUE),
                    column.name,
                    domain_text(domain)
                ),
            }
        }
    }
    match interpreter.broken_assumption(input) {
        Some(assumption) => Err(BrokenAssumption(assumption).into()),
        None => Ok(()),
    }
}

/// An input breaks the assumption of the program that stands here.
#[derive(Debug, thiserror::Error)]
#[error("the program assumes something that this input does not fulfil (see its `assume` declarations)")]
struct BrokenAssumption(Span);

/// The error with the words of the assumption that is broken, if it is one.
pub fn with_assumption(error: anyhow::Error, sources: &Sources) -> anyhow::Error {
    match error.downcast_ref() {
        Some(BrokenAssumption(span)) => {
            let (text, place) = (sources.text(*span), sources.place(*span));
            anyhow!("the program assumes `{text}` ({place}), which this input does not fulfil")
        }
        None => error,
    }
}

/// The error with the list that was probably meant, if a word that is no input is one of values with
/// commas or blanks between them.
pub fn with_list(error: anyhow::Error, text: &str, columns: &[Column]) -> anyhow::Error {
    match list_instead(text, columns) {
        Some(list) => anyhow!("{error:#}; did you mean '{list}'?"),
        None => error,
    }
}

/// A word as the list of the values that stand between its commas, or else its blanks, if these are in
/// the domain of the only column and the characters of the word are not.
fn list_instead(text: &str, columns: &[Column]) -> Option<String> {
    let [column @ Column { domain: Some(domain), .. }] = columns else { return None };
    let text = text.trim().trim_matches('"');
    let is_input = column.characters(text).iter().all(|c| c.member_of(domain).is_some());
    let pieces: Vec<&str> = match text.contains(',') {
        true => text.split(',').map(str::trim).collect(),
        false => text.split_whitespace().collect(),
    };
    let member = |piece: &&str| {
        domain.iter().find(|value| match value {
            Value::Str(text) => **text == **piece,
            Value::Number(number) => Number::parse(piece).as_ref() == Some(number),
            Value::Bool(_) => value.to_string() == **piece,
        })
    };
    let values: Vec<String> =
        pieces.iter().map(|p| member(p).map(Value::to_string)).collect::<Option<_>>()?;
    (!is_input && !values.is_empty()).then(|| format!("[{}]", values.join(", ")))
}

/// The first values of a domain.
pub fn domain_text(domain: &[Value]) -> String {
    let shown: Vec<String> = domain.iter().take(12).map(ToString::to_string).collect();
    let more =
        if domain.len() > shown.len() { format!(", … ({} values)", domain.len()) } else { String::new() };
    shown.join(", ") + &more
}
