//! Sites of a network that learns: what is read there and put there has the right gradient.

use crate::train::{configs, examples, parameters, shape, slope};
use candle_core::{Device, Tensor, Var};
use raspc::model::{Activation, Config, Hooks, Layout, Recorder, Site, Transformer};
use raspc::train::{counts, loss};

/// Puts `keep · value + more` in the place of one site, and keeps what it put there.
struct Patch<'p> {
    site: Site,
    keep: f64,
    more: &'p Tensor,
    put: Option<Tensor>,
}

impl Hooks for Patch<'_> {
    fn wants(&self, site: Site) -> bool {
        site == self.site
    }

    fn at(&mut self, site: Site, value: Tensor) -> candle_core::Result<Tensor> {
        if site != self.site {
            return Ok(value);
        }
        let put = ((value * self.keep)? + self.more)?;
        self.put = Some(put.clone());
        Ok(put)
    }
}

/// Entries without a pattern, between -1 and 1.
fn entries(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 29 + 7) % 31) as f64 / 15.0 - 1.0).collect()
}

fn tensor(entries: &[f64], like: &Tensor) -> Tensor {
    Tensor::from_slice(entries, like.shape(), &Device::Cpu).unwrap()
}

fn along(at: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    at.iter().zip(direction).map(|(x, d)| x + step * d).collect()
}

#[test]
fn patched_sites_change_losses_and_gradients_as_they_should() {
    for (name, config) in configs() {
        // A step along all parameters would cross a kink of ReLU somewhere.
        let smooth = if config.activation == Activation::Relu { Activation::Gelu } else { config.activation };
        let config = Config { activation: smooth, ..config };
        let (model, layout, examples) = (shape(&config), Layout::of(&config), examples(&config));
        let flat = parameters(&layout, &config);
        let flat_tensor = |flat: &[f64]| Tensor::new(flat, &Device::Cpu).unwrap();
        let counts = counts(&examples.targets);
        // The loss, and a number that is read at the site.
        let values = |model: &Transformer, patch: &mut Patch| {
            let logits = model.forward(&examples.batch, patch).unwrap();
            let read = patch.put.take().unwrap().sqr().unwrap().mean_all().unwrap();
            [loss(&logits, &examples.targets, &counts).unwrap(), read]
        };
        let sites = Site::all(&config);
        let mut recorder = Recorder { wanted: sites.clone(), ..Recorder::default() };
        let plain = model.with_parameters(&flat_tensor(&flat)).unwrap();
        let logits = plain.forward(&examples.batch, &mut recorder).unwrap();
        let unpatched = loss(&logits, &examples.targets, &counts).unwrap().to_scalar::<f64>().unwrap();
        for site in sites {
            let there = &recorder.seen[&site];
            let added: Vec<f64> = entries(there.elem_count()).iter().map(|x| x / 10.0).collect();
            for keep in [0.75, 0.0] {
                let what = format!("{name}, {site}, {keep} of it kept");
                let at = |flat: &[f64], added: &[f64]| {
                    let more = tensor(added, there);
                    let model = model.with_parameters(&flat_tensor(flat)).unwrap();
                    let mut patch = Patch { site, keep, more: &more, put: None };
                    values(&model, &mut patch).map(|value| value.to_scalar::<f64>().unwrap())
                };
                let sum = |flat: &[f64], added: &[f64]| at(flat, added).iter().sum::<f64>();
                let [patched, _] = at(&flat, &added);
                assert!((patched - unpatched).abs() > 1e-6, "{what}: the loss stays the same");
                let (learning, variables) = model.learning(&flat_tensor(&flat)).unwrap();
                let more = Var::from_tensor(&tensor(&added, there)).unwrap();
                let mut patch = Patch { site, keep, more: &more, put: None };
                let [loss, read] = values(&learning, &mut patch);
                let value = (loss + read).unwrap();
                let gradients = [
                    variables.gradient(&value).unwrap(),
                    value.backward().unwrap().get(&more).unwrap().flatten_all().unwrap(),
                ];
                let directions = [entries(flat.len()), entries(added.len())];
                let found = gradients.iter().zip(&directions).map(|(gradient, direction)| {
                    let gradient = gradient.to_vec1::<f64>().unwrap();
                    gradient.iter().zip(direction).map(|(g, d)| g * d).sum::<f64>()
                });
                let (found, [in_flat, in_added]) = (found.sum::<f64>(), &directions);
                let expected =
                    slope(|step| sum(&along(&flat, in_flat, step), &along(&added, in_added, step)));
                let off = (found - expected).abs() / expected.abs().max(0.1);
                assert!(off <= 1e-6, "{what}: the gradient is {found} and not {expected}");
            }
        }
    }
}
