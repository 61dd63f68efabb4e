//! The program as a graph: every name resolved, every function inlined, every loop unrolled.

mod graph;
pub mod lower;
pub mod place;
mod print;
mod program;

pub use graph::{Call, Graph, Node, Op, Origin, SOp, SOpId, Selector, SelectorId, SelectorOp, StackId};
pub use print::{definition, label, operand, outermost, print};
pub use program::{Column, Example, LeftOut, Lengths, Output, Program};
