//! How far off are logits?

use crate::data::{IGNORED, Targets};
use crate::model::OutputConfig;
use crate::model::fused::{self, Objective, Real};
use candle_core::{Device, Result, Tensor};
use std::ops::Range;

/// The number of targets of each output.
pub fn counts(targets: &[Targets]) -> Vec<usize> {
    let count = |targets: &Targets| match targets {
        Targets::Classes(classes) => classes.iter().filter(|c| **c != IGNORED).count(),
        Targets::Numbers(numbers) => numbers.iter().filter(|x| !x.is_nan()).count(),
    };
    targets.iter().map(count).collect()
}

/// The loss, added up over outputs: cross-entropy in nats per token for classes, the mean square
/// of the error for numbers. `logits` are `[batch, seq, width]`; each sum is divided by `counts`,
/// so that the losses of parts of a batch add up to that of the batch.
pub fn loss(logits: &[Tensor], targets: &[Targets], counts: &[usize]) -> Result<Tensor> {
    let device = logits.first().map_or(&Device::Cpu, Tensor::device);
    let mut total: Option<Tensor> = None;
    for ((logits, targets), count) in logits.iter().zip(targets).zip(counts) {
        let sum = match targets {
            Targets::Classes(classes) => cross_entropy(logits, classes, device)?,
            Targets::Numbers(numbers) => square_error(logits, numbers, device)?,
        };
        let mean = (sum / (*count).max(1) as f64)?;
        total = Some(match total {
            Some(total) => (total + mean)?,
            None => mean,
        });
    }
    total.map_or_else(|| Tensor::zeros((), candle_core::DType::F32, device), Ok)
}

/// `-Σ log softmax(logits)[class]` in nats.
fn cross_entropy(logits: &Tensor, classes: &[u32], device: &Device) -> Result<Tensor> {
    let (batch, seq, width) = logits.dims3()?;
    let rows = batch * seq;
    let asked: Vec<f32> = classes.iter().map(|c| f32::from(u8::from(*c != IGNORED))).collect();
    let asked = Tensor::from_vec(asked, (rows, 1), device)?.to_dtype(logits.dtype())?;
    let class: Vec<u32> = classes.iter().map(|c| if *c == IGNORED { 0 } else { *c }).collect();
    let class = Tensor::from_vec(class, (rows, 1), device)?;
    let log_p = candle_nn::ops::log_softmax(&logits.reshape((rows, width))?, candle_core::D::Minus1)?;
    (log_p.gather(&class, 1)? * asked)?.sum_all()?.neg()
}

/// `Σ (logit - number)²`
fn square_error(logits: &Tensor, numbers: &[f64], device: &Device) -> Result<Tensor> {
    let (batch, seq, _) = logits.dims3()?;
    let put = |numbers: Vec<f64>| Tensor::from_vec(numbers, (batch, seq), device)?.to_dtype(logits.dtype());
    let asked = put(numbers.iter().map(|x| f64::from(u8::from(!x.is_nan()))).collect())?;
    let number = put(numbers.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect())?;
    ((logits.squeeze(2)? - number)? * asked)?.sqr()?.sum_all()
}

/// The loss if all logits are 0, summed over outputs: `ln width` for classes, the mean square for numbers.
pub(super) fn of_nothing(outputs: &[OutputConfig], targets: &[Targets]) -> f64 {
    let of = |(output, targets): (&OutputConfig, &Targets)| match targets {
        Targets::Classes(_) => (output.decode.width().max(1) as f64).ln(),
        Targets::Numbers(numbers) => {
            let asked = || numbers.iter().filter(|x| !x.is_nan());
            asked().map(|x| x * x).sum::<f64>() / asked().count().max(1) as f64
        }
    };
    outputs.iter().zip(targets).map(of).sum()
}

/// [`loss`] for the whole pass as one operation.
pub struct Loss<'l> {
    pub targets: &'l [Targets],
    pub counts: &'l [usize],
    /// Positions of each sequence.
    pub seq: usize,
}

impl<T: Real> Objective<T> for Loss<'_> {
    fn part(&mut self, sequences: Range<usize>, logits: &mut [Vec<T>]) -> f64 {
        let rows = sequences.start * self.seq..sequences.end * self.seq;
        let outputs = logits.iter_mut().zip(self.targets).zip(self.counts);
        let loss = outputs.map(|((logits, targets), count)| {
            let share = 1.0 / (*count).max(1) as f64;
            let sum = match targets {
                Targets::Classes(classes) => fused::cross_entropy(logits, &classes[rows.clone()], share),
                Targets::Numbers(numbers) => square(logits, &numbers[rows.clone()], share),
            };
            sum * share
        });
        loss.sum()
    }
}

/// `Σ (logit - number)²`; its gradient, times `factor`, takes the place of the logits.
fn square<T: Real>(logits: &mut [T], numbers: &[f64], factor: f64) -> f64 {
    let mut sum = 0.0;
    for (logit, number) in logits.iter_mut().zip(numbers) {
        let off = if number.is_nan() { 0.0 } else { logit.wide() - number };
        sum += off * off;
        *logit = T::of(2.0 * factor * off);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_losses_and_their_gradients_are_the_same() {
        let logits: Vec<f64> = (0..40).map(|i| ((i * 37 % 17) as f64 - 8.0) / 2.0).collect();
        let numbers: Vec<f64> = logits[..8].to_vec();
        let classes = Targets::Classes(vec![0, 4, IGNORED, 2, 1, IGNORED, 3, 3]);
        let targets = [classes, Targets::Numbers(vec![1.0, f64::NAN, 2.5, 0.0, -1.0, f64::NAN, 7.0, 0.5])];
        let counts = counts(&targets);
        let var = |x: &[f64], width| candle_core::Var::from_slice(x, (2, 4, width), &Device::Cpu).unwrap();
        let vars = [var(&logits, 5), var(&numbers, 1)];
        let expected = loss(&vars.clone().map(|v| v.as_tensor().clone()), &targets, &counts).unwrap();
        let gradients = expected.backward().unwrap();
        let mut found = [logits, numbers];
        let of = Loss { targets: &targets, counts: &counts, seq: 4 }.part(0..2, &mut found);
        assert!((of - expected.to_scalar::<f64>().unwrap()).abs() < 1e-12);
        for (var, found) in vars.iter().zip(&found) {
            let expected = gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
            assert!(expected.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-12), "{expected:?} {found:?}");
        }
    }
}
