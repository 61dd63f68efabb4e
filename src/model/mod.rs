//! The transformer that every compiled program, and every trained network, is a configuration of.

pub mod artifact;
pub mod attention;
mod batch;
mod certificate;
mod config;
#[cfg(test)]
mod contract_tests;
mod decode;
mod held;
mod holding;
pub mod json;
mod manifest;
mod site;
mod stream;
mod transformer;

pub use artifact::{Artifact, ArtifactError};
pub use batch::{Batch, InputError, Tokenizer};
pub use certificate::{Certificate, HeadShown, MlpShown, OutputShown};
pub use config::{
    Activation, AttnScale, ColumnConfig, Config, Decode, HeadConfig, LayerConfig, OutputConfig,
};
pub use decode::Decoded;
pub use held::{Held, Of};
pub use holding::{Holding, Shown, holdings};
pub use manifest::{
    FORMAT, FactInfo, Hashes, HeadInfo, HeadOutputInfo, KnobsInfo, Manifest, NeuronInfo, Place, ScoresInfo,
    SlotInfo, SourceInfo,
};
pub use site::{Hooks, NoHooks, Part, Recorder, Site};
pub use stream::{Stream, half_layer_name};
pub use transformer::{RunError, Transformer};
