//! A verifier that cannot fail is worthless: forged weights are refuted, and nothing more is
//! claimed than was looked at.

use crate::common::command::{folder, raspc};
use crate::common::compiled::{Compiled, compile};
use crate::common::faults::matrices;
use candle_core::{DType, Device, Tensor};
use raspc::interp::Interpreter;
use raspc::ir::lower::{self, Loader, Outside};
use raspc::ir::{self, Node};
use raspc::model::{Artifact, Decoded, Hooks, Manifest, Part, Recorder, Site, Stream, Transformer, artifact};
use raspc::value::Value;
use raspc::verify::{self, Disagreement, Effort, FirstDifference, Verdict};
use raspc::weights::Weights;
use raspc::{facts, plan, weights};
use std::path::PathBuf;

pub const EVERYTHING: Effort = Effort { all_up_to: 100_000, samples: 0, seed: 0 };

pub const NEXT: &str = "\
input tokens : {\"a\", \"b\", \"c\"};
length 1..4;
next = select(indices, indices + 1, ==);
follows = aggregate(next, tokens, \"-\");
n_same = selector_width(select(tokens, tokens, ==));
output follows;
output n_same;
example \"ab\" => [\"b\", \"-\"], [1, 1];
";

pub fn verdict(compiled: &Compiled, model: &Transformer, effort: Effort) -> Verdict {
    verify::compare(&compiled.program, &compiled.facts, model, effort, &mut |_| true).unwrap()
}

/// The same model with other weights, and hashes that fit.
pub fn forge(compiled: &Compiled, change: impl FnOnce(&mut Weights)) -> Artifact {
    let mut weights = compiled.artifact.weights.clone();
    change(&mut weights);
    Artifact::new(compiled.artifact.manifest.clone(), weights)
}

pub fn model(artifact: &Artifact) -> Transformer {
    Transformer::from_artifact(artifact, &Device::Cpu).unwrap()
}

/// Holds a counterexample to what it says: by the interpreter and by one run of the model.
pub fn is_genuine(compiled: &Compiled, model: &Transformer, found: &Disagreement) {
    let expected = Interpreter::new(&compiled.program).outputs(&found.input).unwrap();
    assert_eq!(expected[found.output][found.position], found.expected);
    assert_eq!(model.run(&found.input).unwrap()[found.output][found.position], found.found);
    assert_ne!(Decoded::Value(found.expected.clone()), found.found);
}

#[test]
fn every_input_is_a_proof_and_a_sample_is_not() {
    let compiled = compile(NEXT);
    let everything = verdict(&compiled, &compiled.model, EVERYTHING);
    assert_eq!(everything, Verdict::Enumerated { inputs: 120, classes: 120, failing: 0 });
    let some = Effort { all_up_to: 119, samples: 50, seed: 3 };
    let tested = Verdict::Tested { inputs: 50, failing: 0, seed: Some(3) };
    assert_eq!(verdict(&compiled, &compiled.model, some), tested);
}

#[test]
fn what_was_interrupted_is_tested_only() {
    let compiled = compile(&NEXT.replace("1..4", "1..9"));
    let mut calls = 0;
    let mut stop = |_| {
        calls += 1;
        false
    };
    let verdict =
        verify::compare(&compiled.program, &compiled.facts, &compiled.model, EVERYTHING, &mut stop).unwrap();
    let Verdict::Tested { inputs, seed: None, .. } = verdict else { panic!("{verdict:?}") };
    assert!((1..29_523).contains(&inputs), "{inputs}");
}

#[test]
fn inputs_on_which_the_program_fails_are_counted_apart() {
    let compiled = compile("input tokens : 0..2; length 1..2; output 6 / tokens;");
    let defined = Verdict::Enumerated { inputs: 2 + 4, classes: 2 + 4, failing: 1 + 5 };
    assert_eq!(verdict(&compiled, &compiled.model, EVERYTHING), defined);
}

#[test]
fn each_forged_weight_is_refuted_or_makes_no_difference() {
    let compiled = compile(NEXT);
    let (mut refuted, mut tried) = (0, 0);
    let n_matrices = matrices(&mut compiled.artifact.weights.clone()).len();
    for m in 0..n_matrices {
        let mut copy = compiled.artifact.weights.clone();
        let entries = matrices(&mut copy)[m].len();
        for entry in (0..entries).step_by(entries / 12 + 1) {
            let forged = forge(&compiled, |weights| {
                let entry = matrices(weights).swap_remove(m).iter_mut().nth(entry).unwrap();
                *entry = if *entry == 0.0 { 300.0 } else { -*entry };
            });
            let model = model(&forged);
            tried += 1;
            if let Verdict::Refuted(found) = verdict(&compiled, &model, EVERYTHING) {
                refuted += 1;
                is_genuine(&compiled, &model, &found);
            }
        }
    }
    assert!(refuted * 2 > tried, "{refuted} of {tried}");
}

/// A head that writes nothing: where there is no next token all logits are equal and "-", the
/// first value, wins, so the smallest counterexample has two positions.
#[test]
fn the_first_difference_is_where_the_weight_was_changed() {
    let compiled = compile(NEXT);
    let forged = forge(&compiled, |weights| weights.layers[0].heads[0].w_o.fill(0.0));
    let model = model(&forged);
    let Verdict::Refuted(found) = verdict(&compiled, &model, EVERYTHING) else { panic!("not refuted") };
    is_genuine(&compiled, &model, &found);
    assert_eq!(found.input, [[Value::str("a"), Value::str("a")]]);
    let first = verify::first_difference(&forged.manifest, &compiled.program, &model, &found.input);
    let FirstDifference { of, half_layer, owner, position, .. } = first.unwrap().unwrap();
    assert_eq!((half_layer, owner.as_str()), (1, "blocks.0.attn.0"));
    // BOS is the first position, and what this head writes there is gone, too.
    assert!(position.is_none_or(|p| p == 0));
    let node = verify::node(&compiled.program, of).unwrap();
    assert!(matches!(node, Node::SOp(_)));
}

#[test]
fn a_wrong_unembedding_leaves_the_residual_stream_right() {
    let compiled = compile(NEXT);
    let forged = forge(&compiled, |weights| weights.w_u[0].fill(0.0));
    let model = model(&forged);
    let Verdict::Refuted(found) = verdict(&compiled, &model, EVERYTHING) else { panic!("not refuted") };
    let first = verify::first_difference(&forged.manifest, &compiled.program, &model, &found.input);
    assert_eq!(first.unwrap(), None);
}

#[test]
fn a_counterexample_among_random_inputs_is_made_small() {
    let text = "input tokens : \"a\"..\"z\"; length 1..30; output tokens == \"q\";";
    let compiled = compile(text);
    let column = compiled.artifact.manifest.slots.iter().find(|s| s.label == "tokens = \"q\"").unwrap();
    let forged = forge(&compiled, |weights| weights.w_u[0].row_mut(column.direction).fill(0.0));
    let model = model(&forged);
    let effort = Effort { all_up_to: 1_000, samples: 500, seed: 1 };
    let Verdict::Refuted(found) = verdict(&compiled, &model, effort) else { panic!("not refuted") };
    assert_eq!(found.input, [[Value::str("q")]]);
    is_genuine(&compiled, &model, &found);
}

/// Files by name.
struct Shelf(&'static [(&'static str, &'static str)]);

impl Loader for Shelf {
    fn load(&self, path: &str, _: &str) -> Result<(String, String), String> {
        let found = self.0.iter().find(|(name, _)| *name == format!("{path}.rasp"));
        found.map(|(name, text)| (name.to_string(), text.to_string())).ok_or("no such file".to_owned())
    }
}

#[test]
fn the_program_is_read_again_from_the_file() {
    let files = Shelf(&[
        ("one.rasp", "load \"two\"; def twice(x) { return 2 * x; }"),
        ("two.rasp", "def flip(x) { return -x; }"),
    ]);
    let outside = Outside {
        declarations: "length 1..3;\n".to_owned(),
        assumptions: "assume distinct(tokens);\n".to_owned(),
        outputs: "output twice(flip(tokens));\n".to_owned(),
    };
    let text = "load \"one\"; load \"two\"; input tokens : 0..3; output flip(tokens);";
    let read = lower::read("main.rasp", text, &files, &outside);
    let program = read.program.unwrap();
    let plan = plan::plan(&program, &facts::analyse(&program), plan::Knobs::default()).unwrap();
    let manifest = Manifest::new(&program, &read.sources, &plan, &weights::build(&plan));
    assert_eq!(manifest.program, "main.rasp");
    let again = manifest.read_program().unwrap();
    let program_again = again.program.unwrap();
    assert_eq!(ir::print(&program_again, &again.sources), ir::print(&program, &read.sources));
    assert_eq!(program_again.lengths, program.lengths);
    assert_eq!(program_again.assumptions.len(), 1);
    let mut nothing = manifest.clone();
    nothing.sources.truncate(2);
    assert!(nothing.read_program().is_none());
}

/// Every program of the repository, but large ones.
fn programs() -> Vec<(String, Compiled)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "rasp"));
    paths.sort();
    let compiled = |p: &PathBuf| (p.display().to_string(), compile(&std::fs::read_to_string(p).unwrap()));
    paths.iter().map(compiled).collect()
}

