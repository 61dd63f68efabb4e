//! raspc
pub mod diagnostic;
pub mod facts;
pub mod interp;
pub mod ir;
pub mod model;
pub mod plan;
pub mod source;
pub mod syntax;
pub mod value;
pub mod weights;
