//! What a function says of itself: its parameters, and the comment above its definition.

use super::Session;
use crate::syntax::ast::Def;

impl Session<'_> {
    /// `shift(seq, steps, filler)`, and what its author says it is.
    pub(super) fn signature(&self, def: &Def) -> String {
        let parameters: Vec<&str> = def.parameters.iter().map(|p| &*p.value).collect();
        let signature = format!("`{}({})`", def.name, parameters.join(", "));
        let source = &self.sources.get(def.name.span.source).text;
        match comment_above(source.get(..def.name.span.start as usize).unwrap_or_default()) {
            about if about.is_empty() => signature,
            about => format!("{signature}: {about}"),
        }
    }
}

/// The comment that speaks of the definition which begins where a text ends: the one right above it, or
/// above the definitions that stand before it without a blank line between.
fn comment_above(before: &str) -> String {
    // The last line is the beginning of the definition itself.
    let mut lines = before.lines().rev().skip(1).skip_while(|line| {
        let line = *line;
        !line.starts_with('#') && !line.trim().is_empty()
    });
    let mut words: Vec<&str> =
        lines.by_ref().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    words.reverse();
    let text = words.join(" ");
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
