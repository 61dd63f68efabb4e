//! The transformer that every compiled program, and every trained network, is a configuration of.

pub mod artifact;
pub mod attention;
mod batch;
mod config;
#[cfg(test)]
mod contract_tests;
mod decode;
pub mod json;
mod manifest;
mod site;
mod transformer;

pub use artifact::{Artifact, ArtifactError};
pub use batch::{Batch, InputError, Tokenizer};
pub use config::{
    Activation, AttnScale, ColumnConfig, Config, Decode, HeadConfig, LayerConfig, OutputConfig,
};
pub use decode::Decoded;
pub use manifest::{
    FORMAT, Hashes, HeadInfo, HeadOutputInfo, Manifest, NeuronInfo, Place, SlotInfo, SourceInfo,
};
pub use site::{Hooks, NoHooks, Recorder, Site};
pub use transformer::{RunError, Transformer};
