//! What the user sees: the only file that writes to the terminal.

use super::draw::printable;
use super::progress::Progress;
use super::told::Told;
use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The terminal, or whatever stands for it.
pub struct Ui {
    /// Whether reports and drawings are coloured.
    pub color: bool,
    /// Whether results are lines of JSON, which carry the errors and warnings too.
    pub as_json: bool,
    /// The errors and warnings since the last line of JSON.
    told: RefCell<Told>,
}

impl Default for Ui {
    /// Colours only where a person sees them and has not asked for none (<https://no-color.org>).
    fn default() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { color: wanted && std::io::stderr().is_terminal(), as_json: false, told: RefCell::default() }
    }
}

impl Ui {
    /// The number of characters on a line: what `COLUMNS` says, the width of the terminal, or 100.
    pub fn width(&self) -> usize {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let measured = || terminal_size::terminal_size().map(|(columns, _)| columns.0.into());
        told.or_else(measured).filter(|width| *width > 0).unwrap_or(100)
    }

    /// Results, to standard output.
    pub fn out(&self, text: &str) {
        self.verbatim(&harmless(text));
    }

    /// Results that are a file of the user's, with all its characters.
    pub fn verbatim(&self, text: &str) {
        write(&mut std::io::stdout().lock(), text);
    }

    /// A line of results for other programs, with the errors and warnings since the line before.
    pub fn json(&self, json: &Json) {
        let mut json = json.clone();
        self.told.borrow_mut().move_into(&mut json);
        // JSON has escapes of its own, which serde_json uses for the lower control characters only.
        let escape = |c: char| match c.is_control() {
            true => format!("\\u{:04x}", u32::from(c)),
            false => c.to_string(),
        };
        let text: String = json.to_string().chars().map(escape).collect();
        self.verbatim(&(text + "\n"));
    }

    /// One line of results.
    pub fn line(&self, text: &str) {
        self.out(&format!("{text}\n"));
    }

    /// Everything that is said beside the results, to standard error.
    pub fn note(&self, text: &str) {
        write(&mut std::io::stderr().lock(), &(harmless(text) + "\n"));
    }

    /// Says what went wrong, and how the process will end for it.
    pub fn error(&self, error: &anyhow::Error) -> super::Exit {
        self.note(&format!("error: {error:#}"));
        self.remember(|told| told.error(&format!("{error:#}")));
        super::Exit::Usage
    }

    /// Forgets the errors and warnings of other files.
    pub fn begin(&self) {
        self.told.take();
    }

    fn remember(&self, remember: impl FnOnce(&mut Told)) {
        if self.as_json {
            remember(&mut self.told.borrow_mut());
        }
    }

    /// For `--json`: a line for a command that could not be read, whose error was printed.
    pub fn misused(&self, message: &str) {
        self.remember(|told| told.error(message.trim_end().trim_start_matches("error: ")));
        self.end();
    }

    /// For `--json`: a line for errors that no line has had.
    pub fn end(&self) {
        if self.told.borrow().has_errors() {
            self.failed(None);
        }
    }

    /// For `--json`: a line that says why there is no result, of a file if it is about one.
    pub fn failed(&self, file: Option<&Path>) {
        let mut line = json!({ "errors": [] });
        if let Some(file) = file {
            line["file"] = json!(file.to_string_lossy());
        }
        self.json(&line);
    }

    /// Long work, called by what it does: "planning", "comparing inputs". On a terminal a line says after
    /// half a second how far it is, and goes when the work ends; elsewhere a line is printed once, if it
    /// takes long. Work of several phases says so by [`Progress::enter`]; each of them is told.
    pub fn phase<T>(&self, name: &'static str, work: impl FnOnce(&Progress) -> T) -> T {
        let progress = &Progress::new(name);
        let (ended, end) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || follow(progress, &end));
            // Dropped when the work ends, even by a panic, which ends the thread that follows it.
            let _ended = ended;
            work(progress)
        })
    }

    /// [`Self::phase`] for work that tells a number.
    pub fn progress<T>(&self, name: &'static str, work: impl FnOnce(&mut dyn FnMut(usize)) -> T) -> T {
        self.phase(name, |progress| work(&mut |done| progress.at(done)))
    }

    /// Bars for so many pieces of work with so many steps each, on terminals only. They go when they are
    /// dropped.
    pub fn bars(&self, n: usize, steps: usize) -> Vec<Bar> {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({eta} left)");
        let style = style.expect("a sound template");
        let bar = |_| Bar(all.add(ProgressBar::new(steps as u64)).with_style(style.clone()));
        (0..n).map(bar).collect()
    }

    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        for diagnostic in diagnostics {
            write(&mut std::io::stderr().lock(), &diagnostic.render(sources, self.color));
            self.remember(|told| told.diagnostic(diagnostic, sources));
        }
    }
}

/// Work is shown on a terminal when it has taken this long, and then this often.
const SHOWN_AFTER: Duration = Duration::from_millis(500);
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// Elsewhere a phase is told once, when it has taken this long.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// Shows how far work is until it hangs up.
fn follow(progress: &Progress, end: &mpsc::Receiver<()>) {
    let goes_on = |wait| matches!(end.recv_timeout(wait), Err(mpsc::RecvTimeoutError::Timeout));
    if !std::io::stderr().is_terminal() {
        let mut told = "";
        while goes_on(SHOWN_AFTER) {
            let (name, elapsed) = progress.phase();
            if name != told && elapsed >= TOLD_AFTER {
                write(&mut std::io::stderr().lock(), &(progress.text() + "\n"));
                told = name;
            }
        }
        return;
    }
    if !goes_on(SHOWN_AFTER) {
        return;
    }
    let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("a sound template");
    let line = ProgressBar::new_spinner().with_style(style);
    loop {
        line.set_message(progress.text());
        line.tick();
        if !goes_on(SHOWN_EVERY) {
            break;
        }
    }
    line.finish_and_clear();
}

/// A bar that fills up.
pub struct Bar(ProgressBar);

impl Bar {
    /// So many steps are done; `message` says how it goes.
    pub fn at(&self, step: usize, message: impl FnOnce() -> String) {
        if !self.0.is_hidden() {
            self.0.set_message(message());
            self.0.set_position(step as u64);
        }
    }
}

impl Bar {
    /// Prints a line if the bar is not visible, as without a terminal.
    pub fn line(&self, text: impl FnOnce() -> String) {
        if self.0.is_hidden() {
            write(&mut std::io::stderr().lock(), &(harmless(&text()) + "\n"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A text that cannot move the cursor or change colours, whoever wrote it.
fn harmless(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(line) => printable(line) + "\n",
        None => printable(line),
    });
    lines.collect()
}

/// A reader that went away (`raspc … | head`) ends the process quietly; results that cannot be
/// written for another reason, such as a full disk, are an error.
fn write(to: &mut impl Write, text: &str) {
    let Err(error) = to.write_all(text.as_bytes()).and_then(|()| to.flush()) else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(super::Exit::Done as i32);
    }
    // If even this cannot be written, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: cannot write the results: {error}");
    std::process::exit(super::Exit::Usage as i32);
}
