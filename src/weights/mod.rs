//! Which matrices make a transformer compute what a plan says?
//!
//! Every entry is an f32 that is equal to an exact number of the plan; only the numbers that a
//! mean averages may be rounded, and the plan's bounds count that. Nothing here calls a function
//! of the mathematical library, so the same plan gives the same bytes on every machine. Only the
//! balanced gauge, if it is asked for, is another matter.

mod balance;
mod head;
mod mlp;
mod uniform;

use crate::plan::{Base, Encoding, Holds, Layer, Linear, Plan, Read, Slot, SlotId};
use crate::value::{Number, Value};
use ndarray::Array2;
use std::collections::BTreeMap;

/// The parameters of a transformer, per head and per layer.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Weights {
    /// Per input column `[vocabulary, d_model]`, and one row more for BOS if there is one.
    pub w_e: Vec<Array2<f32>>,
    /// `[n_ctx, d_model]`; with BOS, row 0 is its row. No rows where positions are no parameters.
    pub w_pos: Array2<f32>,
    pub layers: Vec<LayerWeights>,
    /// Per output `[d_model, values]`, or `[d_model, 1]` for a number; none where the embedding is
    /// read backwards instead.
    pub w_u: Vec<Array2<f32>>,
    /// What only trained networks have, by name: norms and further biases.
    pub more: BTreeMap<String, Array2<f32>>,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct LayerWeights {
    pub heads: Vec<HeadWeights>,
    pub mlp: Option<MlpWeights>,
}

/// `scores = (x w_q)(x w_k)ᵀ`, `x += pattern (x w_v) w_o`
#[derive(Clone, Debug, PartialEq)]
pub struct HeadWeights {
    /// `[d_model, d_head]`
    pub w_q: Array2<f32>,
    /// `[d_model, d_head]`
    pub w_k: Array2<f32>,
    /// `[d_model, d_value]`
    pub w_v: Array2<f32>,
    /// `[d_value, d_model]`
    pub w_o: Array2<f32>,
}

/// `x += ReLU(x w_in + b_in) w_out`
#[derive(Clone, Debug, PartialEq)]
pub struct MlpWeights {
    /// `[d_model, d_mlp]`
    pub w_in: Array2<f32>,
    /// `[1, d_mlp]`, or no row without biases.
    pub b_in: Array2<f32>,
    /// `[d_mlp, d_model]`
    pub w_out: Array2<f32>,
}

/// The matrices of a plan.
pub fn build(plan: &Plan) -> Weights {
    let columns = 0..plan.columns.len();
    let weights = Weights {
        w_e: columns.map(|c| token_embedding(plan, c)).collect(),
        w_pos: position_embedding(plan),
        layers: plan.layers.iter().map(|l| layer(plan, l)).collect(),
        w_u: plan.outputs.iter().map(|o| unembedding(plan, &o.read)).collect(),
        more: BTreeMap::new(),
    };
    let weights = if plan.knobs.balanced { weights.balanced() } else { weights };
    if plan.is_uniform() { weights.uniform(plan) } else { weights }
}

fn layer(plan: &Plan, layer: &Layer) -> LayerWeights {
    LayerWeights {
        heads: layer.heads.iter().map(|h| head::head(plan, h)).collect(),
        mlp: (!layer.neurons.is_empty()).then(|| mlp::mlp(plan, &layer.neurons)),
    }
}

/// Row `v` holds the code of value `v` of the column; the row after the last one marks BOS, in
/// the first column's matrix.
fn token_embedding(plan: &Plan, column: usize) -> Array2<f32> {
    let vocabulary = &plan.columns[column].vocabulary;
    let rows = vocabulary.len() + usize::from(plan.bos);
    let mut w_e = Array2::zeros((rows, plan.d_model));
    code_rows(plan, Base::Column(column), vocabulary, 0, &mut w_e);
    if let (Some(bos), 0) = (plan.bos_slot(), column) {
        w_e[[vocabulary.len(), direction(plan, bos)]] = 1.0;
    }
    w_e
}

