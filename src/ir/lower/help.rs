//! What to write instead: the third part of an error's words.

use super::error::{Place, TextOf};
use crate::diagnostic::nearest;
use crate::syntax::elsewhere;
use crate::value::{Number, Value};
use std::sync::Arc;

pub(super) fn quoted(names: &[Arc<str>]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// What to write instead of a name that is not defined.
pub(super) fn undefined(name: &str, known: &[Arc<str>], place: &Place) -> Option<String> {
    let near = |names: &[Arc<str>]| {
        nearest(name, names.iter().map(AsRef::as_ref)).map(|near| format!("did you mean `{near}`?"))
    };
    match place {
        Place::Expression => elsewhere::recipe(name).map(str::to_owned).or_else(|| near(known)),
        Place::Output { sops } => near(sops).or_else(|| near(known)).or_else(|| match sops.as_slice() {
            [] => Some(format!("give it a value first: `{name} = …;`")),
            sops => Some(format!("the s-ops of the program are {}", quoted(&sops[..sops.len().min(LISTED)]))),
        }),
        Place::Example => Some(format!("for the string, write `\"{name}\"`, in quotes")),
    }
}

/// Names that are listed at most.
const LISTED: usize = 12;

pub(super) fn reserved(name: &str, by_library: bool) -> String {
    match name {
        "out" => {
            "`out` is the value of the last statement; choose another name, and declare it: `output result;`"
        }
        "length" => {
            "the lengths of inputs are declared by `length 1..10;`; for something else, choose another name"
        }
        _ if by_library => "choose another name; inside a function this name would be allowed",
        _ => "choose another name",
    }
    .to_owned()
}

/// What a call with this number of arguments was probably meant to do.
pub(super) fn call(function: &str, arguments: usize) -> Option<String> {
    elsewhere::call_recipe(function, arguments).map(str::to_owned)
}

pub(super) fn load(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rasp");
    match name {
        "rasplib" => "leave the line out: the standard library is always there",
        _ => "files are looked for beside this file, then in the current folder; `.rasp` is added",
    }
    .to_owned()
}

/// What to write where `by` needs one thing and finds another.
pub(super) fn expected(what: &str, found: &str, by: &str) -> Option<String> {
    let help = match (what, found, by) {
        ("a selector", "an s-op", _) => "build one with `select(keys, queries, ==)`",
        ("a number or an s-op" | "an s-op", "a selector", _) => {
            "to count what a selector selects, write `selector_width(selector)`"
        }
        (_, "a function", _) => "call it: `f(…)`",
        ("a list", "an s-op", "`len`") => "the number of positions is `length`",
        ("a list", "an s-op", "`zip`") => {
            "s-ops are elementwise already: `a + b` takes both at each position"
        }
        ("a list or dictionary", "an s-op", _) => {
            "an s-op has a value at each position already: write what is computed of it as it is, as in `x + 1`"
        }
        ("a list or dictionary", "a number", _) => "write `range(n)` for the numbers 0, 1, … n - 1",
        ("an integer", "an s-op", "`range`") => {
            "a range is known before any input is; the positions are `indices`, their number is `length`"
        }
        (_, _, "an s-op applied to an input") => {
            "an s-op is used without parentheses; `x(\"abc\")` is what it gives for that input"
        }
        ("a constant", "an s-op", "the default of `aggregate`") => {
            "choose afterwards: `aggregate(s, x) if has_focus(s) else y`"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

pub(super) fn output(found: &str) -> Option<String> {
    match found {
        "a selector" => Some("output an aggregate or its width: `selector_width(s)`".to_owned()),
        "a function" => Some("call it: `f(…)`".to_owned()),
        "a list" => Some("output its elements: `output list[0], list[1];`".to_owned()),
        _ => None,
    }
}

pub(super) fn operand(operator: &str, left: &str, right: Option<&str>) -> Option<String> {
    let one_of = |what: &str| left == what || right == Some(what);
    if one_of("a selector") {
        return Some(match operator {
            "and" | "or" => "`and` and `or` join two selectors or two s-ops".to_owned(),
            _ => "selectors know `and`, `or` and `not` only; to count what one selects, write `selector_width(s)`"
                .to_owned(),
        });
    }
    match operator {
        "in" => {
            Some("`in` looks for an atom in an s-op, or for an atom or s-op in a list of atoms".to_owned())
        }
        _ if one_of("a function") => Some("call it: `f(…)`".to_owned()),
        _ => None,
    }
}

pub(super) fn kinds(kinds: &[String], text: Option<&TextOf>) -> Option<String> {
    let string = kinds.iter().any(|k| k == "string");
    let other = kinds.iter().any(|k| k != "string");
    match text.filter(|_| string && other) {
        Some(text) => Some(text_help(text)),
        None if string && kinds.iter().any(|k| k == "number") => Some(
            "strings and numbers do not mix; `tokens_int` is the number that a token spells, and numbers are declared by `input tokens : 0..9;`"
                .to_owned(),
        ),
        None => None,
    }
}

fn text_help(text: &TextOf) -> String {
    match text {
        TextOf::Undeclared => {
            "`tokens` holds strings unless the program declares its input: write `input tokens : 0..9;`, or use `tokens_int`"
                .to_owned()
        }
        TextOf::Column(column) => format!("`tokens` is the text of the input `{column}`: write `{column}`"),
    }
}

pub(super) fn unequal(text: Option<&TextOf>, constant: Option<&Value>) -> Option<String> {
    let other = constant.and_then(|constant| match constant {
        Value::Str(s) => Number::parse(s).map(|number| format!("`{number}`, without quotes")),
        number @ (Value::Number(_) | Value::Bool(_)) => Some(format!("`\"{number}\"`, in quotes")),
    });
    match (text, other) {
        (Some(text), Some(other)) => Some(format!("{}; or compare with {other}", text_help(text))),
        (text, other) => text.map(text_help).or(other.map(|other| format!("write {other}"))),
    }
}
