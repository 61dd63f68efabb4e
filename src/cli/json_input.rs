//! Inputs in JSON, with every number as it is written.

use super::input::{Columns, template};
use crate::ir::Column;
use crate::value::{Number, Value};
use anyhow::{Context as _, bail, ensure};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
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

/// The lists of an object, one for each column.
pub fn object(text: &str, columns: &[Column]) -> anyhow::Result<Columns> {
    let Fields(fields) = serde_json::from_str(text).context("this is no JSON object")?;
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
        _ => bail!("{json} is no number, string or boolean"),
    }
}

/// A number in JSON's notation, `1.5e-7` included.
fn decimal(text: &str) -> Option<Number> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else { return Number::parse(text) };
    let exponent: i64 = exponent.parse().ok()?;
    let scale = Number::from(10_i64).pow(&exponent.into()).ok()?;
    Number::parse(digits)?.mul(&scale).ok()
}
