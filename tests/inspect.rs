//! What `inspect` and `run --trace` show, as transcripts.

use crate::common::command::{Answer, raspc, refuses};
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
