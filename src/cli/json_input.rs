//! Inputs in JSON, with every number as it is written: read, and written so that they can be read.

use super::input::{Columns, template};
use crate::ir::Column;
use crate::model::json;
use crate::value::{Number, Value};
use anyhow::{Context as _, bail, ensure};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value as Json, value::RawValue};
use std::fmt;

/// The fields of an object, in their order. Their values are looked at later.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Deserialize<'a> for Fields<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct AllFields;
        impl<'a> Visitor<'a> for AllFields {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Fields<'a>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(AllFields)
    }
}

/// The lists of an object, one for each column; none if this is no object in JSON.
pub fn object(text: &str, columns: &[Column]) -> Option<anyhow::Result<Columns>> {
    let Fields(fields) = serde_json::from_str(text).ok()?;
    Some(of_fields(&fields, columns))
}

fn of_fields(fields: &[(String, &RawValue)], columns: &[Column]) -> anyhow::Result<Columns> {
    for (i, (name, _)) in fields.iter().enumerate() {
        if !columns.iter().any(|c| *c.name == **name) {
            bail!("the program has no input `{name}`; write {}", template(columns));
        }
        ensure!(!fields[..i].iter().any(|(other, _)| other == name), "`{name}` is given twice");
    }
    let list = |c: &Column| {
        let found = fields.iter().find(|(name, _)| **name == *c.name);
        let (_, json) = found.with_context(|| format!("the list of `{}` is missing", c.name))?;
        if json.get().starts_with('"') {
            return word(json.get(), c);
        }
        list(json.get())
            .with_context(|| format!("the input of `{}` must be a list", c.name))?
            .with_context(|| format!("in the list of `{}`", c.name))
    };
    columns.iter().map(list).collect()
}

/// A word in quotes, as the characters of a column.
pub fn word(text: &str, column: &Column) -> anyhow::Result<Vec<Value>> {
    let word: String = serde_json::from_str(text).context("this is no JSON string")?;
    Ok(column.characters(&word))
}

/// The elements of a list, or what is wrong with one of them; none if this is no list in JSON.
pub fn list(text: &str) -> Option<anyhow::Result<Vec<Value>>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(|item| atom(item.get())).collect())
}

fn atom(json: &str) -> anyhow::Result<Value> {
    match json.as_bytes().first() {
        Some(b'"') => Ok(Value::str(&serde_json::from_str::<String>(json)?)),
        Some(b't') => Ok(Value::Bool(true)),
        Some(b'f') => Ok(Value::Bool(false)),
        Some(b'-' | b'0'..=b'9') => {
            let number = decimal(json).map(Value::Number);
            number.with_context(|| format!("{json} is not a number of a reasonable size"))
        }
        _ => {
            let fraction = serde_json::from_str(json).ok().and_then(|json| json::from_json(&json));
            fraction.with_context(|| {
                format!("{json} is no number, string or boolean; a fraction is {{\"ratio\": \"1/3\"}}")
            })
        }
    }
}

/// An input as an object with a list for each column, which [`object`] reads.
pub fn to_json(columns: &[Column], input: &Columns) -> Json {
    let list = |values: &[Value]| Json::Array(values.iter().map(json::to_json).collect());
    columns.iter().zip(input).map(|(c, values)| (c.name.to_string(), list(values))).collect()
}

/// A number in JSON's notation, `1.5e-7` included.
fn decimal(text: &str) -> Option<Number> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return Number::parse(text) };
    let exponent: i64 = exponent.parse().ok()?;
    let scale = Number::from(10_i64).pow(&exponent.into()).ok()?;
    Number::parse(digits)?.mul(&scale).ok()
}
