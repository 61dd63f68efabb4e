//! What can be wrong with the text of a program. The words for it are `describe`'s.

use super::elsewhere::Habit;
use crate::source::Span;

/// An error of lexing or parsing.
#[derive(Clone, Debug, PartialEq)]
pub enum SyntaxError {
    UnknownText {
        span: Span,
    },
    UnclosedString {
        span: Span,
    },
    /// A string in `'…'` or `“…”`.
    ForeignQuotes {
        span: Span,
    },
    /// A `\` and what follows it, in a string with escapes.
    UnknownEscape {
        span: Span,
    },
    NumberTooLong {
        span: Span,
        digits: usize,
    },
    TooDeep {
        span: Span,
    },
    MissingSemicolon {
        span: Span,
        at_end: bool,
    },
    /// `close` is missing at `span`; `block` if statements stand between.
    Unclosed {
        open: Span,
        span: Span,
        close: char,
        block: bool,
        at_end: bool,
    },
    /// A bracket that closes nothing.
    Unopened {
        span: Span,
    },
    /// A token that cannot stand here.
    Unexpected {
        span: Span,
        found: Found,
        expected: Vec<String>,
    },
    /// The same, where the author probably meant something that is written differently.
    Mistaken {
        span: Span,
        found: Found,
        hint: Hint,
    },
}

/// What stands where something else is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Text(String),
    /// The end of the line of a REPL statement.
    LineEnd,
    /// The end of the program.
    End,
}

/// What the author probably meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    // Statements.
    IfStatement,
    NoSuchStatement(String),
    StrayReturn {
        looped: bool,
    },
    ReturnIsLast,
    DefNeedsReturn {
        name: String,
    },
    EmptyLoop,
    BlockNeedsBraces {
        def: bool,
    },
    SemicolonAfterBlock,
    EmptyStatement,
    /// `//` or `/*`.
    CommentSign,
    LoadNeedsString,
    // Declarations.
    InputNeedsDomain,
    InputNeedsName,
    LengthNeedsRange,
    ExampleNeedsArrow,
    // Assignments.
    ChainedAssignment,
    CompoundAssignment(&'static str),
    Increment(&'static str),
    ElementAssignment,
    CallAssignment,
    EqualsAssigns,
    NamedArgument {
        name: String,
    },
    ReservedWord(String),
    // Expressions.
    FloorDivision,
    DoubleStar,
    TripleEquals,
    LessGreater,
    NotIn,
    Is,
    GluedNumber(String),
    RangeOutsideDeclaration,
    IfFirst,
    IfNeedsElse,
    ElseNeedsIf,
    Filter,
    GluedParenthesis,
    SelectNeedsComparison,
    AggregateNeedsValues,
    EqualsInSelect,
    TrailingComma,
    Slice,
    Tuple,
    Set,
    OperandMissing(String),
    DomainNeedsBraces {
        instead: String,
    },
    QuotedComparison(String),
    /// What is written so in Python, tracr or another tool.
    Habit(Habit),
}

impl SyntaxError {
    pub fn span(&self) -> Span {
        match self {
            Self::UnknownText { span }
            | Self::UnclosedString { span }
            | Self::ForeignQuotes { span }
            | Self::UnknownEscape { span }
            | Self::NumberTooLong { span, .. }
            | Self::TooDeep { span }
            | Self::MissingSemicolon { span, .. }
            | Self::Unclosed { span, .. }
            | Self::Unopened { span }
            | Self::Unexpected { span, .. }
            | Self::Mistaken { span, .. } => *span,
        }
    }

    /// Whether it is about text in a statement that is read as if the text were right, or not there.
    pub fn is_part_of_statement(&self) -> bool {
        !matches!(self, Self::Mistaken { hint: Hint::CommentSign | Hint::Habit(_), .. })
    }

    /// Whether more text could still make the program right.
    pub fn wants_more(&self) -> bool {
        match self {
            Self::MissingSemicolon { at_end, .. } | Self::Unclosed { at_end, .. } => *at_end,
            Self::Unexpected { found, .. } | Self::Mistaken { found, .. } => *found == Found::End,
            Self::UnknownText { .. }
            | Self::UnclosedString { .. }
            | Self::ForeignQuotes { .. }
            | Self::UnknownEscape { .. }
            | Self::NumberTooLong { .. }
            | Self::TooDeep { .. }
            | Self::Unopened { .. } => false,
        }
    }
}
