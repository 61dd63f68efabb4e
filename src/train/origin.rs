//! The inputs of a run: a run may only be resumed with the same ones.

use crate::data::Dataset;
use crate::model::Config;
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// SHA-256 hashes of everything that determines a run besides the values in its experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The version of raspc.
    pub raspc: String,
    /// By name: the program, the files that it loads, the standard library, command line options.
    pub sources: BTreeMap<String, String>,
    /// The manifest of the initial model, which covers its weights; none for random initialisation.
    pub init: Option<String>,
    /// The configuration of the network.
    pub network: String,
    /// All training and held-out examples with their labels.
    pub data: String,
}

/// A difference between the start of a run and now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Changed {
    #[error("{0} has changed since the run was started; restore the old text")]
    Source(String),
    #[error("the run was started without {0}; remove it")]
    Added(String),
    #[error("the run was started with {0}, which is no longer loaded; restore it")]
    Gone(String),
    #[error("the initial model has changed since the run was started; restore the old file")]
    Init,
    #[error(
        "the compiled network has a different shape, although the program is unchanged; resume with raspc {0}, which started the run"
    )]
    Network(String),
    #[error(
        "the examples or their labels are different, although the program is unchanged; resume with raspc {0}, which started the run"
    )]
    Data(String),
}

impl Origin {
    pub fn new(sources: &Sources, init: Option<String>, network: &Config, data: &Dataset) -> Self {
        let source = |(_, source): (_, &crate::source::Source)| (source.name.clone(), sha256(&source.text));
        Self {
            raspc: env!("CARGO_PKG_VERSION").to_owned(),
            sources: sources.iter().map(source).collect(),
            init,
            network: sha256(&serde_json::to_string(network).unwrap_or_default()),
            data: data.sha256(),
        }
    }

    /// The first difference, causes before their consequences.
    pub fn changed(&self, now: &Self) -> Option<Changed> {
        let text = |(name, hash): (&String, &String)| match now.sources.get(name) {
            None => Some(Changed::Gone(name.clone())),
            Some(found) => (found != hash).then(|| Changed::Source(name.clone())),
        };
        let added = || now.sources.keys().find(|name| !self.sources.contains_key(*name));
        let version = || self.raspc.clone();
        self.sources
            .iter()
            .find_map(text)
            .or_else(|| added().map(|name| Changed::Added(name.clone())))
            .or_else(|| (self.init != now.init).then_some(Changed::Init))
            .or_else(|| (self.network != now.network).then(|| Changed::Network(version())))
            .or_else(|| (self.data != now.data).then(|| Changed::Data(version())))
    }
}

fn sha256(text: &str) -> String {
    crate::model::artifact::hex(Sha256::new_with_prefix(text))
}
