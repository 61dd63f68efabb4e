//! The keys of an experiment and the values that they take.

use super::experiment::ExperimentError;
use crate::diagnostic::edit_distance;
use toml::{Table, Value};

/// The kind of value that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A table with keys of its own.
    Section,
    Text,
    Texts,
    /// An integer that is not negative.
    Count,
    Number,
    Truth,
    OneOf(&'static [&'static str]),
    Seeds,
}

/// Every key of an experiment.
pub(super) const KEYS: [(&str, Takes); 49] = [
    ("program", Takes::Text),
    ("inputs", Takes::Texts),
    ("length", Takes::Text),
    ("init", Takes::Text),
    ("model", Takes::Section),
    ("model.multiple", Takes::Count),
    ("model.layers", Takes::Count),
    ("model.heads", Takes::Count),
    ("model.d_model", Takes::Count),
    ("model.d_head", Takes::Count),
    ("model.d_mlp", Takes::Count),
    ("model.activation", Takes::OneOf(&["relu", "gelu", "gelu_tanh"])),
    ("model.attn_scale", Takes::OneOf(&["one", "sqrt_d_head"])),
    ("model.positions", Takes::OneOf(&["learned", "sinusoidal", "query_key"])),
    ("model.biases", Takes::OneOf(&["none", "neurons", "all"])),
    ("model.norm_eps", Takes::Number),
    ("model.tied", Takes::Truth),
    ("data", Takes::Section),
    ("data.distributions", Takes::Texts),
    ("data.held_out_distributions", Takes::Texts),
    ("data.train", Takes::Count),
    ("data.held_out", Takes::Count),
    ("data.held_out_share", Takes::Number),
    ("data.seed", Takes::Count),
    ("train", Takes::Section),
    ("train.steps", Takes::Count),
    ("train.batch", Takes::Count),
    ("train.seed", Takes::Count),
    ("train.seeds", Takes::Seeds),
    ("train.dtype", Takes::OneOf(&["f32", "f64"])),
    ("train.workers", Takes::Count),
    ("train.schedule", Takes::Section),
    ("train.schedule.kind", Takes::OneOf(&["constant", "cosine"])),
    ("train.schedule.warm_up", Takes::Count),
    ("train.schedule.last", Takes::Number),
    ("train.evaluate_every", Takes::Count),
    ("train.checkpoint_every", Takes::Count),
    ("train.log_every", Takes::Count),
    ("train.patience", Takes::Count),
    ("train.tolerance", Takes::Number),
    ("optimiser", Takes::Section),
    ("optimiser.kind", Takes::OneOf(&["sgd", "adam", "adamw"])),
    ("optimiser.lr", Takes::Number),
    ("optimiser.weight_decay", Takes::Number),
    ("optimiser.momentum", Takes::Number),
    ("optimiser.beta1", Takes::Number),
    ("optimiser.beta2", Takes::Number),
    ("optimiser.eps", Takes::Number),
    ("optimiser.clip", Takes::Number),
];

impl Takes {
    /// Completes the sentence "it takes …".
    pub(super) fn words(self) -> String {
        let text = match self {
            Self::Section => "a section of keys",
            Self::Text => "a text in quotes",
            Self::Texts => "a list of texts, such as [\"declared\"]",
            Self::Count => "a whole number from 0",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::OneOf(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let (last, first) = quoted.split_last().map_or(("", &[][..]), |(l, f)| (l.as_str(), f));
                return format!("{} or {last}", first.join(", "));
            }
            Self::Seeds => "a number of runs, or a list of seeds such as [1, 2, 3]",
        };
        text.to_owned()
    }

    fn fits(self, value: &Value) -> bool {
        let count = |value: &Value| value.as_integer().is_some_and(|n| n >= 0);
        let all = |each: &dyn Fn(&Value) -> bool| value.as_array().is_some_and(|all| all.iter().all(each));
        match self {
            Self::Section => value.is_table(),
            Self::Text => value.is_str(),
            Self::Texts => all(&Value::is_str),
            Self::Count => count(value),
            Self::Number => value.is_integer() || value.is_float(),
            Self::Truth => value.is_bool(),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Seeds => count(value) || all(&count),
        }
    }
}

