//! What do `run` and `check` take and print? Commands, and what they answer.

use crate::common::command::{Answer, file, fits, folder, raspc, raspc_at, refuses};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// Runs a program on an input.
fn run(name: &str, program: &str, more: &[&str]) -> Answer {
    let path = file(name, program);
    raspc(&[&["run", path.to_str().unwrap()], more].concat(), "")
}

/// Runs a program on lines.
fn run_lines(name: &str, program: &str, more: &[&str], lines: &str) -> Answer {
    let path = file(name, program);
    raspc(&[&["run", path.to_str().unwrap()], more].concat(), lines)
}

/// Checks a program.
fn check(name: &str, program: &str, more: &[&str]) -> Answer {
    let path = file(name, program);
    raspc(&[&["check", path.to_str().unwrap()], more].concat(), "")
}

#[test]
fn inputs_that_memory_cannot_hold_are_refused() {
    let word = "a".repeat(200_000);
    refuses(&run_lines("long", "output length;", &[], &word), "lengths up to 10000");
    let many = "x = 0; for i in range(100) { x = x + selector_width(select(indices, i, >)); } output x;";
    refuses(&run_lines("many", many, &[], &word[..10_000]), "lengths up to 3079");
}

#[test]
fn numbers_of_json_are_exact() {
    let (big, long) = ("12345678901234567890123", "0.12345678901234567890123");
    let same = format!("output tokens_asis == {big}, tokens_asis == {long};");
    let answer = run("exact", &same, &[&format!("{{\"tokens\": [{big}, {long}]}}")]);
    assert!(answer.out.starts_with(&format!("tokens_asis == {big} = [True, False]\n")), "{}", answer.out);
    assert!(answer.out.ends_with(" = [False, True]\n"), "{}", answer.out);
    let answer = run("exponents", "output tokens_asis * 2;", &["[1.5e-3, 2E+2, -0.5]"]);
    assert_eq!(answer.out, "[3/1000, 400, -1]\n", "{}", answer.err);
    refuses(&run("tiny", "output tokens_asis;", &["[1e-999999999]"]), "not a number of a reasonable size");
}

#[test]
fn a_column_is_given_once() {
    let answer = run("twice", "output tokens_asis;", &["{\"tokens\": [1], \"tokens\": [2]}"]);
    refuses(&answer, "`tokens` is given twice");
}

#[test]
fn outputs_from_outside_leave_examples_behind() {
    let program = "input tokens : 0..3;\nlength 1..3;\nx = tokens + 1;\noutput x;\nexample [1] => [2];\n";
    let other = ["--output", "x * 2"];
    let answer = run("other_output", program, &[&other[..], &["[1, 2]"]].concat());
    assert_eq!(answer.out, "[4, 6]\n", "{}", answer.err);
    let answer = check("other_output_checked", program, &other);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(answer.out.contains("no examples"), "{}", answer.out);
}

#[test]
fn blanks_of_a_word_are_tokens() {
    let answer = run("blanks", "output length;", &[" a "]);
    assert_eq!(answer.out, "[3, 3, 3]\n");
    let answer = run_lines("blank_lines", "output length;", &[], " a\r\nb \n [1, 2] \n");
    assert_eq!(answer.out, "[2, 2]\n[2, 2]\n[2, 2]\n");
}

#[test]
fn brackets_can_be_words() {
    let dyck = "input tokens : {\"(\", \")\", \"[\", \"]\", \"{\", \"}\"};\noutput length;";
    for word in ["[](){}", "{}", "[]", "[", "{[]}"] {
        let answer = run("dyck", dyck, &[word]);
        assert_eq!(answer.out.matches(',').count() + 1, word.len(), "{word}: {}{}", answer.out, answer.err);
    }
    let plain = "output length;";
    refuses(&run("plain", plain, &["[](){}"]), "to give it as a word, write '\"...\"'");
    refuses(&run("plain", plain, &["[]"]), "the input is empty");
    assert_eq!(run("plain", plain, &["\"[]\""]).out, "[2, 2]\n");
}

