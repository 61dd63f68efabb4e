//! Which inputs does a network treat alike?
//!
//! What this says is read off the parameters, of any network: tokens whose rows of `w_e` are equal make no
//! difference at all. Positions with equal rows of `w_pos` do: to rearrange an input is to add in another
//! order, and f32 may round otherwise.

use super::config::ColumnConfig;
use super::transformer::Transformer;
use crate::value::Value;
use candle_core::{DType, Result};
use std::collections::HashMap;

/// Which tokens stand for which: per column, for each token that has one, an earlier token with an equal
/// row.
pub struct Alike(Vec<HashMap<Value, Value>>);

impl Alike {
    /// Whether there are inputs that others stand for.
    pub fn some(&self) -> bool {
        self.0.iter().any(|earlier| !earlier.is_empty())
    }

    /// The input that stands for this one: with the first of equal tokens.
    pub fn standing_for(&self, input: &[Vec<Value>]) -> Vec<Vec<Value>> {
        let first = |(column, earlier): (&Vec<Value>, &HashMap<Value, Value>)| {
            column.iter().map(|value| earlier.get(value).unwrap_or(value).clone()).collect()
        };
        input.iter().zip(&self.0).map(first).collect()
    }
}

impl Transformer {
    /// Which inputs the parameters treat alike. No value stands twice in a vocabulary.
    pub fn alike(&self) -> Result<Alike> {
        let rows = |w_e: &candle_core::Tensor| w_e.to_dtype(DType::F64)?.to_vec2::<f64>();
        let w_e = self.token_rows().iter().map(rows).collect::<Result<Vec<_>>>()?;
        let earlier = |(rows, column): (Vec<Vec<f64>>, &ColumnConfig)| {
            let mut first: HashMap<Vec<u64>, &Value> = HashMap::new();
            let mut earlier = HashMap::new();
            for (row, value) in rows.into_iter().zip(&column.vocabulary) {
                let known = *first.entry(row.into_iter().map(f64::to_bits).collect()).or_insert(value);
                if known != value {
                    earlier.insert(value.clone(), known.clone());
                }
            }
            earlier
        };
        Ok(Alike(w_e.into_iter().zip(&self.config().columns).map(earlier).collect()))
    }
}
