//! What `inspect` and `run --trace` show, as transcripts.

use crate::common::command::{Answer, fits, folder, raspc, raspc_at, refuses};
use std::path::Path;

/// What a line of arguments without blanks answers.
fn answer(args: &str) -> Answer {
    raspc(&args.split(' ').collect::<Vec<_>>(), "")
}

/// Each file of `tests/inspect` holds commands, behind `$`, and what they print. `UPDATE=1` writes
/// down what they print today.
#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inspect");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "the transcripts are gone");
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let mut printed = String::new();
        for command in expected.lines().filter_map(|l| l.strip_prefix("$ raspc ")) {
            let Answer { out, err, .. } = answer(command);
            printed += &format!("$ raspc {command}\n{out}{err}");
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &printed).unwrap();
        } else {
            assert_eq!(printed, expected, "{}", path.display());
        }
    }
}

fn json(args: &str) -> serde_json::Value {
    serde_json::from_str(&answer(args).out).unwrap()
}

#[test]
fn json_has_patterns_and_residuals_as_arrays() {
    let run = json("inspect programs/histogram.rasp abaca --json");
    let pattern = &run["sites"]["blocks.0.attn.hook_pattern"];
    assert_eq!(run["positions"], serde_json::json!(["BOS", "a", "b", "a", "c", "a"]));
    // The query at position 0 is an "a": BOS and the three of them share its attention.
    assert_eq!(pattern[0][1], serde_json::json!([0.25, 0.25, 0.0, 0.25, 0.0, 0.25]));
    let resid = run["sites"]["blocks.0.hook_resid_post"].as_array().unwrap();
    let directions = run["directions"].as_array().unwrap();
    assert_eq!((resid.len(), resid[0].as_array().unwrap().len()), (6, directions.len()));
    let share = directions.iter().position(|d| d[0] == "1 / (histogram + 1)").unwrap();
    assert_eq!(resid[2][share], 0.5);
    assert_eq!(run["outputs"]["histogram"], serde_json::json!([3, 1, 3, 1, 3]));
}

#[test]
fn a_site_is_named_as_transformer_lens_names_it() {
    let run = json("inspect programs/histogram.rasp ab --json --site blocks.0.attn.hook_attn_scores");
    let sites = run["sites"].as_object().unwrap();
    assert_eq!(sites.keys().collect::<Vec<_>>(), ["blocks.0.attn.hook_attn_scores"]);
    let none = answer("inspect programs/histogram.rasp ab --site blocks.9.hook_resid_post");
    refuses(&none, "no site `blocks.9.hook_resid_post`; the nearest are blocks.0.hook_resid_post");
}

#[test]
fn totals_fit_the_manifest() {
    let model = json("inspect programs/peak.rasp --json");
    let slots = model["slots"].as_array().unwrap();
    assert_eq!(model["totals"]["d_model"], slots.len());
    assert_eq!(model["totals"]["heads"], model["heads"].as_array().unwrap().len());
    assert!(model["totals"]["nonzero"].as_u64() < model["totals"]["parameters"].as_u64());
    assert_eq!(json("inspect programs/peak.rasp --stats --json"), model["totals"]);
}

#[test]
fn tables_fit_the_terminal() {
    let commands = [
        &["inspect", "compiled/peak.safetensors"][..],
        &["inspect", "compiled/sort.safetensors"],
        &["inspect", "compiled/histogram.safetensors", "--stats"],
        &["inspect", "compiled/peak.safetensors", "[1, 3, 2]"],
        &["inspect", "compiled/histogram.safetensors", "abacabad"],
        &["inspect", "compiled/histogram.safetensors", "ab", "--site", "blocks.0.mlp.hook_post"],
        &["run", "compiled/peak.safetensors", "--trace", "[1, 3, 2, 5, 4, 9, 0, 1, 2, 3]"],
        &["run", "programs/histogram.rasp", "--trace", "abacabad"],
    ];
    for args in commands {
        let wide = raspc_at(1000, args).out;
        for width in [40, 60, 80, 100] {
            let answer = raspc_at(width, args);
            fits(&answer, width);
            // Tables with positions repeat their labels; the others show every letter once.
            if args.len() == 2 {
                let letters = |text: &str| {
                    let mut letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
                    letters.sort_unstable();
                    letters
                };
                assert_eq!(letters(&answer.out), letters(&wide), "at {width}:\n{}", answer.out);
            }
        }
    }
}

#[test]
fn facts_fit_the_terminal() {
    for width in [60, 80] {
        fits(&raspc_at(width, &["check", "programs/reverse.rasp", "--facts"]), width);
    }
}

/// Nobody knows what the directions of a trained network hold: they have numbers, and no s-op is located.
#[test]
fn trained_networks_are_shown_by_number() {
    let folder = folder("shown_by_number");
    let out = folder.join("run");
    let (out, model) = (out.to_str().unwrap(), out.join("model.safetensors"));
    let args =
        ["train", "experiments/peak.toml", "--out", out, "--set", "train.steps=1", "--set", "data.train=64"];
    let trained =
        raspc(&[&args[..], &["--set", "data.held_out=16", "--set", "model.multiple=1"]].concat(), "");
    assert_eq!(trained.code, Some(0), "{}", trained.err);
    let model = model.to_str().unwrap();

    let labels = |answer: &Answer, site: &str| -> Vec<String> {
        let rows = answer.out.lines().skip_while(|line| *line != site).skip(2);
        let rows = rows.take_while(|line| line.starts_with("    ") && !line.contains("more"));
        rows.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    let site = "blocks.0.hook_resid_post";
    let shown = raspc(&["inspect", model, "[1, 3, 2]", "--site", site], "");
    let numbers: Vec<String> = (0..12).map(|direction| direction.to_string()).collect();
    assert_eq!(labels(&shown, site), numbers, "{}", shown.out);
    let site = "blocks.0.attn.0.hook_z";
    let shown = raspc(&["inspect", model, "[1, 3, 2]", "--site", site], "");
    assert_eq!(labels(&shown, site)[..2], ["0", "1"], "{}", shown.out);

    let trace = raspc(&["run", model, "--trace", "[1, 3, 2]"], "").out;
    assert!(trace.contains("tokens > left (not located) ") && !trace.contains("folded"), "{trace}");
    let trace = json(&format!("run {model} --trace [1,3,2] --json"));
    assert_eq!(trace["trace"][0]["located"], false, "{trace}");
    assert_eq!(trace["trace"][0]["folded"], false, "{trace}");
}

#[test]
fn parameters_mean_the_same_everywhere() {
    let stats = json("inspect compiled/peak.safetensors --stats --json");
    let (parameters, unembedding) = (&stats["parameters"], &stats["unembedding"]);
    assert_eq!((parameters, unembedding), (&653.into(), &24.into()));
    let text = answer("inspect compiled/peak.safetensors --stats").out;
    assert!(text.contains("653, of which 117 are not 0; 677 with unembedding"), "{text}");
    let out = folder("parameters").join("peak.safetensors");
    let compiled =
        answer(&format!("compile programs/peak.rasp --no-check --no-proof --out {} --json", out.display()));
    assert_eq!(&compiled.json()[0]["parameters"], parameters);
}
