//! Which inputs does a network treat alike?
//!
//! What this says is read off the parameters, of any network: tokens whose rows of `w_e` are equal make
//! no difference at all; and where attention is full and all positions have equal rows of `w_pos`, to
//! rearrange an input is to rearrange the outputs, up to the order in which f32 adds.

use super::config::Positions;
use super::transformer::Transformer;
use crate::value::Value;
use candle_core::{DType, Result};
use std::collections::HashMap;

/// Which inputs stand for which.
pub struct Alike {
    /// Per column, for each token that has one, an earlier token with an equal row.
    earlier: Vec<HashMap<Value, Value>>,
    /// Whether positions are all alike.
    positions: bool,
}

/// An input that stands for another.
pub struct Standing {
    pub input: Vec<Vec<Value>>,
    /// For each position of the other, where it stands in `input`.
    pub places: Vec<usize>,
}

impl Alike {
    /// Whether there are inputs that stand for others.
    pub fn some(&self) -> bool {
        self.positions || self.earlier.iter().any(|earlier| !earlier.is_empty())
    }

    /// The input that stands for this one: with the first of equal tokens, in order.
    pub fn standing_for(&self, input: &[Vec<Value>]) -> Standing {
        let first = |(column, earlier): (&Vec<Value>, &HashMap<Value, Value>)| {
            column.iter().map(|value| earlier.get(value).unwrap_or(value).clone()).collect::<Vec<_>>()
        };
        let input: Vec<Vec<Value>> = input.iter().zip(&self.earlier).map(first).collect();
        let mut order: Vec<usize> = (0..input.first().map_or(0, Vec::len)).collect();
        if self.positions {
            order.sort_by(|a, b| input.iter().map(|c| &c[*a]).cmp(input.iter().map(|c| &c[*b])));
        }
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, position)| places[*position] = place);
        let sorted = |column: &Vec<Value>| order.iter().map(|i| column[*i].clone()).collect();
        Standing { input: input.iter().map(sorted).collect(), places }
    }
}

impl Transformer {
    /// Which inputs the parameters treat alike.
    pub fn alike(&self) -> Result<Alike> {
        let config = self.config();
        let [w_e, w_pos] = [self.token_rows(), std::slice::from_ref(self.position_rows())].map(|all| {
            all.iter().map(|w| w.to_dtype(DType::F64)?.to_vec2::<f64>()).collect::<Result<Vec<_>>>()
        });
        let earlier = |(rows, column): (Vec<Vec<f64>>, &super::ColumnConfig)| {
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
        // The row of BOS is its own.
        let rows = w_pos?.concat().split_off(usize::from(config.bos));
        let positions = !config.causal
            && config.positions != Positions::Sinusoidal
            && rows.windows(2).all(|w| w[0] == w[1]);
        Ok(Alike { earlier: w_e?.into_iter().zip(&config.columns).map(earlier).collect(), positions })
    }
}