/// Each position holds the code of its index; the constant is 1 at every one.
fn position_embedding(plan: &Plan) -> Array2<f32> {
    let mut w_pos = Array2::zeros((plan.n_ctx(), plan.d_model));
    let indices: Vec<Value> = (0..plan.lengths.max).map(|i| Value::Number(i.into())).collect();
    code_rows(plan, Base::Index, &indices, usize::from(plan.bos), &mut w_pos);
    if let Some(one) = plan.one_slot() {
        w_pos.column_mut(direction(plan, one)).fill(1.0);
    }
    w_pos
}

/// Writes the code of a base that is embedded, if it is read at all.
fn code_rows(plan: &Plan, base: Base, rows: &[Value], first: usize, matrix: &mut Array2<f32>) {
    let slots = match plan.bases.get(&base).map(|code| &code.encoding) {
        Some(Encoding::OneHot(slots) | Encoding::Features(_, slots)) => slots.as_slice(),
        Some(Encoding::Thermometer(_)) | None => &[],
    };
    for &slot in slots {
        let Slot { holds, direction, .. } = plan.slot(slot);
        let mut write = |row: usize, number: f32| matrix[[first + row, *direction]] = number;
        match holds {
            Holds::OneHot(_, value) => {
                rows.iter().enumerate().filter(|(_, v)| *v == value).for_each(|(row, _)| write(row, 1.0));
            }
            Holds::Function(_, numbers) => {
                numbers.iter().enumerate().for_each(|(row, (_, number))| write(row, exact(number)));
            }
            Holds::One
            | Holds::Bos
            | Holds::AtLeast(..)
            | Holds::Below(..)
            | Holds::Numeric(_)
            | Holds::Share(_) => {}
        }
    }
}

/// Each logit is a sum of forms; a number is handed on as it is.
fn unembedding(plan: &Plan, read: &Read) -> Array2<f32> {
    match read {
        Read::Categorical { forms, logits, .. } => {
            let mut w_u = Array2::zeros((plan.d_model, logits.len()));
            let forms: Vec<Linear> = forms.iter().map(|form| plan.linear(form)).collect();
            for (i, logit) in logits.iter().enumerate() {
                let constant = Linear { constant: logit.constant.clone(), terms: Vec::new() };
                Column::new(plan, &constant).write(&mut w_u, i, exact);
                for (form, factor) in &logit.terms {
                    let small = |n: &Number| n.mul(factor).expect("weights are small numbers");
                    let Linear { constant, terms } = &forms[*form];
                    let terms = terms.iter().map(|(slot, n)| (*slot, small(n))).collect();
                    let column = Column::new(plan, &Linear { constant: small(constant), terms });
                    column.write(&mut w_u, i, exact);
                }
            }
            w_u
        }
        Read::Numeric { terms, forms, .. } => {
            let mut w_u = Array2::zeros((plan.d_model, 1));
            Column { plan, terms: terms.clone() }.write(&mut w_u, 0, nearest);
            for form in forms {
                Column::new(plan, &plan.linear(form)).write(&mut w_u, 0, nearest);
            }
            w_u
        }
    }
}

fn direction(plan: &Plan, slot: SlotId) -> usize {
    plan.slot(slot).direction
}

/// The f32 that is equal to a number.
fn exact(number: &Number) -> f32 {
    let rounded = number.to_f32();
    assert!(
        Number::from_f64(f64::from(rounded)).as_ref() == Some(number),
        "the plan asks for a weight of {number}, which is no f32"
    );
    rounded
}

/// The f32 nearest to a number.
fn nearest(number: &Number) -> f32 {
    number.to_f32()
}

/// One column of a matrix that reads the residual stream: a linear form of slots, with the
/// constant read from the slot that is 1 everywhere.
struct Column<'a> {
    plan: &'a Plan,
    terms: Vec<(SlotId, Number)>,
}