/// On the examples of every program, each slot holds what the manifest says, and the model
/// decides alike in f32 and f64.
#[test]
fn slots_hold_what_the_manifest_says_and_f64_decides_alike() {
    let mut examples = 0;
    for (name, compiled) in programs() {
        let manifest = &compiled.artifact.manifest;
        let double = Transformer::with_dtype(&compiled.artifact, &Device::Cpu, DType::F64).unwrap();
        for example in &compiled.program.examples {
            let stream = Stream::record(&compiled.model, &example.inputs).unwrap();
            for row in verify::rows(manifest, &compiled.program, &stream, &example.inputs) {
                assert!(row.wrong.is_empty() && !row.wrong_at_bos, "{name} {:?}: {row:?}", example.inputs);
                assert_eq!(row.held.len(), example.inputs[0].len());
            }
            assert_eq!(double.run(&example.inputs).unwrap(), stream.outputs, "{name}");
            examples += 1;
        }
    }
    assert!(examples > 40, "{examples}");
}

/// Puts zeros in the place of one site.
struct Zero(Site);

impl Hooks for Zero {
    fn at(&mut self, site: Site, value: Tensor) -> candle_core::Result<Tensor> {
        if site == self.0 { value.zeros_like() } else { Ok(value) }
    }
}

#[test]
fn patching_a_site_changes_what_hangs_on_it() {
    let compiled =
        compile("input tokens : 1..3; length 1..5; output aggregate(select(indices, 0, ==), tokens);");
    let input = [[3, 1, 2].map(Value::int).to_vec()];
    let three = vec![Decoded::Value(Value::int(3)); 3];
    assert_eq!(compiled.model.run(&input).unwrap(), std::slice::from_ref(&three));
    // Without its pattern the head hands on nothing, all logits are equal, and the first value wins.
    let first = vec![Decoded::Value(Value::int(1)); 3];
    let of_head = |part| Site::Head(0, 0, part);
    for site in
        [Site::Pattern(0), Site::AttnOut(0), of_head(Part::V), of_head(Part::Z), of_head(Part::Result)]
    {
        assert_eq!(
            compiled.model.run_hooked(&input, &mut Zero(site)).unwrap(),
            std::slice::from_ref(&first),
            "{site}"
        );
    }
    // Without queries all scores are equal, and the head averages.
    let mean = compiled.model.run_hooked(&input, &mut Zero(of_head(Part::Q))).unwrap();
    assert_eq!(mean, [vec![Decoded::Value(Value::int(2)); 3]]);
    // A site of a layer that is not there changes nothing.
    assert_eq!(compiled.model.run_hooked(&input, &mut Zero(Site::Pattern(7))).unwrap(), [three]);
}

