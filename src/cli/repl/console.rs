//! Where the REPL's lines come from: an editor with history on a terminal, plain lines otherwise.

use anyhow::Context as _;
use rustyline::completion::Completer;
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Editor, Helper};
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

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

/// One line of input, or what came instead.
pub enum Line {
    Text(String),
    /// Ctrl-C: what was typed so far is thrown away.
    Interrupted,
    End,
}

/// A source of lines.
pub enum Console {
    Terminal { editor: Box<Editor<Names, FileHistory>>, history: Option<PathBuf> },
    Plain,
}

impl Console {
    /// An editor if a person types and reads, plain lines without prompts if not.
    pub fn open() -> Self {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Self::Plain;
        }
        let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY);
        let editor = config.and_then(|c| Editor::with_history(c.build(), FileHistory::new()));
        let Ok(mut editor) = editor else { return Self::Plain };
        let history = history_file();
        if let Some(path) = &history {
            // No history yet is no reason to complain.
            let _ = editor.load_history(path);
        }
        editor.set_helper(Some(Names::default()));
        Self::Terminal { editor: Box::new(editor), history }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// The number of characters on a line.
    pub fn width(&mut self) -> usize {
        match self {
            Self::Terminal { editor, .. } => {
                editor.dimensions().map_or(PLAIN_WIDTH, |(columns, _)| columns.into())
            }
            Self::Plain => PLAIN_WIDTH,
        }
    }

    /// Reads a line; `names` are offered when the user asks for completion.
    pub fn read(&mut self, prompt: &str, names: impl FnOnce() -> Vec<String>) -> anyhow::Result<Line> {
        match self {
            Self::Terminal { editor, .. } => {
                if let Some(helper) = editor.helper_mut() {
                    helper.names = names();
                }
                match editor.readline(prompt) {
                    Ok(text) => Ok(Line::Text(text)),
                    Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
                    Err(ReadlineError::Eof) => Ok(Line::End),
                    Err(error) => Err(error).context("cannot read from the terminal"),
                }
            }
            Self::Plain => {
                let mut line = Vec::new();
                let read = std::io::stdin().lock().read_until(b'\n', &mut line);
                match read.context("cannot read standard input")? {
                    0 => Ok(Line::End),
                    _ => Ok(Line::Text(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).into())),
                }
            }
        }
    }

    /// Keeps a statement for later sessions. Without a place to write to, for this one.
    pub fn remember(&mut self, statement: &str) {
        if let Self::Terminal { editor, history } = self
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
pub struct Names {
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
