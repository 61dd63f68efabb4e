//! How lines make statements, and which lines are requests to the REPL itself.

use super::console::{Console, Line};
use crate::cli::Ui;
use crate::source::Sources;
use crate::syntax::{self, Completeness};
use anyhow::ensure;
use std::mem::take;

/// What was typed next.
pub enum Typed {
    /// A piece of text, ready to be run.
    Statement {
        text: String,
        /// The number of its first line, from 1.
        line: usize,
    },
    Request(Request),
}

/// What the REPL does itself. A line that asks for it is no part of a statement, wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Help in general, or about a name.
    Help(Option<String>),
    /// Forget everything that was typed.
    Reset,
    Exit,
}

impl Request {
    /// The request that a line makes, if it makes one. A program that has given one of these words a
    /// meaning uses its own; with a colon before it, the word is always a request.
    pub fn of(line: &str, is_bound: impl Fn(&str) -> bool) -> Option<Self> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (word, topic) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (word, always) = word.strip_prefix(':').map_or((word, false), |word| (word, true));
        let word = word.strip_suffix("()").unwrap_or(word);
        let request = match (word, topic.trim()) {
            ("help", "") => Self::Help(None),
            ("help", topic) if is_topic(topic) => Self::Help(Some(topic.to_owned())),
            ("reset", "") => Self::Reset,
            ("exit" | "quit", "") => Self::Exit,
            _ => return None,
        };
        (always || !is_bound(word)).then_some(request)
    }
}

/// Whether a text consists of names: `help = 5` is a statement.
fn is_topic(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_-()".contains(c))
}

/// Puts statements together.
#[derive(Default)]
pub struct Reader {
    /// The lines of a statement that goes on, and the number of the first.
    text: String,
    first: usize,
    /// What was asked for in the middle of a statement, which comes first.
    waiting: Option<Request>,
}

impl Reader {
    /// The next statement or request; none if there are no more lines. `is_bound` tells which names the
    /// session has.
    pub fn read(
        &mut self,
        console: &mut Console,
        ui: &Ui,
        is_bound: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Option<Typed>> {
        if let Some(request) = self.waiting.take() {
            return Ok(Some(Typed::Request(request)));
        }
        loop {
            let prompt = if self.text.is_empty() { ">> " } else { ".. " };
            match console.line(prompt, ui)? {
                Line::Text(line) => match Request::of(&line, &is_bound) {
                    // Help does not end what is typed.
                    Some(request @ Request::Help(_)) => return Ok(Some(Typed::Request(request))),
                    Some(request) if self.text.is_empty() => return Ok(Some(Typed::Request(request))),
                    Some(request) => {
                        self.waiting = Some(request);
                        return Ok(Some(self.statement(console)));
                    }
                    None => {
                        if self.text.is_empty() {
                            self.first = console.n_lines();
                        }
                        self.text += &line;
                        self.text.push('\n');
                    }
                },
                Line::Interrupted => {
                    if self.text.is_empty() {
                        ui.note("(exit or Ctrl-D leaves)");
                    }
                    self.text.clear();
                }
                Line::End if self.text.is_empty() => return Ok(None),
                Line::End => return Ok(Some(self.statement(console))),
            }
            if self.text.trim().is_empty() {
                self.text.clear();
            } else if self.is_finished(console, &is_bound)? {
                return Ok(Some(self.statement(console)));
            }
            ensure!(
                self.text.len() <= Sources::MAX_BYTES,
                "a statement of more than {} bytes",
                Sources::MAX_BYTES
            );
        }
    }

    /// Whether what was typed is run now. Where only the `;` is missing, that is so unless the next line
    /// is there already and goes on with the statement, as in a file.
    fn is_finished(&self, console: &mut Console, is_bound: impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        Ok(match syntax::completeness(&self.text) {
            Completeness::Complete => true,
            Completeness::Unfinished => false,
            Completeness::LacksSemicolon => match console.peek()? {
                Some(next) if Request::of(next, is_bound).is_none() && !next.trim().is_empty() => {
                    !syntax::continues(&self.text, next)
                }
                Some(_) | None => true,
            },
        })
    }

    /// What was typed, with its `;`.
    fn statement(&mut self, console: &mut Console) -> Typed {
        let mut text = take(&mut self.text);
        console.remember(text.trim_end());
        if syntax::completeness(&text) == Completeness::LacksSemicolon {
            // On a line of its own, because a comment may end the last one.
            text += ";\n";
        }
        Typed::Statement { text, line: self.first }
    }
}
