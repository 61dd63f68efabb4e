//! How is a program read a second time, from the texts of the first?

use super::{LIBRARY, Loader, OUTSIDE, Outside, Read, read};
use crate::source::{SourceId, Sources};
use std::cell::Cell;

/// Where the program's own text stands among the sources of [`read`]: the library comes first,
/// then declarations from outside; behind it stand the files it loads, in order, and then the
/// assumptions and outputs from outside.
pub const PROGRAM: usize = 2;

/// Sources of [`read`] that stand behind those of the program and its files.
const BEHIND: usize = 2;

/// Names and texts that [`read`] gave, read again. None if they cannot be from there.
pub fn read_again(sources: &[(&str, &str)]) -> Option<Read> {
    let (files, outside) = sources.split_at_checked(sources.len().checked_sub(BEHIND)?)?;
    let [_, declarations, (name, text), loaded @ ..] = files else { return None };
    let [assumptions, outputs] = outside else { return None };
    let outside = Outside {
        declarations: declarations.1.to_owned(),
        assumptions: assumptions.1.to_owned(),
        outputs: outputs.1.to_owned(),
    };
    Some(read(name, text, &Replay { loaded, next: Cell::new(0) }, &outside))
}

/// Whether a source of [`read`] is the program's own text, or text from outside of it: what its author
/// can change, unlike the library and loaded files.
pub fn is_own(sources: &Sources, source: SourceId) -> bool {
    let main = sources.iter().nth(PROGRAM).is_some_and(|(id, _)| id == source);
    main || sources.get(source).name == OUTSIDE
}

/// Whether a text is the standard library that [`read`] and [`read_again`] use.
pub fn is_library(text: &str) -> bool {
    text == LIBRARY
}

/// Gives the files that were loaded, in the order of loading.
struct Replay<'a> {
    loaded: &'a [(&'a str, &'a str)],
    next: Cell<usize>,
}

impl Loader for Replay<'_> {
    fn load(&self, _: &str, _: &str) -> Result<(String, String), String> {
        let (name, text) = self.loaded.get(self.next.get()).ok_or("it was not kept with the program")?;
        self.next.set(self.next.get() + 1);
        Ok(((*name).to_owned(), (*text).to_owned()))
    }
}
