//! What the REPL says of names: the comments above their definitions.

use super::HELP;
use crate::cli::draw;
use crate::cli::table;
use crate::diagnostic::edit_distance;
use crate::source::{SourceId, Sources};
use crate::syntax;
use crate::syntax::ast::{Statement, StatementKind};

/// What is in the language without being defined in the library.
const BUILTINS: [(&str, &str, &str); 17] = [
    ("tokens", "tokens", "The input, one value at each position."),
    (
        "tokens_asis",
        "tokens_asis",
        "The input as it was given, whatever it is: for programs that declare no input.",
    ),
    ("tokens_str", "tokens_str", "The input as strings."),
    ("tokens_int", "tokens_int", "The input as integers; it fails on a token that is none."),
    ("tokens_float", "tokens_float", "The input as numbers; it fails on a token that is none."),
    ("tokens_bool", "tokens_bool", "The input as booleans: True for the token \"True\"."),
    ("indices", "indices", "The positions: 0, 1, 2, …"),
    ("True", "True", "The boolean that holds."),
    ("False", "False", "The boolean that does not hold."),
    (
        "select",
        "select(keys, queries, comparison)",
        "A selector: each query position selects the key positions for which `key comparison query` holds. \
         The comparison is one of ==, !=, <, <=, >, >=.",
    ),
    (
        "aggregate",
        "aggregate(selector, values, default)",
        "At each query position the mean of the values at the selected keys; of one selected key, its value, \
         which need not be a number. The default, 0 if it is left out, stands where no key is selected.",
    ),
    ("round", "round(x)", "The nearest integer; halves go to the even one."),
    ("indicator", "indicator(condition)", "1 where the condition is True, 0 where it is False."),
    ("range", "range(start, end, step)", "The list of integers from start (0) to before end, by step (1)."),
    ("zip", "zip(list, list, …)", "The list of the lists of first elements, second elements, and so on."),
    ("len", "len(list)", "The number of elements of a list; of an input, that is `length`."),
    ("out", "out", "The last value that was shown."),
];

/// A definition as its author presents it.
struct Entry {
    name: String,
    signature: String,
    /// The comment above it, in one line; empty if there is none.
    about: String,
}

/// The definitions at the top level of a text. A comment speaks of the definitions below it, up to the
/// next blank line or comment.
fn entries(text: &str) -> Vec<Entry> {
    let ast = syntax::parse(SourceId::NOWHERE, text).ast;
    let line_of = |at: u32| text.get(..at as usize).unwrap_or(text).matches('\n').count();
    let lines: Vec<&str> = text.lines().collect();
    let comment = |line: usize| lines.get(line)?.trim().strip_prefix('#').map(str::trim);
    let mut found: Vec<Entry> = Vec::new();
    let (mut about, mut end) = (String::new(), 0);
    for statement in &ast.statements {
        let begin = line_of(statement.span.start);
        let n_comments = (0..begin).rev().take_while(|line| comment(*line).is_some()).count();
        if n_comments > 0 || begin > end + 1 {
            about = (begin - n_comments..begin).filter_map(comment).collect::<Vec<_>>().join(" ");
        }
        end = line_of(statement.span.end);
        let named = |(name, signature)| Entry { name, signature, about: about.clone() };
        found.extend(names(statement, text).into_iter().map(named));
    }
    found
}

/// The names that a statement defines, each with what it looks like.
fn names(statement: &Statement, text: &str) -> Vec<(String, String)> {
    match &statement.kind {
        StatementKind::Def(def) => {
            let parameters: Vec<String> = def.parameters.iter().map(ToString::to_string).collect();
            vec![(def.name.to_string(), format!("{}({})", def.name, parameters.join(", ")))]
        }
        StatementKind::Assign { names, .. } => {
            let written = text.get(statement.span.range()).unwrap_or_default();
            let written = super::one_line(written.trim_end_matches(';'));
            names.iter().map(|name| (name.to_string(), written.clone())).collect()
        }
        StatementKind::Expr(_)
        | StatementKind::For { .. }
        | StatementKind::Load { .. }
        | StatementKind::Draw { .. }
        | StatementKind::Declare(_)
        | StatementKind::Repl(_)
        | StatementKind::Error => Vec::new(),
    }
}

