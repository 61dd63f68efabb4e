//! How is a value read back from the slots that hold it?

use super::held::{Held, Of};
use super::manifest::{Manifest, SlotInfo};
use crate::value::{Number, Value};
use std::collections::HashMap;
use std::fmt;

/// Slots that one writer wrote to tell one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding<'m> {
    pub of: Of,
    pub slots: Vec<&'m SlotInfo>,
    /// The half-layer that writes them.
    pub born: usize,
}

/// As many values are named that a network does not tell apart.
const MAX_SHOWN: usize = 3;

/// What slots say of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    Value(Value),
    /// Give or take the bound of the slot.
    About(f64),
    /// At least the first, and below the second. Readers do not tell more apart.
    Between(Option<Value>, Option<Value>),
    /// One of these. Readers do not tell them apart.
    Among(Vec<Value>),
    /// Nothing that the program has a word for.
    Unclear,
}

/// What a network holds of its program, in the order in which it is written.
pub fn holdings(manifest: &Manifest) -> Vec<Holding<'_>> {
    let mut holdings: Vec<Holding<'_>> = Vec::new();
    let mut places: HashMap<(Of, &str, u8), usize> = HashMap::new();
    for slot in &manifest.slots {
        let Some(of) = slot.holds.about() else { continue };
        let place = *places.entry((of, &slot.owner, code(&slot.holds))).or_insert(holdings.len());
        match holdings.get_mut(place) {
            Some(holding) => holding.slots.push(slot),
            None => holdings.push(Holding { of, slots: vec![slot], born: slot.live[0] }),
        }
    }
    holdings.sort_by_key(|h| h.born);
    holdings
}

/// Slots of the same code are read together.
fn code(held: &Held) -> u8 {
    match held {
        Held::One | Held::Bos => 0,
        Held::OneHot { .. } => 1,
        Held::AtLeast { .. } | Held::Below { .. } => 2,
        Held::Numeric { .. } => 3,
        Held::Share { .. } => 4,
        Held::Function { .. } => 5,
    }
}

impl SlotInfo {
    /// Whether a residual entry is this number, give or take the bound.
    pub fn is(&self, entry: f64, number: &Number) -> bool {
        let distance = Number::from_f64(entry).and_then(|e| e.sub(number).ok());
        distance.is_some_and(|d| d.abs() <= self.bound)
    }

    /// Whether a row of the residual stream is, in this slot, that of BOS.
    pub fn is_at_bos(&self, row: &[f64]) -> bool {
        row.get(self.direction).is_some_and(|entry| self.is(*entry, &self.at_bos))
    }
}

impl Holding<'_> {
    /// Whether a row of the residual stream holds this value, each slot within its bound.
    pub fn holds(&self, row: &[f64], value: &Value) -> bool {
        self.slots.iter().all(|slot| {
            let entry = row.get(slot.direction).copied().unwrap_or(f64::NAN);
            slot.holds.number_for(value).is_some_and(|number| slot.is(entry, &number))
        })
    }

    /// Whether a row of the residual stream is that of BOS.
    pub fn is_bos(&self, row: &[f64]) -> bool {
        self.slots.iter().all(|slot| slot.is_at_bos(row))
    }

    /// The value that a row of the residual stream holds.
    pub fn read(&self, row: &[f64]) -> Shown {
        let entry = |slot: &SlotInfo| row.get(slot.direction).copied().unwrap_or(f64::NAN);
        let (mut values, mut clear) = (Vec::new(), true);
        let (mut at_least, mut below): (Option<&Value>, Option<&Value>) = (None, None);
        for slot in &self.slots {
            let on = slot.is(entry(slot), &Number::ONE);
            let bit = on || slot.is(entry(slot), &Number::ZERO);
            let (value, above) = match &slot.holds {
                Held::One | Held::Bos => continue,
                Held::OneHot { value, .. } => {
                    clear &= bit;
                    values.extend(on.then_some(value));
                    continue;
                }
                Held::AtLeast { value, .. } => (value, on),
                Held::Below { value, .. } => (value, !on),
                Held::Function { table, .. } => return self.among(row, table),
                Held::Numeric { .. } => return number(slot, entry(slot)),
                Held::Share { .. } => return width(slot, entry(slot)),
            };
            clear &= bit;
            if above {
                at_least = at_least.max(Some(value));
            } else {
                below = Some(below.map_or(value, |b| b.min(value)));
            }
        }
        match (values.as_slice(), at_least, below) {
            _ if !clear => Shown::Unclear,
            ([value], None, None) => Shown::Value((*value).clone()),
            ([], Some(low), Some(high)) if low >= high => Shown::Unclear,
            ([], None, None) | ([_, ..], _, _) => Shown::Unclear,
            ([], low, high) => Shown::Between(low.cloned(), high.cloned()),
        }
    }
}

impl Holding<'_> {
    /// Those values of a table for which every slot holds its number.
    fn among(&self, row: &[f64], table: &[(Value, Number)]) -> Shown {
        let mut fits: Vec<Value> =
            table.iter().map(|(v, _)| v).filter(|v| self.holds(row, v)).cloned().collect();
        match fits.len() {
            0 => Shown::Unclear,
            1 => Shown::Value(fits.swap_remove(0)),
            _ => Shown::Among(fits),
        }
    }
}

fn number(slot: &SlotInfo, entry: f64) -> Shown {
    match Number::from_f64(entry) {
        Some(exact) if slot.bound.is_zero() => Shown::Value(Value::Number(exact)),
        Some(_) | None => Shown::About(entry),
    }
}

/// The width whose share is held: `1 / share - 1`.
fn width(slot: &SlotInfo, share: f64) -> Shown {
    let width = 1.0 / share - 1.0;
    let nearest = Number::from_f64(width.round()).map(Value::Number);
    let fits = |v: &Value| slot.holds.number_for(v).is_some_and(|number| slot.is(share, &number));
    nearest.filter(fits).map_or(Shown::About(width), Shown::Value)
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            // Seven digits tell f32 apart.
            Self::About(number) => write!(f, "≈{}", *number as f32),
            Self::Between(Some(low), None) => write!(f, "≥{low}"),
            Self::Between(None, Some(high)) => write!(f, "<{high}"),
            Self::Between(Some(low), Some(high)) => write!(f, "{low}..<{high}"),
            Self::Between(None, None) => write!(f, "any"),
            Self::Among(values) => {
                let more = if values.len() > MAX_SHOWN { "|…" } else { "" };
                let values: Vec<String> = values.iter().take(MAX_SHOWN).map(Value::to_string).collect();
                write!(f, "{}{more}", values.join("|"))
            }
            Self::Unclear => write!(f, "?"),
        }
    }
}
