//! From text to syntax tree: a lexer, a grammar (`grammar/rasp.lalrpop`) and a printer.
//!
//! Parsing never fails: it returns what it understood and a list of errors.

pub mod ast;
mod blame;
mod describe;
pub mod elsewhere;
mod error;
mod format;
mod layout;
mod lex;
mod mark;
mod parse;
pub mod print;
mod recognise;
mod recover;
mod token;
mod unused;
mod warn;

pub use describe::describe;
pub use error::{Found, Hint, SyntaxError};
pub use format::format;
pub use parse::{
    Completeness, Parsed, completeness, continues, is_one_piece, names_set, parse, parse_among, plain_strings,
};
pub use unused::unused;
pub use warn::warnings;