/// The kind of value of a key; none for an unknown key.
fn takes(key: &str) -> Option<Takes> {
    KEYS.iter().find(|(known, _)| *known == key).map(|(_, takes)| *takes)
}

/// The keys whose last segments are these.
fn ending(key: &str) -> Vec<&'static str> {
    let end = format!(".{key}");
    KEYS.iter().map(|(known, _)| *known).filter(|known| known.ends_with(&end)).collect()
}

fn unknown(key: &str) -> ExperimentError {
    let nearest = match ending(key)[..] {
        [only] => Some(only),
        _ => KEYS.iter().map(|(known, _)| *known).min_by_key(|known| edit_distance(key, known)),
    };
    ExperimentError::Unknown { key: key.to_owned(), nearest: nearest.unwrap_or_default() }
}

/// An alternative spelling of a section.
const ALIAS: (&str, &str) = ("optimizer", "optimiser");

/// Completes a key of which only the last segments are given, if that is unambiguous.
fn full(key: &str) -> Result<String, ExperimentError> {
    let key = match key.strip_prefix(ALIAS.0) {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("{}{rest}", ALIAS.1),
        _ => key.to_owned(),
    };
    if takes(&key).is_some() {
        return Ok(key);
    }
    match ending(&key)[..] {
        [] => Err(unknown(&key)),
        [only] => Ok(only.to_owned()),
        ref several => Err(ExperimentError::Ambiguous { key, all: several.join(" or ") }),
    }
}

/// Parses the text of an experiment and checks all keys and the kinds of their values.
pub(super) fn read(text: &str) -> Result<Table, ExperimentError> {
    let mut table: Table = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        let shown = text.lines().nth(line).unwrap_or_default().trim().to_owned();
        let repeated = error.message().contains("duplicate key");
        ExperimentError::Syntax { line: line + 1, text: shown, repeated }
    })?;
    if !table.contains_key(ALIAS.1)
        && let Some(section) = table.remove(ALIAS.0)
    {
        table.insert(ALIAS.1.to_owned(), section);
    }
    check(&table, "")?;
    Ok(table)
}

/// Checks that every key is known and has a value of the right kind.
pub(super) fn check(table: &Table, prefix: &str) -> Result<(), ExperimentError> {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        let takes = takes(&key).ok_or_else(|| unknown(&key))?;
        if !takes.fits(value) {
            return Err(ExperimentError::Kind { key, found: value.clone(), takes });
        }
        if let Value::Table(inner) = value {
            check(inner, &format!("{key}."))?;
        }
    }
    Ok(())
}

/// Applies `key=value`: a dotted key or its last segments, and a TOML value or a bare word.
pub(super) fn set(table: &mut Table, set: &str) -> Result<(), ExperimentError> {
    let nothing = || ExperimentError::Set(set.to_owned());
    let (key, value) = set.split_once('=').ok_or_else(nothing)?;
    let (key, value) = (full(key.trim())?, value.trim());
    let parsed: Result<Table, _> = toml::from_str(&format!("it = {value}"));
    let parsed = parsed.ok().and_then(|mut parsed| parsed.remove("it"));
    let value = match parsed {
        // `length=10` means the text "10".
        Some(parsed) if parsed.is_str() || takes(&key) != Some(Takes::Text) => parsed,
        Some(_) | None => Value::String(value.to_owned()),
    };
    let (path, last) = key.rsplit_once('.').map_or((None, key.as_str()), |(path, last)| (Some(path), last));
    let mut place = table;
    for name in path.into_iter().flat_map(|path| path.split('.')) {
        let inner = place.entry(name).or_insert_with(|| Value::Table(Table::new()));
        place = inner.as_table_mut().ok_or_else(nothing)?;
    }
    place.insert(last.to_owned(), value);
    Ok(())
}

/// All keys, dotted, with their values; sections are expanded.
pub(super) fn flat(table: &Table, prefix: &str) -> Vec<(String, Value)> {
    let of = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) => flat(inner, &format!("{prefix}{key}.")),
        other => vec![(format!("{prefix}{key}"), other.clone())],
    };
    table.iter().flat_map(of).collect()
}
