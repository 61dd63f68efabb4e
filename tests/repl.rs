//! Sessions of the REPL, as transcripts: what is typed and what comes back.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Runs the REPL on a script; gives what it printed, results and reports in their order.
fn repl(args: &[&str], script: &[u8]) -> (String, ExitStatus) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_raspc"))
        .arg("repl")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let script = script.to_vec();
    // Written from aside, so that neither pipe can fill up while the other waits. The session may
    // end before it has read everything.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&script);
    });
    let mut printed = Vec::new();
    reader.read_to_end(&mut printed).unwrap();
    writer.join().unwrap();
    (String::from_utf8(printed).unwrap(), child.wait().unwrap())
}

/// The lines of a transcript that were typed.
fn typed(transcript: &str) -> String {
    let line = |line: &str| {
        let text = line.strip_prefix(">>").or_else(|| line.strip_prefix(".."))?;
        Some(format!("{}\n", text.strip_prefix(' ').unwrap_or(text)))
    };
    transcript.lines().filter_map(line).collect()
}

/// Each file of `tests/repl` is a session. `UPDATE=1` writes down what it gives today.
#[test]
fn sessions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repl");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    assert!(paths.len() >= 6, "the sessions are gone");
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let (printed, _) = repl(&["--echo"], typed(&expected).as_bytes());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &printed).unwrap();
            continue;
        }
        let difference = printed.lines().zip(expected.lines()).position(|(a, b)| a != b);
        let at = difference.unwrap_or_else(|| printed.lines().count().min(expected.lines().count()));
        assert!(
            printed == expected,
            "{} differs from line {} on:\n{}",
            path.display(),
            at + 1,
            printed.lines().skip(at).take(10).collect::<Vec<_>>().join("\n")
        );
    }
}

