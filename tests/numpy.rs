//! Does the loader in NumPy, `docs/raspc_numpy.py`, know what raspc writes, and do both give the same outputs?
//!
//! It runs where there is a python3 with NumPy, or the interpreter that `RASPC_PYTHON` names.

use crate::common::command::folder;
use crate::common::compiled::{compile, compile_for};
use crate::common::file::File;
use crate::train;
use candle_core::{Device, Tensor};
use raspc::model::{Activation, Artifact, AttnScale, Biases, Config, Layout, Positions, artifact};
use serde_json::Value as Json;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap()
}

/// A network of random weights with each option of a configuration, as if it had been trained.
pub fn trained() -> Vec<(&'static str, Artifact)> {
    let model = |(name, config): (&'static str, Config)| {
        let (attention, number) = match (config.causal, config.outputs.len()) {
            (causal, 2) => (causal, "output number;"),
            (causal, _) => (causal, ""),
        };
        let program = format!(
            "input tokens : 0..2;\nlength 1..4;\n{}class = shift(tokens, 1, 0);\n\
             number = aggregate(select(tokens, tokens, <=), tokens);\noutput class;\n{number}\n",
            if attention { "attention causal;\n" } else { "" }
        );
        let layout = Layout::of(&config);
        let parameters = train::parameters(&layout, &config);
        let flat = Tensor::from_vec(parameters, layout.len(), &Device::Cpu).unwrap();
        let weights = layout.weights(&config, &flat).unwrap();
        (name, compile(&program).artifact.trained(config, weights, "program = \"a.rasp\"\n".to_owned()))
    };
    train::configs().into_iter().map(model).collect()
}

/// Compiled networks: classes, numbers, means, strings, several columns, causal attention.
pub fn compiled() -> Vec<(&'static str, Artifact)> {
    let model = |(name, lengths): (&'static str, &str)| {
        (name, compile_for(&File::read(name).text, None, lengths).artifact)
    };
    let programs = [
        ("peak", "1..5"),
        ("fractok", "1..5"),
        ("causal_shift_by_1", "1..4"),
        ("reverse", "1..4"),
        ("causal_width", "1..5"),
        ("sql/average_rows", "1..4"),
        ("histogram", "1..4"),
        ("nary_sum", "1..4"),
    ];
    programs.into_iter().map(model).collect()
}

#[test]
fn numpy_and_raspc_give_the_same_outputs() {
    let python = std::env::var("RASPC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|output| output.status.success()) {
        println!("left out: {python} with NumPy is not installed; RASPC_PYTHON names another interpreter");
        return;
    }
    let folder = folder("numpy");
    let mut command = Command::new(python);
    command.args([&format!("{ROOT}/tests/numpy_loader.py"), "--inputs", "20", env!("CARGO_BIN_EXE_raspc")]);
    for (i, (_, model)) in compiled().into_iter().chain(trained()).enumerate() {
        let path = folder.join(format!("{i}.safetensors"));
        artifact::save(&model, &path).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    print!("{}", text(&output.stdout));
}

/// Keys of objects inside of a value.
fn keys(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(fields) => fields.iter().for_each(|(key, value)| {
            found.push(key.clone());
            keys(value, found);
        }),
        Json::Array(items) => items.iter().for_each(|item| keys(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// Needs no Python: an option that is added to raspc and not to the loader is missed here.
#[test]
fn the_loader_names_every_option() {
    let loader = read("docs/raspc_numpy.py");
    let mut names = Vec::new();
    for (_, model) in compiled().into_iter().chain(trained()) {
        let config = serde_json::to_value(&model.manifest.config).unwrap();
        keys(&config, &mut names);
        for output in config["outputs"].as_array().unwrap() {
            names.push(output["decode"]["kind"].as_str().unwrap().to_owned());
        }
        // One arm per variant: a new one is asked for here, and has to be in `train::configs` as well.
        names.push(word(match model.manifest.config.activation {
            activation @ (Activation::Relu | Activation::Gelu | Activation::GeluTanh) => activation,
        }));
        names.push(word(match model.manifest.config.attn_scale {
            scale @ (AttnScale::One | AttnScale::SqrtDHead) => scale,
        }));
        names.push(word(match model.manifest.config.positions {
            positions @ (Positions::Learned | Positions::Sinusoidal | Positions::QueryKey) => positions,
        }));
        names.push(word(match model.manifest.config.biases {
            biases @ (Biases::None | Biases::Neurons | Biases::All) => biases,
        }));
    }
    names.retain(|name| name != "ratio");
    names.sort();
    names.dedup();
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<&String> =
        names.iter().filter(|name| !loader.contains(&format!("\"{name}\""))).collect();
    assert!(missing.is_empty(), "docs/raspc_numpy.py does not know {missing:?}");
}

#[test]
fn the_file_format_page_names_every_key() {
    let page = read("docs/file-format.md");
    let mut names = Vec::new();
    for (_, model) in compiled().into_iter().chain(trained()) {
        let mut manifest = serde_json::to_value(&model.manifest).unwrap();
        if model.manifest.training.is_none() {
            // What is proved is written by the command line.
            manifest["certificate"] = Json::Null;
        }
        for part in ["slots", "heads", "neurons", "certificate"] {
            manifest.as_object().unwrap().get(part).inspect(|_| names.push(part.to_owned()));
        }
        names.extend(manifest.as_object().unwrap().keys().cloned());
        keys(&manifest["config"], &mut names);
        for part in ["slots", "heads", "neurons"] {
            let first = manifest[part].as_array().unwrap().iter().take(1);
            first.for_each(|first| names.extend(first.as_object().unwrap().keys().cloned()));
        }
        names.extend(model.manifest.config.shapes().into_iter().map(|(name, _)| {
            // `blocks.0.attn.1.w_q` is described as `w_q`.
            name.rsplit('.').next().unwrap().to_owned()
        }));
    }
    names.sort();
    names.dedup();
    let missing: Vec<&String> = names.iter().filter(|name| !page.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/file-format.md does not describe {missing:?}");
}
