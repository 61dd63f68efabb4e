//! Cross-entropy straight from logits.

use super::real::{Real, sum};
use super::wide::wide;

wide! {
    /// `-Σ log softmax(logits)[class]` in nats, over rows whose class is one; rows with a class beyond
    /// the logits are passed over. Its gradient, times `factor`, takes the place of the logits:
    /// `factor · (softmax(logits) - 1[class])`.
    fn cross_entropy<'l, T>(logits: &'l mut [T], classes: &'l [u32], factor: f64) -> f64 {
        let mut nats = 0.0;
        let width = logits.len() / classes.len().max(1);
        for (row, class) in logits.chunks_exact_mut(width.max(1)).zip(classes) {
            let Some(&logit) = row.get(*class as usize) else {
                row.fill(T::zero());
                continue;
            };
            let greatest = row.iter().fold(T::neg_infinity(), |a, b| if *b > a { *b } else { a });
            row.iter_mut().for_each(|x| *x = (*x - greatest).e());
            let sum = sum(row, row, |e, _| e);
            nats += (sum.ln() + greatest - logit).wide();
            let share = T::of(factor) / sum;
            row.iter_mut().for_each(|e| *e *= share);
            row[*class as usize] -= T::of(factor);
        }
        nats
    }
}
