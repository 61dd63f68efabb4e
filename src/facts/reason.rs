//! Why facts hold. Reasons carry evidence; [`Reason::describe`] holds the words.

use crate::ir::{Node, SOpId, SelectorId};

/// Why a fact holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Every position has its own index.
    Index,
    /// The values at every index of every declared length were computed.
    EveryPosition,
    /// The values for every combination of what the s-op is a function of were computed.
    EveryState,
    /// The values are those that are declared.
    Declared,
    /// Nothing is declared.
    Undeclared,
    /// The operation was applied to the sets of its arguments.
    Arguments,
    /// Means of up to so many values of an s-op.
    Means { value: SOpId, count: usize },
    /// Single values of an s-op, or the default.
    Selected(SOpId),
    /// The bounds of a width.
    WidthBounds(SelectorId),
    /// It is joined from queries, keys and values.
    Attention,
    /// It is an input.
    Input,
    /// The s-op takes one value for each value of another one, which differs at any two positions.
    Recovers(SOpId),
    /// `assume` says so.
    Assumed,
    /// The s-op is the width of a strict total order, or of one with the query itself added.
    Rank(SelectorId),
    /// An aggregate that reads each position once.
    ReadsEachOnce { selector: SelectorId, value: SOpId },
    /// The aggregate reads its own position and no other.
    ReadsItself(SelectorId),
    /// No two keys are equal, and the comparison is `==`.
    KeysDiffer(SOpId),
    /// No two keys agree in all of these s-ops, and `==` fixes each.
    KeysDifferTogether(Vec<SOpId>),
    /// No two keys are equal, and at most so many of their values match a query.
    FewKeysMatch { key: SOpId, matches: usize },
    /// The keys are the numbers `0..n` in some order.
    KeysArePermutation(SOpId),
    /// The query selects its own position.
    SelectsItself,
    /// The query does not select its own position.
    NotItself,
    /// The comparison holds for no key and query.
    NothingMatches,
    /// The comparison holds for every key and query.
    EverythingMatches,
    /// Keys are ordered by these s-ops, one after the other, and no two positions agree in all.
    Order(Vec<SOpId>),
    /// It follows from the selectors that this one is made of.
    Parts,
    /// At most one value is selected.
    AtMostOne(SelectorId),
    /// The value is a function of what `==` fixes.
    Fixed(Vec<SOpId>),
    /// The value is the same at all positions of an input.
    SameEverywhere,
}

impl Reason {
    /// The reason in words, without a full stop. `label` is how a node is called.
    pub fn describe(&self, label: &dyn Fn(Node) -> String) -> String {
        let sop = |id: &SOpId| format!("`{}`", label(Node::SOp(*id)));
        let selector = |id: &SelectorId| format!("`{}`", label(Node::Selector(*id)));
        let list = |ids: &[SOpId], between| ids.iter().map(sop).collect::<Vec<_>>().join(between);
        match self {
            Self::Index => "every position has its own index".to_owned(),
            Self::EveryPosition => "computed at every index of every declared length".to_owned(),
            Self::EveryState => "computed for every combination of what it is a function of".to_owned(),
            Self::Declared => "the declared domain".to_owned(),
            Self::Undeclared => "no domain is declared".to_owned(),
            Self::Arguments => "the sets of its arguments combined".to_owned(),
            Self::Means { value, count: usize::MAX } => format!("means of values of {}", sop(value)),
            Self::Means { value, count } => format!("means of up to {count} values of {}", sop(value)),
            Self::Selected(value) => format!("a value of {}, or the default", sop(value)),
            Self::WidthBounds(id) => format!("the bounds of the width of {}", selector(id)),
            Self::Attention => "what its queries, keys and values depend on".to_owned(),
            Self::Input => "it is an input".to_owned(),
            Self::Recovers(id) => {
                format!("its value tells {} apart, which differs at any two positions", sop(id))
            }
            Self::Assumed => "an `assume` of the program says so".to_owned(),
            Self::Rank(id) => format!("it is a rank: {} is a total order of the positions", selector(id)),
            Self::ReadsEachOnce { selector: s, value } => {
                format!(
                    "{} selects a different key for every query, and {} differs there",
                    selector(s),
                    sop(value)
                )
            }
            Self::ReadsItself(id) => format!("{} selects the query itself and nothing else", selector(id)),
            Self::KeysDiffer(id) => {
                format!("{} differs at any two positions, so `==` matches at most one", sop(id))
            }
            Self::KeysDifferTogether(ids) => {
                format!("no two positions agree in all of {}, which `==` fixes", list(ids, ", "))
            }
            Self::FewKeysMatch { key, matches } => {
                format!(
                    "{} differs at any two positions, and at most {matches} of its values match",
                    sop(key)
                )
            }
            Self::KeysArePermutation(id) => {
                format!("{} is a permutation of 0..n-1, so the keys are known", sop(id))
            }
            Self::SelectsItself => "every query selects its own position".to_owned(),
            Self::NotItself => "no query selects its own position".to_owned(),
            Self::NothingMatches => "the comparison holds for no key and query".to_owned(),
            Self::EverythingMatches => "the comparison holds for every key and query".to_owned(),
            Self::Order(ids) => {
                format!("it compares {} and no two positions agree in all of them", list(ids, ", then "))
            }
            Self::Parts => "from the selectors that it is made of".to_owned(),
            Self::AtMostOne(id) => format!("{} selects at most one key", selector(id)),
            Self::Fixed(ids) => format!("it is a function of {}, which `==` fixes", list(ids, ", ")),
            Self::SameEverywhere => "it is the same at all positions".to_owned(),
        }
    }
}