impl<'a> Column<'a> {
    fn new(plan: &'a Plan, form: &Linear) -> Self {
        let mut terms = form.terms.clone();
        if !form.constant.is_zero() {
            let one = plan.one_slot().expect("a plan that reads constants has a slot that is 1");
            terms.push((one, form.constant.clone()));
        }
        Self { plan, terms }
    }

    /// The same away from BOS, and `target` at BOS, if there is a BOS.
    fn at_bos(mut self, target: &Number) -> Self {
        if let Some(bos) = self.plan.bos_slot() {
            let held = held_at_bos(self.plan, &self.terms);
            self.terms.push((bos, target.sub(&held).expect("weights are small numbers")));
        }
        self
    }

    fn write(self, matrix: &mut Array2<f32>, column: usize, round: fn(&Number) -> f32) {
        for (slot, factor) in &self.terms {
            matrix[[direction(self.plan, *slot), column]] += round(factor);
        }
    }
}

/// What a linear form of slots is at BOS.
fn held_at_bos(plan: &Plan, terms: &[(SlotId, Number)]) -> Number {
    terms.iter().fold(Number::ZERO, |sum, (slot, factor)| {
        let term = factor.mul(&plan.slot(*slot).at_bos);
        term.and_then(|term| sum.add(&term)).expect("weights are small numbers")
    })
}

impl Weights {
    /// Every matrix with its name.
    pub fn named(&self) -> Vec<(String, &Array2<f32>)> {
        let mut named = Vec::new();
        for (c, w_e) in self.w_e.iter().enumerate() {
            named.push((format!("embed.{c}.w_e"), w_e));
        }
        if self.w_pos.nrows() > 0 {
            named.push(("pos_embed.w_pos".to_owned(), &self.w_pos));
        }
        for (l, layer) in self.layers.iter().enumerate() {
            for (h, head) in layer.heads.iter().enumerate() {
                let HeadWeights { w_q, w_k, w_v, w_o } = head;
                for (name, matrix) in [("w_q", w_q), ("w_k", w_k), ("w_v", w_v), ("w_o", w_o)] {
                    named.push((format!("blocks.{l}.attn.{h}.{name}"), matrix));
                }
            }
            if let Some(MlpWeights { w_in, b_in, w_out }) = &layer.mlp {
                let b_in = (b_in.nrows() > 0).then_some(("b_in", b_in));
                for (name, matrix) in [("w_in", w_in)].into_iter().chain(b_in).chain([("w_out", w_out)]) {
                    named.push((format!("blocks.{l}.mlp.{name}"), matrix));
                }
            }
        }
        for (o, w_u) in self.w_u.iter().enumerate() {
            named.push((format!("unembed.{o}.w_u"), w_u));
        }
        named.extend(self.more.iter().map(|(name, matrix)| (name.clone(), matrix)));
        named
    }

    /// Number of parameters without the unembedding, as tracr's are counted. Every report that says
    /// "parameters" means this number.
    pub fn n_params(&self) -> usize {
        self.inner().map(Array2::len).sum()
    }

    /// Number of parameters of the unembedding, its biases included.
    pub fn n_unembedding(&self) -> usize {
        let named = self.named().into_iter();
        named.filter(|(name, _)| is_unembedding(name)).map(|(_, matrix)| matrix.len()).sum()
    }

    /// Number of these that are not 0.
    pub fn n_nonzero(&self) -> usize {
        self.inner().flatten().filter(|x| **x != 0.0).count()
    }

    /// Every matrix but the unembedding.
    fn inner(&self) -> impl Iterator<Item = &Array2<f32>> {
        let named = self.named().into_iter();
        named.filter(|(name, _)| !is_unembedding(name)).map(|(_, matrix)| matrix)
    }
}

/// Whether a matrix of this name belongs to the unembedding.
fn is_unembedding(name: &str) -> bool {
    name.starts_with("unembed")
}
