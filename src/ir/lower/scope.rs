//! Names and what they stand for, scope inside scope.

use super::Thing;
use std::collections::HashMap;
use std::sync::Arc;

/// Names that no scope may set.
pub(super) const RESERVED: [&str; 22] = [
    "if",
    "else",
    "not",
    "and",
    "or",
    "out",
    "def",
    "return",
    "range",
    "for",
    "in",
    "zip",
    "len",
    "get",
    "tokens_asis",
    "tokens_str",
    "tokens_int",
    "tokens_bool",
    "tokens_float",
    "indices",
    "True",
    "False",
];

/// The names of the RASP tool's library: a program cannot set them at top level.
pub const RASPLIB: [&str; 17] = [
    "length",
    "full_s",
    "selector_width",
    "has_focus",
    "count",
    "contains",
    "max",
    "min",
    "average",
    "load_from_location",
    "shift",
    "mark_last_instance",
    "mark_first_instance",
    "select_from_last",
    "select_from_first",
    "sort",
    "select_next_identical",
];

/// A scope of [`Scopes`]. Functions remember the one they were defined in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeId(usize);

#[derive(Default)]
struct Scope {
    parent: Option<ScopeId>,
    names: HashMap<Arc<str>, Thing>,
}

/// Every scope of a session.
#[derive(Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
}

impl Scopes {
    pub(super) fn push(&mut self, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope { parent, names: HashMap::new() });
        ScopeId(self.scopes.len() - 1)
    }

    fn chain(&self, scope: ScopeId) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(&self.scopes[scope.0]), |s| s.parent.map(|p| &self.scopes[p.0]))
    }

    pub(super) fn get(&self, scope: ScopeId, name: &str) -> Option<&Thing> {
        self.chain(scope).find_map(|s| s.names.get(name))
    }

    pub(super) fn set(&mut self, scope: ScopeId, name: Arc<str>, thing: Thing) {
        self.scopes[scope.0].names.insert(name, thing);
    }

    /// Every name that can be seen from a scope, sorted.
    pub(super) fn names(&self, scope: ScopeId) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.chain(scope).flat_map(|s| s.names.keys().cloned()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The names that a scope itself holds, sorted.
    pub(super) fn own(&self, scope: ScopeId) -> Vec<(Arc<str>, Thing)> {
        let mut own: Vec<_> =
            self.scopes[scope.0].names.iter().map(|(n, t)| (n.clone(), t.clone())).collect();
        own.sort_by(|a, b| a.0.cmp(&b.0));
        own
    }

    /// Gives a scope its former names back, but for those that are unknown now.
    pub(super) fn restore_known(&mut self, scope: ScopeId, former: Vec<(Arc<str>, Thing)>) {
        let names = &mut self.scopes[scope.0].names;
        names.retain(|_, thing| matches!(thing, Thing::Unknown));
        for (name, thing) in former {
            names.entry(name).or_insert(thing);
        }
    }

    /// Gives the unknown names of a scope their former values; those that had none are unset.
    pub(super) fn restore_unknown(&mut self, scope: ScopeId, former: Vec<(Arc<str>, Thing)>) {
        let names = &mut self.scopes[scope.0].names;
        for (name, thing) in former {
            if let Some(now @ Thing::Unknown) = names.get_mut(&name) {
                *now = thing;
            }
        }
        names.retain(|_, thing| !matches!(thing, Thing::Unknown));
    }
}
