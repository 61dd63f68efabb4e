//! Does a network give the same in whatever order its floats are added?
//!
//! Inputs run alone and in a batch, padded or not, and with residual axes, heads, neurons and
//! positions permuted in the weights themselves.

use candle_core::{DType, Device};
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use raspc::inputs::Columns;
use raspc::interp::Interpreter;
use raspc::ir::Program;
use raspc::model::{Batch, Config, Decoded, OutputConfig, Recorder, Site, Transformer};
use raspc::plan::{Base, HalfLayer, Holds, Plan, Slot};
use raspc::value::{Number, Value};
use raspc::weights::{HeadWeights, MlpWeights, Weights};
use std::collections::BTreeMap;

/// A network whose numbers can be put elsewhere.
pub struct Network<'a> {
    pub program: &'a Program,
    pub plan: &'a Plan,
    pub config: &'a Config,
    pub weights: &'a Weights,
}

impl Network<'_> {
    /// The network as it is.
    fn plain(&self) -> Arrangement {
        let axes = (0..self.plan.d_model).collect();
        let model = model(self.config, self.weights);
        Arrangement { axes, positions: (0..self.plan.n_ctx()).collect(), model }
    }

    /// The network with residual axes, heads, neurons and the columns of heads permuted.
    fn permuted(&self, rng: &mut ChaCha8Rng) -> Arrangement {
        let order = permutation(self.plan.d_model, rng);
        let mut config = self.config.clone();
        let mut weights = self.weights.clone();
        for matrix in weights.w_e.iter_mut().chain([&mut weights.w_pos]) {
            *matrix = matrix.select(Axis(1), &order);
        }
        for w_u in &mut weights.w_u {
            *w_u = w_u.select(Axis(0), &order);
        }
        for (layer, config) in weights.layers.iter_mut().zip(&mut config.layers) {
            let heads = permutation(layer.heads.len(), rng);
            config.heads = heads.iter().map(|&h| config.heads[h]).collect();
            layer.heads = heads.iter().map(|&h| permuted_head(&layer.heads[h], &order, rng)).collect();
            layer.mlp = layer.mlp.as_ref().map(|mlp| permuted_mlp(mlp, &order, rng));
        }
        let mut axes = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| axes[old] = new);
        let model = model(&config, &weights);
        Arrangement { axes, positions: (0..self.plan.n_ctx()).collect(), model }
    }

    /// The network for inputs of so many positions, BOS included, with positions permuted: the
    /// keys of every sum come in another order. In a causal model, positions must stay in order.
    fn with_keys_permuted(&self, seq: usize, rng: &mut ChaCha8Rng) -> Arrangement {
        let order = permutation(seq, rng);
        let rows: Vec<usize> = order.iter().copied().chain(seq..self.plan.n_ctx()).collect();
        let mut weights = self.weights.clone();
        weights.w_pos = weights.w_pos.select(Axis(0), &rows);
        let mut positions: Vec<usize> = (0..rows.len()).collect();
        rows.iter().enumerate().for_each(|(new, &old)| positions[old] = new);
        let model = model(self.config, &weights);
        Arrangement { axes: (0..self.plan.d_model).collect(), positions, model }
    }
}

fn model(config: &Config, weights: &Weights) -> Transformer {
    Transformer::new(config.clone(), weights, &Device::Cpu, DType::F32).unwrap()
}

fn permutation(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    order
}

fn permuted_head(head: &HeadWeights, axes: &[usize], rng: &mut ChaCha8Rng) -> HeadWeights {
    let scores = permutation(head.w_q.ncols(), rng);
    let values = permutation(head.w_v.ncols(), rng);
    let reads = |w: &Array2<f32>, columns: &[usize]| w.select(Axis(0), axes).select(Axis(1), columns);
    HeadWeights {
        w_q: reads(&head.w_q, &scores),
        w_k: reads(&head.w_k, &scores),
        w_v: reads(&head.w_v, &values),
        w_o: head.w_o.select(Axis(0), &values).select(Axis(1), axes),
    }
}

fn permuted_mlp(mlp: &MlpWeights, axes: &[usize], rng: &mut ChaCha8Rng) -> MlpWeights {
    let neurons = permutation(mlp.b_in.ncols(), rng);
    MlpWeights {
        w_in: mlp.w_in.select(Axis(0), axes).select(Axis(1), &neurons),
        b_in: mlp.b_in.select(Axis(1), &neurons),
        w_out: mlp.w_out.select(Axis(0), &neurons).select(Axis(1), axes),
    }
}

/// The same network with its numbers elsewhere.
struct Arrangement {
    /// Where each residual direction of the plan stands.
    axes: Vec<usize>,
    /// Where each position stands.
    positions: Vec<usize>,
    model: Transformer,
}