#[test]
fn what_is_no_constant_of_a_list_is_named() {
    let refuse = |input: &str, words: &str| refuses(&run("named", "output length;", &[input]), words);
    refuse("[1, null]", "null is no number");
    refuse("['a', 'b']", "because of `'a'`");
    refuse("[1, b]", "b is no number, string or boolean");
    refuse("[1],[2]", "these are 2 lists; write '{\"tokens\": […]}'");
    refuse("[1, 2", "`[` is never closed");
    refuse("[\"\\q\"]", "`\\` stands before");
}

#[test]
fn digits_of_a_word_are_numbers_of_the_domain_in_examples_too() {
    let program = "input tokens : 0..3;\nlength 1..2;\noutput tokens;\nexample \"12\" => [1, 2];\n";
    let answer = check("digits", program, &[]);
    assert!(answer.out.contains("1 example holds"), "{}{}", answer.out, answer.err);
}

#[test]
fn json_has_exact_numbers_where_floats_round() {
    let answer = run("rounded", "output 2 ^ 60 + indices, indices / 2, indices;", &["ab", "--json"]);
    let outputs = &answer.json()[0]["outputs"];
    assert_eq!(outputs["2 ^ 60 + indices"]["exact"][1], "1152921504606846977", "{outputs}");
    assert_eq!(outputs["indices / 2"]["exact"][1], "1/2", "{outputs}");
    assert_eq!(outputs["indices"].get("exact"), None, "{outputs}");
}

#[test]
fn each_line_that_cannot_be_run_has_its_error() {
    let program = "input tokens : 0..3;\nassume tokens[0] > 0;\noutput 1 / (tokens - 2);\n";
    for more in [&["--json"][..], &["--json", "--trace"]] {
        let answer = run_lines("lines", program, more, "[1]\n\n[1, 2]\n[9]\n[0, 1]\n");
        let lines = answer.json();
        let errors: Vec<_> = lines[1..].iter().map(|l| (l["line"].as_i64(), l["error"].as_str())).collect();
        assert_eq!(errors[0], (Some(3), Some("division by zero")), "{}", answer.out);
        assert_eq!(errors[1].0, Some(4));
        let assumption =
            "the program assumes `tokens[0] > 0` (lines.rasp:2), which this input does not fulfil";
        assert_eq!(errors[2], (Some(5), Some(assumption)));
        assert_eq!((lines.len(), answer.code), (4, Some(3)));
    }
}

#[test]
fn traces_of_several_inputs_stand_under_them() {
    let answer = run_lines("headed", "x = indices + 1;", &["--trace"], "ab\n\nc\n");
    let expected = "input ab\n    indices  0 1\n    x        1 2\ninput c\n    indices  0\n    x        1\n";
    assert_eq!(answer.out, expected);
}

#[test]
fn control_characters_are_written_out() {
    let answer = run("control", "output tokens;", &["[\"a\\u001b[31m\"]"]);
    assert_eq!(answer.out, "[\"a\\u{1b}[31m\"]\n");
}

#[test]
fn every_output_is_shown_by_its_own_name() {
    let program = "input tokens : 0..1;\nlength 1..2;\nx = indices;\ny = x;\nz = x;\noutput x, y, z;\n";
    let trace = run("aliases", program, &["[0, 1]", "--trace"]);
    assert_eq!(trace.out, "    x  0 1\n    y  0 1\n    z  0 1\n");
    let facts = check("aliases_checked", program, &["--facts", "--json"]).json();
    let labels: Vec<_> = facts[0]["facts"].as_array().unwrap().iter().map(|f| f["label"].clone()).collect();
    assert_eq!(labels, ["x", "y", "z"]);
}

#[test]
fn check_says_in_json_what_is_wrong_where() {
    let program =
        "input tokens : 0..29;\nlength 1..2;\nx = 1 / (tokens - 7);\noutput x;\nexample [8] => [2];\n";
    let report = check("wrong", program, &["--json"]).json().remove(0);
    let fails = &report["can_fail"];
    assert_eq!((&fails["place"], &fails["position"]), (&"wrong.rasp:3".into(), &0.into()), "{report}");
    let wrong = serde_json::json!([{ "code": "E0301", "place": "wrong.rasp:5" }]);
    assert_eq!(report["wrong_examples"], wrong);
}

