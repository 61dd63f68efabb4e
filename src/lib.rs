//! `raspc` compiles programs in RASP, the language of transformers, into transformer weights,
//! and proves that the weights compute the program, or compares them on inputs.
//!
//! # The pipeline
//!
//! ```text
//! text → syntax → ir → facts → plan → weights → model → verify → data → train
//!                  └→ interp ─────────────────────────────┘
//! ```
//!
//! 1. [`syntax`] reads text into a tree. Parsing never fails: it returns a tree and errors.
//! 2. [`value`] has the exact values and every elementwise operation on them, with its faults.
//! 3. [`ir`] runs the tree before any input is known ([`ir::lower`]): names are resolved,
//!    functions inlined, loops unrolled. What is left is a [`Program`](ir::Program): a graph of
//!    s-ops and selectors, each with its type and the place it comes from.
//! 4. [`interp`] is the meaning of that graph, with no cleverness. Everything is measured against it.
//! 5. [`inputs`] knows which inputs a program declares: all of them, or samples.
//! 6. [`facts`] says what holds on all of them: value sets, widths, what depends on what.
//! 7. [`plan`] says what goes where: which half-layer computes each s-op, what each residual
//!    direction holds, and how far off it may be. No floats.
//! 8. [`weights`] are the matrices of a plan, [`model`] the transformer that runs them, and
//!    [`verify`] the proof that they compute the program ([`verify::check`]), and the comparison with
//!    the interpreter on what that leaves open.
//! 9. [`data`] makes datasets of programs, and [`train`] looks for weights by gradient descent, in
//!    shapes that [`model`] runs, with the same forward pass.
//! 10. [`cli`] is the only part that prints, reads files and the environment, or knows clap.
//!
//! # Invariants
//!
//! - A type per stage (`Ast → Program → …`); no stage decorates the graph of another.
//! - Values are exact: integers, fractions, booleans, strings. The interpreter never rounds
//!   unless the program says `round`.
//! - Imports point one way, in the order of the modules below; `tests/tidy.rs` holds the table.
//! - Operations ([`ir::Op`], [`ir::SelectorOp`], [`value::Elementwise`]) are closed enums that
//!   every phase matches without `_`: a new one turns into compile errors at the places to fill.
//! - Nothing before [`model`] knows candle.
//! - Bad input never panics. An error is an enum variant with spans and evidence; the words for
//!   it stand in one function per phase (`describe`).

pub mod source;
pub mod diagnostic;
pub mod value;
pub mod syntax;
pub mod ir;
pub mod interp;
pub mod inputs;
pub mod facts;
pub mod plan;
pub mod linalg;
pub mod weights;
pub mod model;
pub mod verify;
pub mod data;
pub mod train;
pub mod cli;

/// Generators are shared with the tests beside the library, which know it by this name.
#[cfg(test)]
extern crate self as raspc;
#[cfg(test)]
#[path = "../tests/common/random_program.rs"]
#[allow(dead_code, reason = "the tests beside the library use the rest")]
mod random_program;