/// What a network gave for one input.
struct Run {
    /// `held[slot][position]`, BOS first, at the end of each slot's life.
    held: Vec<Vec<f32>>,
    decoded: Vec<Vec<Decoded>>,
}

impl Arrangement {
    /// Runs inputs side by side, padded to a length.
    fn run(&self, plan: &Plan, inputs: &[&[Vec<Value>]], pad_to: usize) -> Vec<Run> {
        let mut batch = self.model.tokenizer().batch(inputs, pad_to).unwrap();
        for row in batch.tokens.iter_mut().flat_map(|tokens| tokens.chunks_mut(batch.seq)) {
            let plain = row.to_vec();
            plain.iter().enumerate().for_each(|(position, &token)| row[self.positions[position]] = token);
        }
        let wanted =
            (0..plan.layers.len()).flat_map(|l| [Site::ResidPre(l), Site::ResidMid(l), Site::ResidPost(l)]);
        let mut recorder = Recorder { wanted: wanted.collect(), ..Recorder::default() };
        let logits = self.model.forward(&batch, &mut recorder).unwrap();
        let seen: BTreeMap<Site, Vec<Vec<Vec<f32>>>> =
            recorder.seen.iter().map(|(site, tensor)| (*site, tensor.to_vec3().unwrap())).collect();
        let logits: Vec<Vec<Vec<Vec<f32>>>> = logits.iter().map(|t| t.to_vec3().unwrap()).collect();
        (0..inputs.len()).map(|b| self.one(plan, &batch, &seen, &logits, b)).collect()
    }

    fn one(
        &self,
        plan: &Plan,
        batch: &Batch,
        seen: &BTreeMap<Site, Vec<Vec<Vec<f32>>>>,
        logits: &[Vec<Vec<Vec<f32>>>],
        b: usize,
    ) -> Run {
        let length = batch.lengths[b];
        let slot = |slot: &Slot| -> Vec<f32> {
            let Some(rows) = seen.get(&site(last_held(slot))) else { return Vec::new() };
            let axis = self.axes[slot.direction];
            (0..length).map(|position| rows[b][self.positions[position]][axis]).collect()
        };
        let output = |(config, logits): (&OutputConfig, &Vec<Vec<Vec<f32>>>)| {
            let first = usize::from(plan.bos);
            (first..length).map(|p| config.decode.decode(&logits[b][self.positions[p]])).collect()
        };
        Run {
            held: plan.slots.iter().map(slot).collect(),
            decoded: self.model.config().outputs.iter().zip(logits).map(output).collect(),
        }
    }
}

/// The last moment at which a slot holds what it is said to hold.
fn last_held(slot: &Slot) -> HalfLayer {
    HalfLayer(slot.dies.0.saturating_sub(1)).max(slot.born)
}

/// The residual stream after a half-layer.
fn site(at: HalfLayer) -> Site {
    match at.layer() {
        None => Site::ResidPre(0),
        Some(layer) if at == HalfLayer::attention(layer) => Site::ResidMid(layer),
        Some(layer) => Site::ResidPost(layer),
    }
}

/// What each slot should hold at each position of an input, BOS left out; nothing where it holds a
/// class of keys or queries, which no s-op is.
fn expected(program: &Program, plan: &Plan, input: &Columns) -> Vec<Vec<Number>> {
    let n = input[0].len();
    let trace = Interpreter::new(program).trace(input).unwrap();
    let values = |base: &Base| -> Vec<Value> {
        match base {
            Base::Column(column) => input[*column].clone(),
            Base::Index => (0..n).map(|i| Value::Number(i.into())).collect(),
            Base::SOp(id) => trace.sop(*id).unwrap().to_vec(),
            Base::Width(id) => {
                let matrix = trace.selector(*id).unwrap();
                (0..n).map(|query| Value::Number(matrix.width(query).into())).collect()
            }
            Base::Keys(_) | Base::Queries(_) => Vec::new(),
        }
    };
    let indicator = |base: &Base, holds: &dyn Fn(&Value) -> bool| -> Vec<Number> {
        values(base).iter().map(|v| i64::from(holds(v)).into()).collect()
    };
    let number = |v: &Value| v.number().unwrap();
    let slot = |slot: &Slot| match &slot.holds {
        Holds::One => vec![Number::ONE; n],
        Holds::Bos => vec![Number::ZERO; n],
        Holds::OneHot(base, value) => indicator(base, &|v| v == value),
        Holds::AtLeast(base, value) => indicator(base, &|v| number(v) >= number(value)),
        Holds::Below(base, value) => indicator(base, &|v| number(v) < number(value)),
        Holds::Function(base, table) => {
            let of = |v: &Value| table.iter().find(|(w, _)| v == w).unwrap().1.clone();
            values(base).iter().map(of).collect()
        }
        Holds::Numeric(base) => values(base).iter().map(number).collect(),
        Holds::Share(base) => {
            let share = |v: &Value| Number::ONE.div(&number(v).add(&Number::ONE).unwrap()).unwrap();
            values(base).iter().map(share).collect()
        }
    };
    plan.slots.iter().map(slot).collect()
}

