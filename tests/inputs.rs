//! In how many ways can an input be written, and are those that raspc prints among them?

use crate::common::command::{Answer, file, folder, raspc, refuses};

const PRICES: &str = "input price : {1/3, 2}; input kind : {\"a\", \"b\"}; length 1..3;
x = price * 3 if kind == \"a\" else 0; output x;";

fn run(name: &str, program: &str, more: &[&str]) -> Answer {
    let path = file(name, program);
    raspc(&[&["run", path.to_str().unwrap()], more].concat(), "")
}

#[test]
fn fractions_of_several_columns_can_be_given() {
    for input in [
        "[1/3, 2], [\"a\", \"a\"]",
        "{\"price\": [1/3, 2], \"kind\": [\"a\", \"a\"]}",
        "{\"kind\": \"aa\", \"price\": [1/3, 2]}",
        "{\"price\": [{\"ratio\": \"1/3\"}, 2], \"kind\": [\"a\", \"a\"]}",
        "{\"price\": [{\"ratio\": \"1/3\"}, 2.0], \"kind\": \"aa\"}",
    ] {
        let answer = run("prices", PRICES, &[input]);
        assert_eq!(answer.out, "[1, 6]\n", "{input}: {}", answer.err);
    }
    let answer = run("ratio", "output tokens_asis;", &["[{\"ratio\": \"1/3\"}]"]);
    assert_eq!(answer.out, "[1/3]\n", "{}", answer.err);
    let refuse = |input: &str, words: &str| refuses(&run("prices", PRICES, &[input]), words);
    refuse("[1/3]", "write an object with one list per column");
    refuse("[1/3], [\"a\"], [1]", "these are 3 lists");
    refuse("{\"price\": [1/3]}", "the input has other columns than the program");
    refuse("{\"price\": [{\"ratio\": \"x\"}], \"kind\": \"a\"}", "a fraction is {\"ratio\": \"1/3\"}");
}

/// What `check` prints, `run` takes; and so in JSON.
#[test]
fn a_counterexample_is_an_input() {
    let fails = PRICES.replace("else 0", "else 0 / indicator(not (price == 1/3 and kind == \"b\"))");
    let path = file("counterexample", &fails);
    let path = path.to_str().unwrap();
    let checked = raspc(&["check", path], "");
    let (_, input) = checked.out.trim().rsplit_once(" on ").unwrap();
    assert_eq!(input, "[1/3], [\"b\"]");
    assert!(raspc(&["run", path, input], "").err.contains("E0303"), "{input}");
    let checked = raspc(&["check", path, "--json"], "").json().remove(0);
    let input = &checked["can_fail"]["input"];
    assert_eq!(*input, serde_json::json!({ "price": [{ "ratio": "1/3" }], "kind": ["b"] }));
    assert!(raspc(&["run", path, &input.to_string()], "").err.contains("E0303"), "{input}");
}

#[test]
fn the_input_that_json_repeats_is_exact() {
    let path = file("repeated", "input tokens : {1/3, 0}; length 1..3; x = tokens * 3; output x;");
    let path = path.to_str().unwrap();
    let exact = serde_json::json!({ "tokens": [{ "ratio": "1/3" }, 0] });
    for more in [&["--json"][..], &["--json", "--trace"]] {
        let answer = raspc(&[&["run", path, "[1/3, 0]"], more].concat(), "").json().remove(0);
        assert_eq!(answer["input"], exact);
        let again = raspc(&["run", path, "--json", &answer["input"].to_string()], "").json().remove(0);
        assert_eq!(again["input"], exact);
    }
    let inspected = raspc(&["inspect", path, "[1/3, 0]", "--json"], "").json().remove(0);
    assert_eq!(inspected["input"], exact);
}

#[test]
#[cfg(unix)]
fn what_has_no_end_is_not_read_to_its_end() {
    let folder = folder("endless");
    let link = folder.join("link.rasp");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    let model = folder.join("link.safetensors");
    std::os::unix::fs::symlink("/dev/zero", &model).unwrap();
    for endless in ["/dev/zero", "/dev/full", link.to_str().unwrap()] {
        for command in ["run", "check", "compile", "fmt", "verify", "inspect"] {
            refuses(&raspc(&[command, endless], ""), "more than the 16777216 bytes");
        }
        refuses(&raspc(&["run", "programs/peak.rasp", "--inputs", endless], ""), "line 1 has more than");
    }
    refuses(&raspc(&["inspect", model.to_str().unwrap()], ""), "does not begin as a safetensors file");
    let peak = folder.join("peak.safetensors");
    raspc(&["compile", "programs/peak.rasp", "-o", peak.to_str().unwrap()], "");
    let against = raspc(&["verify", peak.to_str().unwrap(), "--against", "/dev/zero"], "");
    refuses(&against, "more than the 16777216 bytes");
}

#[test]
fn an_endless_line_of_standard_input_is_refused() {
    let zeros = "\0".repeat((16 << 20) + 2);
    let answer = raspc(&["run", "programs/peak.rasp"], &zeros);
    refuses(&answer, "standard input: line 1 has more than the 16777216 bytes");
}

#[test]
fn examples_that_flags_leave_no_place_are_counted() {
    let program = "input tokens : 0..9; length 1..4; x = tokens + 1; output x;
        example [1] => [2]; example [9] => [10]; example [1, 2, 3] => [2, 3, 4];";
    let path = file("left_out", program);
    let check = |more: &[&str]| raspc(&[&["check", path.to_str().unwrap()], more].concat(), "");
    let domain = check(&["--input", "0..3"]);
    assert!(domain.out.contains("2 examples hold (1 more left out: not for this --input)"), "{}", domain.out);
    let length = check(&["--length", "2"]);
    assert!(
        length.out.contains("2 examples hold (1 more left out: not for this --length)"),
        "{}",
        length.out
    );
    let output = check(&["--output", "tokens"]);
    assert!(output.out.contains("no examples (3 more left out: not for this --output)"), "{}", output.out);
    assert_eq!(check(&["--input", "0..3", "--json"]).json()[0]["examples_left_out"], 1);
}

#[test]
fn messages_say_what_was_given() {
    let refuse = |input: &str, words: &str| refuses(&run("given", "output tokens_asis;", &[input]), words);
    refuse("[1,2", "`[1,2` is no list: ");
    let program = "input tokens : 0..3; output tokens;";
    let huge = run("huge", program, &["[1e400]"]);
    refuses(&huge, "0000... at position 0 is not in the domain");
}

#[test]
fn an_input_line_behind_the_statements_leaves_the_last_s_op() {
    let answer = run("behind", "x = indices;\ninput tokens : 0..3;\nlength 1..4;\n", &["[1, 2]"]);
    assert_eq!(answer.out, "[0, 1]\n", "{}", answer.err);
    let none = run("no_s_op", "input tokens : 0..3;\nlength 1..4;\n", &["[1, 2]"]);
    assert!(none.err.contains("E0305"), "{}", none.err);
    assert_eq!(none.code, Some(2));
}