/// What can be typed, and what the library has.
pub fn overview(sources: &Sources, width: usize) -> String {
    let library = entries(&sources.get(SourceId::FIRST).text);
    let mut names: Vec<String> = library
        .into_iter()
        .filter(|entry| !entry.name.starts_with('_'))
        .map(|entry| {
            if entry.signature.starts_with(&format!("{}(", entry.name)) {
                entry.signature
            } else {
                entry.name
            }
        })
        .collect();
    names.sort();
    HELP.to_owned() + "\nIn the library (`help NAME` says what each computes):\n" + &filled(&names, width)
}

/// Items beside each other, as many on a line as fit.
fn filled(items: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for item in items {
        let needs = item.chars().count() + 2;
        if used > 0 && used + needs > width {
            text.push('\n');
            used = 0;
        }
        text += &format!("  {item}");
        used += needs;
    }
    text + "\n"
}

/// What is known of a name: its definition and the comment above it, or the lines of the general help
/// that speak of it. `is_bound` tells which names have a meaning.
pub fn about(topic: &str, sources: &Sources, is_bound: impl Fn(&str) -> bool, width: usize) -> String {
    let topic = topic.trim_end_matches("()");
    // The last definition is the one that holds.
    let newest = sources.iter().map(|(_, source)| source).collect::<Vec<_>>().into_iter().rev();
    let defined = newest
        .filter_map(|source| entries(&source.text).into_iter().rfind(|entry| entry.name == topic))
        .find(|_| is_bound(topic));
    if let Some(Entry { signature, about, .. }) = defined {
        return paragraph(&signature, &about, width);
    }
    if let Some((_, signature, about)) = BUILTINS.iter().find(|(name, ..)| *name == topic) {
        return paragraph(signature, about, width);
    }
    let speaks = |line: &&str| {
        let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').collect();
        line.starts_with("  ") && topic.split_whitespace().all(|word| words.contains(&word))
    };
    let lines: Vec<&str> = HELP.lines().filter(speaks).collect();
    if !lines.is_empty() {
        return lines.join("\n") + "\n";
    }
    let topic = draw::shorten(&draw::printable(topic), MAX_TOPIC);
    let library = entries(&sources.get(SourceId::FIRST).text);
    let known = library.iter().map(|entry| &*entry.name).chain(BUILTINS.iter().map(|(name, ..)| *name));
    let nearest = known.min_by_key(|known| edit_distance(&topic, known)).unwrap_or_default();
    format!("nothing is known of `{topic}`; the nearest name is `{nearest}`, and `help` lists all\n")
}

/// Longer names are cut off.
const MAX_TOPIC: usize = 40;

fn paragraph(signature: &str, about: &str, width: usize) -> String {
    let mut text = signature.to_owned() + "\n";
    if !about.is_empty() {
        for line in table::broken(&draw::printable(about), width.saturating_sub(4)) {
            text += &format!("    {line}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::ast::Builtin;

    #[test]
    fn a_comment_speaks_of_what_stands_below_it() {
        let text = "# Head of the file.\n\n# The larger and\n# the smaller.\ndef big(a, b) { return a; }\n\
            def small(a) { return a; } # no comment of its own\nalone = 1;\n\nbare = 2;\n";
        let found: Vec<(String, String)> =
            entries(text).into_iter().map(|e| (e.signature, e.about)).collect();
        let entry = |signature: &str, about: &str| (signature.to_owned(), about.to_owned());
        let pair = "The larger and the smaller.";
        let expected = [
            entry("big(a, b)", pair),
            entry("small(a)", pair),
            entry("alone = 1", pair),
            entry("bare = 2", ""),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_builtin_has_its_help() {
        let functions = [Builtin::Range, Builtin::Zip, Builtin::Len, Builtin::Round, Builtin::Indicator];
        let named = |name: &str| BUILTINS.iter().any(|(known, ..)| *known == name);
        assert!(functions.into_iter().all(|function| named(function.name())));
        assert!(["select", "aggregate", "tokens", "indices"].into_iter().all(named));
    }
}
