//! The flags of the compiler, and what is told of them.

use crate::common::command::{folder, raspc};

const LAST: &str =
    "input tokens : 0..3;\nlength 1..5;\nx = aggregate(select(indices, length - 1, ==), tokens);\n";

#[test]
fn sharpness_is_bounded_and_told() {
    let folder = folder("sharpness");
    let (program, model) = (folder.join("last.rasp"), folder.join("last.safetensors"));
    std::fs::write(&program, LAST).unwrap();
    let (program, model) = (program.to_str().unwrap(), model.to_str().unwrap());
    let compile = |more: &[&str]| raspc(&[&["compile", program, "-o", model], more].concat(), "");
    let soft = compile(&["--sharpness", "1"]);
    assert!(soft.err.contains("E0412") && soft.err.contains("--sharpness"), "{}", soft.err);
    assert_eq!(soft.code, Some(2));
    for wrong in ["0", "257", "0.5", "sharp"] {
        let answer = compile(&["--sharpness", wrong]);
        assert!(answer.err.contains("write an integer from 1 to 256"), "{}", answer.err);
        assert_eq!(answer.code, Some(1));
    }
    let sharp = compile(&["--sharpness", "20"]);
    assert_eq!(sharp.code, Some(0), "{}", sharp.err);
    assert!(sharp.out.contains("of a head's attention at most"), "{}", sharp.out);
    let stats = raspc(&["inspect", model, "--stats"], "").out;
    assert!(stats.contains("-O1 --sharpness 20") && stats.contains("of a head's attention"), "{stats}");
    let json = raspc(&["inspect", model, "--stats", "--json"], "").json().remove(0);
    assert_eq!(json["knobs"], serde_json::json!({ "optimise": true, "sharpness": 20, "uniform": false }));
    assert!(json["leak"]["ratio"].is_string(), "{json}");
    let help = raspc(&["compile", "--help"], "").out;
    assert!(help.contains("from 1 to 256"), "{help}");
}

#[test]
fn uniform_layers_are_equal_in_size() {
    let folder = folder("uniform");
    let model = folder.join("sort.safetensors");
    let model = model.to_str().unwrap();
    let compiled = raspc(&["compile", "programs/double_histogram.rasp", "--uniform", "-o", model], "");
    assert_eq!(compiled.code, Some(0), "{}", compiled.err);
    let json = raspc(&["inspect", model, "--json"], "").json().remove(0);
    let layers = json["config"]["layers"].as_array().unwrap();
    assert!(layers.len() > 1 && layers.iter().all(|layer| *layer == layers[0]), "{layers:?}");
    assert_eq!(json["totals"]["knobs"]["uniform"], true);
    assert!(raspc(&["inspect", model, "--stats"], "").out.contains("-O1 --uniform"));
}

/// A network of a given shape computes the same, is proved, and says what was asked for.
#[test]
fn networks_are_padded_to_a_shape() {
    let folder = folder("padded");
    let model = folder.join("peak.safetensors");
    let compile = |more: &[&str]| {
        raspc(&[&["compile", "programs/peak.rasp", "-o", model.to_str().unwrap()], more].concat(), "")
    };
    let shape = ["--layers", "3", "--heads", "4", "--d-model", "64", "--d-mlp", "50"];
    let compiled = compile(&shape);
    assert_eq!(compiled.code, Some(0), "{}", compiled.err);
    assert!(compiled.out.contains("proved"), "{}", compiled.out);
    let inspect = |more: &[&str]| raspc(&[&["inspect", model.to_str().unwrap()], more].concat(), "");
    let json = inspect(&["--json"]).json().remove(0);
    let layers = json["config"]["layers"].as_array().unwrap();
    assert!(layers.len() == 3 && layers.iter().all(|layer| *layer == layers[0]), "{layers:?}");
    assert_eq!((layers[0]["heads"].as_array().unwrap().len(), &layers[0]["d_mlp"]), (4, &50.into()));
    assert_eq!(json["config"]["d_model"], 64);
    assert_eq!(json["totals"]["knobs"]["d_model"], 64);
    assert!(inspect(&["--stats"]).out.contains(&format!("-O1 {}", shape.join(" "))));
    let run = |file: &str| raspc(&["run", file, "[1, 3, 2, 2, 9]"], "").out;
    assert_eq!(run(model.to_str().unwrap()), run("programs/peak.rasp"));
    for (place, size) in [("[1, 3, 2]", "blocks.2"), ("[2, 2]", "blocks.0")] {
        assert!(inspect(&[place]).out.contains(size));
    }
}

