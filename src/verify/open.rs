//! What keeps a model from being proved, in words.

use crate::ir::Node;
use crate::value::Value;

/// Why there is no proof: the first thing that could not be shown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}{site}: {reason}", length.map_or(String::new(), |n| format!("at length {n}, ")))]
pub struct Open {
    pub length: Option<usize>,
    /// `blocks.0.attn`, `unembed.0`, …
    pub site: String,
    pub reason: Reason,
    /// The s-op or selector that was looked at.
    pub about: Option<Node>,
}

/// What could not be shown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    #[error("no finite set of inputs is declared")]
    NoDomain,
    #[error("no input counts")]
    NoInputs,
    #[error("the network does not take all inputs of the program")]
    Inputs,
    #[error("only models with ReLU, learned positions, biases of neurons and no norm are understood")]
    Unknown,
    #[error("there are more combinations of values than are looked at")]
    TooManyTuples,
    #[error("an s-op has more values than are looked at")]
    TooManyValues,
    #[error("the budget of the proof is used up (see '--proof-budget')")]
    TooMuchWork,
    #[error("interrupted")]
    Interrupted,
    #[error("a weight is not a finite number")]
    NotFinite,
    #[error("numbers may grow too large")]
    Overflow,
    #[error("the outputs do not depend on what is written here")]
    NotLive,
    #[error("it is not said what attention gives here")]
    Untold,
    #[error("several columns are added to what stands in direction {direction}")]
    Occupied { direction: usize },
    #[error("keys that are not selected may get attention")]
    Leak,
    #[error("selected keys may score differently")]
    Unequal,
    #[error("a selected key may be masked")]
    Unseen,
    #[error("where no key is selected, others may get attention")]
    EmptyRow,
    #[error("a query that selects a key may find none")]
    NoKey,
    #[error("BOS may attend to other positions")]
    BosAttends,
    #[error("a selected key may have no value of its own")]
    NoValue,
    #[error("what is handed on does not tell that the s-op is {value}")]
    WrongValue { value: Value },
    #[error("the output may not decode to {value}")]
    Output { value: Value },
}
