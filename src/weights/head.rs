//! The matrices of an attention head.

use super::{Column, HeadWeights, direction, exact, indicator, nearest};
use crate::plan::{Atom, Base, Head, HeadOutput, Linear, Moves, Partition, Plan, SCORE, Scoring, SlotId};
use crate::value::Number;
use ndarray::Array2;

pub(super) fn head(plan: &Plan, head: &Head) -> HeadWeights {
    let (w_q, w_k) = scores(plan, head);
    let columns: Vec<ValueColumn> = head.outputs.iter().flat_map(|o| values(plan, o)).collect();
    let mut w_v = Array2::zeros((plan.d_model, columns.len()));
    let mut w_o = Array2::zeros((columns.len(), plan.d_model));
    for (i, column) in columns.into_iter().enumerate() {
        w_o[[i, direction(plan, column.into)]] = 1.0;
        Column::new(plan, &column.form).at_bos(&column.at_bos).write(&mut w_v, i, column.round);
    }
    HeadWeights { w_q, w_k, w_v, w_o }
}

/// A pair of linear forms: one of the query, one of the key. Their product adds to the score.
struct ScoreColumn {
    query: Linear,
    key: Linear,
}

/// Each atom takes as many columns as it has classes of keys or of queries, whichever are fewer;
/// BOS takes one more. At BOS all other columns are 0, as a query and as a key.
fn scores(plan: &Plan, head: &Head) -> (Array2<f32>, Array2<f32>) {
    let columns: Vec<ScoreColumn> = match &head.scoring {
        Scoring::All(atoms) => atoms.iter().flat_map(|a| atom(plan, a)).collect(),
        Scoring::Last => vec![last(plan)],
    };
    let bos = head.scores.bos.as_ref();
    let n_columns = columns.len() + usize::from(bos.is_some());
    let mut w_q = Array2::zeros((plan.d_model, n_columns));
    let mut w_k = Array2::zeros((plan.d_model, n_columns));
    for (i, ScoreColumn { query, key }) in columns.into_iter().enumerate() {
        Column::new(plan, &query).at_bos(&Number::ZERO).write(&mut w_q, i, exact);
        Column::new(plan, &key).at_bos(&Number::ZERO).write(&mut w_k, i, exact);
    }
    if let (Some(level), Some(slot)) = (bos, plan.bos_slot()) {
        let last = n_columns - 1;
        let level = Linear { constant: level.clone(), terms: Vec::new() };
        // BOS attends to itself alone, whatever its level is to others.
        Column::new(plan, &level).at_bos(&SCORE.into()).write(&mut w_q, last, exact);
        w_k[[direction(plan, slot), last]] = 1.0;
    }
    (w_q, w_k)
}

fn atom(plan: &Plan, atom: &Atom) -> Vec<ScoreColumn> {
    let (n_queries, n_keys) = (atom.query.n_classes, atom.key.n_classes);
    let scored = |holds: bool| Number::from(if holds { SCORE } else { 0 });
    let cell = |q: usize, k: usize| atom.holds[q * n_keys + k];
    if n_keys <= n_queries {
        let column = |k: usize| {
            let numbers: Vec<Number> = (0..n_queries).map(|q| scored(cell(q, k))).collect();
            let query = plan.linear(&atom.query, &numbers);
            ScoreColumn { query, key: plan.linear(&atom.key, &indicator(n_keys, k)) }
        };
        (0..n_keys).map(column).collect()
    } else {
        let column = |q: usize| {
            let numbers: Vec<Number> = (0..n_keys).map(|k| scored(cell(q, k))).collect();
            let key = plan.linear(&atom.key, &numbers);
            ScoreColumn { query: plan.linear(&atom.query, &indicator(n_queries, q)), key }
        };
        (0..n_queries).map(column).collect()
    }
}

/// `score = SCORE · index of the key`
fn last(plan: &Plan) -> ScoreColumn {
    let n = plan.lengths.max;
    let indices =
        Partition { base: Some(Base::Index), class: (0..n as u32).map(Some).collect(), n_classes: n };
    let numbers: Vec<Number> = (0..n).map(|i| (SCORE * i as i64).into()).collect();
    let one = Linear { constant: Number::ONE, terms: Vec::new() };
    ScoreColumn { query: one, key: plan.linear(&indices, &numbers) }
}

/// What a key hands on into one slot.
struct ValueColumn {
    form: Linear,
    at_bos: Number,
    into: SlotId,
    round: fn(&Number) -> f32,
}

fn values(plan: &Plan, output: &HeadOutput) -> Vec<ValueColumn> {
    match &output.moves {
        Moves::OneHot { value, into, default } => {
            let column = |(class, &slot): (usize, &SlotId)| ValueColumn {
                form: plan.linear(value, &indicator(into.len(), class)),
                at_bos: i64::from(*default == Some(class)).into(),
                into: slot,
                round: exact,
            };
            into.iter().enumerate().map(column).collect()
        }
        Moves::Mean { value, numbers, into, default } => vec![ValueColumn {
            form: plan.linear(value, numbers),
            at_bos: default.clone().unwrap_or(Number::ZERO),
            into: *into,
            round: nearest,
        }],
        Moves::Share { into } => {
            let form = Linear { constant: Number::ZERO, terms: Vec::new() };
            vec![ValueColumn { form, at_bos: Number::ONE, into: *into, round: exact }]
        }
    }
}
