//! How the process ends.

/// Exit codes, the same for every subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing was found wrong.
    Done = 0,
    /// Wrong usage, an unreadable file, an input that the program does not take.
    Usage = 1,
    /// The program has errors, or cannot be compiled.
    Rejected = 2,
    /// Something that should hold does not: an example is wrong, the program fails on an input,
    /// weights and program differ. A counterexample is shown.
    Refuted = 3,
    /// Not shown for all inputs: tested only, undecided, or a number that is not known well enough.
    Undecided = 4,
    /// Ctrl-C ended it early, with the code that shells give to a process that this signal killed
    /// (128 + SIGINT).
    Interrupted = 130,
}
