//! `raspc repl`: programs typed line by line, every value shown on a running example.

mod console;
mod example;
mod flow;
mod help;
mod reader;
mod show;

use super::input::{self, Columns};
use super::kind::{self, Kind};
use super::program::{self, Files};
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::ir::lower::{Effect, Session, Thing};
use crate::ir::{Column, Lengths};
use crate::syntax::ast::{Repl as Command, Which};
use crate::value::Value;
use console::Console;
use reader::{Reader, Request, Typed};
use show::one_line;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Try out programs line by line.
///
/// Every s-op and selector that is typed is shown with its value on a running example, "hello" at
/// first. Files are read before the first line, declarations included. Lines come from the
/// terminal, with history and completion, or from standard input.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub struct ReplArgs {
    /// Programs to read first (.rasp).
    files: Vec<PathBuf>,
    /// Print the lines that are read, so that a script's output is a transcript.
    #[arg(long)]
    echo: bool,
}

const HELP: &str = "\
What can be typed (a `;` at the end of a line may be left out):
  tokens   x = indices + 1        an s-op, shown with its values on the example
  s = select(tokens, \"l\", ==)     a selector, as a matrix: rows are queries
  def f(a, b) { return a + b; }   functions, numbers, lists, dictionaries, loops
  x(\"abc\")   s([1, 2])            a value on another input
  draw(x)   draw(x, \"abc\")        everything that x is made of, layer by layer
  load \"file\"                     the names of file.rasp
  out                             the last value
  input tokens : 0..9             declarations, as in files
Commands:
  set example \"abc\"               the running example; also [1, 2], or
                                  {\"a\": [1], \"b\": [2]}
  set s-op example \"abc\"          the example of s-ops only; `selector` likewise
  show example                    what it is
  examples off                    names without values; also of one kind:
                                  s-op examples off, selector examples on
  full seq display off            s-ops on one line instead of in a table
  help NAME                       what a function or an s-op computes
  reset                           forget what was typed, declarations too
  exit, quit                      also Ctrl-D; Ctrl-C drops what has been typed
A program that uses help or reset as a name leaves :help and :reset.";

/// Warnings of statements that do nothing in a program: here they show something.
const IDLE: [&str; 2] = ["W0109", "W0110"];

pub fn repl(args: &ReplArgs, ui: &Ui) -> anyhow::Result<Exit> {
    let files = Files::new(Path::new(""));
    let mut console = Console::open(args.echo);
    let mut repl = Repl::new(Session::new(&files), ui);
    if repl.read_files(&args.files)?.is_break() {
        return Ok(repl.exit(&console));
    }
    if console.is_terminal() {
        let example = example::text(&repl.sops.example, &repl.session.program.columns);
        ui.line(&format!(
            "raspc {}. The example is {example}. Type `help` for help, Ctrl-D to leave.",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut reader = Reader::default();
    loop {
        console.offer(&repl.session.names());
        let is_bound = |name: &str| repl.session.get(name).is_some();
        match reader.read(&mut console, ui, is_bound)? {
            Some(Typed::Statement { text, line }) => {
                if repl.feed(&format!("<line {line}>"), &text, Show::Everything).is_break() {
                    break;
                }
            }
            Some(Typed::Request(Request::Help(topic))) => ui.out(&match topic {
                None => help::overview(&repl.session.sources, ui.width()),
                Some(topic) => help::about(&topic, &repl.session.sources, is_bound, ui.width()),
            }),
            Some(Typed::Request(Request::Reset)) => {
                repl = Repl { failed: repl.failed, ..Repl::new(Session::new(&files), ui) };
                match repl.read_files(&args.files) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    // They could be read once; without them the session is still of use.
                    Err(error) => repl.error(&error),
                }
            }
            Some(Typed::Request(Request::Exit)) | None => break,
        }
    }
    Ok(repl.exit(&console))
}

/// Which effects of a text are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Everything,
    /// What a file asks for, but not each of its values.
    Commands,
}

/// What s-ops, or selectors, are shown on.
struct View {
    example: Columns,
    on: bool,
}

struct Repl<'a> {
    session: Session<'a>,
    ui: &'a Ui,
    sops: View,
    selectors: View,
    /// Whether s-ops are shown in tables rather than on one line.
    tables: bool,
    /// Whether anything was reported as wrong.
    failed: bool,
}

impl<'a> Repl<'a> {
    fn new(session: Session<'a>, ui: &'a Ui) -> Self {
        let hello: Columns = vec!["hello".chars().map(|c| Value::str(&c.to_string())).collect()];
        let view = |example| View { example, on: true };
        Self { session, ui, sops: view(hello.clone()), selectors: view(hello), tables: true, failed: false }
    }

    /// Reads programs, of which only what they ask for is shown.
    fn read_files(&mut self, files: &[PathBuf]) -> anyhow::Result<ControlFlow<()>> {
        let read = |path: &PathBuf| {
            kind::expect(path, Kind::Program)?;
            Ok((path.to_string_lossy().replace('\\', "/"), program::read_text(path)?))
        };
        // A file that cannot be read is told before any is run.
        let texts = files.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(texts.iter().try_for_each(|(name, text)| self.feed(name, text, Show::Commands)))
    }

    /// A script with errors has failed; a person has seen them.
    fn exit(&self, console: &Console) -> Exit {
        if self.failed && !console.is_terminal() { Exit::Rejected } else { Exit::Done }
    }

    fn feed(&mut self, name: &str, text: &str, show: Show) -> ControlFlow<()> {
        let before = self.declarations();
        let mut fed = self.session.feed_line(name, text);
        fed.diagnostics.retain(|d| !IDLE.contains(&d.code));
        self.report(&fed.diagnostics);
        let example = self.examples();
        if self.declarations() != before {
            self.refit(example);
        }
        for effect in fed.effects {
            self.effect(effect, show)?;
        }
        ControlFlow::Continue(())
    }

    fn report(&mut self, diagnostics: &[Diagnostic]) {
        self.failed |= diagnostics.iter().any(Diagnostic::is_error);
        self.ui.diagnostics(diagnostics, &self.session.sources);
    }

    fn error(&mut self, error: &anyhow::Error) {
        self.failed = true;
        self.ui.note(&format!("error: {error:#}"));
    }

    fn effect(&mut self, effect: Effect, show: Show) -> ControlFlow<()> {
        match effect {
            Effect::Value { .. } | Effect::Assigned(_) | Effect::Defined(_) if show == Show::Commands => {}
            Effect::Value { thing, text } => self.show(None, &one_line(&text), &thing),
            Effect::Assigned(names) => {
                for (name, thing) in names {
                    self.show(Some(&name), &name, &thing);
                }
            }
            Effect::Defined(name) => {
                if let Some(thing) = self.session.get(&name) {
                    self.show(Some(&name), &name, &thing);
                }
            }
            Effect::Draw { thing, input } => self.draw(&thing, input.as_ref()),
            Effect::SetExample { of, example } => self.set_example(of, &example),
            Effect::Command(command) => return self.command(&command),
        }
        ControlFlow::Continue(())
    }

    fn command(&mut self, command: &Command) -> ControlFlow<()> {
        match command {
            // Lowering makes an effect of its own of it.
            Command::SetExample { .. } => {}
            Command::ShowExample { of } => {
                let columns = &self.session.program.columns;
                let views =
                    [(&self.sops, "s-op", Which::SOps), (&self.selectors, "selector", Which::Selectors)];
                for (view, what, which) in views {
                    if *of == Which::Both || *of == which {
                        self.ui.line(&format!("{what} example: {}", example::text(&view.example, columns)));
                    }
                }
            }
            Command::Examples { of, on } => self.views(*of).for_each(|view| view.on = *on),
            Command::FullSeqDisplay { on } => self.tables = *on,
            Command::Exit => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// The views that a command speaks of.
    fn views(&mut self, of: Which) -> impl Iterator<Item = &mut View> {
        let (sops, selectors) = match of {
            Which::Both => (true, true),
            Which::SOps => (true, false),
            Which::Selectors => (false, true),
        };
        let sops = sops.then_some(&mut self.sops);
        sops.into_iter().chain(selectors.then_some(&mut self.selectors))
    }

    fn set_example(&mut self, of: Which, thing: &Thing) {
        let program = &self.session.program;
        let example = example::from_thing(thing, &program.columns)
            .and_then(|example| example::fits(program, &example).map(|()| example));
        match example {
            Ok(example) => self.views(of).for_each(|view| view.example.clone_from(&example)),
            Err(error) => {
                let error = input::with_assumption(error, &self.session.sources);
                self.error(&error.context("this cannot be the example"));
            }
        }
    }

    /// What a program says about its input; when it changes, an example may no longer fit.
    fn declarations(&self) -> (Vec<Column>, Option<Lengths>, usize) {
        let program = &self.session.program;
        (program.columns.clone(), program.lengths, program.assumptions.len())
    }

    /// Checks the `example` declarations of what was read, and gives the input of the first.
    fn examples(&mut self) -> Option<Columns> {
        let (n_columns, n_outputs) = (self.session.program.columns.len(), self.session.program.outputs.len());
        let mut diagnostics = self.session.finish();
        let program = &mut self.session.program;
        let wrong = crate::verify::wrong_examples(program);
        let examples = std::mem::take(&mut program.examples);
        // Ending a program settles what it leaves open; here it goes on.
        program.columns.truncate(n_columns);
        program.outputs.truncate(n_outputs);
        match examples.len() {
            n if n == 0 || !wrong.is_empty() => {}
            1 => self.ui.line("the example holds"),
            n => self.ui.line(&format!("{n} examples hold")),
        }
        diagnostics.extend(wrong);
        self.report(&diagnostics);
        examples.into_iter().next().map(|e| e.inputs)
    }

    /// After declarations: takes an example that fits, or says how to set one.
    fn refit(&mut self, declared: Option<Columns>) {
        let program = &self.session.program;
        let unfit = |view: &View| example::fits(program, &view.example).err();
        let Some(reason) = unfit(&self.sops).or_else(|| unfit(&self.selectors)) else { return };
        let reason = input::with_assumption(reason, &self.session.sources);
        if let Some(example) = declared {
            self.ui.line(&format!("the example is now {}", example::text(&example, &program.columns)));
            self.views(Which::Both).for_each(|view| view.example.clone_from(&example));
            return;
        }
        let old = example::text(&self.sops.example, &[]);
        self.ui.note(&format!("the example {old} does not fit the program: {reason:#}"));
        if let Some(new) = example::suggestion(program) {
            let new = example::text(&new, &program.columns);
            self.ui.note(&format!("set one that does, for example: set example {new}"));
        }
    }
}
