//! Columns and outputs of a model are those of a program of the same name, wherever they stand.

use crate::common::command::{Answer, folder, raspc};
use crate::common::compiled::{Compiled, compile};
use raspc::model::{Artifact, Manifest, artifact};
use std::path::Path;

const AB: &str = "input a : 0..2; input b : 0..2; length 1..3; x = a - 2 * b; output x;";
const PQ: &str = "input a : 0..2; length 1..3; p = a + 1; q = a * 2; output p, q;";

fn write(folder: &Path, compiled: &Compiled, change: impl FnOnce(&mut Manifest)) -> String {
    let mut manifest = compiled.artifact.manifest.clone();
    change(&mut manifest);
    let path = folder.join("model.safetensors");
    artifact::save(&Artifact::new(manifest, compiled.artifact.weights.clone()), &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Compiles one program and compares it with another.
fn against(name: &str, model: &str, program: &str) -> Answer {
    let folder = folder(&format!("names_{name}"));
    let model = write(&folder, &compile(model), |_| ());
    let other = folder.join("other.rasp");
    std::fs::write(&other, program).unwrap();
    raspc(&["verify", &model, "--against", other.to_str().unwrap()], "")
}

#[test]
fn columns_in_another_order_are_the_same_columns() {
    let other = AB.replace("input a : 0..2; input b : 0..2;", "input b : 0..2; input a : 0..2;");
    let same = against("same", AB, &other);
    assert!(same.out.contains("proved by enumeration"), "{}{}", same.out, same.err);
    let swapped = against("swapped", AB, &other.replace("a - 2 * b", "b - 2 * a"));
    assert_eq!(swapped.code, Some(3), "{}", swapped.out);
    // Either order takes this input.
    let input = "{\"b\": [0], \"a\": [1]}";
    assert!(swapped.err.contains(&format!("differ from the program on {input}")), "{}", swapped.err);
    assert!(swapped.out.contains(&format!("refuted on {input}")), "{}", swapped.out);
    let model = concat!(env!("CARGO_TARGET_TMPDIR"), "/names_swapped/model.safetensors");
    assert_eq!(raspc(&["run", model, input], "").out, "[1]\n");
}

#[test]
fn outputs_in_another_order_are_the_same_outputs() {
    let same = against("same_outputs", PQ, &PQ.replace("output p, q", "output q, p"));
    assert!(same.out.contains("proved by enumeration"), "{}{}", same.out, same.err);
    let swapped = PQ.replace("p = a + 1; q = a * 2; output p, q", "q = a + 1; p = a * 2; output q, p");
    assert_eq!(against("swapped_outputs", PQ, &swapped).code, Some(3));
}

#[test]
fn names_that_are_not_shared_are_said() {
    let refuse = |name: &str, program: &str, words: &str| {
        let answer = against(name, AB, program);
        assert!(answer.err.contains(words), "{}", answer.err);
        assert_eq!(answer.code, Some(1));
    };
    let renamed = AB.replace("input b", "input c").replace("* b", "* c");
    refuse("renamed", &renamed, "the model has no input column `c`, and the program has no input column `b`");
    refuse("more", &AB.replace("output x", "output x, a"), "the model has no output `a`");
    refuse("none", &PQ.replace("input a", "input b : 0..2; input a"), "the program has no output `x`");
}

/// A forged file may say something else of its columns than its program does.
#[test]
fn a_manifest_that_renames_is_not_that_of_its_program() {
    let folder = folder("names_forged");
    let (columns, outputs) = (compile(AB), compile(PQ));
    let refused = |model: &str| {
        for command in [&["verify", model][..], &["run", model, "{\"a\": [1], \"b\": [2]}"]] {
            let answer = raspc(command, "");
            assert_eq!(answer.code, Some(1), "{}", answer.out);
            assert!(answer.err.contains("the configuration of the model is not that of"), "{}", answer.err);
        }
    };
    refused(&write(&folder, &columns, |m| m.config.columns[0].name = "c".to_owned()));
    refused(&write(&folder, &columns, |m| m.config.columns.reverse()));
    refused(&write(&folder, &outputs, |m| m.config.outputs[1].name = "z".to_owned()));
    refused(&write(&folder, &outputs, |m| m.config.outputs.reverse()));
    refused(&write(&folder, &outputs, |m| m.config.causal = true));
    let twice = write(&folder, &outputs, |m| m.config.outputs[1].name = "p".to_owned());
    assert!(
        raspc(&["verify", &twice], "").err.contains("`config.outputs[1].name` has the same value as entry 0")
    );
}

/// Both orders, one file: what the examples say is compared by name, too.
#[test]
fn examples_are_compared_by_name() {
    let other = "input b : 0..2; input a : 0..2; length 1..3; x = a - 2 * b; output x;
        example [1], [2] => [0];";
    let answer = against("examples", AB, other);
    assert!(answer.out.contains("proved by enumeration"), "{}{}", answer.out, answer.err);
}

/// Artifacts are read before any program is.
#[test]
fn two_columns_of_one_name_are_no_configuration() {
    let mut manifest = compile(AB).artifact.manifest;
    manifest.config.columns[1].name = "a".to_owned();
    let bytes = Artifact::new(manifest, compile(AB).artifact.weights).to_bytes().unwrap();
    assert_eq!(
        Artifact::from_bytes(&bytes).unwrap_err().to_string(),
        "the manifest is rejected: `config.columns[1].name` has the same value as entry 0"
    );
}
