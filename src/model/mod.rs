//! The transformer that every compiled program, and every trained network, is a configuration of.

mod alike;
pub mod artifact;
pub mod attention;
mod batch;
mod certificate;
pub mod check;
mod config;
#[cfg(test)]
mod contract_tests;
mod decode;
pub mod fused;
mod held;
mod holding;
pub mod json;
mod manifest;
mod norm;
mod parameters;
mod site;
mod stream;
mod transformer;

pub use alike::Alike;
pub use artifact::{Artifact, ArtifactError};
pub use batch::{Batch, InputError, Tokenizer};
pub use certificate::{Certificate, HeadShown, MlpShown, OutputShown};
pub use config::{
    Activation, AttnScale, Biases, ColumnConfig, Config, Decode, HeadConfig, LayerConfig, NormConfig,
    OutputConfig, Positions,
};
pub use decode::{Decoded, Undefined};
pub use held::{Held, Of};
pub use holding::{Holding, Shown, holdings};
pub use manifest::{
    FORMAT, FactInfo, Hashes, HeadInfo, HeadOutputInfo, KnobsInfo, Manifest, NeuronInfo, Place, ScoresInfo,
    SlotInfo, SourceInfo,
};
pub use parameters::{Layout, Parameter, Variables};
pub use site::{Hooks, NoHooks, Part, Recorder, Site};
pub use stream::{Stream, half_layer_name};
pub use transformer::{RunError, Transformer};