#[test]
fn a_semicolon_at_the_end_of_a_line_may_be_left_out() {
    let (printed, status) = repl(&[], b"1 + 1\nx = 2 # two\ny = x; z = 3\ndef f(a) {\n  return a;\n}\nf(z)");
    assert_eq!(printed, "value: 2\nvalue: x = 2\nvalue: y = 2\nvalue: z = 3\nfunction: f(a)\nvalue: 3\n");
    assert!(status.success());
    // As in a file, a line that goes on with the statement before it belongs to it.
    let (printed, _) = repl(&[], b"x = 1\n  + 2\n\ny = (x\n)\n- 1;\nz = 5 if x == 3\nelse 6\n");
    assert_eq!(printed, "value: x = 3\nvalue: y = 2\nvalue: z = 5\n");
    // One error, and the session goes on.
    let (printed, status) = repl(&[], b"1 2 3\n4\n");
    assert_eq!(printed.matches("Error").count(), 1, "{printed}");
    assert!(printed.ends_with("value: 4\n"), "{printed}");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn help_and_exit_work_within_a_statement() {
    let (printed, status) = repl(&[], b"x = (1 +\nhelp sort\n2)\n");
    assert!(printed.starts_with("sort(seq, key)\n    The sequence in ascending order"), "{printed}");
    assert!(printed.ends_with("value: x = 3\n"), "{printed}");
    assert!(status.success());
    for (leave, code) in [("exit", 2), ("quit;", 2), (":exit", 2)] {
        let (printed, status) = repl(&[], format!("x = (1 +\n{leave}\n2;\n").as_bytes());
        assert!(printed.contains("`(` is never closed") && !printed.contains("value"), "{printed}");
        assert_eq!(status.code(), Some(code));
    }
    let (printed, _) = repl(&[], b"y = 1\nx = (1 +\nreset\ny\n");
    assert!(printed.contains("`(` is never closed") && printed.contains("`y` is not defined"), "{printed}");
}

#[test]
fn words_that_a_program_defines_are_its_own() {
    let (printed, _) = repl(&[], b"reset = 7\nreset\n:reset\nreset\nhelp = 5\nhelp\n:help min\n");
    assert!(
        printed.starts_with("value: reset = 7\nvalue: 7\nvalue: help = 5\nvalue: 5\nmin(a, b)\n"),
        "{printed}"
    );
}

#[test]
fn reset_takes_declarations_back_and_reads_files_again() {
    let (printed, status) =
        repl(&["programs/peak.rasp"], b"x = 1\nreset\nshow example\npeak([5, 1])\nlength 1..3\n");
    assert!(printed.contains("s-op example: [1, 3, 2]") && printed.contains("T F"), "{printed}");
    assert!(!status.success(), "the file declares lengths already: {printed}");
    let (printed, status) = repl(&[], b"length 1..2\nreset\nlength 1..9\nindices(\"abc\")\n");
    assert!(printed.contains("0 1 2") && status.success(), "{printed}");
}

#[test]
fn help_lists_the_library_and_knows_each_name() {
    let (overview, _) = repl(&[], b"help\n");
    let listed = overview.split("In the library").nth(1).unwrap();
    let names = ["average(seq)", "full_s", "length", "shift(seq, steps, filler)", "sort(seq, key)"];
    assert!(names.into_iter().all(|name| listed.contains(name)), "{overview}");
    assert!(!listed.contains("_before"), "{overview}");
    let widest = overview.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{overview}");
    let items = listed.lines().skip(1).flat_map(|line| line.split("  ")).filter(|item| !item.is_empty());
    for name in items.map(|item| item.split('(').next().unwrap()) {
        let (printed, _) = repl(&[], format!("help {name}\n").as_bytes());
        assert!(printed.starts_with(name) && printed.contains("\n    "), "help {name}: {printed}");
    }
    for (topic, words) in [
        ("shift", "`filler` moves in"),
        ("min", "The larger and the smaller of two values"),
        ("length()", "The number of positions"),
        ("select", "select(keys, queries, comparison)"),
        ("draw", "draw(x)"),
        ("set example", "the running example"),
        ("shfit", "nothing is known of `shfit`; the nearest name is `shift`"),
    ] {
        let (printed, status) = repl(&[], format!("help {topic};\n").as_bytes());
        assert!(printed.contains(words) && status.success(), "help {topic}: {printed}");
    }
    let (printed, _) = repl(&[], b"# Twice as much.\ndouble = 2\nhelp double\ndouble = 3\nhelp double\n");
    assert!(printed.ends_with("double = 3\n"), "{printed}");
}

#[test]
fn without_a_terminal_there_are_no_prompts() {
    let (printed, status) = repl(&[], b"1 + 1;\nx =\n  2;");
    assert_eq!(printed, "value: 2\nvalue: x = 2\n");
    assert!(status.success());
}

#[test]
fn a_script_with_errors_has_failed_but_goes_on() {
    let (printed, status) = repl(&[], b"nothing;\n1;\n");
    assert!(printed.contains("`nothing` is not defined") && printed.ends_with("value: 1\n"), "{printed}");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_fault_on_the_example_is_no_error() {
    let (printed, status) = repl(&[], b"x = tokens_int;\nx([\"1\"]);\n");
    assert!(printed.contains("\"h\" is not a number") && printed.ends_with("value       1\n"), "{printed}");
    assert!(status.success());
}

#[test]
fn an_unfinished_statement_at_the_end_is_reported() {
    let (printed, status) = repl(&[], b"x = (1 +\n");
    assert!(printed.contains("`(` is never closed"), "{printed}");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn nothing_is_read_after_exit() {
    for leave in ["exit", "quit", "exit()", "quit()", "1; exit"] {
        let (printed, status) = repl(&[], format!("{leave}\n2;\n").as_bytes());
        assert!(!printed.contains("value: 2") && status.success(), "{leave}: {printed}");
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_line() {
    let (printed, _) = repl(&[], b"\xff\xfe;\n2;\n");
    assert!(printed.contains("means nothing in RASP") && printed.ends_with("value: 2\n"), "{printed}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let (printed, _) = repl(
        &[],
        b"oops \x1b \"\xc2\x9b\";\n\"\x1b[31m\";\nset example \"\x1b\x07\"\ntokens; show example\n",
    );
    assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{printed:?}");
}

#[test]
fn programs_are_read_first_with_their_declarations() {
    let (printed, status) = repl(&["programs/peak.rasp"], b"show example\npeak([5, 1]);\npeak([11]);\n");
    assert!(printed.contains("s-op example: [1, 3, 2]"), "{printed}");
    assert!(printed.contains("value     T F"), "{printed}");
    assert!(printed.contains("error: 11 at position 0 is not in the domain of `tokens`"), "{printed}");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_file_that_cannot_be_read_is_wrong_usage() {
    let (printed, status) = repl(&["no/such/file.rasp"], b"1;\n");
    assert!(printed.starts_with("error: cannot read no/such/file.rasp"), "{printed}");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_loop_that_grows_too_large_leaves_nothing_behind() {
    let script =
        b"x = indices;\nfor i in range(1, 200000) { x = x * i; }\ny = 5;\nx(\"ab\");\ny = x + 1;\ny(\"ab\");\n";
    let (printed, _) = repl(&[], script);
    assert!(printed.contains("more than 200000 s-ops"), "{printed}");
    assert!(printed.contains("value: y = 5"), "{printed}");
    assert!(printed.contains("value     0 1"), "{printed}");
    assert!(printed.ends_with("value     1 2\n"), "{printed}");
}

#[test]
fn a_statement_that_fails_in_part_declares_nothing() {
    let (printed, _) = repl(&[], b"output indices + 7, nothing;\nexample \"ab\" => [7, 8];\n1;\n");
    assert!(printed.contains("the program has 0 outputs"), "{printed}");
    assert!(printed.ends_with("value: 1\n"), "{printed}");
}
