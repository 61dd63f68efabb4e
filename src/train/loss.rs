//! How far off are logits?

use crate::data::{IGNORED, Targets};
use crate::model::fused;
use candle_core::{Device, Result, Tensor};

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
    let logits = logits.reshape((batch * seq, width))?;
    if fused::runs(&logits) {
        fused::cross_entropy(&logits, classes)
    } else {
        plain(&logits, classes, device)
    }
}

/// Cross-entropy in candle's own operations: of logits `[rows, classes]`.
fn plain(logits: &Tensor, classes: &[u32], device: &Device) -> Result<Tensor> {
    let rows = logits.dim(0)?;
    let asked: Vec<f32> = classes.iter().map(|c| f32::from(u8::from(*c != IGNORED))).collect();
    let asked = Tensor::from_vec(asked, (rows, 1), device)?.to_dtype(logits.dtype())?;
    let class: Vec<u32> = classes.iter().map(|c| if *c == IGNORED { 0 } else { *c }).collect();
    let class = Tensor::from_vec(class, (rows, 1), device)?;
    let log_p = candle_nn::ops::log_softmax(logits, candle_core::D::Minus1)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_has_a_plain_twin() {
        let logits: Vec<f64> = (0..40).map(|i| ((i * 37 % 17) as f64 - 8.0) / 2.0).collect();
        let logits = candle_core::Var::from_vec(logits, (8, 5), &Device::Cpu).unwrap();
        let classes = [0, 4, IGNORED, 2, 1, IGNORED, 3, 3];
        let both = [fused::cross_entropy(&logits, &classes), plain(&logits, &classes, &Device::Cpu)];
        let [a, b] = both.map(|loss| {
            let loss = (loss.unwrap() * 3.0).unwrap();
            let gradient = loss.backward().unwrap().get(&logits).unwrap().flatten_all().unwrap();
            let mut all = gradient.to_vec1::<f64>().unwrap();
            all.push(loss.to_scalar().unwrap());
            all
        });
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
    }
}
