//! What people write who come from Python, tracr or another RASP, and what to write here.
//!
//! Most of it is data: names with a recipe each. What is recognised by its shape is a [`Habit`].

/// Something that other languages have and RASP writes differently.
#[derive(Clone, Debug, PartialEq)]
pub enum Habit {
    /// `"""…"""` where a statement begins.
    Docstring,
    /// `"""…"""` in an expression.
    TripleQuotes {
        text: String,
    },
    /// A quote that is meant to be in a string.
    QuoteInString,
    /// `\"` in a plain string.
    EscapedQuote,
    /// `f"…"`, `r"…"`.
    PrefixedString {
        prefix: String,
    },
    /// A line of a session: the prompt, `>>` or `>>>`, or an answer, as in `s-op: x`.
    Session {
        prompt: bool,
    },
    /// `rasp.Select`, `np.max`, `"x".join`.
    Attribute {
        written: String,
        instead: Option<String>,
    },
    /// A name of tracr in a statement that is not RASP.
    Tracr {
        recipe: &'static str,
    },
    /// `.5`, `1.`
    Point,
    Lambda,
    /// A function where `select` has its comparison.
    LambdaInSelect {
        instead: Option<String>,
    },
    /// `EQ`, `Comparison.LEQ` where `select` has its comparison.
    NamedComparison {
        instead: &'static str,
    },
    /// `:=`
    Walrus,
    /// `x: int`, `def f(x: int)`.
    Annotation,
    /// `def f(x) -> int`
    ResultType,
    /// `->` in an example.
    ThinArrow,
    /// `=>` outside of examples.
    StrayArrow,
    /// `<<`, `>>`
    BitShift(&'static str),
    /// Two strings in a row.
    StringsInARow,
}

/// What a report says of a habit: message, label, help.
pub(super) fn words(habit: &Habit) -> (String, String, String) {
    let all =
        |message: &str, label: &str, help: &str| (message.to_owned(), label.to_owned(), help.to_owned());
    match habit {
        Habit::Docstring => all(
            "there are no docstrings in RASP",
            "as in Python",
            "write a comment: `#` before every line of it",
        ),
        Habit::TripleQuotes { text } => (
            "strings are written in double quotes".to_owned(),
            "three quotes, as in Python".to_owned(),
            format!("write `{}`", crate::value::notation::quoted(text)),
        ),
        Habit::QuoteInString => all(
            "a plain string cannot hold a quote",
            "three quotes",
            r#"write `e"\""`: in a string that begins with `e`, `\"` is a quote, `\n` a line break, `\\` a `\`"#,
        ),
        Habit::EscapedQuote => all(
            r"a plain string ends at the next quote, whatever stands before it",
            r"`\` is an ordinary character here",
            r#"begin the string with `e`, as in `e"\""`: then `\"` is a quote, `\n` a line break, `\\` a `\`"#,
        ),
        Habit::PrefixedString { prefix } if prefix.contains(['f', 'F']) => all(
            "there are no f-strings in RASP",
            "as in Python",
            "join strings by `+`, as in `\"a\" + tokens_str`",
        ),
        Habit::PrefixedString { prefix } => (
            format!("no string begins with `{prefix}`"),
            "as in Python".to_owned(),
            r#"write it plain: `"\n"` has two characters, `\` and `n`; with `e` before it, `e"\n"` is a line break"#
                .to_owned(),
        ),
        Habit::Session { prompt } => all(
            "this is a session, not a program",
            if *prompt { "the prompt" } else { "an answer" },
            "keep what was typed; remove the prompts and the answers",
        ),
        Habit::Attribute { written, instead } => (
            format!("there is no `{}` in RASP", super::describe::shorten(written)),
            "names have no point, and there are no methods and no modules".to_owned(),
            match instead {
                Some(instead) => instead.clone(),
                None => "the library's names stand alone, as in `shift(tokens, 1, 0)`".to_owned(),
            },
        ),
        Habit::Tracr { recipe } => (
            "this is tracr's Python, which RASP writes differently".to_owned(),
            (*recipe).to_owned(),
            "in short: `select(keys, queries, ==)`, `aggregate(selector, values, default)`, \
             `selector_width(selector)`; what is computed at each position is written as it is, as in `x + 1`"
                .to_owned(),
        ),
        Habit::Point => all(
            "numbers have a digit on both sides of the point",
            "a digit is missing",
            "write for example `0.5` or `1.0`",
        ),
        Habit::Lambda => all(
            "there is no `lambda` in RASP",
            "as in Python",
            "what is computed at each position is written as it is, as in `x + 1`; \
             to give it a name, write `def f(x) { return x + 1; }`",
        ),
        Habit::LambdaInSelect { instead } => (
            "`select` takes a comparison, not a function".to_owned(),
            "expected one of `==`, `!=`, `<`, `<=`, `>`, `>=`".to_owned(),
            match instead {
                Some(instead) => format!("write `{instead}`"),
                None => "put what is computed into the keys and queries, as in `select(tokens, tokens + 1, ==)`; \
                         conditions are joined outside, as in `select(…) and select(…)`"
                    .to_owned(),
            },
        ),
        Habit::NamedComparison { instead } => (
            "`select` takes a comparison as it is written in expressions".to_owned(),
            "a name".to_owned(),
            format!("write {instead}"),
        ),
        Habit::Walrus => all("there is no `:=` in RASP", "not an operator", "to assign, write `x = …;`"),
        Habit::Annotation => all(
            "names have no types in RASP",
            "as in Python",
            "leave the `:` and the type out; the values of an input are declared by `input tokens : 0..9;`",
        ),
        Habit::ResultType => all(
            "functions do not declare the type of their result",
            "as in Python",
            "write `def f(x) { … return y; }`",
        ),
        Habit::ThinArrow => all(
            "an example shows an input and its result",
            "expected `=>`",
            "write `example [1, 3, 2] => [False, True, False];`",
        ),
        Habit::StrayArrow => all(
            "`=>` is for examples only",
            "not an operator",
            "to compare, write `>=`",
        ),
        Habit::BitShift(operator) => (
            format!("there is no `{operator}` in RASP"),
            "not an operator".to_owned(),
            "to multiply or divide by a power of two, write `x * 2 ^ n` or `x / 2 ^ n`".to_owned(),
        ),
        Habit::StringsInARow => all(
            "a plain string ends at the next quote",
            "another string begins here",
            r#"for a quote in a string, write `e"\""`; to join two strings, write `+`"#,
        ),
    }
}

/// Words that begin a statement elsewhere, and what to write instead.
pub(super) const STATEMENTS: [(&str, &str); 28] = [
    ("while", "repeat over a list: `for i in range(n) { … }`"),
    ("elif", "choose between values: `x = a if c else (b if d else e);`"),
    ("switch", "look the value up: `{\"a\": 1, \"b\": 2}[x]`"),
    ("match", "look the value up: `{\"a\": 1, \"b\": 2}[x]`"),
    ("function", "write `def f(x) { … return y; }`"),
    ("func", "write `def f(x) { … return y; }`"),
    ("fn", "write `def f(x) { … return y; }`"),
    ("class", "write functions: `def f(x) { … return y; }`"),
    ("lambda", "give the function a name: `def f(x) { return y; }`"),
    ("let", "write `x = …;`"),
    ("var", "write `x = …;`"),
    ("const", "write `x = …;`"),
    ("global", "leave it out: a loop shares the names around it, a function returns its results"),
    ("nonlocal", "leave it out: a loop shares the names around it, a function returns its results"),
    ("import", IMPORT),
    ("from", IMPORT),
    ("include", IMPORT),
    ("print", "write the expression alone, as in `x;`, or declare `output x;`"),
    ("break", "leave it out; a loop runs over all of its list"),
    ("continue", "leave it out; choose values by `a if c else b`"),
    ("pass", "leave it out"),
    ("del", "leave it out"),
    ("try", "choose values by `a if c else b`, so that nothing fails"),
    ("raise", "write `assume …;` about inputs"),
    ("with", "leave it out"),
    ("yield", "write `return`, at the end of the function"),
    ("async", "leave it out"),
    ("assert", "write `assume …;` about inputs, or `example … => …;` about results"),
];

const IMPORT: &str = "leave it out: `select`, `aggregate` and the library are always there; \
                      another program is loaded by `load \"file\";`";

/// Statements that end with their line where other languages write them.
pub(super) const ONE_LINE: [&str; 11] =
    ["import", "from", "include", "print", "break", "continue", "pass", "del", "raise", "global", "nonlocal"];

/// Names of tracr's library, and what they are here.
const TRACR: [(&str, &str); 15] = [
    ("Select", "write `select(keys, queries, ==)`"),
    ("Aggregate", "write `aggregate(selector, values, default)`"),
    ("SelectorWidth", "write `selector_width(selector)`"),
    ("Map", "write what is computed of each value as it is: `x + 1`, `f(x)`"),
    ("SequenceMap", "write what is computed of both values as it is: `x + y`, `f(x, y)`"),
    ("LinearSequenceMap", "write `a * x + b * y`"),
    ("SelectorAnd", "write `selector and other`"),
    ("SelectorOr", "write `selector or other`"),
    ("SelectorNot", "write `not selector`"),
    ("ConstantSelector", "write `full_s`, which selects everything"),
    ("Full", "write the constant itself: it has the same value everywhere"),
    ("Comparison", "write the comparison itself: `==`, `!=`, `<`, `<=`, `>` or `>=`"),
    ("numerical", "leave it out: write its argument alone"),
    ("categorical", "leave it out: write its argument alone"),
    ("annotate", "leave it out: write its first argument alone"),
];

/// Names that are not defined here, and what to write instead.
const NAMES: [(&str, &str); 77] = [
    ("true", "write `True`"),
    ("false", "write `False`"),
    ("TRUE", "write `True`"),
    ("FALSE", "write `False`"),
    ("None", "there is no `None`; an empty row of an aggregate gives its default"),
    ("null", "there is no `null`; an empty row of an aggregate gives its default"),
    ("select", "write `select(` without a space before the parenthesis"),
    ("aggregate", "write `aggregate(` without a space before the parenthesis"),
    ("range", "write `range(` without a space before the parenthesis"),
    ("zip", "write `zip(` without a space before the parenthesis"),
    ("len", LENGTH),
    ("size", LENGTH),
    ("seq_len", LENGTH),
    ("idx", INDICES),
    ("index", INDICES),
    ("indexes", INDICES),
    ("pos", INDICES),
    ("position", INDICES),
    ("positions", INDICES),
    ("enumerate", "the positions are `indices`; s-ops are elementwise already"),
    ("causal", "to let position i see positions 0..i only, write `attention causal;`"),
    ("abs", "there is no `abs`; write `x if x > 0 else -x`"),
    ("sum", SUM),
    ("cumsum", "the sum up to each position is `sum_so_far(x)`"),
    ("mean", "the mean over all positions is `average(x)`; over selected ones, `aggregate(selector, x)`"),
    ("maximum", "the larger of two values is `max(a, b)`"),
    ("minimum", "the smaller of two values is `min(a, b)`"),
    ("argmax", "the largest value is `max_over(x)`, and `first_where(x == max_over(x))` its position"),
    ("argmin", "the smallest value is `min_over(x)`, and `first_where(x == min_over(x))` its position"),
    ("sorted", "write `sort(x, x)`: the values in the order of the second argument"),
    ("argsort", "how many are smaller is `selector_width(select(x, x, <))`; `sort(seq, key)` sorts"),
    ("reversed", REVERSED),
    ("reverse", REVERSED),
    ("flip", REVERSED),
    ("map", ELEMENTWISE),
    ("apply", ELEMENTWISE),
    ("vectorize", ELEMENTWISE),
    ("filter", "a sequence keeps its length; choose values by `x if condition else other`"),
    ("where", "choose values by `x if condition else other`"),
    ("print", "write the expression alone, as in `x;`; `raspc run --trace` shows every value"),
    ("str", "`tokens_str` is the input as text; constants are written as strings, as in `\"1\"`"),
    ("int", "`tokens_int` is the input as integers; `round(x)` gives the nearest integer"),
    ("float", "numbers are exact fractions already; `tokens_float` is the input as numbers"),
    ("bool", "compare, as in `x != 0`"),
    ("floor", "write `x - x % 1`"),
    ("ceil", "write `x + -x % 1`"),
    ("sqrt", "write `x ^ 0.5`, which must be a fraction"),
    ("pow", "write `a ^ b`"),
    ("mod", "write `a % b`"),
    ("divmod", "write `(a - a % b) / b` and `a % b`"),
    ("xor", "write `a != b`"),
    ("ord", "look the value up: `{\"a\": 0, \"b\": 1}[x]`"),
    ("chr", "look the value up: `[\"a\", \"b\"][x]`"),
    ("list", LISTS),
    ("tuple", LISTS),
    ("dict", "a dictionary is written `{\"a\": 1, \"b\": 2}`"),
    ("lambda", "give the function a name: `def f(x) { return y; }`"),
    ("rasp", "this is tracr's Python: leave `rasp` out"),
    ("np", NUMPY),
    ("numpy", NUMPY),
    ("jnp", NUMPY),
    ("torch", NUMPY),
    ("math", "there are no modules; arithmetic is written by operators: `+ - * / % ^`"),
    ("tok_map", ELEMENTWISE),
    ("seq_map", ELEMENTWISE),
    ("sel_width", "write `selector_width(selector)`"),
    ("aggr", "write `aggregate(selector, values, default)`"),
    ("aggr_mean", "write `aggregate(selector, values, default)`"),
    ("aggr_max", "the largest value over all positions is `max_over(x)`"),
    ("aggr_min", "the smallest value over all positions is `min_over(x)`"),
    ("kqv", "write `aggregate(select(keys, queries, ==), values, default)`"),
    ("shift_right", "write `shift(x, 1, filler)`"),
    ("shift_left", "write `shift(x, -1, filler)`"),
    ("roll", "write `shift(x, 1, filler)`; nothing comes back in at the other end"),
    ("index_select", "write `load_from_location(x, location)`"),
    ("num_prev", "write `selector_width(select(x, y, ==) and select(indices, indices, <=))`"),
    ("has_seen", "write `has_focus(select(x, y, ==) and select(indices, indices, <=))`"),
];

const LENGTH: &str = "the number of positions is `length`; of a list, `len(list)`";
const INDICES: &str = "the positions are `indices`";
const SUM: &str = "the sum over all positions is `sum_over(x)`; up to each position, `sum_so_far(x)`";
const REVERSED: &str = "write `load_from_location(x, length - 1 - indices)`";
const ELEMENTWISE: &str =
    "functions of s-ops are elementwise already: write `f(x)`, or the expression itself";
const LISTS: &str = "a list of constants is written `[a, b]`; an s-op has one value at each position already";
const NUMPY: &str = "there are no modules; operations on s-ops are elementwise, as in `x + 1`";

/// Calls of functions of the library with as many arguments as people try, and what they mean.
const CALLS: [(&str, usize, &str); 10] = [
    ("max", 1, "the largest value over all positions is `max_over(x)`"),
    ("min", 1, "the smallest value over all positions is `min_over(x)`"),
    ("sort", 1, "to sort the values by themselves, write `sort(x, x)`"),
    ("shift", 1, "write `shift(x, 1, filler)`; the filler has the type of the values, as in `\"\"` or `0`"),
    ("shift", 2, "the filler has the type of the values, as in `shift(x, 1, \"\")` or `shift(x, 1, 0)`"),
    ("any", 2, "join two conditions by `or`"),
    ("all", 2, "join two conditions by `and`"),
    ("count", 1, "how often the value of each position occurs is `histogram(x)`"),
    ("round", 2, "`round(x)` gives the nearest integer; for two digits, write `round(x * 100) / 100`"),
    ("selector_width", 3, "write `selector_width(select(keys, queries, ==))`"),
];

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, recipe)| *recipe)
}

