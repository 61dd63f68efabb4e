//! Strings with quotes, line breaks and `#`: in files, in flags, in inputs and outputs, and in models.

use crate::common::command::{Answer, file, folder, raspc, refuses};
use crate::common::tree;
use raspc::syntax::ast::{ExprKind, StatementKind};
use raspc::value::Value;
use raspc::value::notation::{quoted, unescaped};

/// Runs a command on a program.
fn on(command: &str, name: &str, program: &str, more: &[&str]) -> Answer {
    let path = file(name, program);
    raspc(&[&[command, path.to_str().unwrap()], more].concat(), "")
}

/// The value of a string as it is written in a program.
fn value(written: &str) -> String {
    let tree = tree(&format!("{written};"));
    let [statement] = tree.statements.as_slice() else { panic!("one statement") };
    let StatementKind::Expr(expr) = &statement.kind else { panic!("an expression") };
    let ExprKind::Str(text) = &expr.kind else { panic!("a string: {written}") };
    text.to_string()
}

#[test]
fn plain_strings_have_no_escapes() {
    for text in [r"\", r"\n", r"a\b\\c", "'", "#", "ä\t"] {
        let written = format!("\"{text}\"");
        assert_eq!(value(&written), text);
        assert_eq!(quoted(text), written);
    }
}

#[test]
fn strings_that_begin_with_e_have_escapes() {
    assert_eq!(value(r#"e"\"\\\n\r\t\u{e9}é""#), "\"\\\n\r\téé");
    for text in ["\"", "\n", "say \"hi\"\n", "\\\"\\", "\"\u{1}\u{7f}\r\t", "\"#;"] {
        let written = quoted(text);
        assert!(written.starts_with("e\"") && !written.contains('\n'), "{written}");
        assert_eq!(value(&written), text, "{written}");
        assert_eq!(Value::str(text).to_string(), written);
    }
    assert_eq!(unescaped(r"a\qb"), Err(1..3));
    assert_eq!(unescaped(r"\u{d800}"), Err(0..2));
    assert_eq!(unescaped("\\"), Err(0..1));
}

#[test]
fn the_name_e_is_still_a_name() {
    tree("e = 1; x = e; load\"file\"; set example\"abc\"\n y = e in [e];");
}

#[test]
fn flags_take_strings_with_any_character() {
    let program = "length 1..3; y = tokens == \"#\"; output y;";
    for domain in [r##"{"a", "#"}"##, r##"tokens : {"#", e"\"", ";"}"##] {
        let answer = on("check", "flags", program, &["--input", domain]);
        assert_eq!(answer.code, Some(0), "{domain}: {}", answer.err);
    }
    let outputs = ["--input", r##"{"a", "#"}"##, "--output", r##"tokens == "#""##, r##"["a", "#"]"##];
    let answer = on("run", "flags", "length 1..3; output indices;", &outputs);
    assert_eq!(answer.out, "[False, True]\n", "{}", answer.err);
    for text in ["y; z", "y # c", "y) or (y", "[y"] {
        let answer = on("check", "flags", program, &["--input", r##"{"a", "#"}"##, "--assume", text]);
        refuses(&answer, "--assume takes one declaration without a `;`");
    }
}

#[test]
fn inputs_and_outputs_read_back() {
    let program = "output tokens_asis;";
    let written = r#"[e"\"", "a", e"\n", "\"]"#;
    for input in [r#"["\"", "a", "\n", "\\"]"#, r#"[e"\"", "a", e"\n", e"\\"]"#] {
        let answer = on("run", "read_back", program, &[input]);
        assert_eq!(answer.out, format!("{written}\n"), "{}", answer.err);
    }
}

#[test]
fn models_have_tokens_with_quotes_and_line_breaks() {
    let program =
        r##"input tokens : {e"\"", e"\n", "\", "#"}; length 1..3; output tokens == e"\"", tokens;"##;
    let model = folder("strings").join("strings.safetensors");
    let answer = on("compile", "tokens_with_quotes", program, &["--out", model.to_str().unwrap()]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let answer = raspc(&["run", model.to_str().unwrap(), r##"["\"", "\n", "#"]"##], "");
    assert!(answer.out.contains("[True, False, False]"), "{}{}", answer.out, answer.err);
    assert!(answer.out.contains(r##"[e"\"", e"\n", "#"]"##), "{}", answer.out);
    let answer = raspc(&["verify", model.to_str().unwrap()], "");
    assert_eq!(answer.code, Some(0), "{}", answer.err);
}

#[test]
fn files_in_other_encodings_are_named_as_such() {
    let check = |name: &str, bytes: &[u8]| {
        let path = folder("encodings").join(format!("{name}.rasp"));
        std::fs::write(&path, bytes).unwrap();
        raspc(&["check", path.to_str().unwrap()], "")
    };
    let program = "# one\ninput tokens : {\"a\", \"é\"};\nlength 1..3;\ny = tokens;\n";
    let latin: Vec<u8> = program.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    refuses(
        &check("latin", &latin),
        "line 2, column 23: the byte 0xe9 is not UTF-8, which is `é` in Latin-1",
    );
    let units = || program.encode_utf16();
    let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe][..], &little].concat();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect();
    for (name, bytes) in [("little", little), ("marked", marked), ("big", big)] {
        refuses(&check(name, &bytes), "it looks like UTF-16; save it as UTF-8");
    }
    let with_mark = [&[0xef, 0xbb, 0xbf][..], program.as_bytes()].concat();
    assert_eq!(check("utf8", &with_mark).code, Some(0));
}
