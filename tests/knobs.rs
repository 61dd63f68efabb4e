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
    for out_of_range in ["0", "257"] {
        let answer = compile(&["--sharpness", out_of_range]);
        assert!(answer.err.contains("1..=256"), "{}", answer.err);
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
