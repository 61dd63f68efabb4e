//! Strings as programs write them.
//!
//! A plain string, `"a"`, ends at the next quote, and `\` is an ordinary character in it, as in the
//! RASP tool. A string with escapes, `e"…"`, can hold quotes and line breaks: `\"`, `\\`, `\n`,
//! `\r`, `\t`, and `\u{…}` for the character of a hexadecimal number.

use std::fmt::Write as _;
use std::ops::Range;

/// The text as a string of a program: plain if it can be.
pub fn quoted(text: &str) -> String {
    if !text.contains(['"', '\n']) {
        return format!("\"{text}\"");
    }
    let mut out = String::from("e\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text that stands between the quotes of a string with escapes, without the escapes. An error
/// is the place of what is not an escape.
pub fn unescaped(written: &str) -> Result<String, Range<usize>> {
    let mut out = String::new();
    let mut rest = written;
    while let Some(c) = rest.chars().next() {
        let (character, length) = match c {
            '\\' => escape(&rest[1..]).map(|(c, length)| (c, 1 + length)).ok_or_else(|| {
                let start = written.len() - rest.len();
                let end = start + 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                start..end
            })?,
            c => (c, c.len_utf8()),
        };
        out.push(character);
        rest = &rest[length..];
    }
    Ok(out)
}

/// The character of an escape, given what follows its `\`, and the length of what follows.
fn escape(rest: &str) -> Option<(char, usize)> {
    match rest.chars().next()? {
        c @ ('"' | '\\') => Some((c, 1)),
        'n' => Some(('\n', 1)),
        'r' => Some(('\r', 1)),
        't' => Some(('\t', 1)),
        'u' => {
            let digits = rest.strip_prefix("u{")?.split_once('}')?.0;
            let number = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(number)?, digits.len() + 3))
        }
        _ => None,
    }
}