#[test]
fn facts_in_json_list_all_values() {
    let program = "input tokens : 0..29;\nlength 1..2;\noutput tokens / 3;\n";
    let report = check("listed", program, &["--json", "--facts"]).json().remove(0);
    let quotient = &report["facts"][1];
    assert_eq!(quotient["values"].as_array().unwrap().len(), 30, "{quotient}");
    assert_eq!(quotient["exact"][1], "1/3");
}

#[test]
fn the_library_is_no_program() {
    refuses(&raspc(&["check", "programs/lib/rasplib.rasp"], ""), "is the standard library");
}

#[test]
fn fractions_can_be_tokens() {
    let program = "input tokens : {1/3, -2/3, 1};\nlength 1..3;\noutput tokens * 3;\nexample [1/3] => [1];\n";
    let answer = run("fractions", program, &["[1/3, -2/3, 1]"]);
    assert_eq!(answer.out, "[1, -2, 3]\n", "{}", answer.err);
}

/// The number in `few.rasp: no examples, no failure in 98 tests (seed 0)`.
fn n_tests(answer: &Answer) -> Option<usize> {
    answer.out.split(' ').nth(6)?.parse().ok()
}

#[test]
fn tests_count_each_input_once() {
    let program = "input tokens : 1..9;\nlength 1..12;\nassume tokens * tokens[0] == tokens[0] * tokens[0];\n\
        output 1 / (aggregate(select(indices, indices, <=), tokens) * 12 - 13);\n";
    let answer = check("few", program, &["--tests", "500"]);
    // Nine inputs of each length fulfil the assumption.
    assert!(n_tests(&answer).is_some_and(|n| (50..=9 * 12).contains(&n)), "{}", answer.out);
}

#[test]
fn tests_of_long_inputs_end_early() {
    let program = "input tokens : 0..9;\nlength 1..5000;\n\
        output 1 / (aggregate(select(tokens, tokens, <), tokens) - 5 / 3001);\n";
    let answer = check("long_tests", program, &["--enumerate", "10"]);
    assert!(n_tests(&answer).is_some_and(|n| (20..60).contains(&n)), "{}{}", answer.out, answer.err);
}

#[test]
fn a_text_that_is_no_integer_is_called_so() {
    let answer = run("integers", "output tokens_int;", &["[\"1.5\"]"]);
    assert!(answer.err.contains("\"1.5\" is not an integer"), "{}", answer.err);
    let answer = run("integers", "output tokens_int;", &["[\"x\"]"]);
    assert!(answer.err.contains("\"x\" is not a number"), "{}", answer.err);
}

const COMMANDS: [&str; 9] =
    ["compile", "check", "verify", "run", "train", "inspect", "repl", "fmt", "completions"];

#[test]
fn help_is_a_command_too() {
    let all = raspc(&["help"], "").out;
    assert!(all.contains("Exit codes:") && all.contains("130  interrupted"), "{all}");
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command} ")), "{command} is not in:\n{all}");
        let help = raspc(&["help", command], "");
        assert_eq!((help.code, help.out), (Some(0), raspc(&[command, "--help"], "").out), "{command}");
    }
    assert_eq!(raspc(&["help", "trian"], "").code, Some(1));
}

#[test]
fn help_fits_the_terminal() {
    for width in [60, 80] {
        fits(&raspc_at(width, &["help"]), width);
        for command in COMMANDS {
            fits(&raspc_at(width, &["help", command]), width);
        }
    }
}

#[test]
fn shells_learn_to_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = raspc(&["completions", shell], "");
        assert_eq!(script.code, Some(0), "{}", script.err);
        for command in COMMANDS {
            assert!(script.out.contains(command), "{shell} does not learn {command}");
        }
    }
    assert!(raspc(&["completions", "csh"], "").err.contains("bash"));
}

