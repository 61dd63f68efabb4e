//! The matrices of an attention head.

use super::{Column, HeadWeights, direction, exact, nearest};
use crate::plan::{Head, Linear, Moves, Plan};
use crate::value::Number;
use ndarray::Array2;

pub(super) fn head(plan: &Plan, head: &Head) -> HeadWeights {
    let (w_q, w_k) = scores(plan, head);
    let n_values = head.outputs.iter().map(|o| o.columns.len()).sum();
    let mut w_v = Array2::zeros((plan.d_model, n_values));
    let mut w_o = Array2::zeros((n_values, plan.d_model));
    let columns = head.outputs.iter().flat_map(|o| o.columns.iter().map(move |c| (o.moves, c)));
    for (i, (moves, column)) in columns.enumerate() {
        w_o[[i, direction(plan, column.into)]] = 1.0;
        let round = match moves {
            Moves::Code | Moves::Share => exact,
            Moves::Mean => nearest,
        };
        Column::new(plan, &plan.linear(&column.form)).at_bos(&column.at_bos).write(&mut w_v, i, round);
    }
    HeadWeights { w_q, w_k, w_v, w_o }
}

/// The score columns, and one more for BOS. At BOS all but that are 0, as a query and as a key.
fn scores(plan: &Plan, head: &Head) -> (Array2<f32>, Array2<f32>) {
    let bos = head.scores.bos.as_ref();
    let n_columns = head.columns.len() + usize::from(bos.is_some());
    let mut w_q = Array2::zeros((plan.d_model, n_columns));
    let mut w_k = Array2::zeros((plan.d_model, n_columns));
    for (i, column) in head.columns.iter().enumerate() {
        let zero_at_bos = |form| Column::new(plan, &plan.linear(form)).at_bos(&Number::ZERO);
        zero_at_bos(&column.query).write(&mut w_q, i, exact);
        zero_at_bos(&column.key).write(&mut w_k, i, exact);
    }
    if let (Some(level), Some(slot)) = (bos, plan.bos_slot()) {
        let last = n_columns - 1;
        let level = Linear { constant: level.clone(), terms: Vec::new() };
        // BOS attends to itself alone, whatever its level is to others.
        Column::new(plan, &level).at_bos(&plan.knobs.score().into()).write(&mut w_q, last, exact);
        w_k[[direction(plan, slot), last]] = 1.0;
    }
    (w_q, w_k)
}
