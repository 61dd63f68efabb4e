//! raspc
pub mod cli;
pub mod diagnostic;
pub mod inputs;
pub mod interp;
pub mod ir;
pub mod source;
pub mod syntax;
pub mod value;
