//! Networks whose scores are divided by the root of their heads' dimensions are proved as they run.

use crate::common::compiled::{Compiled, compile};
use candle_core::Device;
use raspc::model::{Artifact, AttnScale, HeadConfig, NoHooks, Transformer};
use raspc::verify::check::prove;

const PEAK: &str = include_str!("../programs/peak.rasp");

/// A compiled network with heads of `d_head` dimensions, whose scores are divided by `√d_head`.
fn divided(compiled: &Compiled, d_head: usize) -> Artifact {
    let mut artifact = compiled.artifact.clone();
    let config = &mut artifact.manifest.config;
    config.attn_scale = AttnScale::SqrtDHead;
    for (layer, weights) in config.layers.iter_mut().zip(&mut artifact.weights.layers) {
        for (head, weights) in layer.heads.iter_mut().zip(&mut weights.heads) {
            let (rows, columns) = weights.w_q.dim();
            assert!(columns <= d_head);
            for matrix in [&mut weights.w_q, &mut weights.w_k] {
                let mut wide = matrix.clone();
                for _ in columns..d_head {
                    wide.push_column(ndarray::Array1::zeros(rows).view()).unwrap();
                }
                *matrix = wide;
            }
            weights.w_q *= (d_head as f32).sqrt();
            *head = HeadConfig { d_head, ..*head };
        }
    }
    Artifact::new(artifact.manifest, artifact.weights)
}

#[test]
fn division_by_a_power_of_two_is_exact() {
    let compiled = compile(PEAK);
    let artifact = divided(&compiled, 16);
    let model = Transformer::from_artifact(&artifact, &Device::Cpu).unwrap();
    let input: Vec<Vec<raspc::value::Value>> = vec![[3, 1, 2, 2, 9].map(raspc::value::Value::int).to_vec()];
    let batch = model.tokenizer().batch(&[&input], 0).unwrap();
    let logits = |model: &Transformer| {
        let logits = model.forward(&batch, &mut NoHooks).unwrap();
        logits[0]
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
            .into_iter()
            .map(f32::to_bits)
            .collect::<Vec<_>>()
    };
    assert_eq!(logits(&model), logits(&compiled.model), "it is the same function");
    prove(&compiled.program, &artifact).unwrap();
    // Half of a score tells too little.
    let mut wrong = artifact.clone();
    wrong.weights.layers[0].heads[0].w_q *= 1.0 / 1024.0;
    assert!(prove(&compiled.program, &Artifact::new(wrong.manifest, wrong.weights)).is_err());
}

/// f32 rounds these scores. Where one key is selected at most, that does no harm; equal parts of attention for
/// several keys need scores that are equal.
#[test]
fn a_root_that_f32_rounds_is_bounded() {
    let compiled = compile(PEAK);
    prove(&compiled.program, &divided(&compiled, 15)).unwrap();
    let mut small = divided(&compiled, 15);
    small.weights.layers[0].heads[0].w_q *= 1.0 / 1024.0;
    assert!(prove(&compiled.program, &Artifact::new(small.manifest, small.weights)).is_err());
    let width =
        compile("input tokens : 0..3; length 1..4; output selector_width(select(tokens, tokens, ==));");
    prove(&width.program, &divided(&width, 16)).unwrap();
    let rounded = prove(&width.program, &divided(&width, 15));
    assert!(rounded.is_err() || rounded.unwrap().heads.iter().any(|head| !head.leak.is_zero()));
}
