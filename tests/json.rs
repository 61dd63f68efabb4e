//! Do errors and warnings stand in the lines of `--json`, with their places?

use crate::common::command::{Answer, file, folder, raspc};
use serde_json::{Value as Json, json};

/// Its second line has an error, from column 5 to 12, and help.
const UNDEFINED: &str = "input tokens : 0..3; length 1..3;\nx = indicse + 1;\noutput x;\n";
/// It compares with a value that does not occur.
const ODD: &str =
    "input tokens : 0..3;\nlength 1..3;\nx = tokens + 1 if tokens == 7 else tokens;\noutput x;\n";

fn on(command: &str, name: &str, program: &str, more: &[&str]) -> Answer {
    let path = file(name, program);
    raspc(&[&[command, path.to_str().unwrap(), "--json"], more].concat(), "[1]\n")
}

/// The only line of an answer.
#[track_caller]
fn line(answer: &Answer) -> Json {
    let lines = answer.json();
    assert_eq!(lines.len(), 1, "{}{}", answer.out, answer.err);
    lines.into_iter().next().unwrap()
}

#[test]
fn every_command_tells_an_error_with_its_place() {
    for command in ["check", "compile", "verify", "run", "inspect"] {
        let answer = on(command, "undefined", UNDEFINED, &[]);
        let line = line(&answer);
        let place =
            json!({ "file": "undefined.rasp", "line": 2, "column": 5, "end_line": 2, "end_column": 12 });
        let mut label = place.clone();
        label["text"] = json!("no such name here");
        let mut error = place;
        for (key, value) in [
            ("severity", json!("error")),
            ("code", json!("E0201")),
            ("message", json!("`indicse` is not defined")),
            ("help", json!("did you mean `indices`?")),
            ("labels", json!([label])),
        ] {
            error[key] = value;
        }
        assert_eq!(line["errors"], json!([error]), "{command}");
        assert_eq!((answer.code, line.get("warnings")), (Some(2), None), "{command}");
    }
}

#[test]
fn every_command_that_looks_at_facts_tells_a_warning() {
    let folder = folder("json_odd");
    let model = folder.join("odd.safetensors");
    for (command, more) in [
        ("check", &[][..]),
        ("compile", &["-o", model.to_str().unwrap()]),
        ("verify", &[]),
        ("inspect", &["--stats"]),
    ] {
        let answer = on(command, "odd", ODD, more);
        let line = line(&answer);
        let warning = &line["warnings"][0];
        assert_eq!((answer.code, line.get("errors")), (Some(0), None), "{command}: {}", answer.err);
        let found = (&warning["severity"], &warning["code"], &warning["line"], &warning["column"]);
        assert_eq!(found, (&json!("warning"), &json!("W0201"), &json!(3), &json!(19)), "{command}");
        assert_eq!(line["warnings"].as_array().unwrap().len(), 1, "{command}");
    }
}

#[test]
fn train_tells_what_is_wrong_with_its_program() {
    let folder = folder("json_train");
    std::fs::write(folder.join("wrong.rasp"), UNDEFINED).unwrap();
    let experiment = folder.join("wrong.toml");
    std::fs::write(&experiment, "program = \"wrong.rasp\"\n").unwrap();
    let answer = raspc(&["train", experiment.to_str().unwrap(), "--json"], "");
    assert_eq!(line(&answer)["errors"][0]["code"], "E0201", "{}", answer.out);
    std::fs::write(&experiment, "program = 3\n").unwrap();
    let answer = raspc(&["train", experiment.to_str().unwrap(), "--json"], "");
    let error = &line(&answer)["errors"][0];
    assert_eq!((&error["severity"], &error["labels"]), (&json!("error"), &json!([])), "{error}");
}

#[test]
fn each_line_of_an_input_carries_its_own_errors() {
    let path = file("lines_json", "input tokens : 0..3;\noutput 1 / tokens, tokens == 7;\n");
    let answer = raspc(&["run", path.to_str().unwrap(), "--json"], "[1]\n[1, 0]\n[9]\n[2]\n");
    let lines = answer.json();
    assert_eq!(lines.len(), 4, "{}", answer.out);
    assert_eq!((lines[0].get("errors"), lines[3].get("errors")), (None, None));
    let failure = &lines[1]["errors"][0];
    assert_eq!(
        (&failure["code"], &failure["line"], &failure["column"]),
        (&json!("E0303"), &json!(2), &json!(8))
    );
    assert!(failure["help"].as_str().unwrap().contains("1 / (tokens if tokens != 0 else 1)"), "{failure}");
    let outside = lines[2]["errors"][0]["message"].as_str().unwrap();
    assert!(outside.contains("9 at position 0 is not in the domain of `tokens`"), "{outside}");
}

#[test]
fn what_is_wrong_with_the_command_is_told_too() {
    let program = file("misused", "output indices;");
    let program = program.to_str().unwrap();
    for (args, words) in [
        (&["check", program, "--json", "--seed", "x"][..], "write an integer from 0"),
        (&["check", "--json", "nowhere.rasp"], "cannot read nowhere.rasp"),
        (&["compile", program, program, "-o", "x.safetensors", "--json"], "--out names one file"),
        (&["run", program, "a", "--json", "--dtype", "f64"], "these flags are for models"),
    ] {
        let answer = raspc(args, "");
        let message = line(&answer)["errors"][0]["message"].clone();
        assert!(message.as_str().unwrap().contains(words), "{message}");
        assert_eq!(answer.code, Some(1), "{}", answer.out);
    }
}

#[test]
fn a_wrong_example_and_its_place_are_told_once() {
    let program = "input tokens : 0..3;\nlength 1..2;\noutput tokens;\nexample [1, 2] => [1, 3];\n";
    let line = line(&on("check", "wrong_json", program, &[]));
    let codes: Vec<_> = line["errors"].as_array().unwrap().iter().map(|e| e["code"].clone()).collect();
    assert_eq!(codes, ["E0301"], "{line}");
    assert_eq!((&line["errors"][0]["line"], &line["errors"][0]["end_column"]), (&json!(4), &json!(26)));
}