/// What to write instead of a name that RASP does not have.
pub fn recipe(name: &str) -> Option<&'static str> {
    tracr(name).or_else(|| find(&NAMES, name))
}

/// What to write instead of a name of tracr's library.
pub(super) fn tracr(name: &str) -> Option<&'static str> {
    find(&TRACR, name)
}

/// What a call with this number of arguments was probably meant to do.
pub fn call_recipe(function: &str, arguments: usize) -> Option<&'static str> {
    let meant = |(name, n, _): &&(&str, usize, &str)| *name == function && *n == arguments;
    CALLS.iter().find(meant).map(|(.., recipe)| *recipe)
}

/// The comparison that a name stands for in tracr, or in Python's `operator`.
pub(super) fn comparison(name: &str) -> Option<&'static str> {
    let known = [
        ("EQ", "`==`"),
        ("NEQ", "`!=`"),
        ("NE", "`!=`"),
        ("LT", "`<`"),
        ("LEQ", "`<=`"),
        ("LE", "`<=`"),
        ("GT", "`>`"),
        ("GEQ", "`>=`"),
        ("GE", "`>=`"),
        ("TRUE", "`full_s` instead of the `select`: it selects everything"),
        ("FALSE", "`not full_s` instead of the `select`: it selects nothing"),
    ];
    find(&known, &name.to_uppercase())
}