/// Whether two runs of one input decode alike and hold the same bits in slots with bound 0.
fn same(plan: &Plan, a: &Run, b: &Run) -> Result<(), String> {
    let alike = |(a, b): (&Decoded, &Decoded)| match (a, b) {
        // Within the bound, which is checked of both: the bits depend on the order.
        (Decoded::About(_), Decoded::About(_)) => true,
        _ => a == b,
    };
    let decoded = |run: &Run| run.decoded.iter().flatten().cloned().collect::<Vec<_>>();
    if !decoded(a).iter().zip(&decoded(b)).all(alike) {
        return Err(format!("decoded {:?} and {:?}", a.decoded, b.decoded));
    }
    let bits = |held: &[f32]| held.iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<_>>();
    for ((slot, a), b) in plan.slots.iter().zip(&a.held).zip(&b.held) {
        if slot.bound.is_zero() && bits(a) != bits(b) {
            return Err(format!("{slot:?} held {a:?} and {b:?}"));
        }
    }
    Ok(())
}

/// Whether every slot holds what it should, within its bound.
fn within_bounds(plan: &Plan, expected: &[Vec<Number>], run: &Run) -> Result<(), String> {
    let exact = |x: f32| Number::from_f64(f64::from(x)).ok_or(format!("{x} is no number"));
    for ((slot, expected), held) in plan.slots.iter().zip(expected).zip(&run.held) {
        let tokens = if plan.bos { held.get(1..).unwrap_or_default() } else { held.as_slice() };
        if let (true, Some(&at_bos)) = (plan.bos, held.first())
            && exact(at_bos)?.sub(&slot.at_bos).unwrap().abs() > slot.bound
        {
            return Err(format!("{slot:?} held {at_bos} at BOS"));
        }
        for (&x, expected) in tokens.iter().zip(expected) {
            let right = match slot.bound.is_zero() {
                // Such slots hold whole numbers.
                true => expected.to_i64().is_some_and(|e| e as f32 == x),
                false => exact(x)?.sub(expected).unwrap().abs() <= slot.bound,
            };
            if !right {
                return Err(format!("{slot:?} held {x}, not {expected}"));
            }
        }
    }
    Ok(())
}

/// Of the inputs, as many run alone as well.
const ALONE: usize = 3;

impl Network<'_> {
    /// Runs inputs in every arrangement: slots must hold what they should within their bounds,
    /// those with bound 0 the same bits, and all must decode alike.
    pub fn check(&self, inputs: &[Columns]) -> Result<(), String> {
        let views: Vec<&[Vec<Value>]> = inputs.iter().map(Vec::as_slice).collect();
        if views.is_empty() {
            return Ok(());
        }
        let Network { program, plan, .. } = self;
        let plain = self.plain();
        let together = plain.run(plan, &views, 0);
        let expected: Vec<_> = inputs.iter().map(|input| expected(program, plan, input)).collect();
        let check = |i: usize, run: &Run| {
            within_bounds(plan, &expected[i], run)?;
            same(plan, &together[i], run)
        };
        let check = |i: usize, run: &Run| check(i, run).map_err(|e| format!("{e}\non {:?}", inputs[i]));
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (i, run) in together.iter().enumerate() {
            check(i, run)?;
        }
        for _ in 0..3 {
            let permuted = self.permuted(&mut rng).run(plan, &views, plan.lengths.max);
            for (i, run) in permuted.iter().enumerate() {
                check(i, run)?;
            }
        }
        for (i, input) in views.iter().enumerate().take(ALONE) {
            let padded = plain.run(plan, &[input], rng.random_range(1..=plan.lengths.max));
            let mut others = vec![padded, plain.run(plan, &[input], 0)];
            if !plan.causal {
                let seq = input[0].len() + usize::from(plan.bos);
                let elsewhere = |_| self.with_keys_permuted(seq, &mut rng).run(plan, &[input], 0);
                others.extend((0..3).map(elsewhere));
            }
            for run in others.iter().flatten() {
                check(i, run)?;
            }
        }
        Ok(())
    }
}
