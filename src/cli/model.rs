//! Models, as files name them, on the device that was asked for.

use super::kind::{self, Kind};
use super::program::Loaded;
use super::{Exit, Ui};
use crate::diagnostic::Diagnostic;
use crate::ir::lower;
use crate::model::{Artifact, Transformer, artifact};
use crate::verify;
use anyhow::Context as _;
use candle_core::{DType, Device};
use std::path::Path;

/// Where and how precisely models run.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ModelFlags {
    /// Where models run.
    #[arg(long, value_enum, default_value = "cpu", help_heading = "Models")]
    device: DeviceName,
    /// The numbers that models run with.
    #[arg(long, value_enum, default_value = "f32", help_heading = "Models")]
    dtype: DTypeName,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum DeviceName {
    Cpu,
    Cuda,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum DTypeName {
    F32,
    F64,
}

impl ModelFlags {
    fn device(self) -> anyhow::Result<Device> {
        match self.device {
            DeviceName::Cpu => Ok(Device::Cpu),
            DeviceName::Cuda if cfg!(feature = "cuda") => {
                Device::new_cuda(0).context("cannot use the first CUDA device")
            }
            DeviceName::Cuda => anyhow::bail!(
                "this raspc was built without CUDA; build it with 'cargo build --release --features cuda'"
            ),
        }
    }

    /// Whether models run as they do without flags.
    pub fn is_default(self) -> bool {
        self.device == DeviceName::Cpu && self.dtype == DTypeName::F32
    }

    /// Puts a model where it is to run.
    pub fn place(self, artifact: &Artifact) -> anyhow::Result<Transformer> {
        let dtype = match self.dtype {
            DTypeName::F32 => DType::F32,
            DTypeName::F64 => DType::F64,
        };
        Ok(Transformer::with_dtype(artifact, &self.device()?, dtype)?)
    }
}

/// Whether a path names a model, and no program.
pub fn is_model(path: &Path) -> bool {
    Kind::of(path) == Some(Kind::Model)
}

pub fn load(path: &Path) -> anyhow::Result<Artifact> {
    kind::expect(path, Kind::Model)?;
    artifact::load(path).with_context(|| format!("cannot load {}", path.display()))
}

/// The program that a model was compiled from, read again from the texts in its file.
pub fn program_of(artifact: &Artifact, ui: &Ui) -> anyhow::Result<Result<Loaded, Exit>> {
    let manifest = &artifact.manifest;
    let read = manifest.read_program().context("the model keeps no program")?;
    if !manifest.sources.first().is_some_and(|library| lower::is_library(&library.text)) {
        ui.note(
            "note: the model was compiled with another standard library; its program is read with this one",
        );
    }
    // Its warnings were told when it was compiled.
    let errors: Vec<Diagnostic> = read.diagnostics.into_iter().filter(Diagnostic::is_error).collect();
    ui.diagnostics(&errors, &read.sources);
    if let Some(program) = &read.program {
        verify::belongs(program, &manifest.config)
            .context("the configuration of the model is not that of its program")?;
    }
    Ok(match read.program {
        Some(program) => Ok(Loaded { name: manifest.program.clone(), program, sources: read.sources }),
        None => Err(Exit::Rejected),
    })
}
