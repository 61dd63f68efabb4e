//! Warnings that rest on facts: are they silent where there is nothing to say?
//!
//! Their words are the subject of `ui/`.

use crate::common::file::File;
use crate::common::fixture::Fixture;
use raspc::facts;
use raspc::ir::lower::{NoFiles, Outside, Read, read};

/// The reports of a program that rest on what it computes, and not on how it is written.
fn reports(read: &Read) -> Vec<String> {
    let program = read.program.as_ref().unwrap();
    let facts = facts::analyse(program);
    let warnings = facts::warnings(program, &facts, &read.sources);
    let all = read.diagnostics.iter().filter(|report| report.code.starts_with("W02")).chain(&warnings);
    all.map(|report| report.render(&read.sources, false)).collect()
}

fn reports_of(text: &str) -> Vec<String> {
    reports(&read("x.rasp", text, &NoFiles, &Outside::default()))
}

#[test]
fn no_program_of_ours_earns_a_warning() {
    for File { name, text } in File::all() {
        assert_eq!(reports_of(&text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn no_program_of_the_fixtures_earns_a_warning() {
    let mut fixtures = Fixture::all("tracr_");
    fixtures.extend(Fixture::all("llc_"));
    fixtures.extend(Fixture::all("rasp_"));
    for fixture in fixtures {
        let read = fixture.program();
        if read.program.is_some() {
            assert_eq!(reports(&read), Vec::<String>::new(), "{}", fixture.name);
        }
    }
}

#[test]
fn what_is_odd_in_one_run_only_is_not_told() {
    let quiet = [
        // Of a loop, some rounds compare with values that do not occur, or select nothing.
        "found = 0; for c in [\"a\", \"z\"] { found = found + count(tokens, c); } output found;",
        "x = 0; for i in range(9) { x = x + has_focus(select(indices, indices - i, ==)); } output x;",
        "def is(x, c) { return x == c; } a = is(tokens, \"a\"); b = is(tokens, \"z\"); output a or b;",
        // A list may have more elements than occur.
        "output tokens in [\"a\", \"e\", \"i\"];",
        // Constants and empty selectors that are written as such.
        "none = select(1, 0, ==); zero = indices * 0; output selector_width(none) + indices, zero + indices;",
        // The library looks for equal keys, and for values before the first.
        "output sort(tokens, -indices), mark_first_instance(tokens, \"a\");",
        // The end of a range is no slip.
        "output tokens if indices <= 3 and indices >= 1 else \"-\";",
        // What is assumed is true.
        "assume distinct(tokens); same = select(tokens, tokens, ==); output aggregate(same, indices);",
    ];
    for program in quiet {
        let text = format!("input tokens : {{\"a\", \"b\"}};\nlength 1..4;\n{program}");
        assert_eq!(reports_of(&text), Vec::<String>::new(), "{program}");
    }
}

#[test]
fn names_that_something_may_read_are_not_told() {
    let quiet = [
        // No `output`: this may be a library.
        "x = tokens; y = indices;",
        // The only input gives the length.
        "output length;",
        "a, b = [tokens, indices]; output a;",
        "def f(x) { return x + 1; } output f(indices);",
        "_unused = tokens; output indices;",
        "input row : 0..1; output tokens; example [1], [0] => [1];",
    ];
    for program in quiet {
        let text = format!("input tokens : 0..3;\nlength 1..4;\n{program}");
        assert_eq!(reports_of(&text), Vec::<String>::new(), "{program}");
    }
    let other = Outside { outputs: "output indices;\n".to_owned(), ..Outside::default() };
    let read = read("x.rasp", "x = tokens; y = x; output y;", &NoFiles, &other);
    assert_eq!(reports(&read), Vec::<String>::new());
}
