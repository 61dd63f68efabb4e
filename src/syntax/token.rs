//! The words of the language. Those whose meaning depends on where they stand are `mark`'s.

use logos::Logos;

/// A token. `select(` and its kin are one token with their parenthesis, as in the RASP tool:
/// with a space between, the word is an ordinary name.
#[derive(Logos, Clone, Copy, Debug, PartialEq)]
#[logos(skip r"[ \t\r\n\f]+")]
pub enum Token<'s> {
    /// What editors put at the beginning of a file.
    #[token("\u{feff}")]
    ByteOrderMark,
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[regex("[a-zA-Z_][a-zA-Z_0-9]*")]
    Ident(&'s str),
    #[regex("[0-9]+")]
    Int(&'s str),
    #[regex(r"[0-9]+\.[0-9]+")]
    Float(&'s str),
    #[regex("\"[^\"\n]*\"")]
    Str(&'s str),
    /// `e"…"`, in which `\` begins an escape.
    #[regex(r#"e"([^"\\\n]|\\[^\n])*""#)]
    Escaped(&'s str),
    #[regex("\"[^\"\n]*", priority = 1)]
    #[regex(r#"e"([^"\\\n]|\\[^\n])*"#, priority = 2)]
    OpenStr,
    /// A string as other languages or word processors write it.
    #[regex("['“”„]", foreign_string)]
    ForeignStr,

    // What no statement of RASP has. The parser stops there, or `lex` takes it out.
    #[token(".")]
    Dot,
    #[token("\"\"\"")]
    #[token("'''")]
    TripleQuote,
    #[token("//")]
    SlashSlash,
    #[token("/*")]
    SlashStar,
    #[regex(">>+")]
    Prompt,

    #[token("select(")]
    SelectOpen,
    #[token("aggregate(")]
    AggregateOpen,
    #[token("range(")]
    RangeOpen,
    #[token("zip(")]
    ZipOpen,
    #[token("len(")]
    LenOpen,

    #[token("and")]
    And,
    #[token("or")]
    Or,
    #[token("not")]
    Not,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("def")]
    Def,
    #[token("return")]
    Return,
    #[token("load")]
    Load,
    #[token("draw")]
    Draw,
    #[token("round")]
    Round,
    #[token("indicator")]
    Indicator,

    // Statements of the REPL.
    #[token("set")]
    Set,
    #[token("show")]
    Show,
    #[token("s-op")]
    SOp,
    #[token("selector")]
    Selector,
    #[token("example")]
    Example,
    #[token("examples")]
    Examples,
    #[token("on")]
    On,
    #[token("off")]
    Off,
    #[token("full seq display")]
    FullSeqDisplay,
    #[token("exit")]
    #[token("exit()")]
    #[token("quit")]
    #[token("quit()")]
    Exit,

    // Declarations: names that begin a statement and are followed by what no statement of the
    // RASP tool could continue with. Made from `Ident` and `Example` by `mark`.
    Input,
    Length,
    Attention,
    Assume,
    Output,
    ExampleOf,
    /// The end of a line that holds a REPL statement.
    LineEnd,
    /// A statement that could not be read.
    Broken,

    #[token("==")]
    EqEq,
    #[token("!=")]
    NotEq,
    #[token("<=")]
    LessEq,
    #[token(">=")]
    GreaterEq,
    #[token("<")]
    Less,
    #[token(">")]
    Greater,
    #[token("=>")]
    Arrow,
    #[token("..")]
    DotDot,
    #[token("=")]
    Assign,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("^")]
    Caret,
    #[token("(")]
    Open,
    #[token(")")]
    Close,
    #[token("[")]
    OpenList,
    #[token("]")]
    CloseList,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
}

/// Takes the rest of a string in foreign quotes, if it soon ends on its line.
fn foreign_string<'s>(lexer: &mut logos::Lexer<'s, Token<'s>>) -> bool {
    let quotes: &[char] = if lexer.slice() == "'" { &['\''] } else { &['“', '”'] };
    let line = lexer.remainder().split('\n').next().unwrap_or_default();
    match line.char_indices().take(100).find(|(_, c)| quotes.contains(c)) {
        Some((end, quote)) => lexer.bump(end + quote.len_utf8()),
        None => return false,
    }
    true
}

/// A token between two byte offsets, as the parser takes it.
pub type Spanned<'s> = (usize, Token<'s>, usize);

/// What an open bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// Statements, after the head of a `def` or `for`.
    Block,
    /// Expressions.
    Inner,
}

impl Bracket {
    /// What `token` opens, if anything, judged by the token before it: a dictionary begins
    /// where an operand is missing, a block where one has just ended.
    pub fn opened_by(token: Token<'_>, before: Option<Token<'_>>) -> Option<Self> {
        use Token as T;
        match token {
            T::OpenBrace => {
                let block = before.is_some_and(Token::ends_operand);
                Some(if block { Self::Block } else { Self::Inner })
            }
            T::Open
            | T::OpenList
            | T::SelectOpen
            | T::AggregateOpen
            | T::RangeOpen
            | T::ZipOpen
            | T::LenOpen => Some(Self::Inner),
            _ => None,
        }
    }
}

impl Token<'_> {
    pub fn closes(self) -> bool {
        matches!(self, Token::Close | Token::CloseList | Token::CloseBrace)
    }

    pub fn opens(self) -> bool {
        Bracket::opened_by(self, None).is_some()
    }

    pub fn ends_statement(self) -> bool {
        matches!(self, Token::Semicolon | Token::LineEnd | Token::Broken)
    }

    /// Whether an operand may end here, so that an operator may follow.
    pub fn ends_operand(self) -> bool {
        use Token as T;
        matches!(self, T::Ident(_) | T::Int(_) | T::Float(_) | T::Str(_) | T::Escaped(_)) || self.closes()
    }
}
