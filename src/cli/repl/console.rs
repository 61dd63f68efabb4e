//! Where the REPL's lines come from: an editor with history on a terminal, plain lines otherwise.
//! How lines make statements is `reader`'s.

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
use std::collections::VecDeque;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

/// Words that can be typed besides the names of the program.
const WORDS: [&str; 35] = [
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
    "reset",
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

/// Reads lines.
pub struct Console {
    source: Source,
    /// Lines that were read and not yet given out.
    ahead: VecDeque<String>,
    /// The number of lines that were given out.
    n_lines: usize,
    /// Whether lines are printed as they are read.
    echo: bool,
}

enum Source {
    Terminal { editor: Box<Editor<Names, FileHistory>>, history: Option<PathBuf> },
    Plain,
}

/// One line of input, or what came instead.
pub enum Line {
    Text(String),
    /// Ctrl-C: what was typed so far is thrown away.
    Interrupted,
    End,
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
        Self { source, ahead: VecDeque::new(), n_lines: 0, echo }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.source, Source::Terminal { .. })
    }

    /// The number of lines that were given out.
    pub fn n_lines(&self) -> usize {
        self.n_lines
    }

    /// Offers these names when the user asks for completion.
    pub fn offer(&mut self, names: &[Arc<str>]) {
        if let Source::Terminal { editor, .. } = &mut self.source
            && let Some(helper) = editor.helper_mut()
        {
            helper.names = names.iter().map(ToString::to_string).collect();
        }
    }

    /// The next line.
    pub fn line(&mut self, prompt: &str, ui: &Ui) -> anyhow::Result<Line> {
        if self.ahead.is_empty() {
            match self.read(prompt)? {
                // What is pasted into a terminal is several lines at once.
                Line::Text(text) => self.ahead.extend(text.split('\n').map(str::to_owned)),
                other @ (Line::Interrupted | Line::End) => return Ok(other),
            }
        }
        let line = self.ahead.pop_front().unwrap_or_default();
        self.n_lines += 1;
        if self.echo && !self.is_terminal() {
            ui.line(format!("{prompt}{line}").trim_end());
        }
        Ok(Line::Text(line))
    }

    /// The line after the last one that was given out; none if a person has not typed it yet, or if
    /// there are no more.
    pub fn peek(&mut self) -> anyhow::Result<Option<&str>> {
        if self.ahead.is_empty()
            && !self.is_terminal()
            && let Line::Text(text) = self.read("")?
        {
            self.ahead.push_back(text);
        }
        Ok(self.ahead.front().map(String::as_str))
    }

    fn read(&mut self, prompt: &str) -> anyhow::Result<Line> {
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
    pub fn remember(&mut self, statement: &str) {
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
