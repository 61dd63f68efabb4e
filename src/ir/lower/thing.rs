//! What a name can stand for while a program is unrolled.

use crate::ir::{SOpId, SelectorId};
use crate::syntax::ast::Def;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// Lists and dictionaries beyond this size (elements of elements counted) are refused.
pub(super) const MAX_WEIGHT: usize = 200_000;
/// Lists inside lists beyond this many levels are refused.
pub(super) const MAX_NESTING: usize = 64;

/// A value of the unrolling: everything here is known before any input is.
#[derive(Clone, Debug)]
pub enum Thing {
    Atom(Value),
    List(List),
    Dict(Arc<Vec<(Value, Thing)>>),
    SOp(SOpId),
    Selector(SelectorId),
    Function(Arc<Function>),
    /// `sop("input")`: to be evaluated by whoever shows it. `input` is a string, a list, or a
    /// dictionary with one list per column.
    Applied {
        what: Box<Thing>,
        input: Box<Thing>,
    },
    /// The result of something that was reported as wrong; whatever uses it stays silent.
    Unknown,
}

/// A list, with its size kept so that growth stays bounded.
#[derive(Clone, Debug)]
pub struct List {
    pub items: Arc<[Thing]>,
    weight: usize,
    nesting: usize,
}

#[derive(Debug)]
pub enum Function {
    Defined {
        def: Arc<Def>,
        scope: super::ScopeId,
    },
    /// `_width(selector)`: the number of selected keys. The library's one addition to RASP.
    Width,
}

impl Function {
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Defined { def, .. } => def.name.value.clone(),
            Self::Width => "_width".into(),
        }
    }
}

impl List {
    /// `None` if the list would be too large.
    pub fn new(items: Vec<Thing>) -> Option<Self> {
        let weight = items.iter().fold(items.len(), |w, t| w.saturating_add(t.weight()));
        let nesting = 1 + items.iter().map(Thing::nesting).max().unwrap_or(0);
        (weight <= MAX_WEIGHT && nesting <= MAX_NESTING).then(|| Self {
            items: items.into(),
            weight,
            nesting,
        })
    }

    /// The elements, if all are atoms.
    pub fn atoms(&self) -> Option<Vec<Value>> {
        self.items.iter().map(|t| t.atom().cloned()).collect()
    }
}

impl Thing {
    /// The constant that it is, if it is one.
    pub fn atom(&self) -> Option<&Value> {
        match self {
            Self::Atom(value) => Some(value),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::List(list) => list.weight,
            Self::Dict(pairs) => pairs.iter().fold(pairs.len(), |w, (_, t)| w.saturating_add(t.weight())),
            // An element counts for one already; long strings count for more.
            Self::Atom(Value::Str(text)) => text.len() / 32,
            _ => 0,
        }
    }

    fn nesting(&self) -> usize {
        match self {
            Self::List(list) => list.nesting,
            Self::Dict(pairs) => 1 + pairs.iter().map(|(_, t)| t.nesting()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// A dictionary; `None` if it would be too large. Of equal keys the last one counts.
    pub fn dict(pairs: Vec<(Value, Self)>) -> Option<Self> {
        let mut unique: Vec<(Value, Self)> = Vec::with_capacity(pairs.len());
        let mut places = std::collections::HashMap::new();
        for (key, value) in pairs {
            let place = *places.entry(key.canonical()).or_insert(unique.len());
            match unique.get_mut(place) {
                Some(pair) => pair.1 = value,
                None => unique.push((key, value)),
            }
        }
        let dict = Self::Dict(Arc::new(unique));
        (dict.weight() <= MAX_WEIGHT && dict.nesting() <= MAX_NESTING).then_some(dict)
    }

    /// What it is, as messages say it.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Atom(Value::Bool(_)) => "a boolean",
            Self::Atom(Value::Number(_)) => "a number",
            Self::Atom(Value::Str(_)) => "a string",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
            Self::SOp(_) => "an s-op",
            Self::Selector(_) => "a selector",
            Self::Function(_) => "a function",
            Self::Applied { .. } => "the result of applying an s-op to an input",
            Self::Unknown => "unknown",
        }
    }

    /// The `==` of two things that are no s-ops; `None` if they cannot be compared.
    pub fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Atom(a), Self::Atom(b)) => Some(a.same(b)),
            (Self::List(a), Self::List(b)) => {
                if a.items.len() != b.items.len() {
                    return Some(false);
                }
                a.items.iter().zip(b.items.iter()).try_fold(true, |all, (x, y)| Some(all && x.equals(y)?))
            }
            (Self::Atom(_), Self::List(_)) | (Self::List(_), Self::Atom(_)) => Some(false),
            _ => None,
        }
    }
}

/// Constants as they are written in a program; the rest by what it is.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atom(value) => value.fmt(f),
            Self::List(list) => {
                f.write_str("[")?;
                for (i, item) in list.items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Dict(pairs) => {
                f.write_str("{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
            Self::Function(function) => write!(f, "function {}", function.name()),
            other => f.write_str(other.describe()),
        }
    }
}