#[test]
fn files_of_another_kind_are_called_so() {
    let (program, model, experiment) =
        ("programs/peak.rasp", "compiled/peak.safetensors", "experiments/peak.toml");
    let input = "[1, 3, 2]";
    for args in [
        &["inspect", experiment][..],
        &["inspect", experiment, input],
        &["run", experiment, input],
        &["check", experiment],
        &["compile", experiment],
        &["verify", experiment],
        &["fmt", experiment],
        &["repl", experiment],
        &["verify", model, "--against", experiment],
    ] {
        refuses(
            &raspc(args, ""),
            "experiments/peak.toml is an experiment (.toml), and a program (.rasp) is expected here; \
             `raspc train experiments/peak.toml` takes it",
        );
    }
    for args in [
        &["check", model][..],
        &["compile", model],
        &["fmt", model],
        &["repl", model],
        &["verify", program, "--against", model],
    ] {
        refuses(
            &raspc(args, ""),
            "compiled/peak.safetensors is a model (.safetensors), and a program (.rasp) is expected here; \
             `raspc run`, `raspc verify` and `raspc inspect` take it",
        );
    }
    refuses(
        &raspc(&["train", model], ""),
        "compiled/peak.safetensors is a model (.safetensors), and an experiment (.toml) or a program (.rasp) is \
         expected here; '--init compiled/peak.safetensors' begins a training with it",
    );
    let out = folder("init_of_another_kind");
    let out = out.join("run");
    refuses(
        &raspc(&["train", experiment, "--init", program, "--out", out.to_str().unwrap()], ""),
        "programs/peak.rasp is a program (.rasp), and a model (.safetensors) is expected here; \
         `raspc compile programs/peak.rasp` writes its model",
    );
    let disguised = file("disguised", "");
    std::fs::copy(model, &disguised).unwrap();
    refuses(&raspc(&["check", disguised.to_str().unwrap()], ""), "holds a model under another name");
}

/// Where there is no terminal, long work says once how far it is, and quick work says nothing.
#[test]
fn long_work_says_how_far_it_is() {
    // No input makes it fail, and no fact says so.
    let program = "input tokens : 0..9;\nlength 1..2;\noutput 1 / (count(tokens, 3) + count(tokens, 4) - length - 1);\n";
    let quick = check("quick_work", program, &[]);
    assert_eq!((quick.code, quick.err.as_str()), (Some(0), ""));
    let path = file("long_work", &program.replace("1..2", "1..9"));
    let mut begun = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .args(["check", path.to_str().unwrap(), "--enumerate", "1111111110"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = begun.stderr.take().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut told = String::new();
        let _ = BufReader::new(stderr).read_line(&mut told);
        let _ = sender.send(told);
    });
    let told = receiver.recv_timeout(std::time::Duration::from_secs(120)).unwrap_or_default();
    begun.kill().unwrap();
    begun.wait().unwrap();
    let counts = told.strip_prefix("running inputs: ").unwrap_or_default();
    assert!(counts.contains(" of 1.11 G, ") && counts.ends_with(" left\n"), "{told}");
}

#[test]
fn a_word_of_several_values_is_taken_for_a_list() {
    let words = "input tokens : {\"the\", \"quick\", \"fox\"};\nlength 1..4;\noutput tokens;\n";
    let suggests = |program: &str, input: &str, list: &str| {
        refuses(&run("instead", program, &[input]), &format!("did you mean '{list}'?"));
    };
    suggests(words, "the quick the", "[\"the\", \"quick\", \"the\"]");
    suggests(words, "fox", "[\"fox\"]");
    suggests(words, "\"the quick\"", "[\"the\", \"quick\"]");
    let numbers = "input tokens : {0, 1, 2, 3, 1/2};\nlength 1..4;\noutput tokens;\n";
    suggests(numbers, "1,3,2", "[1, 3, 2]");
    suggests(numbers, "1, 0.5", "[1, 1/2]");
    for (program, input) in [(words, "the slow fox"), (numbers, "1,9"), (numbers, "12345")] {
        let answer = run("instead", program, &[input]);
        assert!(!answer.err.contains("did you mean"), "{}", answer.err);
        assert_eq!(answer.code, Some(1));
    }
}

#[test]
fn a_file_that_computes_nothing_is_told_so() {
    let answer = check("nothing", "# Only a comment.\n", &[]);
    assert_eq!(answer.out, "nothing.rasp: no examples, computes nothing\n");
    assert!(answer.err.contains("W0207"), "{}", answer.err);
}

#[test]
fn limits_of_declarations_are_in_the_help() {
    use raspc::ir::lower::{MAX_DOMAIN, MAX_LENGTH};
    let help = raspc(&["check", "--help"], "").out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains(&format!("of at most {MAX_DOMAIN} values")), "{help}");
    assert!(help.contains(&format!("from 1 to {MAX_LENGTH}")), "{help}");
}
