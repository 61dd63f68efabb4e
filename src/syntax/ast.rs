//! The syntax tree. Equality ignores spans and parentheses: equal trees mean the same.

use crate::source::{Span, Spanned};
use crate::value::{Compare, Number};
use std::sync::Arc;

pub type Name = Spanned<Arc<str>>;

/// A program as it was written.
#[derive(Clone, Debug, Default)]
pub struct Ast {
    pub statements: Vec<Statement>,
    /// In the order of the text; the printer puts them back.
    pub comments: Vec<Comment>,
}

impl PartialEq for Ast {
    fn eq(&self, other: &Self) -> bool {
        self.statements == other.statements
    }
}

/// `# …`, up to the end of its line.
#[derive(Clone, Debug)]
pub struct Comment {
    pub span: Span,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
    /// Nesting of blocks and expressions below this statement.
    pub depth: u16,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `expr;`
    Expr(Expr),
    /// `a, b = x, y;`
    Assign {
        names: Vec<Name>,
        values: Vec<Expr>,
    },
    /// `def f(a, b) { … return x, y; }`
    Def(Arc<Def>),
    /// `for i, j in xs { … }`
    For {
        names: Vec<Name>,
        iterable: Expr,
        body: Vec<Statement>,
    },
    /// `load "path";`
    Load {
        path: Name,
    },
    /// `draw(expr, input);`
    Draw {
        what: Expr,
        input: Option<Expr>,
    },
    Declare(Declaration),
    Repl(Repl),
    /// A statement that could not be read; its error is reported.
    Error,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Def {
    pub name: Name,
    pub parameters: Vec<Name>,
    pub body: Vec<Statement>,
    pub returns: Vec<Expr>,
}

/// What a program says about itself (DESIGN §3).
#[derive(Clone, Debug, PartialEq)]
pub enum Declaration {
    /// `input tokens : 0..9;`
    Input { name: Name, domain: Vec<DomainItem> },
    /// `length 1..10;`, or `length 10;` for lengths from 1.
    Length { min: Option<Spanned<Number>>, max: Spanned<Number> },
    /// `attention causal;`
    Attention { mode: Name },
    /// `assume distinct(tokens);`
    Assume(Expr),
    /// `output a, b;`
    Output(Vec<Expr>),
    /// `example [1, 2] => [True, False];`
    Example { inputs: Vec<Expr>, expected: Vec<Expr> },
}

/// A part of the set of values that an input can have.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainItem {
    One(Literal),
    /// `0..9` or `"a".."z"`, both ends included.
    Range(Literal, Literal),
}

/// A constant in a domain.
#[derive(Clone, Debug)]
pub struct Literal {
    pub kind: LiteralKind,
    pub span: Span,
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum LiteralKind {
    Number(Number),
    /// `-1/3`
    Ratio(Number, Number),
    Str(Arc<str>),
    /// `True`, `False`; other names are errors.
    Name(Arc<str>),
}

/// Statements of the RASP tool's REPL, which may stand in files too.
#[derive(Clone, Debug, PartialEq)]
pub enum Repl {
    /// `set example "abc"`
    SetExample {
        of: Which,
        example: Expr,
    },
    /// `show example`
    ShowExample {
        of: Which,
    },
    /// `examples off`
    Examples {
        of: Which,
        on: bool,
    },
    /// `full seq display on`
    FullSeqDisplay {
        on: bool,
    },
    Exit,
}

/// Whether a REPL statement speaks of s-ops, selectors, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Both,
    SOps,
    Selectors,
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
    /// The height of this tree; bounded, so that every later pass may recurse.
    pub depth: u16,
}

impl Expr {
    /// The expression without the parentheses around it.
    pub fn bare(&self) -> &Self {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.bare().kind == other.bare().kind
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Name(Arc<str>),
    Number(Number),
    Str(Arc<str>),
    /// Kept for the printer and for warnings.
    Paren(Box<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `[element for a, b in iterable]`
    ListFor {
        element: Box<Expr>,
        names: Vec<Name>,
        iterable: Box<Expr>,
    },
    /// `{key: value for a, b in iterable}`
    DictFor {
        key: Box<Expr>,
        value: Box<Expr>,
        names: Vec<Name>,
        iterable: Box<Expr>,
    },
    /// `select(key, query, op)`
    Select {
        key: Box<Expr>,
        query: Box<Expr>,
        op: Compare,
    },
    /// `aggregate(selector, value, default)`
    Aggregate {
        selector: Box<Expr>,
        value: Box<Expr>,
        default: Option<Box<Expr>>,
    },
    /// `range(…)`, `zip(…)`, `len(…)`, `round(…)`, `indicator(…)`
    Builtin {
        function: Builtin,
        args: Vec<Expr>,
    },
    /// `base[index]`
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    /// `f(a, b)`, or `sop("input")`
    Call {
        callee: Box<Expr>,
        args: Vec<Expr>,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `then if condition else otherwise`
    If {
        then: Box<Expr>,
        condition: Box<Expr>,
        otherwise: Box<Expr>,
    },
    /// Something that could not be read; its error is reported.
    Error,
}

/// Functions with a syntax of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Range,
    Zip,
    Len,
    Round,
    Indicator,
}

impl Builtin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Zip => "zip",
            Self::Len => "len",
            Self::Round => "round",
            Self::Indicator => "indicator",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Not,
    Neg,
    Pos,
}

impl UnaryOp {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Not => "not",
            Self::Neg => "-",
            Self::Pos => "+",
        }
    }
}

/// Operators between two expressions, all left-associative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Compare(Compare),
    And,
    Or,
    In,
}

impl BinaryOp {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Compare(op) => op.symbol(),
            Self::And => "and",
            Self::Or => "or",
            Self::In => "in",
        }
    }

    /// How tightly the operator binds: larger is tighter. The surprising levels are the RASP
    /// tool's: `and` and `or` share one, `%` is looser than `*`, `in` is loosest of all.
    pub fn precedence(self) -> u8 {
        match self {
            Self::In => 1,
            Self::And | Self::Or => 3,
            Self::Compare(_) => 4,
            Self::Add | Self::Sub => 5,
            Self::Mod => 6,
            Self::Mul | Self::Div => 7,
            Self::Pow => 8,
        }
    }
}

/// The level of `x if c else y`, between `in` and `or`.
pub const IF_PRECEDENCE: u8 = 2;
/// The level of `not`, `-` and `+` before an operand: tighter than every operator between two.
pub const UNARY_PRECEDENCE: u8 = 9;
