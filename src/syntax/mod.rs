//! From text to syntax tree: a lexer, a grammar (`grammar/rasp.lalrpop`) and a printer.
//!
//! Parsing never fails: it returns what it understood and a list of errors.

pub mod ast;
mod blame;
mod describe;
mod error;
mod format;
mod layout;
mod mark;
mod parse;
pub mod print;
mod recover;
mod token;
mod warn;

pub use describe::describe;
pub use error::{Found, Hint, SyntaxError};
pub use format::format;
pub use parse::{Completeness, Parsed, completeness, continues, parse, parse_among};
pub use warn::warnings;
