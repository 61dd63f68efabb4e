//! Inputs of programs and models, as users write them.

use crate::interp::Interpreter;
use crate::ir::{Column, Lengths, Program};
use crate::source::SourceId;
use crate::syntax;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Statement, StatementKind, UnaryOp};
use crate::value::{Kind, Number, Value};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value as Json;

pub use crate::inputs::Columns;

/// Reads an input: a list literal, an object with one list per column, or a plain word as its
/// characters.
pub fn parse(text: &str, columns: &[Column]) -> anyhow::Result<Columns> {
    let text = text.trim();
    let lists = match text.chars().next() {
        Some('{' | '"') => {
            from_json(&serde_json::from_str(text).context("this is no JSON object")?, columns)?
        }
        // In the syntax of programs decimals are exact; JSON has more ways to write the rest.
        // Strings of programs have no escapes, those of JSON have.
        Some('[') => match (literal(text).filter(|_| !text.contains('\\')), serde_json::from_str(text)) {
            (Some(list), _) => vec![list],
            (None, Ok(json)) => from_json(&json, columns)?,
            (None, Err(_)) => {
                bail!("`{text}` is no list; write for example '[1, 2, 3]', '[\"a\", \"b\"]' or a plain word")
            }
        },
        _ => vec![characters(text, columns)],
    };
    ensure!(
        lists.len() == columns.len(),
        "the program has {} input columns; write an object with one list per column: {}",
        columns.len(),
        template(columns)
    );
    Ok(lists)
}

fn template(columns: &[Column]) -> String {
    let fields: Vec<String> = columns.iter().map(|c| format!("\"{}\": […]", c.name)).collect();
    format!("'{{{}}}'", fields.join(", "))
}

/// The characters of a word; where the domain has numbers, digits stand for numbers.
pub fn characters(text: &str, columns: &[Column]) -> Vec<Value> {
    let domain = columns.first().and_then(|c| c.domain.as_deref());
    let value = |c: char| {
        let character = Value::Str(c.to_string().into());
        let digit = Number::parse(&c.to_string()).map(Value::Number);
        match (domain, digit) {
            (Some(domain), Some(digit)) if !domain.contains(&character) && domain.contains(&digit) => digit,
            _ => character,
        }
    };
    text.chars().map(value).collect()
}

/// A list of constants in the syntax of programs: `[1/3, True, "a"]`.
fn literal(text: &str) -> Option<Vec<Value>> {
    let parsed = syntax::parse(SourceId::NOWHERE, &format!("{text};"));
    match (parsed.ast.statements.as_slice(), parsed.errors.as_slice()) {
        ([Statement { kind: StatementKind::Expr(expr), .. }], []) => match &expr.kind {
            ExprKind::List(items) => items.iter().map(constant).collect(),
            _ => None,
        },
        _ => None,
    }
}

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

fn from_json(json: &Json, columns: &[Column]) -> anyhow::Result<Columns> {
    match json {
        Json::Array(items) => Ok(vec![items.iter().map(atom).collect::<Result<_, _>>()?]),
        Json::String(word) => Ok(vec![characters(word, columns)]),
        Json::Object(fields) => {
            if let Some(unknown) = fields.keys().find(|k| !columns.iter().any(|c| *c.name == ***k)) {
                bail!("the program has no input `{unknown}`; write {}", template(columns));
            }
            let list = |c: &Column| {
                let json =
                    fields.get(&*c.name).with_context(|| format!("the list of `{}` is missing", c.name))?;
                match json {
                    Json::Array(items) => items.iter().map(atom).collect(),
                    Json::String(word) => Ok(characters(word, std::slice::from_ref(c))),
                    _ => bail!("the input of `{}` must be a list", c.name),
                }
            };
            columns.iter().map(list).collect()
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            bail!("an input is a list, a word or an object with a list per column")
        }
    }
}

fn atom(json: &Json) -> anyhow::Result<Value> {
    match json {
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(s) => Ok(Value::str(s)),
        Json::Number(n) => {
            let exact = decimal(&n.to_string()).or_else(|| Number::from_f64(n.as_f64()?));
            exact.map(Value::Number).with_context(|| format!("{n} is not a number of a reasonable size"))
        }
        Json::Null | Json::Array(_) | Json::Object(_) => bail!("{json} is no number, string or boolean"),
    }
}

/// A number in JSON's notation, `1.5e-7` included.
fn decimal(text: &str) -> Option<Number> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return Number::parse(text) };
    let exponent: i64 = exponent.parse().ok()?;
    let scale = Number::from(10_i64).pow(&exponent.into()).ok()?;
    Number::parse(digits)?.mul(&scale).ok()
}

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
    for (column, values) in program.columns.iter().zip(input.iter_mut()) {
        let Some(domain) = &column.domain else { continue };
        for (position, value) in values.iter_mut().enumerate() {
            match value.member_of(domain) {
                Some(member) => *value = member.clone(),
                None => bail!(
                    "{value} at position {position} is not in the domain of `{}`: {}",
                    column.name,
                    domain_text(domain)
                ),
            }
        }
    }
    ensure!(
        interpreter.broken_assumption(input).is_none(),
        "the program assumes something that this input does not fulfil (see its `assume` declarations)"
    );
    Ok(())
}

/// The first values of a domain.
pub fn domain_text(domain: &[Value]) -> String {
    let shown: Vec<String> = domain.iter().take(12).map(ToString::to_string).collect();
    let more =
        if domain.len() > shown.len() { format!(", … ({} values)", domain.len()) } else { String::new() };
    shown.join(", ") + &more
}