#[test]
fn the_sites_of_heads_add_up_to_those_of_their_layer() {
    let compiled = compile(&std::fs::read_to_string("programs/dominating_peak.rasp").unwrap());
    let heads = compiled.model.config().layers[0].heads.len();
    let mut recorder = Recorder { wanted: Site::all(compiled.model.config()), ..Recorder::default() };
    compiled.model.run_hooked(&[[3, 1, 2, 5].map(Value::int).to_vec()], &mut recorder).unwrap();
    assert_eq!(recorder.seen.len(), recorder.wanted.len(), "every site is passed");
    let rows = |site: Site| recorder.seen[&site].get(0).unwrap().to_vec2::<f32>().unwrap();
    let scores = recorder.seen[&Site::AttnScores(0)].get(0).unwrap().to_vec3::<f32>().unwrap();
    let mut sum = vec![vec![0.0; compiled.plan.d_model]; scores[0].len()];
    for (h, scores) in scores.iter().enumerate() {
        let part = |part| rows(Site::Head(0, h, part));
        let (q, k) = (part(Part::Q), part(Part::K));
        for (row, q) in scores.iter().zip(&q) {
            let dot = |k: &Vec<f32>| q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>();
            assert_eq!(*row, k.iter().map(dot).collect::<Vec<_>>());
        }
        for (sum, row) in sum.iter_mut().zip(part(Part::Result)) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
    }
    assert_eq!((heads, rows(Site::AttnOut(0))), (scores.len(), sum));
}

