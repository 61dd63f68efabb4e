//! Printing and formatting: random trees come back, formatting twice changes nothing, and no
//! comment is lost.

use crate::common::tree;
use raspc::syntax::format;

#[track_caller]
fn formats(text: &str, expected: &str) {
    let formatted = format(&tree(text), text);
    assert_eq!(formatted, expected);
    assert_eq!(format(&tree(&formatted), &formatted), formatted, "formatting twice changes something");
}

#[test]
fn comments_stay_where_they_explain() {
    formats(
        "# head\n\n\n\na=1; # one\n# before b\nb = [1, # inside\n 2] ; c=3;\n\n# end",
        "# head\n\na = 1;  # one\n# before b\n# inside\nb = [1, 2];\nc = 3;\n\n# end\n",
    );
    formats(
        "def f(x, # an argument\n y) { # a function\n\n # its body\n a=x;\n\n\n # its end\n return a # odd\n ; # last\n # nothing\n } # after\nf(1,2);",
        "# an argument\ndef f(x, y) {  # a function\n    # its body\n    a = x;\n\n    # its end\n    # odd\n    return a;  # last\n    # nothing\n}  # after\nf(1, 2);\n",
    );
    formats("for i in x {i; # i\n }#x\nexit; # bye", "for i in x {\n    i;  # i\n}  #x\nexit  # bye\n");
    formats("# only this", "# only this\n");
    formats("", "");
}

#[test]
fn numbers_stay_as_written() {
    formats("x = 007 + 1.50;input t:0.50..1.0;", "x = 007 + 1.50;\ninput t : 0.50..1.0;\n");
}

#[test]
fn long_lines_are_broken() {
    formats(
        "answer = aggregate(select(first_of_the_keys, first_of_the_queries, ==) and select(second_of_the_keys, second_of_the_queries, <), value_to_fetch, 0);",
        "answer = aggregate(
    select(first_of_the_keys, first_of_the_queries, ==)
        and select(second_of_the_keys, second_of_the_queries, <),
    value_to_fetch,
    0
);
",
    );
    formats(
        "x = the_first_of_several_long_names + the_second_of_several_long_names * the_third_of_several_long_names - 1;",
        "x = the_first_of_several_long_names
    + the_second_of_several_long_names * the_third_of_several_long_names
    - 1;
",
    );
    formats(
        "def a_function_with_a_long_name(and_its_first_parameter, and_its_second_parameter, and_its_third_one) { return 1; }",
        "def a_function_with_a_long_name(
    and_its_first_parameter,
    and_its_second_parameter,
    and_its_third_one
) {
    return 1;
}
",
    );
    formats(
        "label = \"something that is long\" if the_condition_is_long_too == 1 else \"something else that is long\";",
        "label = \"something that is long\"
    if the_condition_is_long_too == 1
    else \"something else that is long\";
",
    );
}