/// Shapes that a network does not fit into, or that nobody would want, are refused.
#[test]
fn a_shape_that_is_too_small_says_the_least() {
    let folder = folder("too_small");
    let model = folder.join("peak.safetensors");
    let compile = |more: &[&str]| {
        raspc(&[&["compile", "programs/peak.rasp", "-o", model.to_str().unwrap()], more].concat(), "")
    };
    for (flag, size) in [("--heads", "1"), ("--d-model", "11"), ("--d-mlp", "4")] {
        let answer = compile(&[flag, size]);
        assert_eq!(answer.code, Some(2));
        let least = "--layers 1 --heads 2 --d-model 12 --d-mlp 5";
        for words in ["E0413", flag, least] {
            assert!(answer.err.contains(words), "{flag}: {}", answer.err);
        }
        assert!(!model.exists());
    }
    let answer = compile(&["--layers", "1000000", "--d-mlp", "1000000"]);
    assert!(answer.err.contains("E0410") && answer.err.contains("--layers"), "{}", answer.err);
    assert_eq!(answer.code, Some(2));
    for wrong in ["0", "-1", "1048577", "many"] {
        assert_eq!(compile(&[&format!("--layers={wrong}")]).code, Some(1), "{wrong}");
    }
    assert!(compile(&["--layers=0"]).err.contains("from 1 to 1048576"));
}

/// Balanced weights compute the same, are told of, and go with attention that need not be exact.
#[test]
fn balanced_networks_compute_the_same() {
    let folder = folder("balanced");
    let model = folder.join("peak.safetensors");
    let file = model.to_str().unwrap();
    let compiled =
        raspc(&["compile", "programs/peak.rasp", "--balanced", "--sharpness", "16", "-o", file], "");
    assert_eq!(compiled.code, Some(0), "{}", compiled.err);
    assert!(compiled.out.contains("; proved"), "{}", compiled.out);
    let stats = raspc(&["inspect", file, "--stats"], "").out;
    assert!(stats.contains("-O1 --balanced --sharpness 16"), "{stats}");
    let json = raspc(&["inspect", file, "--stats", "--json"], "").json().remove(0);
    assert_eq!(json["knobs"]["balanced"], true);
    let answer = raspc(&["verify", file, "--balanced"], "");
    assert!(answer.err.contains("--balanced is for programs"), "{}", answer.err);
}

/// From balanced weights, gradient descent lowers the loss and breaks nothing on the way.
#[test]
fn networks_stay_right_when_they_are_trained_from_balanced_weights() {
    let folder = folder("from_balanced");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("last.rasp"), LAST).unwrap();
    let settings =
        "program = 'last.rasp'\n[train]\nsteps = 60\nevaluate_every = 10\n[optimiser]\nlr = 3e-3\n";
    std::fs::write(path("last.toml"), settings).unwrap();
    let knobs = ["-O0", "--balanced", "--sharpness", "16"];
    let model = path("last.safetensors");
    let compiled = raspc(&[&["compile", &path("last.rasp"), "-o", &model][..], &knobs].concat(), "");
    assert_eq!(compiled.code, Some(0), "{}", compiled.err);
    let run = path("run");
    let trained = raspc(&["train", &path("last.toml"), "--init", &model, "--out", &run], "");
    assert_eq!(trained.code, Some(0), "{}", trained.err);
    let metrics = std::fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let held_out: Vec<_> = lines.filter_map(|line| line.get("held_out").cloned()).collect();
    assert!(held_out.len() >= 7 && held_out.iter().all(|h| h["sequence_accuracy"] == 1.0), "{held_out:?}");
    let loss = |at: usize| held_out[at]["loss"].as_f64().unwrap();
    assert!(loss(held_out.len() - 1) < loss(0) / 10.0, "{held_out:?}");
}