#[test]
fn a_forged_file_is_refuted_with_the_line_where_values_part() {
    let compiled = compile(NEXT);
    let folder = folder("forged");
    let (path, honest) = (folder.join("forged.safetensors"), folder.join("honest.safetensors"));
    artifact::save(&compiled.artifact, &honest).unwrap();
    let forged = forge(&compiled, |weights| weights.layers[0].heads[0].w_v.fill(0.0));
    artifact::save(&forged, &path).unwrap();
    let (path, honest) = (path.to_str().unwrap(), honest.to_str().unwrap());
    let output = raspc(&["verify", path], "");
    assert_eq!(output.code, Some(3));
    let report = output.err;
    assert!(report.contains("E0502") && report.contains("the first difference"), "{report}");
    assert!(report.contains("test.rasp:"), "{report}");
    let both = raspc(&["verify", "--no-proof", honest, path], "");
    assert_eq!(both.code, Some(3));
    let lines = both.out;
    assert!(lines.contains("honest.safetensors: proved by enumeration (120 inputs); test.rasp"), "{lines}");
    assert!(lines.ends_with("2 files: 1 proved by enumeration, 1 refuted\n"), "{lines}");
    let both = raspc(&["verify", honest, path], "");
    let lines = both.out;
    assert!(lines.contains("honest.safetensors: proved; test.rasp"), "{lines}");
    assert!(lines.ends_with("2 files: 1 proved, 1 refuted\n"), "{lines}");
    let json: serde_json::Value = raspc(&["verify", "--json", path], "").json().swap_remove(0);
    assert_eq!(json["verdict"], "refuted");
    assert_eq!(json["program"]["name"], "test.rasp");
    let traced = raspc(&["run", path, "--trace", "ab"], "");
    assert_eq!(traced.code, Some(3));
    assert!(traced.out.contains('✗'), "{}", traced.out);
}

/// A forged file can carry its own program; one's own program shows it.
#[test]
fn one_brings_ones_own_program() {
    let compiled = compile(NEXT);
    let folder = folder("against");
    let path = folder.join("model.safetensors");
    artifact::save(&compiled.artifact, &path).unwrap();
    let against = |name: &str, program: &str| {
        let file = folder.join(name);
        std::fs::write(&file, program).unwrap();
        raspc(&["verify", path.to_str().unwrap(), "--against", file.to_str().unwrap()], "")
    };
    let same = against("same.rasp", NEXT);
    assert_eq!(same.code, Some(0), "{}", same.err);
    assert!(same.out.contains("same.rasp"), "{}", same.out);
    let other = against("other.rasp", &NEXT.replace("\"-\"", "\"a\""));
    assert_eq!(other.code, Some(3));
    let longer = against("longer.rasp", &NEXT.replace("1..4", "1..5"));
    assert_eq!(longer.code, Some(1));
    assert!(longer.err.contains("declares length 5"), "{}", longer.err);
    let wider = against("wider.rasp", &NEXT.replace("\"c\"}", "\"d\"}"));
    assert!(wider.err.contains("\"d\" in `tokens`"), "{}", wider.err);
}

#[test]
fn wrong_examples_are_told_though_weights_and_program_agree() {
    let file = folder("examples").join("wrong.rasp");
    std::fs::write(&file, NEXT.replace("[1, 1]", "[1, 2]")).unwrap();
    let output = raspc(&["verify", file.to_str().unwrap()], "");
    assert_eq!(output.code, Some(3));
    assert!(output.err.contains("E0301"), "{}", output.err);
    assert!(output.out.contains("1 of 1 do not hold"), "{}", output.out);
}

/// A counterexample that someone happened to write down is not the smallest one.
#[test]
fn the_first_input_is_told_and_not_an_example() {
    let compiled = compile(NEXT);
    let forged = forge(&compiled, |weights| weights.layers[0].heads[0].w_o.fill(0.0));
    let path = folder("first").join("forged.safetensors");
    artifact::save(&forged, &path).unwrap();
    let output = raspc(&["verify", path.to_str().unwrap()], "");
    let said = output.out;
    assert!(said.contains("refuted on [\"a\", \"a\"]"), "{said}");
    let few = raspc(&["verify", "--all-up-to", "10", path.to_str().unwrap()], "");
    assert!(few.out.contains("refuted on"), "{}", few.out);
}

#[test]
fn it_says_whether_the_program_itself_can_fail() {
    let file = folder("fails").join("fails.rasp");
    std::fs::write(&file, "input tokens : 0..3;\nlength 1..4;\noutput 1 / (tokens - 2);\n").unwrap();
    let output = raspc(&["verify", file.to_str().unwrap()], "");
    assert_eq!(output.code, Some(0));
    assert!(output.out.contains("itself    fails on 220 of all 340 inputs, as on [2]"), "{}", output.out);
    assert!(output.err.contains("division by zero"), "{}", output.err);
    let json: serde_json::Value =
        raspc(&["verify", "--json", file.to_str().unwrap()], "").json().swap_remove(0);
    assert_eq!(json["can_fail"]["answer"], "fails");
    assert_eq!(json["can_fail"]["position"], 0);
    let sound = raspc(&["verify", "programs/length.rasp"], "");
    assert!(sound.out.contains("itself    cannot fail"), "{}", sound.out);
}

#[test]
#[cfg(not(feature = "cuda"))]
fn without_cuda_the_error_says_how_to_build() {
    let output = raspc(&["verify", "programs/length.rasp", "--device", "cuda"], "");
    assert_eq!(output.code, Some(1));
    assert!(output.err.contains("--features cuda"), "{}", output.err);
}
