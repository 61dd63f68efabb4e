//! Where a report points: into the program, never into the library.

use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;
use std::collections::HashSet;
use std::sync::Arc;

/// Calls that a report shows at most.
const SHOWN: usize = 3;

/// The report with the calls that led to its place, innermost first. A place in the library is shown by
/// the call of the library that the program makes.
pub fn with_calls(mut report: Diagnostic, calls: impl Iterator<Item = (Arc<str>, Span)>) -> Diagnostic {
    let place = report.labels.first().map(|label| label.span);
    let mut calls: Vec<_> = calls.filter(|(_, site)| !site.in_library() && Some(*site) != place).collect();
    calls.dedup_by_key(|(_, site)| *site);
    // Of a recursion, one call says it all.
    let mut seen = HashSet::new();
    calls.retain(|(function, _)| seen.insert(function.clone()));
    let mut calls = calls.into_iter();
    if place.is_some_and(Span::in_library)
        && let Some((function, site)) = calls.next()
    {
        let hidden = report.labels.iter().find(|label| label.span.in_library());
        let why = hidden.map_or_else(String::new, |label| format!(": {}", label.text));
        report.labels.retain(|label| !label.span.in_library());
        report.labels.insert(0, Label { span: site, text: format!("in this call of `{function}`{why}") });
    }
    calls
        .take(SHOWN)
        .fold(report, |report, (function, site)| report.label(site, format!("in this call of `{function}`")))
}
