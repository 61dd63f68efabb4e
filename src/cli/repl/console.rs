//! Where the REPL's lines come from: an editor with history on a terminal, plain lines otherwise.

use crate::cli::Ui;
use crate::source::Sources;
use anyhow::Context as _;
use rustyline::completion::Completer;
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Editor, Helper};
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

/// Words that can be typed besides the names of the program.
const WORDS: [&str; 34] = [
    "False",
    "True",
    "aggregate(",
    "and",
    "assume",
    "attention",
    "def",
    "draw(",
    "else",
    "example",
    "examples",
    "exit",
    "for",
    "full seq display",
    "help",
    "if",
    "in",
    "indicator(",
    "indices",
    "input",
    "len(",
    "load",
    "not",
    "or",
    "output",
    "quit",
    "range(",
    "return",
    "round(",
    "select(",
    "selector",
    "set",
    "show",
    "tokens",
];
/// As many statements are remembered.
const HISTORY: usize = 2_000;
/// The width that drawings are made for where there is no terminal.
const PLAIN_WIDTH: usize = 100;

/// Reads statements, however many lines each has.
pub struct Console {
    source: Source,
    /// The number of lines that were read.
    n_lines: usize,
    /// Whether lines are printed as they are read.
    echo: bool,
}

enum Source {
    Terminal { editor: Box<Editor<Names, FileHistory>>, history: Option<PathBuf> },
    Plain,
}

/// One line of input, or what came instead.
enum Line {
    Text(String),
    /// Ctrl-C: what was typed so far is thrown away.
    Interrupted,
    End,
}

/// A piece of text, ready to be run.
pub struct Typed {
    pub text: String,
    /// The number of its first line, from 1.
    pub line: usize,
}

impl Console {
    /// An editor if a person types and reads; plain lines if not, without prompts but for `echo`.
    pub fn open(echo: bool) -> Self {
        let person = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let editor = if person { editor().ok() } else { None };
        let source = match editor {
            None => Source::Plain,
            Some(mut editor) => {
                let history = history_file();
                if let Some(path) = &history {
                    // No history yet is no reason to complain.
                    let _ = editor.load_history(path);
                }
                Source::Terminal { editor: Box::new(editor), history }
            }
        };
        Self { source, n_lines: 0, echo }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal { .. })
    }

    /// The number of characters on a line.
    pub fn width(&mut self) -> usize {
        match &mut self.source {
            Source::Terminal { editor, .. } => {
                editor.dimensions().map_or(PLAIN_WIDTH, |(columns, _)| columns.into())
            }
            Source::Plain => PLAIN_WIDTH,
        }
    }

    /// Reads lines until `is_complete`, or until there are no more; none if there was nothing.
    /// `names` are offered when the user asks for completion.
    pub fn read(
        &mut self,
        ui: &Ui,
        names: &[Arc<str>],
        is_complete: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Option<Typed>> {
        if let Source::Terminal { editor, .. } = &mut self.source
            && let Some(helper) = editor.helper_mut()
        {
            helper.names = names.iter().map(ToString::to_string).collect();
        }
        let mut text = String::new();
        let mut first = self.n_lines + 1;
        loop {
            let prompt = if text.is_empty() { ">> " } else { ".. " };
            match self.line(prompt)? {
                Line::Text(line) => {
                    if self.echo && !self.is_terminal() {
                        ui.line(format!("{prompt}{line}").trim_end());
                    }
                    self.n_lines += 1 + line.matches('\n').count();
                    text += &line;
                    text.push('\n');
                }
                Line::Interrupted => {
                    if text.is_empty() {
                        ui.note("(exit or Ctrl-D leaves)");
                    }
                    text.clear();
                }
                Line::End if text.is_empty() => return Ok(None),
                Line::End => break,
            }
            if text.trim().is_empty() {
                text.clear();
                first = self.n_lines + 1;
            } else if is_complete(&text) {
                break;
            }
            anyhow::ensure!(
                text.len() <= Sources::MAX_BYTES,
                "a statement of more than {} bytes",
                Sources::MAX_BYTES
            );
        }
        self.remember(text.trim_end());
        Ok(Some(Typed { text, line: first }))
    }

    fn line(&mut self, prompt: &str) -> anyhow::Result<Line> {
        match &mut self.source {
            Source::Terminal { editor, .. } => match editor.readline(prompt) {
                Ok(text) => Ok(Line::Text(text)),
                Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
                Err(ReadlineError::Eof) => Ok(Line::End),
                Err(error) => Err(error).context("cannot read from the terminal"),
            },
            Source::Plain => {
                let mut line = Vec::new();
                let limit = Sources::MAX_BYTES as u64;
                let mut stdin = std::io::stdin().lock().take(limit + 1);
                match stdin.read_until(b'\n', &mut line).context("cannot read standard input")? {
                    0 => Ok(Line::End),
                    _ => Ok(Line::Text(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).into())),
                }
            }
        }
    }

    /// Keeps a statement for later sessions. Without a place to write to, for this one.
    fn remember(&mut self, statement: &str) {
        if let Source::Terminal { editor, history } = &mut self.source
            && editor.add_history_entry(statement).unwrap_or(false)
            && let Some(path) = history
        {
            let written = editor.append_history(path);
            if written.is_err() {
                *history = None;
            }
        }
    }
}

fn editor() -> rustyline::Result<Editor<Names, FileHistory>> {
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY)?;
    let mut editor = Editor::with_history(config.build(), FileHistory::new())?;
    editor.set_helper(Some(Names::default()));
    Ok(editor)
}

/// `raspc/history` in the user's data folder, if the environment says where that is.
fn history_file() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .or_else(|| folder("APPDATA"))?
        .join("raspc");
    std::fs::create_dir_all(&data).ok()?;
    Some(data.join("history"))
}

/// Completes the names of the session and the words of the language.
#[derive(Default)]
struct Names {
    names: Vec<String>,
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..cursor).unwrap_or(line);
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        let start = (start..=before.len()).find(|i| before.is_char_boundary(*i)).unwrap_or(0);
        let word = &before[start..];
        let mut found: Vec<String> = (self.names.iter().map(String::as_str).chain(WORDS))
            .filter(|name| !word.is_empty() && name.starts_with(word))
            .map(str::to_owned)
            .collect();
        found.sort();
        found.dedup();
        Ok((start, found))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
