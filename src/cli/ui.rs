//! What the user sees: the only file that writes to the terminal.

use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use std::io::{IsTerminal, Write};

/// The terminal, or whatever stands for it.
pub struct Ui {
    /// Whether reports and drawings are coloured.
    pub color: bool,
}

impl Default for Ui {
    /// Colours only where a person sees them and has not asked for none (<https://no-color.org>).
    fn default() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { color: wanted && std::io::stderr().is_terminal() }
    }
}

impl Ui {
    /// Results, to standard output.
    pub fn out(&self, text: &str) {
        write(&mut std::io::stdout().lock(), text);
    }

    /// One line of results.
    pub fn line(&self, text: &str) {
        self.out(&format!("{text}\n"));
    }

    /// Everything that is said beside the results, to standard error.
    pub fn note(&self, text: &str) {
        write(&mut std::io::stderr().lock(), &format!("{text}\n"));
    }

    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        for diagnostic in diagnostics {
            write(&mut std::io::stderr().lock(), &diagnostic.render(sources, self.color));
        }
    }
}

/// A reader that went away (`raspc … | head`) ends the process quietly.
fn write(to: &mut impl Write, text: &str) {
    if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
        std::process::exit(super::Exit::Done as i32);
    }
}
